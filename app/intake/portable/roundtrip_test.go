package portable

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"healthportal/app/health"
	"healthportal/app/intake"
	"healthportal/app/intake/fhir"
	"healthportal/store/postgres"
	"healthportal/store/storetest"
)

// portal is a database with the portal's store on it, in a zone of its own.
type portal struct {
	t    *testing.T
	db   *postgres.DB
	conn *pgx.Conn
	site *time.Location
}

func newPortal(t *testing.T, zone string) *portal {
	t.Helper()
	test := storetest.Open(t)
	p := &portal{t: t}
	var err error
	if p.site, err = time.LoadLocation(zone); err != nil {
		t.Fatal(err)
	}
	if p.db, err = postgres.Open(t.Context(), test.DSN()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.db.Close)
	if p.conn, err = pgx.Connect(t.Context(), test.SuperuserDSN()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = p.conn.Close(context.WithoutCancel(t.Context())) })
	if _, err := p.conn.Exec(t.Context(), `UPDATE ops.setting SET value = $1 WHERE name = 'site_timezone'`, zone); err != nil {
		t.Fatal(err)
	}
	return p
}

func (p *portal) load(src intake.Source) (intake.Report, error) {
	p.t.Helper()
	return intake.Import(p.t.Context(), src, p.db, intake.Options{CreatePersons: true, Site: p.site,
		Now: func() time.Time { return time.Date(2026, 4, 1, 12, 0, 0, 0, time.UTC) }})
}

// persons are the lines about the persons, by identity.
func (p *portal) persons() (list []Person, lines map[health.Identifier][]byte) {
	p.t.Helper()
	rows, err := p.conn.Query(p.t.Context(), `SELECT coalesce(record_number, ''), family_name, given_name, coalesce(birth_date::text, ''), sex, coalesce(timezone, ''), synthetic,
		public_id, ARRAY(SELECT system FROM health.person_identifier i WHERE i.person_id = p.id ORDER BY system, value),
		ARRAY(SELECT value FROM health.person_identifier i WHERE i.person_id = p.id ORDER BY system, value) FROM health.person p`)
	if err != nil {
		p.t.Fatal(err)
	}
	lines = map[health.Identifier][]byte{}
	for rows.Next() {
		var h health.Person
		var born string
		var systems, values []string
		if err := rows.Scan(&h.RecordNumber, &h.FamilyName, &h.GivenName, &born, &h.Sex, &h.TimeZone, &h.Synthetic, &h.PublicID, &systems, &values); err != nil {
			p.t.Fatal(err)
		}
		if born != "" {
			h.BirthDate, _ = health.ParseDay(born)
		}
		ids := make([]health.Identifier, len(systems))
		for i := range ids {
			ids[i] = health.Identifier{System: systems[i], Value: values[i]}
		}
		line := Person{Person: h}
		line.Identifier, line.Further = Identity(h, ids)
		list = append(list, line)
		if lines[line.Identifier], err = AppendPerson(nil, line); err != nil {
			p.t.Fatal(err)
		}
	}
	slices.SortFunc(list, func(a, b Person) int { return compareIdentifiers(a.Identifier, b.Identifier) })
	return list, lines
}

// export is the whole portal as a file, with or without lines about persons.
func (p *portal) export(persons bool) string {
	p.t.Helper()
	var copied bytes.Buffer
	if _, err := p.conn.PgConn().CopyTo(p.t.Context(), &copied, copyOf(pieced())); err != nil {
		p.t.Fatal(err)
	}
	var file bytes.Buffer
	file.WriteString(header)
	rows := int64(0)
	list, about := p.persons()
	lines := bytes.SplitAfter(bytes.TrimSuffix(copied.Bytes(), []byte("\n")), []byte("\n"))
	for _, person := range list {
		if persons {
			file.Write(about[person.Identifier])
			rows++
		}
		begin, _, _ := bytes.Cut(about[person.Identifier], []byte(`,"identifiers"`))
		for _, line := range lines {
			if bytes.HasPrefix(line, append(begin, ',')) {
				file.Write(append(bytes.TrimSuffix(line, []byte("\n")), '\n'))
				rows++
			}
		}
	}
	file.WriteString(Trailer(rows, sha256.Sum256(file.Bytes())))
	return file.String()
}

// own is FHIR with panels, corrections, retractions, coded values, whole days,
// offsets, bounds, kept digits and persons of every kind.
const own = `{"resourceType":"Patient","id":"p1","meta":{"tag":[{"system":"http://terminology.hl7.org/CodeSystem/v3-ActReason","code":"HTEST"}]},"identifier":[{"system":"urn:hospital","value":"MRN-1"}],"name":[{"family":"Ä\"ö","given":["G"]}],"gender":"female","birthDate":"1980-02-29","extension":[{"url":"http://hl7.org/fhir/StructureDefinition/timezone","valueCode":"Pacific/Auckland"}]}
{"resourceType":"Observation","id":"bp","status":"final","code":{"coding":[{"system":"http://loinc.org","code":"85354-9"}]},"subject":{"reference":"Patient/p1"},"effectiveDateTime":"2026-03-01T10:00:00+01:00","component":[{"code":{"coding":[{"system":"http://loinc.org","code":"8480-6"}]},"valueQuantity":{"value":120,"code":"mm[Hg]"}},{"code":{"coding":[{"system":"http://loinc.org","code":"8462-4"}]},"valueQuantity":{"value":80.0,"code":"mm[Hg]"}}]}
{"resourceType":"Observation","id":"hr","status":"preliminary","code":{"coding":[{"system":"http://loinc.org","code":"8867-4"}]},"subject":{"reference":"Patient/p1"},"effectiveDateTime":"2026-03-01T10:00:00+01:00","valueQuantity":{"value":60,"unit":"beats/minute","code":"/min"}}
{"resourceType":"Observation","id":"hr","status":"final","code":{"coding":[{"system":"http://loinc.org","code":"8867-4"}]},"subject":{"reference":"Patient/p1"},"effectiveDateTime":"2026-03-01T10:00:00+01:00","valueQuantity":{"value":61,"unit":"beats/minute","code":"/min"},"device":{"display":"Watch \\ 9"},"interpretation":[{"coding":[{"code":"H"}]}],"referenceRange":[{"low":{"value":50,"code":"/min"},"high":{"value":9e1,"code":"/min"}}]}
{"resourceType":"Observation","id":"gone","status":"entered-in-error","code":{"coding":[{"system":"http://loinc.org","code":"8867-4"}]},"subject":{"reference":"Patient/p1"},"effectiveDateTime":"2026-03-01T10:00:00+01:00","valueQuantity":{"value":99,"code":"/min"}}
{"resourceType":"Observation","status":"final","code":{"coding":[{"system":"http://loinc.org","code":"55423-8"}]},"subject":{"reference":"Patient/p1"},"effectiveDateTime":"2026-03-01","valueQuantity":{"value":1e4,"code":"{steps}"}}
{"resourceType":"Observation","status":"final","code":{"coding":[{"system":"http://loinc.org","code":"55423-8"}]},"subject":{"reference":"Patient/p1"},"effectivePeriod":{"start":"2026-02-27","end":"2026-02-28"},"valueQuantity":{"value":1e15,"code":"{steps}"}}
{"resourceType":"Observation","status":"final","code":{"coding":[{"system":"http://loinc.org","code":"93832-4"}]},"subject":{"reference":"Patient/p1"},"effectivePeriod":{"start":"2026-02-28T23:30:00.123456-05:00","end":"2026-03-01T06:00:00-05:00"},"valueQuantity":{"value":390.50,"code":"min"}}
{"resourceType":"Observation","status":"final","code":{"coding":[{"system":"urn:own","code":"k","display":"Own\tname"}]},"subject":{"reference":"Patient/p2"},"effectiveDateTime":"2026-03-01T00:00:00Z","valueCodeableConcept":{"coding":[{"system":"urn:s","code":"NEG","display":"Negative 😀"}]}}
{"resourceType":"Observation","status":"final","code":{"text":"Mood"},"subject":{"reference":"Patient/p2"},"effectiveDateTime":"2026-03-01","valueQuantity":{"value":0.1,"comparator":"<","unit":"mg/dL"}}
{"resourceType":"Observation","status":"final","code":{"text":"Mood"},"subject":{"reference":"https://a.example/fhir/Patient/7"},"effectivePeriod":{"start":"2026-03-01"},"valueString":"line\nbreak"}
`

func fixture(t *testing.T) string {
	t.Helper()
	b, err := os.ReadFile("../../../../shared/fixtures/health/Observation.ndjson")
	if errors.Is(err, os.ErrNotExist) {
		t.Skip("the shared fixtures are not here")
	}
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestRoundTrip(t *testing.T) {
	for name, tt := range map[string]struct {
		file    func(*testing.T) string
		persons bool
		zones   [2]string
	}{
		"own, with persons":        {func(*testing.T) string { return own }, true, [2]string{"UTC", "America/New_York"}},
		"own, into another zone":   {func(*testing.T) string { return own }, false, [2]string{"Asia/Tokyo", "America/New_York"}},
		"a real file with persons": {fixture, true, [2]string{"UTC", "Europe/Berlin"}},
	} {
		t.Run(name, func(t *testing.T) {
			first, second := newPortal(t, tt.zones[0]), newPortal(t, tt.zones[1])
			if r, err := first.load(fhir.NewReader(strings.NewReader(tt.file(t)))); err != nil || r.Refused > 0 {
				t.Fatal(r.Summary(), err)
			}
			exported := first.export(tt.persons)
			want := strings.Count(body(exported), `"metric":`)
			r, err := second.load(New(strings.NewReader(exported)))
			if err != nil || r.Refused+r.Corrected+r.Repeated > 0 || r.Stored != want || want < 5 {
				t.Fatalf("%d lines: %s, %v, %v", want, r.Summary(), r.Problems, err)
			}
			compare(t, "the second export", second.export(tt.persons), exported)
			if tt.persons {
				_, a := first.persons()
				_, b := second.persons()
				if len(a) != len(b) {
					t.Errorf("%d persons became %d", len(a), len(b))
				}
			}
			// Once more into either: everything is known already.
			for _, p := range []*portal{second, first} {
				if r, err := p.load(New(strings.NewReader(exported))); err != nil || r.Stored+r.Corrected+r.Refused+r.NewPersons > 0 || r.Repeated != want {
					t.Errorf("again: %s, %v, %v", r.Summary(), r.Problems, err)
				}
			}
		})
	}
}

func TestCutFileStaysIdempotent(t *testing.T) {
	first, second := newPortal(t, "UTC"), newPortal(t, "UTC")
	if _, err := first.load(fhir.NewReader(strings.NewReader(own))); err != nil {
		t.Fatal(err)
	}
	exported := first.export(true)
	r, err := second.load(New(strings.NewReader(exported[:len(exported)*2/3])))
	if !errors.Is(err, ErrIncomplete) || strings.Contains(err.Error(), "p1") {
		t.Errorf("a cut file: %s, %v", r.Summary(), err)
	}
	if _, err := second.load(New(strings.NewReader(exported))); err != nil {
		t.Error(err)
	}
	compare(t, "after the whole file", second.export(true), exported)
}
