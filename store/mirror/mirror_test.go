package mirror

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"healthportal/app/genomics"
	"healthportal/app/health"
)

// index is a source in memory.
type index struct {
	state   genomics.IndexState
	reports []genomics.Report
	persons []health.Person
	after   []int64
	fail    error
}

func (x *index) ReadIndex(_ context.Context, begin func(genomics.IndexState) (int64, error), each func(genomics.Report) error) error {
	after, err := begin(x.state)
	if err != nil {
		return err
	}
	x.after = append(x.after, after)
	for _, r := range x.reports {
		if r.ChangeNo <= after {
			continue
		}
		if err := each(r); err != nil {
			return err
		}
	}
	return x.fail
}

func (x *index) ReportPersons(context.Context) ([]health.Person, error) { return x.persons, nil }

// put adds or replaces a report with a new change number.
func (x *index) put(r genomics.Report) {
	x.state.LastChange++
	r.ChangeNo = x.state.LastChange
	x.reports = slices.DeleteFunc(x.reports, func(o genomics.Report) bool { return o.ID == r.ID })
	x.reports = append(x.reports, r)
	x.state.Rows = len(x.reports)
}

var noon = time.Date(2026, 3, 29, 12, 0, 0, 123456000, time.UTC)

func report(n int) genomics.Report {
	return genomics.Report{
		ID: fmt.Sprintf("r%03d", n), Root: "risk", Path: fmt.Sprintf("p%d/a.pdf", n), PersonID: int64(1 + n%3),
		Claims: []genomics.Claim{{PatientRef: genomics.PatientRef{Value: fmt.Sprintf("MRN-%d", 1+n%3)}, From: "path"}},
		Kind:   []string{"pgx", "prs"}[n%2], Title: fmt.Sprintf("Report %d", n), Format: genomics.PDF, Status: genomics.Final,
		State: genomics.Present, Size: int64(n), ModTime: noon, SHA256: "ab", GeneratedAt: noon.Add(time.Duration(n/4) * time.Hour),
		Risk: genomics.Risk{Level: "high", Scale: "s", Tool: "t", Score: "1.50"}, Tool: "x", Summary: "Ünïcode summary", Synthetic: n%2 == 0,
	}
}

func filled(t *testing.T, n int) (*Mirror, *index) {
	t.Helper()
	x := &index{state: genomics.IndexState{Epoch: "db1", Roots: []genomics.RootStatus{{Name: "risk", IndexedAt: noon}, {Name: "new", Problem: "gone"}}}}
	for i := range n {
		x.put(report(i))
	}
	x.persons = []health.Person{{ID: 1, PublicID: "pub1", RecordNumber: "MRN-1", FamilyName: "Ångström", BirthDate: health.Day{Year: 1980, Month: 2, Dom: 29}, Sex: health.Female, Synthetic: true}, {ID: 2, PublicID: "pub2"}}
	m, err := Open(t.Context(), filepath.Join(t.TempDir(), "mirror"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := m.Close(); err != nil {
			t.Error(err)
		}
	})
	if err := m.Follow(t.Context(), x); err != nil {
		t.Fatal(err)
	}
	return m, x
}

func TestFilesArePrivate(t *testing.T) {
	m, _ := filled(t, 3)
	for path, want := range map[string]os.FileMode{m.path: 0o600, m.path + "-wal": 0o600, filepath.Dir(m.path): 0o700} {
		info, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		if got := info.Mode().Perm(); got != want {
			t.Errorf("%s: mode %o, want %o", filepath.Base(path), got, want)
		}
	}
}

func TestReportSurvivesTheRoundTrip(t *testing.T) {
	m, x := filled(t, 5)
	for _, want := range x.reports {
		got, err := m.Report(t.Context(), want.ID)
		if err != nil {
			t.Fatal(err)
		}
		if fmt.Sprintf("%+v", got) != fmt.Sprintf("%+v", want) {
			t.Errorf("got  %+v\nwant %+v", got, want)
		}
	}
	if _, err := m.Report(t.Context(), "nope"); !errors.Is(err, health.ErrNotFound) {
		t.Errorf("unknown id: %v", err)
	}
}

func TestFollowTakesOnlyChanges(t *testing.T) {
	m, x := filled(t, 10)
	r := report(4)
	r.Title, r.State = "Vanished", genomics.Gone
	x.put(r)
	x.put(report(77))
	if err := m.Follow(t.Context(), x); err != nil {
		t.Fatal(err)
	}
	if want := []int64{0, 10}; !slices.Equal(x.after, want) {
		t.Errorf("read on from %v, want %v", x.after, want)
	}
	got, err := m.Report(t.Context(), "r004")
	if err != nil || got.Title != "Vanished" || got.State != genomics.Gone {
		t.Errorf("changed report: %+v, %v", got, err)
	}
	st, err := m.Status(t.Context())
	if err != nil || st.Rows != 11 || st.LastChange != 12 || !st.Roots[1].IndexedAt.Equal(noon) || !st.Oldest().IsZero() {
		t.Errorf("status %+v, %v", st, err)
	}
}

func TestFollowStartsAnew(t *testing.T) {
	for name, change := range map[string]func(*index){
		"another database": func(x *index) { x.state.Epoch = "db2" },
		"restored":         func(x *index) { x.state.LastChange = 3; x.reports = x.reports[:3]; x.state.Rows = 3 },
		"row deleted":      func(x *index) { x.reports = x.reports[1:]; x.state.Rows-- },
	} {
		t.Run(name, func(t *testing.T) {
			m, x := filled(t, 6)
			change(x)
			if err := m.Follow(t.Context(), x); err != nil {
				t.Fatal(err)
			}
			st, err := m.Status(t.Context())
			if err != nil || st.Rows != len(x.reports) {
				t.Errorf("status %+v, %v; want %d rows", st, err, len(x.reports))
			}
			if x.after[len(x.after)-1] != 0 {
				t.Errorf("read on from %v, want a fresh start", x.after)
			}
		})
	}
}

func TestFollowFailsWhole(t *testing.T) {
	m, x := filled(t, 4)
	x.put(report(50))
	x.fail = errors.New("connection lost")
	if err := m.Follow(t.Context(), x); !errors.Is(err, x.fail) {
		t.Fatalf("got %v", err)
	}
	if _, err := m.Report(t.Context(), "r050"); !errors.Is(err, health.ErrNotFound) {
		t.Errorf("half a takeover is visible: %v", err)
	}
	x.fail = nil
	x.state.Rows++ // the index lies about itself
	if err := m.Follow(t.Context(), x); err == nil {
		t.Error("a mirror that does not add up must be an error")
	}
	st, err := m.Status(t.Context())
	if err != nil || st.Rows != 4 {
		t.Errorf("status %+v, %v; want the old 4 rows", st, err)
	}
}

func TestDamagedFileIsReplaced(t *testing.T) {
	for name, damage := range map[string]func(*testing.T, string){
		"no database": func(t *testing.T, p string) {
			write(t, p, 0, []byte("this is not a database at all, not in the least"))
		},
		"torn page": func(t *testing.T, p string) {
			write(t, p, 4096, make([]byte, 8192))
		},
		"old version": func(t *testing.T, p string) { write(t, p, 60, []byte{0, 0, 0, 99}) },
	} {
		t.Run(name, func(t *testing.T) {
			m, x := filled(t, 40)
			if _, err := m.write.ExecContext(t.Context(), `PRAGMA wal_checkpoint(TRUNCATE)`); err != nil {
				t.Fatal(err)
			}
			if err := m.Close(); err != nil {
				t.Fatal(err)
			}
			damage(t, m.path)
			again, err := Open(t.Context(), filepath.Dir(m.path))
			if err != nil {
				t.Fatal(err)
			}
			defer again.Close() //nolint:errcheck // the test is over
			if err := again.Follow(t.Context(), x); err != nil {
				t.Fatal(err)
			}
			st, err := again.Status(t.Context())
			if err != nil || st.Rows != 40 {
				t.Errorf("status %+v, %v", st, err)
			}
		})
	}
}

func TestDamageFoundLaterIsMended(t *testing.T) {
	m, x := filled(t, 400)
	if _, err := m.write.ExecContext(t.Context(), `PRAGMA wal_checkpoint(TRUNCATE)`); err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(m.path)
	if err != nil {
		t.Fatal(err)
	}
	write(t, m.path, 8192, make([]byte, info.Size()-8192))
	// Fresh connections see the file as it is now, not their cache.
	m.write.SetMaxIdleConns(0)
	m.read.SetMaxIdleConns(0)
	if err := m.Follow(t.Context(), x); err != nil {
		t.Fatal(err)
	}
	st, err := m.Status(t.Context())
	if err != nil || st.Rows != 400 {
		t.Errorf("status %+v, %v", st, err)
	}
}

func write(t *testing.T, path string, off int64, b []byte) {
	t.Helper()
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close() //nolint:errcheck // WriteAt tells
	if _, err := f.WriteAt(b, off); err != nil {
		t.Fatal(err)
	}
}

func TestOpenFailsReadably(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	write0(t, file)
	if _, err := Open(t.Context(), file); err == nil {
		t.Error("a file in the folder's place must be an error")
	}
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, fileName), 0o700); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(t.Context(), dir); err == nil {
		t.Error("a folder in the file's place must be an error")
	}
}

func write0(t *testing.T, path string) {
	t.Helper()
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
}
