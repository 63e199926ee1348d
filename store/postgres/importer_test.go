package postgres_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"healthportal/app/access"
	"healthportal/app/health"
	"healthportal/app/intake"
	"healthportal/app/intake/fhir"
)

// obs is an Observation line; parts are further elements: `"id":"x"`.
func obs(person, at, value string, parts ...string) string {
	more := ""
	if len(parts) > 0 {
		more = "," + strings.Join(parts, ",")
	}
	status := `"status":"final",`
	if strings.Contains(more, `"status"`) {
		status = ""
	}
	if !strings.Contains(more, `"code":{`) {
		more += `,"code":{"coding":[{"system":"http://loinc.org","code":"8867-4"}]}`
	}
	if value != "" {
		more += `,"valueQuantity":{"value":` + value + `,"unit":"/min","code":"/min"}`
	}
	return `{"resourceType":"Observation",` + status + `"subject":{"reference":"Patient/` + person + `"},"effectiveDateTime":"` + at + `"` + more + "}\n"
}

// panel is a blood pressure; an empty value leaves the component out.
func panel(id, at, systolic, diastolic string) string {
	var parts []string
	for _, c := range [][2]string{{"8480-6", systolic}, {"8462-4", diastolic}} {
		if c[1] != "" {
			parts = append(parts, `{"code":{"coding":[{"system":"http://loinc.org","code":"`+c[0]+`"}]},"valueQuantity":{"value":`+c[1]+`,"code":"mm[Hg]"}}`)
		}
	}
	return obs("a", at, "", `"id":"`+id+`"`, `"code":{"coding":[{"system":"http://loinc.org","code":"85354-9"}]}`, `"component":[`+strings.Join(parts, ",")+`]`)
}

func wantCounts(t *testing.T, r intake.Report, stored, repeated, corrected, refused int) {
	t.Helper()
	if r.Stored != stored || r.Repeated != repeated || r.Corrected != corrected || r.Refused != refused {
		t.Errorf("%s; want %d stored, %d repeated, %d corrected, %d refused; problems %v", r.Summary(), stored, repeated, corrected, refused, r.Problems)
	}
	if r.Read != r.Stored+r.Repeated+r.Corrected+r.Refused {
		t.Errorf("read %d is not the sum of what became of it", r.Read)
	}
}

// shown are the values of a person's table, newest first.
func (c *clinic) shown(person string) string {
	c.t.Helper()
	var list []string
	for _, e := range c.page(health.EventFilter{Person: c.person(person), Size: 200}).Events {
		list = append(list, fmt.Sprintf("%v v%d", e.Value, e.Version))
	}
	return strings.Join(list, ", ")
}

func TestVersions(t *testing.T) {
	const at = "2026-03-01T10:00:00Z"
	id := `"id":"o1"`
	v1, v2, v3 := obs("a", at, "60", id), obs("a", at, "61", id), obs("a", "2026-03-02T10:00:00Z", "61", id)
	retracted := obs("a", at, "", id, `"status":"entered-in-error"`)
	tests := []struct {
		name  string
		files []string
		last  [4]int // counts of the last file: stored, repeated, corrected, refused
		shown string
	}{
		{"new", []string{v1}, [4]int{1, 0, 0, 0}, "60 v1"},
		{"same again", []string{v1, v1}, [4]int{0, 1, 0, 0}, "60 v1"},
		{"same within a file", []string{v1 + v1}, [4]int{1, 1, 0, 0}, "60 v1"},
		{"corrected value", []string{v1, v2}, [4]int{0, 0, 1, 0}, "61 v2"},
		{"corrected within a file", []string{v1 + v2}, [4]int{1, 0, 1, 0}, "61 v2"},
		{"corrected time", []string{v2, v3}, [4]int{0, 0, 1, 0}, "61 v2"},
		{"three versions", []string{v1 + v2 + v3}, [4]int{1, 0, 2, 0}, "61 v3"},
		{"old version does not return", []string{v1, v2, v1}, [4]int{0, 1, 0, 0}, "61 v2"},
		{"all again", []string{v1 + v2, v1 + v2}, [4]int{0, 2, 0, 0}, "61 v2"},
		{"retracted", []string{v1, retracted}, [4]int{0, 0, 1, 0}, ""},
		{"retracted again", []string{v1, retracted, retracted}, [4]int{0, 1, 0, 0}, ""},
		{"retracted with its value", []string{v1, obs("a", at, "60", id, `"status":"entered-in-error"`)}, [4]int{0, 0, 1, 0}, ""},
		{"retraction of the unknown", []string{retracted}, [4]int{1, 0, 0, 0}, ""},
		{"another person's id", []string{v1, obs("b", at, "99", id)}, [4]int{1, 0, 0, 0}, "60 v1"},
		{"no id, same content", []string{obs("a", at, "60"), obs("a", at, "60") + obs("a", at, "60")}, [4]int{0, 2, 0, 0}, "60 v1"},
		{"no id, other content", []string{obs("a", at, "60"), obs("a", at, "61")}, [4]int{1, 0, 0, 0}, "61 v1, 60 v1"},
		{"corrected code", []string{v1, obs("a", at, "60", id, `"code":{"coding":[{"system":"http://loinc.org","code":"40443-4"}]}`)}, [4]int{0, 0, 1, 0}, "60 v2"},
		{"preliminary, then final", []string{obs("a", at, "60", id, `"status":"preliminary"`), v1}, [4]int{0, 0, 1, 0}, "60 v2"},
	}
	c := newClinic(t)
	for i, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			own := strings.NewReplacer("Patient/a", fmt.Sprintf("Patient/a%d", i), "Patient/b", fmt.Sprintf("Patient/b%d", i))
			var r intake.Report
			for _, f := range tt.files {
				r = c.load(own.Replace(f))
			}
			wantCounts(t, r, tt.last[0], tt.last[1], tt.last[2], tt.last[3])
			if got := c.shown(fmt.Sprintf("a%d", i)); got != tt.shown {
				t.Errorf("the table shows %q, want %q", got, tt.shown)
			}
			c.checkRollup()
		})
	}
}

func TestPanelVersions(t *testing.T) {
	const at = "2026-03-01T10:00:00Z"
	both, corrected := panel("p", at, "120", "80"), panel("p", at, "121", "80")
	tests := []struct {
		name  string
		files []string
		shown string
	}{
		{"both", []string{both}, "80 v1, 120 v1"},
		{"one corrected", []string{both, corrected}, "121 v2, 80 v1"},
		{"one taken away", []string{both, panel("p", at, "121", "")}, "121 v2"},
		{"away and back", []string{both, panel("p", at, "121", ""), panel("p", at, "122", "80")}, "122 v3, 80 v1"},
		{"back to an older value beside a new one", []string{both, panel("p", at, "121", "81"), panel("p", at, "122", "80")}, "122 v3, 80 v3"},
		{"old panel does not return", []string{both, corrected, both}, "121 v2, 80 v1"},
		{"retracted as a whole", []string{both, obs("a", at, "", `"id":"p"`, `"status":"entered-in-error"`)}, ""},
		{"retracted, old panel again", []string{both, obs("a", at, "", `"id":"p"`, `"status":"entered-in-error"`), both}, ""},
	}
	c := newClinic(t)
	for i, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			for _, f := range tt.files {
				c.load(strings.ReplaceAll(f, "Patient/a", fmt.Sprintf("Patient/a%d", i)))
			}
			if got := c.shown(fmt.Sprintf("a%d", i)); got != tt.shown {
				t.Errorf("the table shows %q, want %q", got, tt.shown)
			}
			c.checkRollup()
		})
	}
}

func TestManyVersionsInOneFile(t *testing.T) {
	c := newClinic(t)
	var file strings.Builder
	const n = 3*health.MaxRounds + 1
	for i := range n {
		file.WriteString(obs("a", "2026-03-01T10:00:00Z", fmt.Sprint(50+i), `"id":"x"`))
	}
	wantCounts(t, c.load(file.String()), 1, 0, n-1, 0)
	if got, want := c.shown("a"), fmt.Sprintf("%d v%d", 50+n-1, n); got != want {
		t.Errorf("the table shows %q, want %q", got, want)
	}
	c.checkRollup()
}

func TestImportAcrossBatchesAndPartitions(t *testing.T) {
	var file strings.Builder
	for i := range 50 {
		at := time.Date(1957+i*7/5, time.Month(1+i%12), 1+i%28, 23, 30, 0, 0, time.UTC)
		file.WriteString(obs(fmt.Sprintf("p%d", i%3), at.Format(time.RFC3339), fmt.Sprint(60+i), fmt.Sprintf(`"id":"o%d"`, i)))
	}
	c := newClinic(t)
	for _, size := range []int{7, 1, 1000} {
		r, err := intake.Import(t.Context(), fhir.NewReader(strings.NewReader(file.String())), c.db, intake.Options{CreatePersons: true, Now: now, BatchSize: size})
		if err != nil {
			t.Fatal(err)
		}
		if r.Stored+r.Repeated != 50 || r.Refused != 0 {
			t.Errorf("batches of %d: %s", size, r.Summary())
		}
	}
	if n := one[int](c, `SELECT count(*) FROM health.event`); n != 50 {
		t.Errorf("%d rows, want 50", n)
	}
	if n := one[int](c, `SELECT count(*) FROM health.event_default`); n != 0 {
		t.Errorf("%d rows lie in the default partition", n)
	}
	c.checkRollup()
}

func TestOriginalDigitsAndBounds(t *testing.T) {
	c := newClinic(t)
	c.load(obs("a", "2026-03-01T10:00:00+01:00", "72.50", `"id":"d"`, `"interpretation":[{"coding":[{"code":"H"}]}]`,
		`"referenceRange":[{"low":{"value":60,"code":"/min"},"high":{"value":100,"code":"/min"}}]`, `"device":{"display":"Wrist sensor"}`) +
		strings.Replace(obs("a", "2026-03-01T11:00:00Z", "0.1", `"id":"b"`), `"value":0.1`, `"comparator":"<","value":0.1`, 1) +
		obs("a", "2026-03-01T12:00:00Z", "0", `"id":"z"`) +
		obs("a", "2026-03-01T13:00:00Z", "", `"id":"t"`, `"valueCodeableConcept":{"coding":[{"system":"http://snomed.info/sct","code":"260385009","display":"Negative"}]}`))
	events := c.page(health.EventFilter{Person: c.person("a")}).Events
	if len(events) != 4 {
		t.Fatalf("%d events", len(events))
	}
	text, zero, bound, digits := events[0], events[1], events[2], events[3]
	if text.HasValue || text.ValueText != "Negative" || text.OrigValue != "http://snomed.info/sct|260385009" {
		t.Errorf("coded value: %+v", text)
	}
	if !zero.HasValue || zero.Value != 0 {
		t.Errorf("zero: %+v", zero)
	}
	if bound.Comparator != "<" || bound.Value != 0.1 {
		t.Errorf("bound: %+v", bound)
	}
	if digits.OrigValue != "72.50" || digits.Value != 72.5 || digits.Flag != "H" || digits.OffsetMinutes != 60 || !digits.HasOffset ||
		digits.RefLow == nil || *digits.RefLow != 60 || *digits.RefHigh != 100 || digits.Device != "Wrist sensor" || digits.MetricTitle != "Heart rate" {
		t.Errorf("digits: %+v", digits)
	}
	s, err := c.db.Series(t.Context(), access.One(c.person("a")), c.person("a"), "heart_rate", days(health.Day{Year: 2026, Month: 3, Dom: 1}, health.Day{Year: 2026, Month: 3, Dom: 1}))
	if err != nil || len(s) != 2 {
		t.Fatalf("series %+v, %v", s, err)
	}
	for _, x := range s {
		if p := x.Points[0]; x.Unit == "/min" && (p.N != 3 || p.Used != 2 || p.Min != 0 || p.Max != 72.5 || p.Mean != 36.25) {
			t.Errorf("a bound entered the statistics, or a zero did not: %+v", p)
		}
	}
}

func TestImportRecord(t *testing.T) {
	c := newClinic(t)
	c.load(obs("a", "2026-03-01T10:00:00Z", "60", `"id":"x"`) + "{damaged\n")
	if got := one[string](c, `SELECT format || ' ' || read || ' ' || stored || ' ' || refused || ' ' || octet_length(file_sha256) FROM health.import WHERE finished_at IS NOT NULL`); got != "fhir-ndjson 2 1 1 32" {
		t.Errorf("record: %s", got)
	}
	if n := one[int](c, `SELECT count(*) FROM health.event WHERE import_id = (SELECT max(id) FROM health.import)`); n != 1 {
		t.Error("the event does not know its import")
	}
	if _, err := intake.Import(t.Context(), fhir.NewReader(strings.NewReader("")), c.db, intake.Options{Site: mustZone(t, "Europe/Berlin")}); err == nil {
		t.Error("an import in another zone than the database's started")
	}
}

func mustZone(t *testing.T, name string) *time.Location {
	t.Helper()
	loc, err := time.LoadLocation(name)
	if err != nil {
		t.Fatal(err)
	}
	return loc
}
