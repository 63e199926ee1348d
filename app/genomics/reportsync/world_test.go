package reportsync

import (
	"context"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"healthportal/app/genomics"
)

// memory is an index in memory.
type memory struct {
	rows    map[string]genomics.Report // by root and path
	roots   map[string]genomics.RootStatus
	persons map[genomics.PatientRef]int64
	written []genomics.Report
	writes  int
	fail    map[string]error // by method
}

func (m *memory) ReportIndex(_ context.Context, root string) ([]genomics.Report, error) {
	var list []genomics.Report
	for _, r := range m.rows {
		if r.Root == root {
			list = append(list, r)
		}
	}
	return list, m.fail["ReportIndex"]
}

func (m *memory) ReportRoots(context.Context) ([]genomics.RootStatus, error) {
	return slices.Collect(maps.Values(m.roots)), m.fail["ReportRoots"]
}

func (m *memory) ResolvePatients(_ context.Context, refs []genomics.PatientRef) (map[genomics.PatientRef]int64, error) {
	known := map[genomics.PatientRef]int64{}
	for _, r := range refs {
		if id, ok := m.persons[r]; ok {
			known[r] = id
		}
	}
	return known, m.fail["ResolvePatients"]
}

func (m *memory) WriteReports(_ context.Context, u genomics.IndexUpdate) error {
	if err := m.fail["WriteReports"]; err != nil {
		return err
	}
	m.writes++
	m.written = u.Reports
	for _, r := range u.Reports {
		m.rows[r.Root+"/"+r.Path] = r
	}
	for _, st := range u.Roots {
		if st.IndexedAt.IsZero() {
			st.IndexedAt = m.roots[st.Name].IndexedAt
		}
		m.roots[st.Name] = st
	}
	for _, name := range u.DropRoots {
		delete(m.roots, name)
	}
	return nil
}

// world is a share with one root, its manifest and an index.
type world struct {
	t     *testing.T
	root  string
	extra string // further keys of the root in the manifest
	store *memory
	now   time.Time
	opt   Options
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{
		t: t, root: filepath.Join(t.TempDir(), "out"), now: time.Now().Add(time.Hour),
		store: &memory{rows: map[string]genomics.Report{}, roots: map[string]genomics.RootStatus{}, fail: map[string]error{}, persons: map[genomics.PatientRef]int64{
			{Value: "MRN-1"}: 1, {Value: "MRN-2"}: 2, {System: "urn:x", Value: "x1"}: 1,
		}},
	}
	w.mkdir(".")
	return w
}

func (w *world) mkdir(name string) {
	w.t.Helper()
	if err := os.MkdirAll(filepath.Join(w.root, name), 0o700); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) write(name, text string) {
	w.t.Helper()
	w.mkdir(filepath.Dir(name))
	if err := os.WriteFile(filepath.Join(w.root, name), []byte(text), 0o600); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) remove(name string) {
	w.t.Helper()
	if err := os.RemoveAll(filepath.Join(w.root, name)); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) link(name, to string) {
	w.t.Helper()
	w.mkdir(filepath.Dir(name))
	if err := os.Symlink(to, filepath.Join(w.root, name)); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) manifest() *genomics.Manifest {
	w.t.Helper()
	m, err := genomics.ParseManifest("/m.yaml", fmt.Appendf(nil, "version: 1\nreports:\n  - name: risk\n    root: %q\n    include: ['**/*.pdf', '**/*.html', '**/*.tsv']\n    patient: '^(?P<patient>[^/]+)/'\n%s", w.root, w.extra))
	if err != nil {
		w.t.Fatal(err)
	}
	return m
}

func (w *world) try() (Summary, error) {
	w.t.Helper()
	opt := w.opt
	opt.Now = func() time.Time { return w.now }
	return Run(w.t.Context(), w.manifest(), w.store, opt)
}

func (w *world) sync() RootSummary {
	w.t.Helper()
	sum, err := w.try()
	if err != nil {
		w.t.Fatal(err)
	}
	return sum.Total
}

// row is the index's row of a path.
func (w *world) row(path string) genomics.Report {
	w.t.Helper()
	r, ok := w.store.rows["risk/"+path]
	if !ok {
		w.t.Fatalf("%s is not in the index", path)
	}
	return r
}

func (w *world) expect(path string, state genomics.State, person int64, problem string) {
	w.t.Helper()
	r := w.row(path)
	if r.State != state || r.PersonID != person || (problem == "") != (r.Problem == "") || !strings.Contains(r.Problem, problem) {
		w.t.Errorf("%s: %s, person %d, problem %q; want %s, %d, %q", path, r.State, r.PersonID, r.Problem, state, person, problem)
	}
	if (r.PersonID == 0) != (r.Unassigned != "") {
		w.t.Errorf("%s: person %d, unassigned %q", path, r.PersonID, r.Unassigned)
	}
}

const (
	pdfText  = "%PDF-1.4\n%%EOF\n"
	htmlText = "<!doctype html><title>A report</title>"
)
