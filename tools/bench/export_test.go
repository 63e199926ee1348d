package main

import (
	"errors"
	"io/fs"
	"strings"
	"testing"

	"healthportal/app/health"
	"healthportal/store/postgres"
)

func TestAsJSON(t *testing.T) {
	script, err := postgres.ExportScript(health.EventFilter{Person: 7, From: beginning()}, health.ExportCSV, "PSTDOUT")
	if err != nil {
		t.Fatal(err)
	}
	got, err := asJSON(script)
	if err != nil {
		t.Fatal(err)
	}
	// The same query, and nothing else of it changes.
	_, query, _ := strings.Cut(script, `\copy (`)
	query, _, _ = strings.Cut(query, ") TO PSTDOUT")
	if n := strings.Count(got, `\copy (SELECT row_to_json(r) FROM (`+query+") r) TO PSTDOUT\n"); n != 1 {
		t.Errorf("the query is wrapped %d times in\n%s", n, got)
	}
	if !strings.HasPrefix(got, "BEGIN ") || !strings.HasSuffix(got, "COMMIT;\n") || strings.Contains(got, "FORCE_QUOTE") {
		t.Errorf("the script is\n%s", got)
	}
	for _, other := range []string{"", `\copy (SELECT 1) TO file (FORMAT csv)`, `\copy (SELECT 1) TO PSTDOUT (FORMAT csv`} {
		if _, err := asJSON(other); err == nil {
			t.Errorf("%q was taken for a script", other)
		}
	}
}

func TestIgnoreMissing(t *testing.T) {
	if err := ignoreMissing(fs.ErrNotExist); err != nil {
		t.Error(err)
	}
	if err := ignoreMissing(fs.ErrPermission); !errors.Is(err, fs.ErrPermission) {
		t.Error("another error is lost")
	}
}
