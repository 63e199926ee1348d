package document

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"healthportal/app/genomics"
)

const fixtures = "../../../../shared/fixtures/reports"

func read(t *testing.T, format genomics.Format, content string) Info {
	t.Helper()
	info, err := Read(t.Context(), strings.NewReader(content), int64(len(content)), format)
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256([]byte(content))
	if info.SHA256 != hex.EncodeToString(sum[:]) {
		t.Errorf("digest %s", info.SHA256)
	}
	return info
}

func TestState(t *testing.T) {
	pad := strings.Repeat(" ", 1100)
	for name, c := range map[string]struct {
		format  genomics.Format
		content string
		want    genomics.State
	}{
		"empty pdf":             {genomics.PDF, "", genomics.Empty},
		"empty html":            {genomics.HTML, "", genomics.Empty},
		"pdf":                   {genomics.PDF, "%PDF-1.7\n...\n%%EOF\n", genomics.Present},
		"pdf after a few bytes": {genomics.PDF, "\r\n\x00%PDF-1.7\n%%EOF", genomics.Present},
		"pdf too late":          {genomics.PDF, pad + "%PDF-1.7\n%%EOF", genomics.Mismatch},
		"pdf cut off":           {genomics.PDF, "%PDF-1.7\n1 0 obj", genomics.Mismatch},
		"pdf end mark long ago": {genomics.PDF, "%PDF-1.7\n%%EOF" + strings.Repeat("x", tailSize), genomics.Mismatch},
		"html as pdf":           {genomics.PDF, "<!doctype html><title>x</title>", genomics.Mismatch},
		"polyglot":              {genomics.PDF, "<script>1</script>%PDF-1.7\n%%EOF", genomics.Mismatch},
		"html":                  {genomics.HTML, "<!DOCTYPE html><p>x", genomics.Present},
		"html without doctype":  {genomics.HTML, "\n\n<div>x</div>", genomics.Present},
		"html with a mark":      {genomics.HTML, "\xEF\xBB\xBF<html>", genomics.Present},
		"html after text":       {genomics.HTML, "1 < 2 <b>x</b>", genomics.Present},
		"pdf as html":           {genomics.HTML, "%PDF-1.7\n<html>%%EOF", genomics.Mismatch},
		"text as html":          {genomics.HTML, "a < b and 3 <4", genomics.Mismatch},
		"binary as html":        {genomics.HTML, "\x89PNG\x00<html>", genomics.Mismatch},
		"utf-16":                {genomics.HTML, "\xFF\xFE<\x00h\x00", genomics.Mismatch},
	} {
		t.Run(name, func(t *testing.T) {
			info := read(t, c.format, c.content)
			if info.State != c.want {
				t.Errorf("state %s (%s), want %s", info.State, info.Problem, c.want)
			}
			if (info.Problem == "") != (c.want == genomics.Present) {
				t.Errorf("problem %q", info.Problem)
			}
		})
	}
}

func TestHTMLMetadata(t *testing.T) {
	for name, c := range map[string]struct {
		content string
		want    Info
	}{
		"title and generator": {`<title> A &amp; B
			report</title><meta name=Generator content="Tool 1.2">`, Info{Title: "A & B report", Tool: "Tool 1.2"}},
		"first title counts": {`<title>One</title><svg><title>Two</title></svg>`, Info{Title: "One"}},
		"no title":           {`<p>x`, Info{}},
		"title never closed": {`<title>x`, Info{}},
		"title too long":     {`<title>` + strings.Repeat("x", maxTitle+1) + `</title>`, Info{}},
		"reordering marks":   {"<title>a\u202Eb</title>", Info{Title: "ab"}},
		"patient":            {`<meta name="patient-record-number" content=" MRN-7 "><title>x</title>`, Info{Title: "x", Patient: genomics.PatientRef{Value: "MRN-7"}}},
		"patient named twice": {`<meta name="patient-record-number" content="A"><meta name="patient-record-number" content="B">`,
			Info{Patient: genomics.PatientRef{Value: "A"}}},
		"MultiQC": {`<!-- This report was generated using MultiQC, version 1.35.dev0. --><title>MultiQC Report</title>`,
			Info{Title: "MultiQC Report", Kind: kindQuality, Tool: "MultiQC 1.35.dev0"}},
		"MultiQC without version": {`<title>MultiQC Report</title>`, Info{Title: "MultiQC Report", Kind: kindQuality, Tool: "MultiQC"}},
		"PharmCAT": {`<title>PharmCAT Report [x]</title><table><tr><th>Date created</th><td>May 1, 2026</td></tr><tr><th>PharmCAT Version</th><td>v3.1.0</td></tr></table>`,
			Info{Title: "PharmCAT Report [x]", Kind: kindPGx, Tool: "PharmCAT v3.1.0", Day: "May 1, 2026"}},
		"title in a script": {`<script>var a = "<title>no</title>"</script><title>yes</title>`, Info{Title: "yes"}},
	} {
		t.Run(name, func(t *testing.T) {
			got := read(t, genomics.HTML, c.content)
			got.SHA256, got.State = "", ""
			if got != c.want {
				t.Errorf("got  %+v\nwant %+v", got, c.want)
			}
		})
	}
}

func TestHTMLOnlyItsStart(t *testing.T) {
	late := "<p>" + strings.Repeat("x", headSize) + "<title>late</title>"
	if info := read(t, genomics.HTML, late); info.Title != "" || info.State != genomics.Present {
		t.Errorf("%+v", info)
	}
}

// pdf makes a one-object document with an information dictionary.
func pdf(info, trailer string) string {
	var b bytes.Buffer
	b.WriteString("%PDF-1.4\n")
	at := b.Len()
	fmt.Fprintf(&b, "7 0 obj\n<<%s>>\nendobj\n", info)
	xref := b.Len()
	fmt.Fprintf(&b, "xref\n0 1\n0000000000 65535 f \n7 1\n%010d 00000 n \ntrailer\n<< /Size 8 /Info 7 0 R %s>>\nstartxref\n%d\n%%%%EOF\n", at, trailer, xref)
	return b.String()
}

func TestPDFMetadata(t *testing.T) {
	for name, c := range map[string]struct {
		info string
		want Info
	}{
		"literal":         {`/Title (Risk \(high\) report) /Producer (P) /Creator (C)`, Info{Title: "Risk (high) report", Tool: "C"}},
		"producer only":   {`/Producer(P 1.0)`, Info{Tool: "P 1.0"}},
		"nested brackets": {`/Title (a (b) c)`, Info{Title: "a (b) c"}},
		"octal and line":  {"/Title (caf\\351 \\\nx\\n\\tz)", Info{Title: "café x z"}},
		"utf-16":          {"/Title (\xFE\xFF\x00R\x00\xEF)", Info{Title: "Rï"}},
		"utf-8":           {"/Title (\xEF\xBB\xBFRï)", Info{Title: "Rï"}},
		"hex":             {"/Title <FEFF0052 00EF>", Info{Title: "Rï"}},
		"hex broken":      {"/Title <FE F>", Info{}},
		"hex open":        {"/Title <FEFF", Info{}},
		"untitled":        {"/Title (untitled)", Info{}},
		"a path":          {"/Title (/home/x/case7/a.tsv)", Info{}},
		"a windows path":  {`/Title (C:\\x\\a.tsv)`, Info{}},
		"not Latin-1":     {"/Title (a\x93b)", Info{}},
		"never closed":    {"/Title (abc", Info{}},
		"backslash last":  {"/Title (abc\\", Info{}},
		"a reference":     {"/Title 9 0 R", Info{}},
		"a dictionary":    {"/Title << /A 1 >>", Info{}},
		"date":            {"/CreationDate (D:20260329013000+02'00')", Info{GeneratedAt: time.Date(2026, 3, 28, 23, 30, 0, 0, time.UTC)}},
		"date in UTC":     {"/CreationDate (D:20260329013000Z)", Info{GeneratedAt: time.Date(2026, 3, 29, 1, 30, 0, 0, time.UTC)}},
		"date, no zone":   {"/CreationDate (D:20260329013000)", Info{}},
		"date impossible": {"/CreationDate (D:20261329013000Z)", Info{}},
	} {
		t.Run(name, func(t *testing.T) {
			got := read(t, genomics.PDF, pdf(c.info, ""))
			if got.State != genomics.Present {
				t.Fatal(got.Problem)
			}
			got.SHA256, got.State = "", ""
			if got != c.want {
				t.Errorf("got  %+v\nwant %+v", got, c.want)
			}
		})
	}
}

func TestPDFWithoutPlainTable(t *testing.T) {
	good := pdf("/Title (x)", "")
	for name, content := range map[string]string{
		"encrypted":          pdf("/Title (x)", "/Encrypt 3 0 R"),
		"no startxref":       strings.Replace(good, "startxref", "startxxxx", 1),
		"no info":            strings.Replace(good, "/Info", "/Onfi", 1),
		"table elsewhere":    strings.Replace(good, "\nxref", "\nfrex", 1),
		"table past the end": strings.Replace(good, "startxref\n", "startxref\n99999999", 1),
		"object elsewhere":   strings.Replace(good, "7 0 obj", "8 0 obj", 1),
		"object not listed":  strings.Replace(good, "/Info 7", "/Info 5", 1),
		"object never ends":  strings.Replace(good, "endobj", "endxxx", 1),
		"object free":        strings.Replace(good, "00000 n", "00000 f", 1),
		"entries missing":    strings.Replace(good, "7 1\n", "7 900\n", 1),
		"negative count":     strings.Replace(good, "7 1\n", "7 -1\n", 1),
		"words as numbers":   strings.Replace(good, "7 1\n", "a b\n", 1),
	} {
		t.Run(name, func(t *testing.T) {
			if info := read(t, genomics.PDF, content); info.Title != "" || info.State != genomics.Present {
				t.Errorf("%+v", info)
			}
		})
	}
}

type failing struct{ after int64 }

var errShare = errors.New("input/output error")

func (f failing) ReadAt(p []byte, off int64) (int, error) {
	if off >= f.after {
		return 0, errShare
	}
	for i := range p {
		p[i] = ' '
	}
	return len(p), nil
}

func TestReadErrors(t *testing.T) {
	for _, after := range []int64{0, 1} {
		if _, err := Read(t.Context(), failing{after}, 1<<20, genomics.PDF); !errors.Is(err, errShare) {
			t.Errorf("failing at %d: %v", after, err)
		}
	}
	if _, err := hash(t.Context(), &brokenReader{}); !errors.Is(err, errShare) {
		t.Errorf("hash: %v", err)
	}
	over, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Read(over, strings.NewReader("<p>"), 3, genomics.HTML); !errors.Is(err, context.Canceled) {
		t.Errorf("ended context: %v", err)
	}
	if _, err := Read(t.Context(), strings.NewReader("<p>"), 30, genomics.HTML); err == nil {
		t.Error("a file that shrank must be an error")
	}
}

type brokenReader struct{}

func (*brokenReader) Read([]byte) (int, error) { return 0, errShare }

func TestRealReports(t *testing.T) {
	if _, err := os.Stat(fixtures); err != nil {
		t.Skip("skipped: ../shared/fixtures/reports is not there")
	}
	for name, want := range map[string]Info{
		"pharmcat.example.report.html":           {Title: "PharmCAT Report [pharmcat.example]", Kind: kindPGx, Tool: "PharmCAT v3.1.0-2-g0b250f81", Day: "November 14, 2025"},
		"pharmcat.example2.report.html":          {Title: "PharmCAT Report [pharmcat.example2]", Kind: kindPGx, Tool: "PharmCAT v3.1.0-2-g0b250f81", Day: "November 14, 2025"},
		"pharmcat.example.match.html":            {Title: "PharmCAT Allele Call Report for Sample_1 in pharmcat.example.vcf", Kind: kindPGx, Tool: "PharmCAT"},
		"variant_effect_output.txt_summary.html": {Title: "VEP summary", Kind: kindVEP, Tool: "Ensembl VEP 115.0 (116)"},
		"cancer_coverage_qc_report.html":         {Title: "Klinisk sekvensering av cancerprover - Kvalitetsrapport", Tool: "Markdown"},
		"example_sampleinfo.html":                {Title: "IGV Variant Inspector"},
		"draw-fusions-example.pdf":               {Tool: "R"},
		"cancer_cnv_report.pdf":                  {},
	} {
		t.Run(name, func(t *testing.T) {
			f, err := os.Open(filepath.Join(fixtures, name))
			if err != nil {
				t.Fatal(err)
			}
			defer f.Close() //nolint:errcheck // only read
			st, err := f.Stat()
			if err != nil {
				t.Fatal(err)
			}
			format, _ := genomics.FormatOf(name)
			got, err := Read(t.Context(), f, st.Size(), format)
			if err != nil {
				t.Fatal(err)
			}
			if got.State != genomics.Present || len(got.SHA256) != 64 {
				t.Fatalf("%+v", got)
			}
			t.Logf("tool %q, made %v", got.Tool, got.GeneratedAt)
			if format == genomics.PDF {
				want.Tool, want.GeneratedAt = got.Tool, got.GeneratedAt
			}
			got.State, got.SHA256 = "", ""
			if got != want {
				t.Errorf("got  %+v\nwant %+v", got, want)
			}
		})
	}
}

func TestPharmCATTime(t *testing.T) {
	report := Info{Tool: "PharmCAT v3", Day: "November 14, 2025"}
	good := `{"title":"x","timestamp":"2025-11-14T22:36:36.135Z","pharmcatVersion":"v3","genes":{}}`
	if at, ok := PharmCATTime(strings.NewReader(good), report); !ok || !at.Equal(time.Date(2025, 11, 14, 22, 36, 36, 135e6, time.UTC)) {
		t.Errorf("%v, %v", at, ok)
	}
	for name, c := range map[string]struct {
		json   string
		report Info
	}{
		"another version":    {good, Info{Tool: "PharmCAT v4", Day: report.Day}},
		"no day":             {good, Info{Tool: report.Tool}},
		"another day":        {good, Info{Tool: report.Tool, Day: "November 11, 2025"}},
		"not JSON":           {"x", report},
		"a list":             {"[1]", report},
		"cut off":            {`{"title":`, report},
		"no version":         {`{"timestamp":"2025-11-14T22:36:36Z","genes":{}}`, report},
		"timestamp no time":  {`{"timestamp":"soon","pharmcatVersion":"v3"}`, report},
		"timestamp a number": {`{"timestamp":1,"pharmcatVersion":"v3"}`, report},
	} {
		if at, ok := PharmCATTime(strings.NewReader(c.json), c.report); ok {
			t.Errorf("%s: %v", name, at)
		}
	}
	if n, ok := PharmCATCompanion("a/b.report.html"); !ok || n != "a/b.report.json" {
		t.Errorf("companion %q, %v", n, ok)
	}
	if _, ok := PharmCATCompanion("b.match.html"); ok {
		t.Error("a match report has no companion")
	}
}

func FuzzRead(f *testing.F) {
	f.Add(pdf("/Title (x)", ""), true)
	f.Add("<title>x</title><table><tr><th>a</th><td>b</td></tr></table>", false)
	f.Fuzz(func(t *testing.T, content string, isPDF bool) {
		format := genomics.HTML
		if isPDF {
			format = genomics.PDF
		}
		info, err := Read(t.Context(), strings.NewReader(content), int64(len(content)), format)
		if err != nil {
			t.Fatal(err)
		}
		if info.State == genomics.Present == (info.Problem != "") {
			t.Errorf("state %s with problem %q", info.State, info.Problem)
		}
	})
}
