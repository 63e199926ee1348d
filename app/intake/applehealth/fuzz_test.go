package applehealth

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"math"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"healthportal/app/health"
	"healthportal/app/intake"
)

func recordReasons() []string {
	return []string{reasonTwice, reasonCharacter, reasonMissing, reasonType, reasonStart, reasonEnd, reasonEarly, reasonBackwards, reasonLong,
		reasonUnit, reasonValue, reasonNumber, reasonDigits, reasonLarge, reasonSmall, reasonPart}
}

func otherReasons() []string { return []string{reasonElement, reasonText, reasonBirth, reasonSex} }

// FuzzReader checks that whatever comes is read without panic and within the
// rules, and that no Record gets lost: an independent walk over the same bytes
// with encoding/xml's own checks has to count as many.
func FuzzReader(f *testing.F) {
	const at, later = "2024-01-05 07:00:00 +0100", "2024-01-05 07:30:00 +0100"
	for _, elements := range []string{
		"", good, with("72", "NaN"), with("Watch", "a\x00"), with("Watch", "\xff"), "oops", "<Surprise/>", "<![CDATA[x]]>", "&lt;", "<x:Record/>",
		asleep(sleepPrefix+"AsleepREM", at, later), asleep("1", at, later), quantity("OxygenSaturation", "%", "0.97"), quantity("VO2Max", "mL/min·kg", "40.5"),
		"<Correlation>" + pressure("Systolic", "120", "Cuff", at) + pressure("Diastolic", "80", "Cuff", at) + "</Correlation>",
		me("1990-02-02", "HKBiologicalSexMale"), "<Workout><Record/></Workout>", "<Record><Record/></Record>", "<ActivitySummary/>",
	} {
		f.Add([]byte(export(elements)))
	}
	f.Add([]byte(xmlHead + doctype + export(good)))
	f.Add([]byte(xmlHead + brokenDoctype + export(good+good)))
	f.Add([]byte("<HealthData>" + good[:200]))
	f.Add([]byte("\xff\xfe<\x00"))
	f.Fuzz(func(t *testing.T, file []byte) {
		r := New(bytes.NewReader(file))
		list, err := readAll(r)
		var stopped *Error
		if !errors.Is(err, io.EOF) && !errors.As(err, &stopped) {
			t.Fatalf("an error of another kind: %v", err)
		}
		lines := bytes.Count(file, []byte("\n")) + 1
		records, last := 0, 1
		for i := range list {
			if list[i].Line < last || list[i].Line > lines {
				t.Fatalf("line %d after %d, of %d", list[i].Line, last, lines)
			}
			last = list[i].Line
			records += checkRecord(t, &list[i])
		}
		if stopped != nil && (stopped.Line < last || stopped.Line > lines) {
			t.Fatalf("stopped on line %d after %d, of %d", stopped.Line, last, lines)
		}
		if want, ok := countRecords(file); ok && errors.Is(err, io.EOF) && records != want {
			t.Fatalf("%d Records of %d", records, want)
		}
	})
}

// checkRecord returns 1 where rec is a Record.
func checkRecord(t *testing.T, rec *intake.Record) int {
	t.Helper()
	if rec.Blank || len(rec.Observations)+len(rec.Problems) == 0 && rec.Owner == nil {
		t.Fatalf("nothing in %+v", rec)
	}
	of := 0
	for _, p := range rec.Problems {
		switch {
		case slices.Contains(recordReasons(), p):
			of = 1
		case !slices.Contains(otherReasons(), p):
			t.Fatalf("problem %q", p)
		}
	}
	if rec.Owner != nil {
		return 0
	}
	for i := range rec.Observations {
		of = 1
		checkObservation(t, &rec.Observations[i])
	}
	return of
}

func checkObservation(t *testing.T, o *health.Observation) {
	t.Helper()
	if o.Metric == "" || o.Code == "" || o.CodeSystem == "" || o.Source == "" || o.Status != health.Final || !o.HasOffset || o.ExternalID != "" {
		t.Fatalf("incomplete: %+v", o)
	}
	if o.HasValue == (o.ValueText != "") || math.IsNaN(o.Value) || math.IsInf(o.Value, 0) {
		t.Fatalf("value: %+v", o)
	}
	if o.EffectiveAt.IsZero() || o.EffectiveAt.Year() < 1899 || (!o.EffectiveEnd.IsZero() && !o.EffectiveEnd.After(o.EffectiveAt)) {
		t.Fatalf("times: %+v", o)
	}
	for _, s := range []string{o.Metric, o.MetricName, o.Code, o.ValueText, o.Unit, o.OrigValue, o.OrigUnit, o.Source, o.Device, o.Group} {
		if !utf8.ValidString(s) || strings.ContainsAny(s, "\x00\n\r\t") || strings.Contains(s, mark) {
			t.Fatalf("text %q", s)
		}
	}
}

// countRecords counts the Records that are children of HealthData or of a
// Correlation of it; false where encoding/xml itself doesn't take the file, or
// reads names with their namespaces, which exports don't have.
func countRecords(file []byte) (int, bool) {
	if bytes.Contains(file, []byte("xmlns")) {
		return 0, false
	}
	d := xml.NewDecoder(bytes.NewReader(file))
	var path []string
	n := 0
	for {
		t, err := d.Token()
		if err != nil {
			return n, errors.Is(err, io.EOF)
		}
		switch t := t.(type) {
		case xml.StartElement:
			name := t.Name.Local
			if t.Name.Space != "" {
				name = ""
			}
			if at := strings.Join(path, "/"); name == "Record" && (at == "HealthData" || at == "HealthData/Correlation") {
				n++
			}
			path = append(path, name)
		case xml.EndElement:
			path = path[:len(path)-1]
		}
	}
}
