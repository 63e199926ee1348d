package portable

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"math"
	"strings"
	"testing"
	"time"

	"healthportal/app/health"
	"healthportal/app/intake"
)

var _ intake.Source = (*Reader)(nil)

// whole is a file of these lines with a trailer that fits.
func whole(lines ...string) string {
	b := header + strings.Join(lines, "\n")
	if len(lines) > 0 {
		b += "\n"
	}
	return b + Trailer(int64(len(lines)), sha256.Sum256([]byte(b)))
}

// good is a line with a heart rate of 60 in which old is replaced by replacement.
func good(old, replacement string) string {
	const line = `{"person":{"system":"urn:s","value":"p1"},"effective":"2026-03-01T10:00:00+01:00","source":"src","external_id":"o1","metric":"heart_rate","value":60,"unit":"/min","status":"final"}`
	if !strings.Contains(line, old) {
		panic("the good line does not hold " + old)
	}
	return strings.Replace(line, old, replacement, 1)
}

// readAll reads a file to its end.
func readAll(t testing.TB, file string) (list []intake.Record, err error) {
	t.Helper()
	r := New(strings.NewReader(file))
	for {
		rec, err := r.Next()
		if errors.Is(err, io.EOF) {
			if sum := sha256.Sum256([]byte(file)); !bytes.Equal(sum[:], r.SHA256()) {
				t.Errorf("the file's sum is %x, got %x", sum, r.SHA256())
			}
			return list, nil
		}
		if err != nil {
			return list, err
		}
		list = append(list, rec)
	}
}

func TestReadObservation(t *testing.T) {
	list, err := readAll(t, whole(good(`"unit":"/min"`, `"comparator":">=","text":"t","unit":"/min","orig_value":"60.0","orig_unit":"bpm","ref_low":50,"ref_high":90.5,"flag":"H"`)))
	if err != nil || len(list) != 1 {
		t.Fatal(list, err)
	}
	low, high := 50.0, 90.5
	o := list[0].Observations[0]
	if o.RefLow == nil || *o.RefLow != low || o.RefHigh == nil || *o.RefHigh != high {
		t.Errorf("range %v, %v", o.RefLow, o.RefHigh)
	}
	o.RefLow, o.RefHigh = nil, nil
	want := health.Observation{Metric: "heart_rate", EffectiveAt: time.Date(2026, 3, 1, 9, 0, 0, 0, time.UTC), OffsetMinutes: 60, HasOffset: true,
		Value: 60, HasValue: true, Comparator: ">=", ValueText: "t", Unit: "/min", OrigValue: "60.0", OrigUnit: "bpm", Flag: "H", Status: health.Final, Source: "src", ExternalID: "o1"}
	if o != want {
		t.Errorf("got  %+v\nwant %+v", o, want)
	}
	if list[0].Line != 2 || list[0].Subject != (health.Identifier{System: "urn:s", Value: "p1"}) {
		t.Errorf("%+v", list[0])
	}
}

func TestReadUpdated(t *testing.T) {
	tests := []struct{ updated, want string }{
		{"2026-03-01T10:00:00.12Z", "2026-03-01T10:00:00.12Z"},
		{"2026-03-01T10:00:00.123456Z", "2026-03-01T10:00:00.123456Z"},
		{"2026-03-01T10:00:00.1234567Z", ""},
		{"2026-03-01T10:00:00+00:00", ""},
		{"2026-03-01", ""},
		{"0001-01-01T00:00:00Z", ""},
		{"2026-03-01T10:00:00,5Z", ""},
	}
	for _, tt := range tests {
		list, err := readAll(t, whole(good(`"final"`, `"final","updated":"`+tt.updated+`"`)))
		if err != nil || len(list) != 1 {
			t.Fatal(list, err)
		}
		switch {
		case tt.want == "" && (len(list[0].Problems) != 1 || !strings.Contains(list[0].Problems[0], "the member updated is no time")):
			t.Errorf("%s: %+v", tt.updated, list[0])
		case tt.want != "" && (len(list[0].Observations) != 1 || list[0].Observations[0].Updated.Format(time.RFC3339Nano) != tt.want):
			t.Errorf("%s: %+v", tt.updated, list[0])
		case tt.want != "":
			line, err := AppendRow(nil, Row{list[0].Subject, &list[0].Observations[0]})
			if err != nil || !strings.HasSuffix(string(line), `"updated":"`+tt.want+"\"}\n") {
				t.Errorf("written %s, %v", line, err)
			}
		}
	}
	list, err := readAll(t, whole(good(`"external_id":"o1",`, "")))
	if err != nil || len(list[0].Problems) != 0 {
		t.Fatal(list, err)
	}
	list[0].Observations[0].Updated = time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)
	if line, err := AppendRow(nil, Row{list[0].Subject, &list[0].Observations[0]}); err != nil || strings.Contains(string(line), "updated") {
		t.Errorf("written without an id: %s, %v", line, err)
	}
	stray := strings.Replace(good(`"final"`, `"final","updated":"2026-03-01T10:00:00Z"`), `"external_id":"o1",`, "", 1)
	if list, err = readAll(t, whole(stray)); err != nil || len(list[0].Problems) != 1 || !strings.Contains(list[0].Problems[0], "beside no external_id") {
		t.Errorf("without an id: %+v, %v", list, err)
	}
}

func TestReadTimes(t *testing.T) {
	day := health.Day{Year: 2026, Month: 3, Dom: 1}
	tests := []struct{ start, end string }{
		{"2026-03-01", "2026-03-02"}, {"2026-03-01", ""}, {"2026-03-01T10:00:00Z", ""}, {"2026-03-01T10:00:00+00:00", ""},
		{"2026-03-01T10:00:00.123456-03:30", "2026-03-01T10:00:01-03:30"},
	}
	for _, tt := range tests {
		replacement := `"effective":"` + tt.start + `"`
		if tt.end != "" {
			replacement += `,"effective_end":"` + tt.end + `"`
		}
		line := good(`"effective":"2026-03-01T10:00:00+01:00"`, replacement)
		list, err := readAll(t, whole(line))
		if err != nil || len(list[0].Observations) != 1 {
			t.Errorf("%s: %+v, %v", tt.start, list, err)
			continue
		}
		o := list[0].Observations[0]
		if whole := len(tt.start) == 10; whole != (o.StartDay == day) || whole == o.HasOffset && !strings.HasSuffix(tt.start, "Z") {
			t.Errorf("%s: %+v", tt.start, o)
		}
		again, err := AppendRow(nil, Row{list[0].Subject, &o})
		if err != nil || string(again) != line+"\n" {
			t.Errorf("%s was written as %s, %v", line, again, err)
		}
	}
}

func TestKeptDigits(t *testing.T) {
	for digits, kept := range map[string]string{"60": "", "60.0": "60.0", "6e1": "6e1", "1e+20": "", "100000000000000000000": "", "1e20": "1e20", "-0": "", "0.00001": "", "1e-05": ""} {
		list, err := readAll(t, whole(good(`"value":60`, `"value":`+digits)))
		if err != nil || len(list[0].Observations) != 1 || list[0].Observations[0].OrigValue != kept {
			t.Errorf("%s: %+v, %v", digits, list, err)
		}
	}
	// Digits that the file names are the source's; those of the number are not.
	list, _ := readAll(t, whole(good(`"value":60`, `"value":60.0,"orig_value":"60.00"`)))
	if o := list[0].Observations[0]; o.OrigValue != "60.00" || o.Value != 60 {
		t.Errorf("%+v", o)
	}
	list, _ = readAll(t, whole(good(`"value":60`, `"value":-0`)))
	if o := list[0].Observations[0]; !math.Signbit(o.Value) || !o.HasValue {
		t.Errorf("%+v", o)
	}
}

func TestRefusedLines(t *testing.T) {
	long := strings.Repeat("x", intake.MaxText+1)
	tests := []struct{ name, line, reason string }{
		{"not JSON", `hello`, "not a JSON object"},
		{"null", `null`, "not a JSON object"},
		{"an array", `[]`, "not a JSON object"},
		{"damaged", `{"person":`, "damaged JSON at byte"},
		{"two objects", good("", "") + "{}", "damaged JSON at byte"},
		{"broken UTF-8", good("src", "\xff"), "damaged JSON at byte"},
		{"half a surrogate pair", good("src", `\ud800`), "damaged JSON at byte"},
		{"twice", good(`"value":60`, `"value":60,"value":61`), "stands twice"},
		{"unknown member", good(`"value":60`, `"value":60,"mood":1`), "doesn't know"},
		{"unknown member of the person", good(`"value":"p1"`, `"value":"p1","name":"n"`), "doesn't know"},
		{"other case", good(`"source"`, `"Source"`), "doesn't know"},
		{"wrong type", good(`"src"`, `5`), "member /source is of the wrong type"},
		{"no person", good(`"person":{"system":"urn:s","value":"p1"},`, ``), "person is missing"},
		{"person of null", good(`{"system":"urn:s","value":"p1"}`, `null`), "person is missing"},
		{"no system", good(`"system":"urn:s",`, ``), "lacks its system"},
		{"empty id", good(`"p1"`, `""`), "lacks its system or its value"},
		{"long id", good(`"p1"`, `"`+long[:501]+`"`), "identifier is longer"},
		{"NUL in the id", good(`p1`, `p\u0000`), "NUL"},
		{"no source", good(`"source":"src",`, ``), "source is missing"},
		{"no metric", good(`"metric":"heart_rate",`, ``), "metric is missing"},
		{"unknown metric", good(`heart_rate`, `hart_rate`), "not in the catalogue"},
		{"no status", good(`,"status":"final"`, ``), "status is missing"},
		{"unknown status", good(`final`, `done`), "status is missing or none"},
		{"no time", good(`"effective":"2026-03-01T10:00:00+01:00",`, ``), "effective is missing"},
		{"no zone", good(`+01:00`, ``), "neither a time"},
		{"unknown zone", good(`+01:00`, `-00:00`), "neither a time"},
		{"far zone", good(`+01:00`, `+14:01`), "14 hours"},
		{"comma", good(`00+01:00`, `00,5+01:00`), "neither a time"},
		{"short hour", good(`T10:00:00`, `T9:00:00`), "neither a time"},
		{"nanoseconds", good(`00+01:00`, `00.1234567+01:00`), "more than six digits"},
		{"finer than nanoseconds", good(`00+01:00`, `00.12345600000000001+01:00`), "more than six digits"},
		{"no such day", good(`2026-03-01T10:00:00+01:00`, `2026-02-30`), "neither a time"},
		{"half a period of days", good(`"source"`, `"effective_end":"2026-03-02","source"`), "one end"},
		{"day with a time at its end", good(`2026-03-01T10:00:00+01:00`, `2026-03-01","effective_end":"2026-03-01T10:00:00+01:00`), "neither a time"},
		{"two offsets", good(`"source"`, `"effective_end":"2026-03-01T12:00:00+02:00","source"`), "different offsets"},
		{"no value", good(`"value":60,`, ``), "neither a value nor a text"},
		{"value of null", good(`"value":60`, `"value":null`), "neither a value nor a text"},
		{"NaN", good(`"value":60`, `"value":"NaN"`), "not a number"},
		{"text as number", good(`"value":60`, `"value":"60"`), "not a number"},
		{"overflow", good(`"value":60`, `"value":1e999`), "too large"},
		{"underflow", good(`"value":60`, `"value":1e-999`), "too small"},
		{"range of text", good(`"value":60`, `"value":60,"ref_low":"x"`), "reference range"},
		{"comparator", good(`"value":60`, `"value":60,"comparator":"~"`), "comparator"},
		{"comparator without number", good(`"value":60`, `"text":"x","comparator":"<"`), "no number"},
		{"NUL in a text", good(`"value":60`, `"text":"a\u0000"`), "the value holds the character NUL"},
		{"long text", good(`"value":60`, `"text":"`+long+`"`), "the value is longer"},
		{"person's member", good(`"value":60`, `"value":60,"family_name":"n"`), "members of a person"},
		{"very long line", good("src", strings.Repeat("x", MaxLine)), "longer than 16 MiB"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			next := good(`"o1"`, `"o2"`)
			list, err := readAll(t, whole(tt.line, next))
			if err != nil || len(list) != 2 || len(list[0].Problems) != 1 || len(list[0].Observations) != 0 || len(list[1].Observations) != 1 {
				t.Fatalf("%v, %.300v", err, fmt.Sprintf("%+v", list))
			}
			got := list[0].Problems[0]
			if !strings.Contains(got, tt.reason) || list[0].Line != 2 {
				t.Errorf("line %d: %q, want %q", list[0].Line, got, tt.reason)
			}
			if strings.Contains(got, "p1") || strings.Contains(got, "src") || strings.Contains(got, "60") || strings.Contains(got, "hart") {
				t.Errorf("the reason quotes the line: %q", got)
			}
		})
	}
}

func TestIncompleteFiles(t *testing.T) {
	file := whole(good("", ""), good(`"o1"`, `"o2"`))
	lines := strings.SplitAfter(file, "\n")
	tests := []struct {
		name, file string
		records    int
		want       error
		words      string
	}{
		{"empty", "", 0, ErrFormat, "it is empty"},
		{"other file", `{"resourceType":"Observation"}` + "\n", 0, ErrFormat, "its first line"},
		{"not JSON", "a,b\n", 0, ErrFormat, "its first line"},
		{"blank first line", "\n" + file, 0, ErrFormat, "its first line"},
		{"endless first line", strings.Repeat("x", MaxLine+1), 0, ErrFormat, "its first line"},
		{"later version", strings.Replace(file, `"version":1`, `"version":2`, 1), 0, ErrFormat, "version 2"},
		{"header only", header, 0, ErrIncomplete, "after 0 rows"},
		{"cut between lines", strings.Join(lines[:2], ""), 1, ErrIncomplete, "after 1 rows without the closing line"},
		{"cut in a line", file[:len(lines[0])+len(lines[1])+40], 2, ErrIncomplete, "after 2 rows"},
		{"cut in the trailer", file[:len(file)-20], 2, ErrIncomplete, "is damaged after 2 rows"},
		{"a line is missing", lines[0] + lines[1] + lines[3], 1, ErrIncomplete, "1 rows were read and its closing line says 2"},
		{"a value was changed", strings.Replace(file, `"value":60`, `"value":61`, 1), 2, ErrIncomplete, "check sum"},
		{"a newline was changed", strings.Replace(file, "}\n{\"p", "}\r\n{\"p", 1), 2, ErrIncomplete, "check sum"},
		{"the header was changed", strings.Replace(file, `"version":1`, `"version": 1`, 1), 2, ErrIncomplete, "check sum"},
		{"something behind", file + "\n", 2, ErrIncomplete, "something follows"},
		{"a file behind", file + file, 2, ErrIncomplete, "something follows"},
		{"trailer with another member", strings.Replace(file, `"sha256"`, `"sha512":"","sha256"`, 1), 2, ErrIncomplete, "is damaged"},
		{"trailer without sum", lines[0] + `{"rows":0}`, 0, ErrIncomplete, "is damaged"},
		{"trailer in another form", strings.Replace(file, `{"rows":2,`, `{"rows":2, `, 1), 2, ErrIncomplete, "check sum"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			list, err := readAll(t, tt.file)
			if !errors.Is(err, tt.want) || !strings.Contains(err.Error(), tt.words) || len(list) != tt.records {
				t.Errorf("%d records, %v", len(list), err)
			}
		})
	}
	for name, file := range map[string]string{
		"no newline at the end": strings.TrimSuffix(file, "\n"),
		"nothing but the frame": whole(),
		"more in the header": strings.Replace(whole(), whole(), func() string {
			h := `{"format":"health-portal-observations","version":1,"from":"here"}` + "\n"
			return h + Trailer(0, sha256.Sum256([]byte(h)))
		}(), 1),
	} {
		if _, err := readAll(t, file); err != nil {
			t.Errorf("%s: %v", name, err)
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
	for name, file := range map[string]string{"within": header + good("", "") + "\n" + "half", "behind the trailer": whole(good("", ""))} {
		r := New(brokenReader{strings.NewReader(file)})
		if rec, err := r.Next(); err != nil || len(rec.Observations) != 1 {
			t.Fatal(name, err)
		}
		if _, err := r.Next(); err == nil || errors.Is(err, io.EOF) || !strings.Contains(err.Error(), "disk on fire") {
			t.Errorf("%s: a read error came as %v", name, err)
		}
	}
}

func TestPanelsComeAsOne(t *testing.T) {
	systolic := good(`"metric":"heart_rate"`, `"slot":"a","metric":"bp_systolic"`)
	diastolic := good(`"metric":"heart_rate"`, `"slot":"b","metric":"bp_diastolic"`)
	list, err := readAll(t, whole(systolic, diastolic, good(`"o1"`, `"o2"`)))
	if err != nil || len(list) != 2 || len(list[0].Observations) != 2 || list[1].Line != 4 {
		t.Errorf("%+v, %v", list, err)
	}
}

func TestReadPersons(t *testing.T) {
	const line = `{"person":{"system":"urn:healthportal:record-number","value":"R1"},"identifiers":[{"system":"urn:a","value":"1"}],"record_number":"R1","family_name":"F","given_name":"G","birth_date":"1980-02-29","sex":"female","time_zone":"Europe/Berlin","synthetic":true}`
	list, err := readAll(t, whole(line))
	if err != nil || len(list) != 1 || list[0].Person == nil {
		t.Fatalf("%+v, %v", list, err)
	}
	p := list[0].Person
	want := health.Person{RecordNumber: "R1", FamilyName: "F", GivenName: "G", BirthDate: health.Day{Year: 1980, Month: 2, Dom: 29}, Sex: health.Female, TimeZone: "Europe/Berlin", Synthetic: true}
	if p.Person != want || len(p.Identifiers) != 2 || p.Identifiers[0].System != health.SystemRecordNumber || p.Identifiers[1].Value != "1" {
		t.Errorf("%+v", p)
	}
	for name, tt := range map[string]struct{ old, replacement, reason string }{
		"no person":          {`"person":{"system":"urn:healthportal:record-number","value":"R1"},`, ``, "person is missing"},
		"other number":       {`"record_number":"R1"`, `"record_number":"R2"`, "another identifier"},
		"bad identifier":     {`"urn:a"`, `""`, "lacks its system"},
		"long name":          {`"F"`, `"` + strings.Repeat("f", 501) + `"`, "the name is longer"},
		"no such day":        {`1980-02-29`, `1981-02-29`, "birth date"},
		"other sex":          {`female`, `f`, "sex"},
		"no zone":            {`Europe/Berlin`, `Europe/Nowhere`, "time zone"},
		"the server's zone":  {`Europe/Berlin`, `Local`, "time zone"},
		"an observation too": {`"sex"`, `"value":5,"sex"`, "members of an observation"},
	} {
		if !strings.Contains(line, tt.old) {
			t.Fatal(name)
		}
		list, err := readAll(t, whole(strings.Replace(line, tt.old, tt.replacement, 1)))
		if err != nil || len(list) != 1 || list[0].Person != nil || len(list[0].Problems) != 1 || !strings.Contains(list[0].Problems[0], tt.reason) {
			t.Errorf("%s: %+v, %v", name, list, err)
		}
	}
}

// FuzzReader holds every line to the promises of the package: what is taken can
// be stored, and is written and read again as it was.
func FuzzReader(f *testing.F) {
	f.Add(good("", ""))
	f.Add(good(`"value":60`, `"value":1e+20,"ref_low":-0`))
	f.Add(good(`2026-03-01T10:00:00+01:00`, `2026-03-01","effective_end":"2026-03-02`))
	f.Add(`{"person":{"system":"urn:a","value":"1"},"identifiers":[],"synthetic":false}`)
	f.Add(good(`"final"`, `"final","updated":"2026-03-02T10:00:00.123456Z"`))
	f.Add(good(`"final"`, `"final","updated":"9999-12-31T23:59:59.9999999Z"`))
	f.Fuzz(func(t *testing.T, line string) {
		list, err := readAll(t, whole(strings.Split(line, "\n")...))
		if err != nil && !errors.Is(err, ErrIncomplete) {
			t.Fatal(err)
		}
		for _, rec := range list {
			if !rec.Blank && rec.Person == nil && len(rec.Observations)+len(rec.Problems) == 0 {
				t.Errorf("line %d vanished without a reason", rec.Line)
			}
			for i := range rec.Observations {
				readsAgain(t, Row{rec.Subject, &rec.Observations[i]})
			}
			if p := rec.Person; p != nil {
				if _, err := AppendPerson(nil, Person{p.Identifiers[0], p.Identifiers[1:], p.Person}); err != nil {
					t.Errorf("line %d: a person that can't be written: %v", rec.Line, err)
				}
			}
		}
	})
}

// readsAgain writes a row and reads it back.
func readsAgain(t *testing.T, r Row) {
	t.Helper()
	if err := intake.CheckObservation(r.Observation); err != nil {
		t.Errorf("an observation that can't be stored: %v", err)
	}
	line, err := AppendRow(nil, r)
	if err != nil {
		t.Fatalf("%+v can't be written: %v", r, err)
	}
	list, err := readAll(t, whole(strings.TrimSuffix(string(line), "\n")))
	if err != nil || len(list) != 1 || len(list[0].Observations) != 1 {
		t.Fatalf("%s was read as %+v, %v", line, list, err)
	}
	got := list[0].Observations[0]
	if got.Dedupe(1) != r.Dedupe(1) || got.OffsetMinutes != r.OffsetMinutes || got.Device != r.Device || !got.Updated.Equal(r.Updated) || got.Group != r.Group || list[0].Subject != r.Person {
		t.Errorf("%s\nwas read as %+v", line, got)
	}
}
