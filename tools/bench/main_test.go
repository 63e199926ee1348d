package main

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestUsage(t *testing.T) {
	tests := []struct {
		args []string
		code int
		want string
	}{
		{[]string{"-h"}, 0, "-events"},
		{[]string{"-nonsense"}, 2, "nonsense"},
		{[]string{"surplus"}, 2, `unexpected argument "surplus"`},
		{[]string{"-events", "0"}, 2, "choose 1 to 10000000"},
		{[]string{"-events", "x"}, 2, "invalid value"},
		{[]string{"-files", "99"}, 2, "choose 100 to 100000"},
		{[]string{"-files", "100001"}, 2, "choose 100 to 100000"},
		{[]string{"-runs", "0"}, 2, "choose 1 to 100"},
		{[]string{"-span", "99ms"}, 2, "choose 100ms to 10m0s"},
		{[]string{"-span", "11m"}, 2, "choose 100ms to 10m0s"},
		{[]string{"-span", "3"}, 2, "invalid value"},
		{[]string{"-depth", "0"}, 2, "-depth 0"},
		{[]string{"-rows", "20000001"}, 2, "choose 1 to 20000000"},
		{[]string{"-table", "0"}, 2, "-table 0"},
		{[]string{"-records", "0"}, 2, "-records 0"},
		{[]string{"import-one-file", "a"}, 1, "usage: import-one-file"},
		{[]string{"-only", "pages,speed"}, 2, `-only "speed": choose among import, memory, catchup, pages, series, export, reports`},
	}
	for _, tt := range tests {
		t.Run(strings.Join(tt.args, " "), func(t *testing.T) {
			var out, errs bytes.Buffer
			if code := start(t.Context(), tt.args, nil, &out, &errs); code != tt.code {
				t.Errorf("exit code %d, want %d", code, tt.code)
			}
			if !strings.Contains(errs.String(), tt.want) || out.Len() > 0 {
				t.Errorf("said %q and %q, want %q", errs.String(), out.String(), tt.want)
			}
		})
	}
}

func TestParse(t *testing.T) {
	opt, err := parse([]string{"-only", "series,import", "-files", "100000"}, []string{"A=b", "PG_BINDIR=/opt/pg"}, os.Stderr)
	if err != nil {
		t.Fatal(err)
	}
	if opt.pgBin != "/opt/pg" || opt.events != 200_000 || opt.files != 100_000 || opt.clients != 16 || opt.span != 3*time.Second {
		t.Errorf("options %+v", opt)
	}
	if !opt.measures(partSeries) || !opt.measures(partImport) || opt.measures(partPages) || opt.measures(partReports) {
		t.Errorf("parts %v", opt.only)
	}
	if opt, err = parse([]string{"-events", "10000000"}, nil, os.Stderr); err != nil || opt.rows != 10_000_000 {
		t.Errorf("ten million events are %d rows, %v", opt.rows, err)
	}
	if all := (options{}); !all.measures(partPages) {
		t.Error("without -only a part is left out")
	}
}

// temporary gives the run a folder for temporary files that the database's
// user can pass.
func temporary(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "bt")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	if err := os.Chmod(dir, 0o711); err != nil {
		t.Fatal(err)
	}
	t.Setenv("TMPDIR", dir)
	return dir
}

// nothingLeft fails the test where the run left a file behind. Chance finds of
// other programs can't be there: the folder is the test's own.
func nothingLeft(t *testing.T, dir string) {
	t.Helper()
	left, err := filepath.Glob(filepath.Join(dir, "*"))
	if err != nil {
		t.Fatal(err)
	}
	left = slices.DeleteFunc(left, func(name string) bool {
		entries, err := os.ReadDir(name) // the socket's folder stays, empty
		return err == nil && len(entries) == 0
	})
	if len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

// TestMain lets this program be the process that imports.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == childWord {
		os.Exit(start(context.Background(), os.Args[1:], nil, os.Stdout, os.Stderr))
	}
	os.Exit(m.Run())
}

// TestRun measures everything once, on little data: every measurement checks
// that both sides did what it compares.
func TestRun(t *testing.T) {
	dir := temporary(t)
	var out, errs bytes.Buffer
	args := []string{"-events", "3000", "-files", "100", "-runs", "1", "-span", "100ms", "-depth", "200", "-rows", "5000", "-records", "2000", "-table", "5000", "-json", "-explain"}
	if code := start(t.Context(), args, os.Environ(), &out, &errs); code != 0 {
		said := errs.String()
		t.Fatalf("exit code %d: ...%s", code, said[max(0, len(said)-2000):])
	}
	nothingLeft(t, dir)
	var doc struct {
		PostgreSQL string
		Results    []struct {
			Name        string
			Runs        []Pair
			NotMeasured string `json:"not_measured"`
		}
	}
	if err := json.Unmarshal(out.Bytes(), &doc); err != nil {
		t.Fatalf("%v in %s", err, out.String())
	}
	var names []string
	for _, r := range doc.Results {
		names = append(names, strings.TrimSpace(r.Name))
		if len(r.Runs) != 1 && r.NotMeasured == "" {
			t.Errorf("%s: %d runs, want 1", r.Name, len(r.Runs))
		}
		if r.NotMeasured != "" {
			t.Errorf("%s: not measured: %s", r.Name, r.NotMeasured)
		}
	}
	want := []string{
		"import Apple Health, 2000 rows", "the same import", "memory of the importing process",
		"import FHIR NDJSON, 3021 rows", "the same import", "memory of the importing process",
		"memory of importing Apple Health, 2000 Records",
		"catching up a day of 20 persons, 50000 rows", "page of 50 events, store", "its SQL with the count", "first page, store", "page at row 200", "page at row 200, store",
		"page of 50 events, HTTP",
		"daily series, two years", "the chart of two years, HTTP", "chart of all years, HTTP", "chart of a year's months, HTTP", "chart of a month's days, HTTP", "chart of a day's hours, HTTP",
		"page of a patient, HTTP",
		"export of 5000 events, csv, HTTP", "its first byte", "its memory", "export of 5000 events, ndjson, HTTP", "its first byte", "its memory", "the same export",
		"sync-reports, first run", "sync-reports, unchanged", "report list, first page", "report list, search for one",
	}
	if !slices.Equal(names, want) || doc.PostgreSQL == "" {
		t.Errorf("measured %q, want %q", names, want)
	}
	for _, part := range []string{"--- page of the event table\n", "--- daily series\n", "Execution Time"} {
		if !strings.Contains(errs.String(), part) {
			t.Errorf("-explain doesn't say %q", part)
		}
	}
}

func TestInterrupted(t *testing.T) {
	dir := temporary(t)
	ctx, cancel := context.WithCancel(t.Context())
	var out bytes.Buffer
	errs := &trigger{on: "import of", do: func() { time.AfterFunc(100*time.Millisecond, cancel) }}
	code := start(ctx, []string{"-events", "30000", "-records", "30000", "-runs", "5"}, os.Environ(), &out, errs)
	if code != 1 || !strings.Contains(errs.String(), "interrupted") || out.Len() > 0 {
		t.Errorf("exit code %d, %q, %q", code, errs.String(), out.String())
	}
	nothingLeft(t, dir)
}

// trigger is a log that does something at the first line of a kind.
type trigger struct {
	bytes.Buffer
	on string
	do func()
}

// Write keeps p and looks for the line.
func (w *trigger) Write(p []byte) (int, error) {
	if w.do != nil && strings.Contains(string(p), w.on) {
		w.do()
		w.do = nil
	}
	return w.Buffer.Write(p)
}

func TestNoServer(t *testing.T) {
	dir := temporary(t)
	var out, errs bytes.Buffer
	code := start(t.Context(), nil, []string{"PG_BINDIR=" + dir}, &out, &errs)
	if code != 1 || !strings.Contains(errs.String(), "apt-get install postgresql") {
		t.Errorf("exit code %d, %q", code, errs.String())
	}
	nothingLeft(t, dir)
}

func TestNoTemporaryFolder(t *testing.T) {
	t.Setenv("TMPDIR", filepath.Join(t.TempDir(), "missing"))
	var out, errs bytes.Buffer
	if code := start(t.Context(), nil, nil, &out, &errs); code != 1 || !strings.Contains(errs.String(), "TMPDIR") {
		t.Errorf("exit code %d, %q", code, errs.String())
	}
}

func TestPrograms(t *testing.T) {
	empty := t.TempDir()
	t.Setenv("PATH", empty)
	if _, err := findPrograms(empty); err == nil || !strings.Contains(err.Error(), "no program psql") || !strings.Contains(err.Error(), "apt-get") {
		t.Errorf("error %v", err)
	}
	for _, name := range []string{"psql", "pgbench", "find", "sha256sum"} {
		if err := os.WriteFile(filepath.Join(empty, name), []byte("#!/bin/sh\necho out; echo err >&2; test \"$1\" = ok\n"), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	p, err := findPrograms(t.TempDir())
	if err != nil || p.find != filepath.Join(empty, "find") {
		t.Fatalf("%+v, %v", p, err)
	}
	out, errs, err := outputs(t.Context(), nil, p.psql, "ok")
	if err != nil || out != "out\n" || errs != "err\n" {
		t.Errorf("%q, %q, %v", out, errs, err)
	}
	if _, _, err := outputs(t.Context(), nil, p.psql); err == nil || !strings.Contains(err.Error(), "psql: exit status 1: err") {
		t.Errorf("error %v", err)
	}
}
