package cli

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"healthportal/app/intake"
)

func TestReportTable(t *testing.T) {
	r := intake.Report{Format: "fhir-bundle", ImportID: 7, Lines: 1502, Persons: 2, NewPersons: 1, Read: 12345678, Stored: 12345675, Repeated: 1, Refused: 2, Absent: 3,
		LeftOut: map[string]int{"Claim": 3, "Condition": 1200}, Reasons: map[string]int{"b": 1, "a": 1}, Notes: []string{"one page"}}
	var out bytes.Buffer
	if err := writeReport(&out, "-", &r); err != nil {
		t.Fatal(err)
	}
	want := `standard input: fhir-bundle, import 7
  entries            1,502
  persons                2  1 created
  values read   12,345,678
    stored      12,345,675
    repeated             1  were there already
    corrected            0
    refused              2
  absent                 3  without a value in the file itself
  left out           1,203  Condition 1,200, Claim 3
  refused because
         1  a
         1  b
  note: one page
`
	if out.String() != want {
		t.Errorf("printed\n%swant\n%s", out.String(), want)
	}
	if err := writeReport(closed{}, "-", &r); err == nil {
		t.Error("a report that nobody can read counts as printed")
	}
}

func TestReportOfOutdatedValues(t *testing.T) {
	r := intake.Report{Format: "fhir-ndjson", Lines: 3, Read: 3, Stored: 1, Outdated: 2}
	var out bytes.Buffer
	if err := writeReport(&out, "f", &r); err != nil {
		t.Fatal(err)
	}
	if want := "    corrected   0\n    outdated    2  older than what was known: kept in the history of the value\n    refused     0\n"; !strings.Contains(out.String(), want) {
		t.Errorf("printed\n%s", out.String())
	}
	if want := "1 stored, 0 repeated, 0 corrected, 0 refused, 2 older than what was known"; !strings.Contains(r.Summary(), want) {
		t.Errorf("summary %s", r.Summary())
	}
}

func TestLongLists(t *testing.T) {
	r := intake.Report{Lines: 1, Refused: 40, Reasons: map[string]int{}, LeftOut: map[string]int{}}
	for i := range 20 {
		r.Reasons[fmt.Sprintf("reason %02d", i)] = i + 1
		r.LeftOut[fmt.Sprintf("Kind%02d", i)] = 1
	}
	var out bytes.Buffer
	if err := writeReport(&out, "f", &r); err != nil {
		t.Fatal(err)
	}
	got := out.String()
	for text, there := range map[string]bool{"20  reason 19": true, "13  reason 12": true, "reason 11": false, "and 12 further reasons": true,
		"Kind11 1, and 8 further kinds": true, "Kind12": false} {
		if strings.Contains(got, text) != there {
			t.Errorf("%q there: %v\n%s", text, !there, got)
		}
	}
}

func TestGrouped(t *testing.T) {
	for n, want := range map[int]string{0: "0", 999: "999", 1000: "1,000", 1234567: "1,234,567"} {
		if got := grouped(n); got != want {
			t.Errorf("%d is %s", n, got)
		}
	}
}

func TestImportProgress(t *testing.T) {
	var out bytes.Buffer
	due := func(p *importProgress) { p.bar.last = time.Now().Add(-plainEvery) }
	p := &importProgress{bar: newProgress(&out), total: 200_000_000}
	p.rewound()
	due(p)
	p.read(50_000_000)
	p.read(50_000_000)
	p.rewound()
	due(p)
	p.read(1_000_000)
	due(p)
	p.report(intake.Report{Stored: 5, Refused: 1})
	p.done()
	stream := &importProgress{bar: newProgress(&out)}
	due(stream)
	stream.read(1_500_000)
	want := `50.0 of 200.0 MB (25 %): 0 stored, 0 repeated, 0 corrected, 0 refused
1.0 of 200.0 MB (0 %), reading 2: 0 stored, 0 repeated, 0 corrected, 0 refused
1.0 of 200.0 MB (0 %), reading 2: 5 stored, 0 repeated, 0 corrected, 1 refused
1.5 MB: 0 stored, 0 repeated, 0 corrected, 0 refused
`
	if out.String() != want {
		t.Errorf("printed\n%swant\n%s", out.String(), want)
	}
}

func TestMeters(t *testing.T) {
	n := 0
	m := &meter{strings.NewReader("hello"), func(i int) { n += i }}
	if b, err := io.ReadAll(m); err != nil || string(b) != "hello" || n != 5 {
		t.Errorf("%q, %v, counted %d", b, err, n)
	}
	broken := errors.New("disk on fire")
	m = &meter{io.MultiReader(strings.NewReader("x"), failing{broken}), func(int) {}}
	if _, err := io.ReadAll(m); !errors.Is(err, broken) {
		t.Errorf("%v", err)
	}
}

type failing struct{ err error }

func (f failing) Read([]byte) (int, error) { return 0, f.err }
