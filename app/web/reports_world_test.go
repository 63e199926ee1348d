package web

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"healthportal/app/genomics"
	"healthportal/app/genomics/reportfile"
	"healthportal/app/health"
)

var errStore = errors.New("disk I/O error on /var/lib/secret")

// reportWorld is an index in memory over real files: person 1 is in the care
// team of the test user, person 2 is not.
type reportWorld struct {
	t       *testing.T
	root    string
	reports []genomics.Report
	state   genomics.IndexState
	fail    bool
	noTeam  error
	filter  genomics.ReportFilter
	*site
}

var (
	ada  = health.Person{ID: 1, PublicID: "pub1", RecordNumber: "MRN-1", FamilyName: "Lovelace", GivenName: "Ada", BirthDate: health.Day{Year: 1980, Month: 3, Dom: 30}, Sex: health.Female}
	adam = health.Person{ID: 2, PublicID: "pub2", FamilyName: "Lovelace", GivenName: "Adam"}
)

func (w *reportWorld) err() error {
	if w.fail {
		return errStore
	}
	return nil
}

func (w *reportWorld) Reports(_ context.Context, f genomics.ReportFilter) (genomics.ReportPage, error) {
	w.filter = f
	page := genomics.ReportPage{Kinds: []string{"pgx", "polygenic-risk"}}
	for _, r := range w.reports {
		if (f.AllPersons || slices.Contains(f.Persons, r.PersonID)) && (f.Person == 0 || f.Person == r.PersonID) &&
			(!f.Unassigned || r.PersonID == 0) && (f.Kind == "" || f.Kind == r.Kind) && strings.Contains(r.Title, f.Text) {
			page.Reports = append(page.Reports, r)
		}
	}
	page.Count = len(page.Reports)
	if page.Count > f.Size {
		page.Reports = page.Reports[:f.Size]
		last := &page.Reports[f.Size-1]
		page.Next = &genomics.ReportCursor{At: last.SortTime(), ID: last.ID}
	}
	if f.After != nil {
		page.Prev = f.After
	}
	return page, w.err()
}

func (w *reportWorld) Report(_ context.Context, id string) (genomics.Report, error) {
	for _, r := range w.reports {
		if r.ID == id {
			return r, w.err()
		}
	}
	return genomics.Report{}, health.ErrNotFound
}

func (w *reportWorld) Versions(_ context.Context, r genomics.Report) (newer []genomics.Report, older *genomics.Report, err error) {
	for i, o := range w.reports {
		switch {
		case o.Supersedes == r.Path:
			newer = append(newer, o)
		case o.Path == r.Supersedes:
			older = &w.reports[i]
		}
	}
	return newer, older, w.err()
}

func (w *reportWorld) Persons(_ context.Context, ids []int64) (map[health.PersonID]health.Person, error) {
	found := map[health.PersonID]health.Person{}
	for _, p := range []health.Person{ada, adam} {
		if slices.Contains(ids, int64(p.ID)) {
			found[p.ID] = p
		}
	}
	return found, w.err()
}

func (w *reportWorld) PersonByPublicID(_ context.Context, id string) (health.Person, error) {
	for _, p := range []health.Person{ada, adam} {
		if p.PublicID == id {
			return p, w.err()
		}
	}
	return health.Person{}, health.ErrNotFound
}

func (w *reportWorld) Alike(_ context.Context, p health.Person) ([]health.Person, error) {
	if p.ID == ada.ID {
		return []health.Person{adam}, w.err()
	}
	return []health.Person{ada}, w.err()
}

func (w *reportWorld) Status(context.Context) (genomics.IndexState, error) { return w.state, w.err() }

func (w *reportWorld) PersonsOf(context.Context, int64) ([]health.PersonID, error) {
	return []health.PersonID{ada.ID}, w.noTeam
}

func (w *reportWorld) Patient(_ context.Context, _ int64, id string) (health.Patient, error) {
	if id == ada.PublicID {
		return health.Patient{Person: ada}, w.noTeam
	}
	return health.Patient{}, health.ErrNotFound
}

const (
	samplePDF  = "%PDF-1.4\n0123456789\n%%EOF\n"
	sampleHTML = `<!doctype html><html><head><title>Sample</title><link rel="preconnect" href="https://evil.example">` +
		`<meta http-equiv="refresh" content="0;url=https://evil.example"></head><body><script>var s = localStorage;</script><p>Body text</p></body></html>`
)

// newReportWorld has one report of each kind: p1pdf and p1html of Ada, p2pdf of
// Adam, nobody of nobody, and one in each state that is not served.
func newReportWorld(t *testing.T) *reportWorld {
	t.Helper()
	w := &reportWorld{t: t, root: t.TempDir()}
	w.state = genomics.IndexState{Rows: 9, Roots: []genomics.RootStatus{{Name: "risk", IndexedAt: testNow().Add(-5 * time.Minute)}}}
	w.add("p1pdf", "MRN-1/a.pdf", ada.ID, samplePDF)
	w.add("p1html", "MRN-1/b.html", ada.ID, sampleHTML)
	w.add("p2pdf", "MRN-2/a.pdf", adam.ID, samplePDF)
	w.add("nobody", "x.pdf", 0, samplePDF)
	for _, s := range []genomics.State{genomics.Gone, genomics.Empty, genomics.Mismatch, genomics.Outside, genomics.Unreadable} {
		w.add(string(s), "MRN-1/"+string(s)+".pdf", ada.ID, samplePDF)
		w.report(string(s)).State = s
		if s != genomics.Gone {
			w.report(string(s)).Problem = "wrong with it"
		}
	}
	manifest := &genomics.Manifest{Reports: []genomics.ReportRoot{{Name: "risk", Root: w.root}, {Name: "live", Root: w.root, Scripts: true}}}
	w.site = newSite(t, func(d *Deps) {
		d.Reports, d.ReportRights, d.ReportFiles = w, w, reportfile.NewFiles(manifest)
	})
	return w
}

// add writes a file and indexes it.
func (w *reportWorld) add(id, path string, person health.PersonID, text string) {
	w.t.Helper()
	file := filepath.Join(w.root, path)
	if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
		w.t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		w.t.Fatal(err)
	}
	info, err := os.Stat(file)
	if err != nil {
		w.t.Fatal(err)
	}
	format, _ := genomics.FormatOf(path)
	r := genomics.Report{
		ID: id, Root: "risk", Path: path, PersonID: int64(person), Title: "Title of " + id, Kind: "pgx", Format: format, Status: genomics.Final,
		State: genomics.Present, Size: info.Size(), ModTime: info.ModTime().UTC().Truncate(time.Microsecond), SHA256: strings.Repeat("ab", 32),
	}
	if person == 0 {
		r.Unassigned = genomics.UnassignedNobody
	}
	w.reports = append(w.reports, r)
}

// report is the indexed row, to be changed.
func (w *reportWorld) report(id string) *genomics.Report {
	for i := range w.reports {
		if w.reports[i].ID == id {
			return &w.reports[i]
		}
	}
	w.t.Fatalf("no report %s", id)
	return nil
}
