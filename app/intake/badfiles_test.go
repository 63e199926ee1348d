package intake_test

import (
	"archive/zip"
	"bytes"
	"context"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf16"

	"healthportal/app/health"
	"healthportal/app/health/units"
	"healthportal/app/intake"
	"healthportal/app/intake/applehealth"
	"healthportal/app/intake/csvfile"
	"healthportal/app/intake/detect"
	"healthportal/app/intake/fhir"
	"healthportal/app/intake/portable"
)

// shelf is a store that takes everything and knows one person.
type shelf struct{ rows []health.ImportRow }

func (s *shelf) StartImport(context.Context, health.ImportSettings) (health.Ingest, error) {
	return s, nil
}

func (s *shelf) Persons(_ context.Context, ids []health.Identifier) (map[health.Identifier]health.Person, error) {
	known := map[health.Identifier]health.Person{}
	for _, id := range ids {
		known[id] = health.Person{ID: 1}
	}
	return known, nil
}

func (s *shelf) CreatePerson(_ context.Context, p health.Person, _ []health.Identifier) (health.Person, error) {
	return p, nil
}
func (s *shelf) CompletePerson(context.Context, health.Person, []health.Identifier) error { return nil }

func (s *shelf) Store(_ context.Context, rows []health.ImportRow) (health.ImportCounts, error) {
	for _, r := range rows {
		o := *r.Observation
		r.Observation = &o
		s.rows = append(s.rows, r)
	}
	return health.ImportCounts{Stored: len(rows)}, nil
}
func (s *shelf) Finish(context.Context, health.ImportResult) error { return nil }
func (s *shelf) Close(context.Context) error                       { return nil }

// paper is a value that can be written in each format. The zero fields are those of a good one.
type paper struct{ at, value, unit, id, status, source, metric string }

func (p paper) filled() paper {
	or := func(s *string, def string) {
		if *s == "" {
			*s = def
		}
	}
	or(&p.at, "2026-03-01T10:00:00+01:00")
	or(&p.value, "80")
	or(&p.unit, "kg")
	or(&p.id, "o1")
	or(&p.status, "final")
	or(&p.source, "s")
	or(&p.metric, "body_weight")
	return p
}

func (p paper) fhir() string {
	p = p.filled()
	code := map[string]string{"body_weight": "29463-7", "heart_rate": "8867-4"}[p.metric]
	return `{"resourceType":"Observation","id":"` + p.id + `","meta":{"source":"` + p.source + `"},"status":"` + p.status + `","code":{"coding":[{"system":"http://loinc.org","code":"` + code +
		`"}]},"subject":{"reference":"Patient/p"},"effectiveDateTime":"` + p.at + `","valueQuantity":{"value":` + p.value + `,"unit":"` + p.unit + `","code":"` + p.unit + `"}}`
}

func (p paper) apple() string {
	p = p.filled()
	at := strings.Replace(strings.Replace(p.at, "T", " ", 1), "Z", "+00:00", 1)
	if n := len(at) - 6; n > 10 && (at[n] == '+' || at[n] == '-') {
		at = at[:n] + " " + strings.Replace(at[n:], ":", "", 1)
	}
	typ := map[string]string{"body_weight": "BodyMass", "heart_rate": "HeartRate"}[p.metric]
	return `<Record type="HKQuantityTypeIdentifier` + typ + `" sourceName="` + p.source + `" unit="` + p.unit + `" startDate="` + at + `" endDate="` + at + `" value="` + p.value + `"/>`
}

func (p paper) csv() string {
	p = p.filled()
	return strings.Join([]string{p.at, p.metric, p.value, p.unit, p.id, p.status, p.source}, ",")
}

func (p paper) portable() string {
	p = p.filled()
	return `{"person":{"system":"urn:s","value":"p"},"effective":"` + p.at + `","source":"` + p.source + `","external_id":"` + p.id + `","metric":"` + p.metric +
		`","value":` + p.value + `,"unit":"` + p.unit + `","status":"` + p.status + `"}`
}

// kit makes and opens files of one format.
type kit struct {
	name string
	file func(papers []paper) string
	open func(t *testing.T, file string) (intake.Source, error)
}

func each(papers []paper, write func(paper) string) []string {
	lines := make([]string, len(papers))
	for i, p := range papers {
		lines[i] = write(p)
	}
	return lines
}

func zipOf(xml string) string {
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	f, err := w.Create("apple_health_export/export.xml")
	if err == nil {
		_, err = f.Write([]byte(xml))
	}
	if err == nil {
		err = w.Close()
	}
	if err != nil {
		panic(err)
	}
	return b.String()
}

func appleXML(papers []paper) string {
	return "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<HealthData locale=\"en_US\">\n" + strings.Join(each(papers, paper.apple), "\n") + "\n</HealthData>\n"
}

func kits() []kit {
	text := func(open func(string) intake.Source) func(*testing.T, string) (intake.Source, error) {
		return func(_ *testing.T, file string) (intake.Source, error) { return open(file), nil }
	}
	return []kit{
		{"fhir-ndjson", func(p []paper) string { return strings.Join(each(p, paper.fhir), "\n") + "\n" },
			text(func(s string) intake.Source { return fhir.NewReader(strings.NewReader(s)) })},
		{"fhir-bundle", func(p []paper) string {
			return `{"resourceType":"Bundle","type":"collection","entry":[` + strings.Join(each(p, func(p paper) string { return `{"resource":` + p.fhir() + `}` }), ",\n") + `]}`
		}, text(func(s string) intake.Source { return fhir.NewBundle(strings.NewReader(s)) })},
		{"apple-health, XML", appleXML, text(func(s string) intake.Source { return applehealth.New(strings.NewReader(s)) })},
		{"apple-health, zip", func(p []paper) string { return zipOf(appleXML(p)) },
			func(_ *testing.T, s string) (intake.Source, error) { return openZip(s) }},
		{"csv", func(p []paper) string {
			return "effective,metric,value,unit,external_id,status,source\n" + strings.Join(each(p, paper.csv), "\n") + "\n"
		}, func(t *testing.T, s string) (intake.Source, error) { return csvReader(t, s, csvfile.Mapping{}), nil }},
		{"portal-ndjson", func(p []paper) string { return portableFile(each(p, paper.portable)...) },
			text(func(s string) intake.Source { return portable.New(strings.NewReader(s)) })},
	}
}

func openZip(s string) (intake.Source, error) {
	r, err := applehealth.OpenZip(strings.NewReader(s), int64(len(s)))
	if err != nil {
		return nil, err
	}
	return r, nil
}

// bad is a kind of bad file. want says for each format, in the order of kits, what
// becomes of it, as the table of docs/importing.md does, and behind a colon what the
// reason says.
type bad struct {
	name   string
	papers []paper // a good one follows
	spoil  func(file string) string
	want   [6]string
	check  func(t *testing.T, rows []health.ImportRow)
}

// What becomes of a file. Where it is neither stopped nor refused, all is stored.
const (
	none     = "–"
	refused  = "refused"
	stops    = "stops"
	kept     = "kept"
	marked   = "kept, marked"
	versions = "two versions"
	values   = "two values"
	retracts = "retracts"
)

func doubt(want units.Doubt) func(*testing.T, []health.ImportRow) {
	return func(t *testing.T, rows []health.ImportRow) {
		t.Helper()
		if got := units.DoubtOf(rows[0].Observation); got != want || rows[0].Value != 80 {
			t.Errorf("%v, doubt %v; want %v", rows[0].Value, got, want)
		}
	}
}

func all(s string) [6]string { return [6]string{s, s, s, s, s, s} }

func badFiles() []bad {
	const json, early, late = "refused: damaged JSON", "refused: before 1900", "refused: more than a day in the future"
	long := strings.Repeat("x", 100_000_000)
	wide := func(s string) string {
		var b []byte
		for _, c := range utf16.Encode([]rune("\ufeff" + s)) {
			b = append(b, byte(c), byte(c>>8))
		}
		return string(b)
	}
	return []bad{
		{name: "cut off", spoil: func(s string) string { return s[:len(s)-25] },
			want: [6]string{json, "stops: cut off", "stops: cut off", "stops: cut off", "refused: the line has", "stops: damaged after"}},
		{name: "UTF-16", spoil: wide, want: [6]string{"stops: UTF-16", "stops: UTF-16", "stops: UTF-16", "stops: no Apple Health export", "stops: UTF-16", "stops: UTF-16"}},
		{name: "a text in Latin-1", papers: []paper{{source: "Caf\xe9"}}, want: [6]string{json, json, "refused: character", "refused: character", "stops: not UTF-8", json}},
		{name: "NaN", papers: []paper{{value: "NaN"}}, want: [6]string{json, "stops: damaged JSON in line 1", "refused: decimal number", "refused: decimal number", "refused: decimal number", json}},
		{name: "Infinity", papers: []paper{{value: "Infinity"}}, want: [6]string{json, "stops: damaged JSON in line 1", "refused: decimal number", "refused: decimal number", "refused: decimal number", json}},
		{name: "a number that a 64-bit float can't hold", papers: []paper{{value: "1e999"}}, want: all("refused: too large")},
		{name: "the year 0001", papers: []paper{{at: "0001-01-01T00:00:00Z"}}, want: all(early)},
		{name: "the last second of 1899", papers: []paper{{at: "1899-12-31T23:59:59Z"}}, want: all(early)},
		{name: "the year 9999", papers: []paper{{at: "9999-12-31T23:59:59Z"}}, want: all(late)},
		{name: "the day after tomorrow", papers: []paper{{at: "2026-04-03T00:00:00Z"}}, want: all(late)},
		{name: "a day that is not", papers: []paper{{at: "2026-02-30T10:00:00Z"}}, want: [6]string{"refused: effective time", "refused: effective time", "refused: startDate", "refused: startDate",
			"refused: the time is none of", "refused: effective time"}},
		{name: "no zone", papers: []paper{{at: "2026-03-01T10:00:00"}}, want: [6]string{"refused: seconds and zone", "refused: seconds and zone", "refused: startDate", "refused: startDate",
			"refused: no offset", "refused: neither a time with its offset"}},
		{name: "in the hour that clocks skip, with an offset", papers: []paper{{at: "2026-03-29T02:30:00+01:00"}}, want: all(kept), check: func(t *testing.T, rows []health.ImportRow) {
			if got := rows[0].EffectiveAt; !got.Equal(time.Date(2026, 3, 29, 1, 30, 0, 0, time.UTC)) || rows[0].OffsetMinutes != 60 {
				t.Errorf("kept as %s", got)
			}
		}},
		{name: "twice in the hour that clocks repeat, with offsets", papers: []paper{{at: "2025-10-26T02:30:00+02:00", id: "a"}, {at: "2025-10-26T02:30:00+01:00", id: "b"}}, want: all(kept),
			check: func(t *testing.T, rows []health.ImportRow) {
				if rows[1].EffectiveAt.Sub(rows[0].EffectiveAt) != time.Hour || rows[0].Day != rows[1].Day {
					t.Errorf("%s and %s", rows[0].EffectiveAt, rows[1].EffectiveAt)
				}
			}},
		{name: "a text of 100 MB", papers: []paper{{source: long}}, want: [6]string{"refused: longer than 16 MiB", "stops: longer than 64 MiB", "stops: longer than 1 MiB", "stops: longer than 1 MiB",
			"refused: longer than 16 MiB", "refused: longer than 16 MiB"}},
		{name: "an unknown unit", papers: []paper{{unit: "furlong"}}, want: all(marked), check: doubt(units.UnknownUnit)},
		{name: "a unit of something else", papers: []paper{{unit: "mg/dL"}}, want: all(marked), check: doubt(units.ForeignUnit)},
		{name: "one id, two numbers", papers: []paper{{id: "x"}, {id: "x", value: "81"}}, want: [6]string{versions, versions, values, values, versions, versions}},
		{name: "one id, two metrics", papers: []paper{{id: "x"}, {id: "x", metric: "heart_rate", unit: "/min"}}, want: [6]string{versions, versions, values, values,
			"refused: another metric", versions}},
		{name: "entered-in-error", papers: []paper{{status: "entered-in-error"}}, want: [6]string{retracts, retracts, none, none, retracts, retracts}},
	}
}

// Each kind of bad file in each format: nothing is dropped, rounded or guessed in
// silence, and what stands beside the bad is stored. The table of docs/importing.md says the same.
func TestBadFiles(t *testing.T) {
	doc, err := os.ReadFile("../../docs/importing.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, b := range badFiles() {
		verbs := make([]string, len(b.want))
		for i, want := range b.want {
			verbs[i], _, _ = strings.Cut(want, ": ")
		}
		if row := "| " + b.name + " | " + strings.Join(verbs, " | ") + " |\n"; !strings.Contains(string(doc), row) {
			t.Errorf("docs/importing.md lacks the row %s", row)
		}
		for i, k := range kits() {
			verb, words, _ := strings.Cut(b.want[i], ": ")
			if verb == none {
				continue
			}
			t.Run(b.name+"/"+k.name, func(t *testing.T) {
				file := k.file(append(slices.Clone(b.papers), paper{id: "good", at: "2026-02-01T10:00:00Z"}))
				if b.spoil != nil {
					file = k.file([]paper{{id: "good", at: "2026-02-01T10:00:00Z"}, {id: "last"}})
					file = spoilt(k, b, file)
				}
				b.hold(t, k, verb, words, file)
			})
		}
	}
}

// spoilt spoils a file; that of a zip within, where it is about the text.
func spoilt(k kit, b bad, file string) string {
	if strings.HasSuffix(k.name, "zip") && b.name == "UTF-16" {
		return zipOf(b.spoil(appleXML([]paper{{}})))
	}
	return b.spoil(file)
}

func (b bad) hold(t *testing.T, k kit, verb, words, file string) {
	store := &shelf{}
	r, err := load(t, k, file, store)
	text := fmt.Sprint(err)
	for reason := range r.Reasons {
		text += "; " + reason
	}
	if !strings.Contains(text, words) || strings.Contains(text, "Caf") {
		t.Errorf("said %.300s; want %q", text, words)
	}
	good := slices.ContainsFunc(store.rows, func(r health.ImportRow) bool {
		return r.EffectiveAt.Equal(time.Date(2026, 2, 1, 10, 0, 0, 0, time.UTC))
	})
	switch verb {
	case stops:
		if err == nil {
			t.Errorf("%s", r.Summary())
		}
		return
	case refused:
		if err != nil || r.Refused != 1 || !good {
			t.Errorf("%s, the good value stored: %t, %v", r.Summary(), good, err)
		}
		return
	}
	if err != nil || r.Refused != 0 || r.Stored != len(b.papers)+1 || !good {
		t.Fatalf("%s, problems %v, %v", r.Summary(), r.Problems, err)
	}
	first, second := store.rows[0], store.rows[1]
	switch {
	case verb == versions && (first.Round != 0 || second.Round != 1 || first.ExternalID != second.ExternalID):
		t.Errorf("%+v and %+v are no versions", first, second)
	case verb == values && (first.Round != 0 || second.Round != 0 || first.ExternalID != ""):
		t.Errorf("%+v and %+v are no two values", first, second)
	case verb == retracts && first.Status.Visible():
		t.Errorf("%+v shows", first)
	}
	if b.check != nil {
		b.check(t, store.rows)
	}
}

// load imports a file as the command does: what it is, is told by its first bytes.
func load(t *testing.T, k kit, file string, store *shelf) (intake.Report, error) {
	t.Helper()
	format, _, err := detect.File(strings.NewReader(file), int64(len(file)))
	if err != nil {
		return intake.Report{}, err
	}
	if !strings.HasPrefix(k.name, string(format)) {
		t.Fatalf("taken for %s", format)
	}
	src, err := k.open(t, file)
	if err != nil {
		return intake.Report{}, err
	}
	return intake.Import(t.Context(), src, store, intake.Options{Person: health.Identifier{System: "urn:s", Value: "p"},
		Now: func() time.Time { return time.Date(2026, 4, 1, 12, 0, 0, 0, time.UTC) }})
}
