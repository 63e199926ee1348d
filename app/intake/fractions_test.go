package intake_test

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"healthportal/app/health"
	"healthportal/app/intake"
	"healthportal/app/intake/csvfile"
	"healthportal/app/intake/fhir"
	"healthportal/app/intake/portable"
)

// portableFile is a file of the portal's own format with these lines.
func portableFile(lines ...string) string {
	body := `{"format":"health-portal-observations","version":1}` + "\n" + strings.Join(lines, "\n") + "\n"
	return body + portable.Trailer(int64(len(lines)), sha256.Sum256([]byte(body)))
}

func csvReader(t *testing.T, file string, m csvfile.Mapping) intake.Source {
	t.Helper()
	r, err := csvfile.New(strings.NewReader(file), m)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// timed are sources of one value each, whose time is at.
func timed(t *testing.T, at string) map[string]intake.Source {
	t.Helper()
	observation := func(times string) string {
		return `{"resourceType":"Observation","status":"final","code":{"text":"c"},"subject":{"reference":"Patient/p"},` + times + `,"valueInteger":1}`
	}
	own := `{"person":{"system":"urn:s","value":"p"},"effective":"` + at + `","source":"s","metric":"heart_rate","value":1,"status":"final"}`
	return map[string]intake.Source{
		"FHIR dateTime":       fhir.NewReader(strings.NewReader(observation(`"effectiveDateTime":"` + at + `"`))),
		"FHIR instant":        fhir.NewReader(strings.NewReader(observation(`"effectiveInstant":"` + at + `"`))),
		"FHIR period's start": fhir.NewReader(strings.NewReader(observation(`"effectivePeriod":{"start":"` + at + `"}`))),
		"FHIR period's end":   fhir.NewReader(strings.NewReader(observation(`"effectivePeriod":{"start":"2026-03-01T10:00:00Z","end":"` + at + `"}`))),
		"FHIR Bundle": fhir.NewBundle(strings.NewReader(`{"resourceType":"Bundle","type":"collection","entry":[{"resource":` +
			observation(`"effectiveDateTime":"`+at+`"`) + `}]}`)),
		"portable": portable.New(strings.NewReader(portableFile(own))),
		"CSV":      csvReader(t, "effective,metric,value\n"+at+",heart_rate,1\n", csvfile.Mapping{}),
		"CSV's end": csvReader(t, "effective,effective_end,metric,value\n2026-03-01T10:00:00Z,"+at+",heart_rate,1\n",
			csvfile.Mapping{}),
		"CSV in a format": csvReader(t, "effective,metric,value\n"+at+",heart_rate,1\n", csvfile.Mapping{EffectiveFormat: "2006-01-02T15:04:05Z07:00"}),
	}
}

// one reads a source of one record.
func one(t *testing.T, src intake.Source) intake.Record {
	t.Helper()
	rec, err := src.Next()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := src.Next(); !errors.Is(err, io.EOF) {
		t.Fatalf("then %v", err)
	}
	return rec
}

// Nothing of a time is rounded or cut: what a microsecond can't hold is refused by every
// format, however many digits it has, and zeros beyond change nothing.
func TestFractionsOfASecond(t *testing.T) {
	const digits = "123456789123"
	want := time.Date(2026, 3, 1, 10, 0, 5, 123456000, time.UTC)
	for n := 1; n <= 16; n++ {
		exact := digits[:min(n, 6)] + strings.Repeat("0", max(0, n-6))
		last := strings.Repeat("0", n-1) + "1"
		tests := map[string]bool{exact: true, last: n <= 6}
		if n <= len(digits) {
			tests[digits[:n]] = n <= 6
		}
		for fraction, kept := range tests {
			for name, src := range timed(t, "2026-03-01T10:00:05."+fraction+"Z") {
				// The portal itself writes six digits at most, so that more are no file of its own.
				kept := kept && (name != "portable" || n <= 6)
				rec := one(t, src)
				if kept != (len(rec.Observations) == 1) || kept == (len(rec.Problems) == 1) {
					t.Errorf("%s, fraction %s: %+v", name, fraction, rec)
					continue
				}
				if !kept {
					if p := rec.Problems[0]; !strings.Contains(p, "finer than a microsecond") && !strings.Contains(p, "more than six digits") || strings.Contains(p, "2026") {
						t.Errorf("%s, fraction %s: %s", name, fraction, p)
					}
					continue
				}
				o := rec.Observations[0]
				got := o.EffectiveAt
				if strings.HasSuffix(name, "end") {
					got = o.EffectiveEnd
				}
				nanos := fmt.Sprintf("%09d", got.Nanosecond())
				if fraction != strings.TrimRight(fraction, "0") {
					nanos = strings.TrimRight(nanos, "0")
				}
				if !strings.HasPrefix(nanos, strings.TrimRight(fraction, "0")) || n >= 6 && fraction == exact && !got.Equal(want) {
					t.Errorf("%s, fraction %s: kept as %s", name, fraction, got)
				}
			}
		}
	}
}

// The year 1 is what some systems write where they know no time. As the end of a
// period it is none, and must not turn into a period without end.
func TestEndsBeforeTheirStart(t *testing.T) {
	for _, end := range []string{"0001-01-01T00:00:00Z", "0001-01-01T00:00:00.000001Z", "1899-12-31T23:59:59Z", "2026-03-01T09:59:59.999999Z"} {
		sources := map[string]intake.Source{"portable's end": portable.New(strings.NewReader(portableFile(
			`{"person":{"system":"urn:s","value":"p"},"effective":"2026-03-01T10:00:00Z","effective_end":"` + end + `","source":"s","metric":"heart_rate","value":1,"status":"final"}`)))}
		for name, src := range timed(t, end) {
			if strings.HasSuffix(name, "end") {
				sources[name] = src
			}
		}
		if len(sources) != 3 {
			t.Fatalf("%d formats have ends", len(sources))
		}
		for name, src := range sources {
			store := &shelf{}
			r, err := intake.Import(t.Context(), src, store, intake.Options{Now: func() time.Time { return time.Date(2026, 4, 1, 0, 0, 0, 0, time.UTC) }, Person: health.Identifier{System: "urn:s", Value: "p"}})
			if err != nil || r.Refused != 1 || len(store.rows) != 0 {
				t.Errorf("%s at %s: %s, %v", name, end, r.Summary(), err)
			}
		}
	}
}

// Times that are only a text stay as they are written, whatever their digits.
func TestTimesAsValuesStayTexts(t *testing.T) {
	const written = "2026-03-01T10:00:05.123456789123Z"
	rec := one(t, fhir.NewReader(strings.NewReader(`{"resourceType":"Observation","status":"final","code":{"text":"c"},"subject":{"reference":"Patient/p"},`+
		`"effectiveDateTime":"2026-03-01T10:00:00Z","valueDateTime":"`+written+`"}`)))
	if len(rec.Observations) != 1 || rec.Observations[0].ValueText != written || rec.Observations[0].HasValue {
		t.Errorf("%+v", rec)
	}
}

var _ health.Ingest = (*shelf)(nil)
