package genomics

import (
	"errors"
	"strings"
	"testing"
	"time"
)

func TestGlob(t *testing.T) {
	for _, c := range []struct {
		pattern, name string
		want          bool
	}{
		{"**/*.pdf", "a.pdf", true},
		{"**/*.pdf", "x/y/z/a.PDF", true},
		{"**/*.pdf", "a.pdf.json", false},
		{"*.pdf", "x/a.pdf", false},
		{"x/**", "x/a/b", true},
		{"x/**", "x", true},
		{"x/**/b", "x/b", true},
		{"x/**/b", "x/1/2/b", true},
		{"x/**/b", "y/1/b", false},
		{"**/a/**/b", "1/a/2/a/3/b", true},
		{"**/a/**/b", "1/2/b", false},
		{"p?/[ab].html", "p1/b.html", true},
		{"p?/[ab].html", "p12/b.html", false},
		{"**", "any/thing", true},
		{"**/**/**/**/**/**/x", strings.Repeat("y/", 200) + "z", false},
	} {
		if got := matchGlob(c.pattern, c.name); got != c.want {
			t.Errorf("%s on %s: %v, want %v", c.pattern, c.name, got, c.want)
		}
	}
	r := ReportRoot{Include: []string{"**/*.pdf"}, Exclude: []string{"tmp/**"}}
	if !r.Includes("a/b.pdf") || r.Includes("tmp/b.pdf") || r.Includes("b.html") {
		t.Error("include and exclude")
	}
}

func TestFormatOf(t *testing.T) {
	for name, want := range map[string]Format{"a.pdf": PDF, "A.PDF": PDF, "x/a.html": HTML, "a.htm": HTML, "a.pdf.json": "", "a": "", "pdf": ""} {
		if got, ok := FormatOf(name); got != want || ok != (want != "") {
			t.Errorf("%s: %q, %v", name, got, ok)
		}
	}
	if PDF.MediaType() != "application/pdf" || HTML.MediaType() != "text/html" {
		t.Error("media types")
	}
}

func TestParseReportStatus(t *testing.T) {
	for s, want := range map[string]bool{"final": true, "preliminary": true, "amended": true, "withdrawn": true, "unknown": true, "Final": false, "": false, "done": false} {
		if st, ok := ParseReportStatus(s); ok != want || (!ok && st != UnknownStatus) {
			t.Errorf("%q: %v, %v", s, st, ok)
		}
	}
}

func TestCleanText(t *testing.T) {
	for in, want := range map[string]string{
		"  a \n\t b ":            "a b",
		"evil\u202Efdp.exe":      "evilfdp.exe",
		"a\x00b\x1b[31m":         "ab[31m",
		"\u2066x\u2069\u200E":    "x",
		"bad \xff byte":          "bad \uFFFD byte",
		"Ünïcode שלום":           "Ünïcode שלום",
		"a\u00a0b":               "a b",
		"line\u2028separator":    "line separator",
		"<script>alert</script>": "<script>alert</script>", // escaping is the page's work
	} {
		if got := CleanText(in); got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
}

func TestCursor(t *testing.T) {
	c := ReportCursor{At: time.Date(2026, 3, 29, 1, 2, 3, 456000, time.UTC), ID: "abc234"}
	got, err := ParseReportCursor(c.String())
	if err != nil || got != c {
		t.Errorf("got %+v, %v", got, err)
	}
	early := ReportCursor{At: time.Date(1955, 1, 1, 0, 0, 0, 0, time.UTC), ID: "x"}
	if got, err := ParseReportCursor(early.String()); err != nil || got != early {
		t.Errorf("before 1970: %+v, %v", got, err)
	}
	for _, s := range []string{"", ".", "x", "x.", ".x", "z!.a", "10.A", "10.a b", "10.a'--", "99999999999999999999.a", "10." + strings.Repeat("a", 65)} {
		if _, err := ParseReportCursor(s); !errors.Is(err, ErrBadCursor) {
			t.Errorf("%q: %v", s, err)
		}
	}
}

func TestFilterValidate(t *testing.T) {
	f := ReportFilter{}
	if err := f.Validate(); err != nil || f.Size != DefaultReportPage {
		t.Errorf("zero filter: %v, size %d", err, f.Size)
	}
	c := &ReportCursor{}
	for name, f := range map[string]ReportFilter{
		"size 0 below":   {Size: -1},
		"size above":     {Size: MaxReportPage + 1},
		"both cursors":   {After: c, Before: c},
		"long text":      {Text: strings.Repeat("x", 201)},
		"unassigned and": {Unassigned: true, Person: 1},
	} {
		if err := f.Validate(); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

func TestAssign(t *testing.T) {
	claim := func(system, value string) Claim { return Claim{PatientRef{system, value}, "path"} }
	known := map[PatientRef]int64{{"", "A"}: 1, {"urn:x", "a"}: 1, {"", "B"}: 2}
	for name, c := range map[string]struct {
		claims []Claim
		person int64
		why    string
	}{
		"no claim":                {nil, 0, UnassignedNobody},
		"one":                     {[]Claim{claim("", "A")}, 1, ""},
		"two words, one person":   {[]Claim{claim("", "A"), claim("urn:x", "a")}, 1, ""},
		"twice the same":          {[]Claim{claim("", "A"), claim("", "A")}, 1, ""},
		"unknown":                 {[]Claim{claim("", "C")}, 0, UnassignedUnknown},
		"unknown twice":           {[]Claim{claim("", "C"), claim("", "C")}, 0, UnassignedUnknown},
		"two persons":             {[]Claim{claim("", "A"), claim("", "B")}, 0, UnassignedConflict},
		"known and unknown":       {[]Claim{claim("", "A"), claim("", "C")}, 0, UnassignedConflict},
		"two unknown":             {[]Claim{claim("", "C"), claim("", "D")}, 0, UnassignedConflict},
		"value of another system": {[]Claim{claim("urn:y", "A")}, 0, UnassignedUnknown},
	} {
		r := Report{PersonID: 9, Unassigned: "old", Claims: c.claims}
		r.Assign(known)
		if r.PersonID != c.person || r.Unassigned != c.why {
			t.Errorf("%s: person %d, %q", name, r.PersonID, r.Unassigned)
		}
	}
}

func TestReportWords(t *testing.T) {
	r := Report{Claims: []Claim{{PatientRef{"", "A"}, "path"}, {PatientRef{"urn:x", "A"}, "sidecar"}, {PatientRef{"", "B"}, "document"}}, ModTime: time.Unix(5, 0)}
	if got := r.PatientRef(); got != "A / B" {
		t.Errorf("patient reference %q", got)
	}
	if !r.SortTime().Equal(time.Unix(5, 0)) {
		t.Error("without a date the file's own counts")
	}
	r.GeneratedAt = time.Unix(3, 0)
	if !r.SortTime().Equal(time.Unix(3, 0)) {
		t.Error("the report's own date counts")
	}
}

func TestOldest(t *testing.T) {
	at := func(s int64) RootStatus { return RootStatus{IndexedAt: time.Unix(s, 0)} }
	for name, c := range map[string]struct {
		roots []RootStatus
		want  time.Time
	}{
		"none":        {nil, time.Time{}},
		"oldest":      {[]RootStatus{at(5), at(3), at(9)}, time.Unix(3, 0)},
		"never, last": {[]RootStatus{at(5), {}}, time.Time{}},
		"never first": {[]RootStatus{{}, at(5)}, time.Time{}},
	} {
		if got := (IndexState{Roots: c.roots}).Oldest(); !got.Equal(c.want) {
			t.Errorf("%s: %v", name, got)
		}
	}
}
