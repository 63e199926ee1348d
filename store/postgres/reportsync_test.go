package postgres_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"healthportal/app/genomics"
	"healthportal/app/genomics/reportsync"
	"healthportal/app/jobs"
	"healthportal/store/mirror"
)

// TestSyncIntoMirror goes the whole way of `portal sync-reports`: folder,
// PostgreSQL, mirror, record of the job.
func TestSyncIntoMirror(t *testing.T) {
	c := newClinic(t)
	c.addPerson("pub1", "MRN-1")
	root := t.TempDir()
	put := func(name, text string) {
		t.Helper()
		path := filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	put("MRN-1/a.pdf", "%PDF-1.4\n%%EOF")
	put("MRN-2/b.html", "<!doctype html><title>B</title>")
	m, err := genomics.ParseManifest("m.yaml", fmt.Appendf(nil, `{version: 1, reports: [{name: risk, root: %q, settle: 0s, include: ["**/*.pdf", "**/*.html"], patient: "^(?P<patient>[^/]+)/"}]}`, root))
	if err != nil {
		t.Fatal(err)
	}
	local, err := mirror.Open(t.Context(), filepath.Join(t.TempDir(), "mirror"))
	if err != nil {
		t.Fatal(err)
	}
	defer local.Close() //nolint:errcheck // the test is over
	sync := func() reportsync.Summary {
		t.Helper()
		var sum reportsync.Summary
		err := jobs.Run(t.Context(), c.db, "sync-reports", func(ctx context.Context) (jobs.Counts, error) {
			var err error
			sum, err = reportsync.Run(ctx, m, c.db, reportsync.Options{Follow: func(ctx context.Context) error { return local.Follow(ctx, c.db) }})
			return sum.Counts(), err
		})
		if err != nil {
			t.Fatal(err)
		}
		return sum
	}
	shown := func() string {
		t.Helper()
		page, err := local.Reports(t.Context(), genomics.ReportFilter{AllPersons: true})
		if err != nil {
			t.Fatal(err)
		}
		var list []string
		for _, r := range page.Reports {
			list = append(list, fmt.Sprintf("%s %s %v", r.Path, r.State, r.PersonID != 0))
		}
		return strings.Join(list, ", ")
	}
	sync()
	before := one[string](c, `SELECT string_agg(xmin::text || ' ' || change_no, ',' ORDER BY report_id) FROM analytics.genomics_reports`)
	if sum := sync(); sum.Total.Unchanged != 2 {
		t.Errorf("second run: %+v", sum.Total)
	}
	if after := one[string](c, `SELECT string_agg(xmin::text || ' ' || change_no, ',' ORDER BY report_id) FROM analytics.genomics_reports`); after != before {
		t.Errorf("unchanged rows were rewritten: %s, then %s", before, after)
	}
	c.addPerson("pub2", "MRN-2")
	if err := os.Remove(filepath.Join(root, "MRN-1/a.pdf")); err != nil {
		t.Fatal(err)
	}
	if sum := sync(); sum.Total.Gone != 1 || sum.Total.Changed != 1 {
		t.Errorf("third run: %+v", sum.Total)
	}
	if got := shown(); !strings.Contains(got, "MRN-2/b.html present true") || !strings.Contains(got, "MRN-1/a.pdf gone true") {
		t.Errorf("mirror: %s", got)
	}
	st, err := local.Status(t.Context())
	if err != nil || st.Rows != 2 || time.Since(st.Oldest()) > time.Minute {
		t.Errorf("status %+v, %v", st, err)
	}
	if n := one[int](c, `SELECT count(*) FROM ops.job_runs WHERE outcome = 'done' AND (counts->>'seen')::int > 0`); n != 3 {
		t.Errorf("%d recorded runs", n)
	}
}

// TestSyncRealReports counts the shared reports independently.
func TestSyncRealReports(t *testing.T) {
	dir, err := filepath.Abs("../../../shared/fixtures/reports")
	if err != nil {
		t.Fatal(err)
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Skip("skipped: ../shared/fixtures/reports is not there")
	}
	var html, pdf, other int
	for _, e := range entries {
		switch filepath.Ext(e.Name()) {
		case ".html":
			html++
		case ".pdf":
			pdf++
		default:
			other++
		}
	}
	c := newClinic(t)
	m, err := genomics.ParseManifest("m.yaml", fmt.Appendf(nil, `{version: 1, reports: [{name: real, root: %q, include: ["**/*"]}]}`, dir))
	if err != nil {
		t.Fatal(err)
	}
	sum, err := reportsync.Run(t.Context(), m, c.db, reportsync.Options{})
	if err != nil || sum.Total.Seen != html+pdf || sum.Total.Other != other || sum.Total.Problems != 0 {
		t.Errorf("%d HTML, %d PDF, %d other; summary %+v, %v", html, pdf, other, sum.Total, err)
	}
	got := one[string](c, `SELECT count(*) FILTER (WHERE format = 'html') || ' ' || count(*) FILTER (WHERE format = 'pdf') FROM analytics.genomics_reports
		WHERE state = 'present' AND octet_length(sha256) = 32`)
	if want := fmt.Sprintf("%d %d", html, pdf); got != want {
		t.Errorf("index holds %s, the folder %s", got, want)
	}
	title := one[string](c, `SELECT title FROM analytics.genomics_reports WHERE report_path = 'pharmcat.example.report.html'`)
	if title != "PharmCAT Report [pharmcat.example]" {
		t.Errorf("title %q", title)
	}
}
