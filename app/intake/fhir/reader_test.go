package fhir

import (
	"errors"
	"io"
	"os"
	"reflect"
	"strconv"
	"strings"
	"testing"
	"time"

	"healthportal/app/health"
	"healthportal/app/intake"
)

// readAll reads every line of s.
func readAll(t testing.TB, s string) []intake.Record {
	t.Helper()
	r := NewReader(strings.NewReader(s))
	var list []intake.Record
	for {
		rec, err := r.Next()
		if errors.Is(err, io.EOF) {
			return list
		}
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, rec)
	}
}

// line is an Observation with a heart rate of 60 in which old is replaced by replacement.
func line(old, replacement string) string {
	const good = `{"resourceType":"Observation","id":"o1","status":"final","code":{"coding":[{"system":"http://loinc.org","code":"8867-4","display":"Heart rate"}]},"subject":{"reference":"Patient/p1"},"effectiveDateTime":"2026-03-01T10:00:00+01:00","valueQuantity":{"value":60,"unit":"beats/minute","system":"http://unitsofmeasure.org","code":"/min"}}`
	if !strings.Contains(good, old) {
		panic("the good line does not hold " + old)
	}
	return strings.Replace(good, old, replacement, 1)
}

// single reads one line that holds one Observation.
func single(t *testing.T, s string) health.Observation {
	t.Helper()
	list := readAll(t, s)
	if len(list) != 1 || len(list[0].Observations) != 1 {
		t.Fatalf("got %+v", list)
	}
	return list[0].Observations[0]
}

func TestGoodObservation(t *testing.T) {
	rec := readAll(t, line("", ""))[0]
	o := rec.Observations[0]
	want := health.Observation{
		Metric: "heart_rate", MetricName: "Heart rate", CodeSystem: health.SystemLOINC, Code: "8867-4",
		EffectiveAt: time.Date(2026, 3, 1, 9, 0, 0, 0, time.UTC), OffsetMinutes: 60, HasOffset: true,
		Value: 60, HasValue: true, Unit: "/min", OrigUnit: "beats/minute", Status: health.Final, Source: "fhir", ExternalID: "o1",
	}
	if o != want {
		t.Errorf("got  %+v\nwant %+v", o, want)
	}
	if rec.Line != 1 || rec.Subject != (health.Identifier{System: health.SystemFHIR, Value: "p1"}) || len(rec.Problems) != 0 {
		t.Errorf("record %+v", rec)
	}
}

func TestFrames(t *testing.T) {
	good := line("", "")
	tests := []struct {
		name, file             string
		lines, blank, problems int
	}{
		{"empty file", "", 0, 0, 0},
		{"newline only", "\n", 1, 1, 0},
		{"no final newline", good, 1, 0, 0},
		{"final newline", good + "\n", 1, 0, 0},
		{"CRLF", good + "\r\n" + good + "\r\n", 2, 0, 0},
		{"blank lines", "\n \t\n" + good + "\n\n", 4, 3, 0},
		{"byte order mark", "\xef\xbb\xbf" + good + "\n", 1, 0, 0},
		{"byte order mark in the middle", good + "\n\xef\xbb\xbf" + good, 2, 0, 1},
		{"damaged line between good ones", good + "\n{\n" + good + "\n", 3, 0, 1},
		{"cut off", good[:100], 1, 0, 1},
		{"very long line", good + "\n" + strings.Repeat(" ", MaxLine) + "x\n" + good, 3, 0, 1},
		{"very long last line", strings.Repeat("x", MaxLine+5), 1, 0, 1},
		{"longer than the buffer", line(`"id":"o1"`, `"id":"o1","note":[{"text":"`+strings.Repeat("x", 3<<20)+`"}]`) + "\n" + good, 2, 0, 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			blank, problems := 0, 0
			list := readAll(t, tt.file)
			for i, rec := range list {
				if rec.Line != i+1 {
					t.Errorf("record %d has line number %d", i+1, rec.Line)
				}
				if rec.Blank {
					blank++
				}
				problems += len(rec.Problems)
			}
			if len(list) != tt.lines || blank != tt.blank || problems != tt.problems {
				t.Errorf("%d lines, %d blank, %d problems; want %d, %d, %d", len(list), blank, problems, tt.lines, tt.blank, tt.problems)
			}
		})
	}
}

func TestRefusedLines(t *testing.T) {
	tests := []struct{ name, line, reason string }{
		{"not JSON", `hello`, "not a JSON object"},
		{"an array", `[1]`, "not a JSON object"},
		{"a number", `5`, "not a JSON object"},
		{"damaged", `{"resourceType":"Observation",`, "damaged JSON at byte"},
		{"two objects", line("", "") + " {}", "damaged JSON at byte"},
		{"invalid UTF-8", line("o1", "\xff"), "damaged JSON at byte"},
		{"half a surrogate pair", line("o1", `\ud800`), "damaged JSON at byte"},
		{"twice the same element", line(`"id":"o1"`, `"id":"o1","id":"o2"`), "stands twice"},
		{"deeply nested", `{"resourceType":` + strings.Repeat("[", 20_000) + strings.Repeat("]", 20_000) + "}", "damaged JSON"},
		{"no resourceType", `{}`, "resourceType is missing"},
		{"resourceType of another kind", `{"resourceType":5}`, "resourceType is not a text"},
		{"no resource type", `{"resourceType":"Spaceship"}`, "not one of FHIR R4"},
		{"several resource types", `{"resourceType":"Condition Encounter"}`, "not one of FHIR R4"},
		{"slip of the pen with other types", `{"resourceType":"Obsrvtn","code":[1]}`, "not one of FHIR R4"},
		{"a Bundle", `{"resourceType":"Bundle","type":"collection"}`, "import it as a file of its own"},
		{"another resource, damaged", `{"resourceType":"Encounter","code":[1}`, "damaged JSON at byte 38"},
		{"other case", line("resourceType", "ResourceType"), "resourceType is missing"},
		{"wrong type", line(`"final"`, `7`), "the element /status is of the wrong type"},
		{"wrong type deep down", line(`{"reference":"Patient/p1"}`, `{"reference":["x"]}`), "the element /subject/reference is of the wrong type"},
		{"no status", line(`"status":"final",`, ``), "status is missing"},
		{"unknown status", line(`"final"`, `"done"`), "the status is not one"},
		{"no code", line(`"coding"`, `"nothing"`), "code is missing or empty"},
		{"contained subject", line("Patient/p1", "#p1"), "contained resource"},
		{"subject is a group", line("Patient/p1", "Group/p1"), "not a reference to a Patient"},
		{"subject with a path behind", line("Patient/p1", "Patient/p1/x"), "not a reference to a Patient"},
		{"empty patient id", line("Patient/p1", "Patient/"), "not a reference to a Patient"},
		{"relative base", line("Patient/p1", "base/Patient/p1"), "not a reference to a Patient"},
		{"identifier without system", line(`{"reference":"Patient/p1"}`, `{"identifier":{"value":"1"}}`), "lacks its system"},
		{"NUL in the subject", line("Patient/p1", `Patient/p\u0000`), "NUL"},
		{"no time", line("effectiveDateTime", "issued"), "effective time is missing"},
		{"timing", line(`"effectiveDateTime":"2026-03-01T10:00:00+01:00"`, `"effectiveTiming":{"event":["2026"]}`), "effectiveTiming is not supported"},
		{"year only", line("2026-03-01T10:00:00+01:00", "2026"), "only a year or a month"},
		{"month only", line("2026-03-01T10:00:00+01:00", "2026-03"), "only a year or a month"},
		{"no such day", line("2026-03-01T10:00:00+01:00", "2026-02-30"), "not a valid date"},
		{"no zone", line("2026-03-01T10:00:00+01:00", "2026-03-01T10:00:00"), "seconds and zone"},
		{"no seconds", line("2026-03-01T10:00:00+01:00", "2026-03-01T10:00+01:00"), "seconds and zone"},
		{"leap second", line("2026-03-01T10:00:00+01:00", "2026-03-01T10:00:60Z"), "seconds and zone"},
		{"far zone", line("+01:00", "+15:00"), "14 hours"},
		{"nanoseconds", line("10:00:00", "10:00:00.123456789"), "finer than a microsecond"},
		{"finer than nanoseconds", line("10:00:00", "10:00:00.1234560000001"), "finer than a microsecond"},
		{"a comma for the point", line("10:00:00", "10:00:00,5"), "seconds and zone"},
		{"no value", line("valueQuantity", "note"), "carries no value"},
		{"members only", line(`"valueQuantity"`, `"hasMember":[{}],"note"`), "references to its members"},
		{"unit without number", line(`"value":60,`, ``), "carries no value"},
		{"value is text", line(`"value":60`, `"value":"60"`), "not a number"},
		{"overflow", line(`"value":60`, `"value":1e999`), "too large"},
		{"underflow", line(`"value":60`, `"value":1e-999`), "too small"},
		{"NaN", line(`"value":60`, `"value":NaN`), "damaged JSON"},
		{"endless digits", line(`"value":60`, `"value":0.`+strings.Repeat("1", 1001)), "more than 1,000 digits"},
		{"unknown comparator", line(`"value":60`, `"value":60,"comparator":"ad"`), "comparator"},
		{"two values", line(`"valueQuantity"`, `"valueString":"x","valueQuantity"`), "several values"},
		{"a range", line(`"valueQuantity"`, `"valueRange":{},"n"`), "not supported"},
		{"sampled data", line(`"valueQuantity"`, `"valueSampledData":{},"n"`), "not supported"},
		{"empty text", line(`"valueQuantity"`, `"valueString":"","n"`), "carries no value"},
		{"NUL in the text", line(`"valueQuantity"`, `"valueString":"a\u0000b","n"`), "the value holds the character NUL"},
		{"very long text", line(`"valueQuantity"`, `"valueString":"`+strings.Repeat("x", intake.MaxText+1)+`","n"`), "longer than can be stored"},
		{"very long code", line(`8867-4`, strings.Repeat("8", 400)), "the code is longer"},
		{"period without start", line(`"effectiveDateTime":"2026-03-01T10:00:00+01:00"`, `"effectivePeriod":{"end":"2026-03-01T10:00:00Z"}`), "no start"},
		{"half a period of days", line(`"effectiveDateTime":"2026-03-01T10:00:00+01:00"`, `"effectivePeriod":{"start":"2026-03-01","end":"2026-03-01T10:00:00Z"}`), "one end"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			list := readAll(t, tt.line)
			if len(list) != 1 || len(list[0].Problems) != 1 || len(list[0].Observations) != 0 {
				t.Fatalf("got %d records, %+v", len(list), list)
			}
			if got := list[0].Problems[0]; !strings.Contains(got, tt.reason) {
				t.Errorf("reason %q, want %q", got, tt.reason)
			}
			if got := list[0].Problems[0]; strings.Contains(got, "p1") || strings.Contains(got, "60") {
				t.Errorf("the reason quotes the line: %q", got)
			}
		})
	}
}

func TestSubjects(t *testing.T) {
	for ref, want := range map[string]health.Identifier{
		`{"reference":"Patient/p1/_history/3"}`:                       {System: health.SystemFHIR, Value: "p1"},
		`{"reference":"urn:uuid:0c5e"}`:                               {System: health.SystemFHIR, Value: "0c5e"},
		`{"reference":"https://a.example/fhir/Patient/7"}`:            {System: "https://a.example/fhir/Patient", Value: "7"},
		`{"reference":"https://a.example/fhir/Patient/7/_history/1"}`: {System: "https://a.example/fhir/Patient", Value: "7"},
		`{"identifier":{"system":"urn:h","value":"R1"}}`:              {System: "urn:h", Value: "R1"},
	} {
		rec := readAll(t, line(`{"reference":"Patient/p1"}`, ref))[0]
		if rec.Subject != want || len(rec.Observations) != 1 {
			t.Errorf("%s: %+v, %v", ref, rec.Subject, rec.Problems)
		}
	}
}

// Whose it is may be known to whoever imports the file.
func TestNoSubject(t *testing.T) {
	for _, s := range []string{line(`"subject"`, `"nobody"`), line(`{"reference":"Patient/p1"}`, `{"display":"A"}`)} {
		if rec := readAll(t, s)[0]; rec.Subject != (health.Identifier{}) || len(rec.Observations) != 1 || len(rec.Problems) != 0 {
			t.Errorf("%s: %+v", s, rec)
		}
	}
}

func TestOtherResourcesAreCounted(t *testing.T) {
	for _, s := range []string{`{"resourceType":"Encounter","status":"finished"}`, `{"resourceType":"Encounter","code":[1]}`} {
		if rec := readAll(t, s)[0]; rec.LeftOut != "Encounter" || len(rec.Problems) != 0 {
			t.Errorf("%s: %+v", s, rec)
		}
	}
}

func TestCodings(t *testing.T) {
	const old = `{"coding":[{"system":"http://loinc.org","code":"8867-4","display":"Heart rate"}]}`
	tests := []struct{ code, metric, name, system, chosen string }{
		{`{"coding":[{"system":"http://snomed.info/sct","code":"364075005"},{"system":"http://loinc.org","code":"8867-4"}]}`, "heart_rate", "", health.SystemLOINC, "8867-4"},
		{`{"coding":[{"system":"http://loinc.org","code":"2708-6"},{"system":"http://loinc.org","code":"59408-5"}]}`, "spo2", "", health.SystemLOINC, "2708-6"},
		{`{"coding":[{"system":"http://loinc.org","code":"99999-9"},{"system":"http://loinc.org","code":"59408-5"}]}`, "spo2", "", health.SystemLOINC, "59408-5"},
		{`{"coding":[{"system":"http://snomed.info/sct","code":"1","display":"S"},{"system":"http://loinc.org","code":"72514-3","display":"Pain"}]}`, "loinc:72514-3", "Pain", health.SystemLOINC, "72514-3"},
		{`{"coding":[{"system":"http://snomed.info/sct","code":"1"}],"text":"Some"}`, "snomed:1", "Some", "http://snomed.info/sct", "1"},
		{`{"coding":[{"system":"urn:own","code":"k"}]}`, "urn:own:k", "k", "urn:own", "k"},
		{`{"coding":[{"code":"8867-4"}]}`, "code:8867-4", "8867-4", "", "8867-4"},
		{`{"coding":[{"system":"urn:own","code":"8867-4"}]}`, "urn:own:8867-4", "8867-4", "urn:own", "8867-4"},
		{`{"text":"Mood"}`, "text:Mood", "Mood", "", ""},
		{`{"coding":[{"display":"no code"}],"text":"Mood"}`, "text:Mood", "Mood", "", ""},
	}
	for _, tt := range tests {
		o := single(t, line(old, tt.code))
		if o.Metric != tt.metric || o.MetricName != tt.name || o.CodeSystem != tt.system || o.Code != tt.chosen {
			t.Errorf("%s: %q %q %q %q", tt.code, o.Metric, o.MetricName, o.CodeSystem, o.Code)
		}
	}
}

func TestRealFile(t *testing.T) {
	const path = "../../../../shared/fixtures/health/Observation.ndjson"
	b, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) {
		t.Skip("the shared fixtures are not here")
	}
	if err != nil {
		t.Fatal(err)
	}
	list := readAll(t, string(b))
	values, panels, coded, kept := 0, 0, 0, 0
	for _, rec := range list {
		if len(rec.Problems) > 0 {
			t.Errorf("line %d: %v", rec.Line, rec.Problems)
		}
		values += len(rec.Observations)
		for _, o := range rec.Observations {
			if o.Group != "" {
				panels++
			}
			if !o.HasValue {
				coded++
			}
			if o.HasValue && o.OrigValue != "" {
				kept++
			}
		}
	}
	if len(list) != 1502 || values != 1502+83 || panels != 166 || coded != 83 {
		t.Errorf("%d lines, %d values, %d of panels, %d coded", len(list), values, panels, coded)
	}
	if kept != 0 {
		t.Errorf("%d values keep digits although the shortest form is the same", kept)
	}
}

func TestXMLInsteadOfNDJSON(t *testing.T) {
	for _, rec := range readAll(t, "<?xml version=\"1.0\"?>\n<!-- licence -->\n") {
		if len(rec.Problems) != 1 {
			t.Errorf("line %d: %v", rec.Line, rec.Problems)
		}
	}
}

type brokenReader struct{ r io.Reader }

func (b brokenReader) Read(p []byte) (int, error) {
	n, err := b.r.Read(p)
	if errors.Is(err, io.EOF) {
		return n, errors.New("disk on fire")
	}
	return n, err
}

func TestReadError(t *testing.T) {
	r := NewReader(brokenReader{strings.NewReader(line("", "") + "\nhalf")})
	if _, err := r.Next(); err != nil {
		t.Fatal(err)
	}
	if _, err := r.Next(); err == nil || errors.Is(err, io.EOF) || !strings.Contains(err.Error(), "after line 1") {
		t.Errorf("a read error came as %v", err)
	}
}

// FuzzReader holds every line to the promises of the package.
func FuzzReader(f *testing.F) {
	f.Add(line("", ""))
	f.Add(line(`"valueQuantity"`, `"component":[{"code":{"text":"x"},"valueInteger":1},null],"dataAbsentReason"`))
	f.Add(line(`"id":"o1"`, `"id":"o1","meta":{"lastUpdated":"2026-03-02T06:00:00.1234567+01:00"}`))
	f.Add(line(`"effectiveDateTime":"2026-03-01T10:00:00+01:00"`, `"effectivePeriod":{"start":"2026-03-01T10:00:00.1234560000Z","end":"0001-01-01T00:00:00Z"}`))
	f.Fuzz(func(t *testing.T, s string) {
		for _, rec := range readAll(t, s) {
			if rec.Blank && (len(rec.Problems) > 0 || len(rec.Observations) > 0) {
				t.Error("a blank line holds something")
			}
			if !rec.Blank && rec.Person == nil && rec.LeftOut == "" && len(rec.Observations)+len(rec.Problems)+rec.Absent == 0 {
				t.Errorf("line %d vanished without a reason", rec.Line)
			}
			for _, o := range rec.Observations {
				if o.Metric == "" || o.Status == "" || o.Source == "" || (o.EffectiveAt.IsZero() && o.StartDay.IsZero()) {
					t.Errorf("line %d: an incomplete observation", rec.Line)
				}
				if !o.HasValue && o.ValueText == "" && o.Status != health.EnteredInError {
					t.Errorf("line %d: an observation without value", rec.Line)
				}
				if u := o.Updated; !u.IsZero() && (u.Year() < 1900 || u.Nanosecond()%1000 != 0) || o.EffectiveAt.Nanosecond()%1000 != 0 || o.EffectiveEnd.Nanosecond()%1000 != 0 {
					t.Errorf("line %d: a time that can't be kept", rec.Line)
				}
				if intake.CheckObservation(&o) != nil {
					t.Errorf("line %d: an observation that can't be stored", rec.Line)
				}
			}
		}
	})
}

// Records share what they are read into; none may show another one's values.
func TestRecordsStayAsTheyWereRead(t *testing.T) {
	panelLine := strings.ReplaceAll(`{"resourceType":"Observation","id":"bpN","status":"final","code":{"coding":[{"system":"http://loinc.org","code":"85354-9"}]},
		"subject":{"reference":"Patient/p1"},"effectiveDateTime":"2026-03-01T10:00:00Z","component":[
		{"code":{"coding":[{"system":"http://loinc.org","code":"8480-6"}]},"valueQuantity":{"value":N,"unit":"mm[Hg]"},"referenceRange":[{"low":{"value":N,"unit":"mm[Hg]"}}]},
		{"code":{"coding":[{"system":"http://loinc.org","code":"8462-4"}]},"valueQuantity":{"value":N,"unit":"mm[Hg]"}}]}`, "\n", "")
	var lines []string
	for i := range 200 {
		n := strconv.Itoa(1000 + i)
		lines = append(lines, strings.Replace(line(`"value":60`, `"value":`+n), `"id":"o1"`, `"id":"o`+n+`"`, 1), strings.ReplaceAll(panelLine, "N", n),
			`{"resourceType":"Observation","status":"final"}`, `{"resourceType":"Device","id":7}`,
			`{"resourceType":"Observation","status":"final","subject":{"reference":"Patient/p1"},"effectiveDateTime":"2026-03-01","code":{"text":"t`+n+`"},"valueString":"v"}`)
	}
	together := readAll(t, strings.Join(lines, "\n"))
	for i, l := range lines {
		alone := readAll(t, l)[0]
		alone.Line = i + 1
		if !reflect.DeepEqual(together[i], alone) {
			t.Fatalf("line %d was read as\n%+v\nbetween others, and as\n%+v\nalone", i+1, together[i], alone)
		}
	}
	// A list grows beside the next one, not into it.
	for i := range together {
		_ = append(together[i].Observations, health.Observation{Metric: "more"})
	}
	for i, l := range lines {
		alone := readAll(t, l)[0]
		if !reflect.DeepEqual(together[i].Observations, alone.Observations) {
			t.Fatalf("line %d changed to %+v", i+1, together[i])
		}
	}
}
