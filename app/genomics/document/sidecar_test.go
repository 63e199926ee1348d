package document

import (
	"strings"
	"testing"
	"time"

	"healthportal/app/genomics"
)

func TestSidecar(t *testing.T) {
	s := ParseSidecar([]byte("\xEF\xBB\xBF"+`{
		"$schema": "https://example.org/x", "file": "risk.pdf", "format": "pdf",
		"patient": {"record_number": "MRN-1"}, "kind": "polygenic-risk", "title": "Risk\u202E report",
		"status": "final", "generated_at": "2026-03-29T01:30:00.1234567+01:00",
		"risk": {"level": "high", "scale": "percentile of 1000G", "tool": "pgsc_calc 2.0", "score": 1.50},
		"summary": "top 5 %", "supersedes": "MRN-1/old.pdf", "synthetic": true}`), "risk.pdf")
	if len(s.Problems) > 0 || s.Untrusted {
		t.Fatal(s.Problems)
	}
	want := Sidecar{
		File: "risk.pdf", Format: "pdf", Patient: genomics.PatientRef{Value: "MRN-1"}, Kind: "polygenic-risk", Title: "Risk report",
		Status: genomics.Final, GeneratedAt: time.Date(2026, 3, 29, 0, 30, 0, 123456000, time.UTC),
		Risk:    genomics.Risk{Level: "high", Scale: "percentile of 1000G", Tool: "pgsc_calc 2.0", Score: "1.50"},
		Summary: "top 5 %", Supersedes: "MRN-1/old.pdf", Synthetic: true,
	}
	want.Problems, s.Problems = nil, nil
	if !s.GeneratedAt.Equal(want.GeneratedAt) || s.Patient != want.Patient || s.Risk != want.Risk || s.Title != want.Title ||
		s.Kind != want.Kind || s.Status != want.Status || s.Summary != want.Summary || s.Supersedes != want.Supersedes || !s.Synthetic {
		t.Errorf("got  %+v\nwant %+v", s, want)
	}
}

func TestSidecarWords(t *testing.T) {
	for name, c := range map[string]struct {
		json      string
		problem   string // occurs in the problems; empty: none
		untrusted bool
	}{
		"empty object":       {`{}`, "", false},
		"nulls":              {`{"patient": null, "title": null, "status": null, "generated_at": null, "supersedes": null}`, "", false},
		"system and value":   {`{"patient": {"system": "urn:x", "value": "7"}}`, "", false},
		"score as text":      {`{"risk": {"score": "OR 1.5"}}`, "", false},
		"empty file":         {``, "damaged", true},
		"not JSON":           {`title: x`, "damaged", true},
		"cut off":            {"{\n\"title\": \"x\",\n\"kind\"", "near line 3", true},
		"a list":             {`[]`, "no JSON object", true},
		"something after":    {`{} {}`, "follows", true},
		"key twice":          {`{"patient": {"record_number": "A"}, "patient": {"record_number": "B"}}`, "twice", true},
		"value damaged":      {`{"title": tru}`, "no valid JSON", true},
		"unknown key":        {`{"colour": 1}`, "does not know", false},
		"title no text":      {`{"title": 1}`, "title is no text", false},
		"bad status":         {`{"status": "done"}`, "status", false},
		"bad kind":           {`{"kind": "Risk!"}`, "kind", false},
		"time without zone":  {`{"generated_at": "2026-03-29T01:30:00"}`, "generated_at", false},
		"a date":             {`{"generated_at": "2026-03-29"}`, "generated_at", false},
		"time of 1970":       {`{"generated_at": "1970-01-01T00:00:00Z"}`, "generated_at", false},
		"climbing":           {`{"supersedes": "../x.pdf"}`, "supersedes", false},
		"absolute":           {`{"supersedes": "/x.pdf"}`, "supersedes", false},
		"unclean":            {`{"supersedes": "a/../x.pdf"}`, "supersedes", false},
		"backslash":          {`{"supersedes": "a\\x.pdf"}`, "supersedes", false},
		"synthetic no bool":  {`{"synthetic": "yes"}`, "synthetic", false},
		"risk no object":     {`{"risk": "high"}`, "risk is no object", false},
		"risk level alone":   {`{"risk": {"level": "high"}}`, "lacks its scale or tool", false},
		"risk unknown key":   {`{"risk": {"colour": "red"}}`, "does not know", false},
		"risk score no text": {`{"risk": {"score": [1]}}`, "score", false},
		"patient a text":     {`{"patient": "MRN-1"}`, "patient is no object", true},
		"patient empty":      {`{"patient": {}}`, "needs either", true},
		"patient both":       {`{"patient": {"record_number": "A", "system": "s", "value": "B"}}`, "needs either", true},
		"patient half":       {`{"patient": {"system": "s"}}`, "needs either", true},
		"patient number":     {`{"patient": {"record_number": 7}}`, "needs either", true},
		"patient key twice":  {`{"patient": {"record_number": "A", "record_number": "B"}}`, "patient", true},
		"patient extra key":  {`{"patient": {"record_number": "A", "x": 1}}`, "does not know", false},
		"another file":       {`{"file": "other.pdf"}`, "another file", true},
		"another format":     {`{"format": "html"}`, "another format", true},
		"deep nesting":       {strings.Repeat(`{"a":`, 20000), "damaged", true},
	} {
		t.Run(name, func(t *testing.T) {
			s := ParseSidecar([]byte(c.json), "risk.pdf")
			all := strings.Join(s.Problems, "; ")
			if (c.problem == "") != (all == "") || !strings.Contains(all, c.problem) {
				t.Errorf("problems %q, want %q", all, c.problem)
			}
			if s.Untrusted != c.untrusted {
				t.Errorf("untrusted %v: %q", s.Untrusted, all)
			}
			if s.Status == "" {
				t.Error("no status")
			}
		})
	}
}

func FuzzSidecar(f *testing.F) {
	f.Add([]byte(`{"patient": {"record_number": "A"}, "risk": {"score": 1e400}}`))
	f.Add([]byte(`{"a": [[[[`))
	f.Fuzz(func(t *testing.T, data []byte) {
		s := ParseSidecar(data, "a.pdf")
		if s.Untrusted && len(s.Problems) == 0 {
			t.Error("untrusted without a word")
		}
	})
}
