package postgres_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"healthportal/app/genomics"
	"healthportal/app/health"
)

// addPerson stores a person and returns the id.
func (c *clinic) addPerson(publicID, record string) int64 {
	c.t.Helper()
	return one[int64](c, `INSERT INTO health.person (public_id, record_number, family_name, birth_date, sex, synthetic)
		VALUES ($1, nullif($2, ''), 'Family', '1980-02-29', 'female', true) RETURNING id`, publicID, record)
}

func (c *clinic) addIdentifier(person int64, system, value string) {
	c.t.Helper()
	c.exec(`INSERT INTO health.person_identifier (system, value, person_id) VALUES ($1, $2, $3)`, system, value, person)
}

var reportTime = time.Date(2026, 3, 29, 1, 30, 0, 123456000, time.UTC)

func indexRow(id, root, path string, person int64) genomics.Report {
	r := genomics.Report{
		ID: id, Root: root, Path: path, PersonID: person, Claims: []genomics.Claim{{PatientRef: genomics.PatientRef{System: "urn:x", Value: "a"}, From: "path"}},
		Kind: "prs", Title: "Ünïcode \"title\"", Format: genomics.HTML, Status: genomics.Final, State: genomics.Present,
		Problem: "something", Size: 12, ModTime: reportTime, SHA256: fmt.Sprintf("%064x", 77), GeneratedAt: reportTime.Add(-time.Hour),
		Risk: genomics.Risk{Level: "high", Scale: "s", Tool: "t", Score: "1.50"}, Tool: "tool 1", Summary: "sum", Supersedes: "x/y.pdf",
		Synthetic: true, Mark: "v1",
	}
	if person == 0 {
		r.Unassigned = genomics.UnassignedUnknown
	}
	return r
}

func (c *clinic) write(u genomics.IndexUpdate) {
	c.t.Helper()
	if err := c.db.WriteReports(c.t.Context(), u); err != nil {
		c.t.Fatal(err)
	}
}

func (c *clinic) index(root string) []genomics.Report {
	c.t.Helper()
	rows, err := c.db.ReportIndex(c.t.Context(), root)
	if err != nil {
		c.t.Fatal(err)
	}
	return rows
}

func TestReportIndexRoundTrip(t *testing.T) {
	c := newClinic(t)
	person := c.addPerson("pub1", "MRN-1")
	full := indexRow("r1", "risk", "a/1.html", person)
	bare := genomics.Report{ID: "r2", Root: "risk", Path: "b.pdf", Unassigned: "why", Kind: "report", Title: "b.pdf",
		Format: genomics.PDF, Status: genomics.UnknownStatus, State: genomics.Unreadable, ModTime: time.Unix(0, 0).UTC()}
	c.write(genomics.IndexUpdate{Reports: []genomics.Report{full, bare, indexRow("r3", "other", "a/1.html", person)}})
	got := c.index("risk")
	if len(got) != 2 || got[0].ChangeNo == 0 || got[1].ChangeNo <= got[0].ChangeNo {
		t.Fatalf("%+v", got)
	}
	full.ChangeNo, bare.ChangeNo = got[0].ChangeNo, got[1].ChangeNo
	for i, want := range []genomics.Report{full, bare} {
		if fmt.Sprintf("%+v", got[i]) != fmt.Sprintf("%+v", want) {
			t.Errorf("got  %+v\nwant %+v", got[i], want)
		}
	}
	if ref := one[string](c, `SELECT patient_ref FROM analytics.genomics_reports WHERE report_id = 'r1'`); ref != "a" {
		t.Errorf("patient_ref %q", ref)
	}
}

func TestWriteReportsUpdates(t *testing.T) {
	c := newClinic(t)
	person := c.addPerson("pub1", "MRN-1")
	r := indexRow("r1", "risk", "a/1.html", person)
	other := indexRow("r2", "risk", "a/2.html", person)
	c.write(genomics.IndexUpdate{Reports: []genomics.Report{r, other}})
	before := c.index("risk")
	r.State, r.PersonID, r.Unassigned, r.SHA256, r.GeneratedAt, r.Claims = genomics.Gone, 0, "nobody", "", time.Time{}, nil
	c.write(genomics.IndexUpdate{Reports: []genomics.Report{r}})
	after := c.index("risk")
	r.ChangeNo = after[0].ChangeNo
	if fmt.Sprintf("%+v", after[0]) != fmt.Sprintf("%+v", r) {
		t.Errorf("got  %+v\nwant %+v", after[0], r)
	}
	if after[0].ChangeNo <= before[1].ChangeNo || after[1].ChangeNo != before[1].ChangeNo {
		t.Errorf("change numbers %d, %d after %d", after[0].ChangeNo, after[1].ChangeNo, before[1].ChangeNo)
	}
}

func TestWriteReportsIsWhole(t *testing.T) {
	c := newClinic(t)
	good := indexRow("r1", "risk", "a.html", 0)
	for name, bad := range map[string]func(*genomics.Report){
		"state":           func(r *genomics.Report) { r.State = "nonsense" },
		"digest":          func(r *genomics.Report) { r.SHA256 = "xyz" },
		"digest length":   func(r *genomics.Report) { r.SHA256 = "ab" },
		"unknown person":  func(r *genomics.Report) { r.PersonID, r.Unassigned = 999, "" },
		"person and none": func(r *genomics.Report) { r.Unassigned = "" },
	} {
		row := indexRow("r2", "risk", "b.html", 0)
		bad(&row)
		u := genomics.IndexUpdate{Reports: []genomics.Report{good, row}, Roots: []genomics.RootStatus{{Name: "risk"}}}
		if err := c.db.WriteReports(t.Context(), u); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	if n := one[int](c, `SELECT (SELECT count(*) FROM analytics.genomics_reports) + (SELECT count(*) FROM analytics.report_roots)`); n != 0 {
		t.Errorf("%d rows of failed writes", n)
	}
}

func TestReportRoots(t *testing.T) {
	c := newClinic(t)
	roots := func() string {
		t.Helper()
		list, err := c.db.ReportRoots(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		return fmt.Sprint(list)
	}
	c.write(genomics.IndexUpdate{Roots: []genomics.RootStatus{{Name: "b", IndexedAt: reportTime}, {Name: "a", Problem: "missing"}}})
	c.write(genomics.IndexUpdate{Roots: []genomics.RootStatus{{Name: "b", Problem: "missing"}}})
	want := fmt.Sprint([]genomics.RootStatus{{Name: "a", Problem: "missing"}, {Name: "b", IndexedAt: reportTime, Problem: "missing"}})
	if got := roots(); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	c.write(genomics.IndexUpdate{DropRoots: []string{"a", "none"}})
	if got := roots(); got != fmt.Sprint([]genomics.RootStatus{{Name: "b", IndexedAt: reportTime, Problem: "missing"}}) {
		t.Errorf("after dropping: %s", got)
	}
}

func TestResolvePatients(t *testing.T) {
	c := newClinic(t)
	a, b := c.addPerson("pa", "MRN-1"), c.addPerson("pb", "")
	c.addIdentifier(a, "urn:x", "7")
	c.addIdentifier(b, "urn:y", "7")
	c.addIdentifier(b, health.SystemRecordNumber, "MRN-2")
	c.addIdentifier(a, health.SystemRecordNumber, "MRN-1")
	clash := c.addPerson("pc", "MRN-3")
	c.addIdentifier(b, health.SystemRecordNumber, "MRN-3")
	refs := []genomics.PatientRef{
		{Value: "MRN-1"}, {Value: "MRN-2"}, {Value: "MRN-3"}, {Value: "7"}, {Value: "mrn-1"}, {Value: ""}, {Value: "' OR true --"},
		{System: "urn:x", Value: "7"}, {System: "urn:y", Value: "7"}, {System: "urn:z", Value: "7"}, {System: "urn:x", Value: "MRN-1"},
		{System: health.SystemRecordNumber, Value: "MRN-1"}, {Value: "MRN-1"},
	}
	got, err := c.db.ResolvePatients(t.Context(), refs)
	if err != nil {
		t.Fatal(err)
	}
	want := map[genomics.PatientRef]int64{
		{Value: "MRN-1"}: a, {Value: "MRN-2"}: b, {System: "urn:x", Value: "7"}: a, {System: "urn:y", Value: "7"}: b,
		{System: health.SystemRecordNumber, Value: "MRN-1"}: a,
	}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("got  %v\nwant %v (MRN-3 is of %d and %d)", got, want, clash, b)
	}
	if none, err := c.db.ResolvePatients(t.Context(), nil); err != nil || len(none) != 0 {
		t.Errorf("no references: %v, %v", none, err)
	}
}

func TestReadIndex(t *testing.T) {
	c := newClinic(t)
	p := c.addPerson("pub1", "MRN-1")
	c.write(genomics.IndexUpdate{
		Reports: []genomics.Report{indexRow("r1", "risk", "1", p), indexRow("r2", "risk", "2", 0), indexRow("r3", "risk", "3", p)},
		Roots:   []genomics.RootStatus{{Name: "risk", IndexedAt: reportTime}},
	})
	all := c.index("risk")
	var st genomics.IndexState
	read := func(after int64) []string {
		t.Helper()
		var ids []string
		err := c.db.ReadIndex(t.Context(), func(s genomics.IndexState) (int64, error) { st = s; return after, nil },
			func(r genomics.Report) error { ids = append(ids, r.ID); return nil })
		if err != nil {
			t.Fatal(err)
		}
		return ids
	}
	if got := read(0); fmt.Sprint(got) != "[r1 r2 r3]" {
		t.Errorf("all: %v", got)
	}
	if st.Rows != 3 || st.LastChange != all[2].ChangeNo || len(st.Epoch) != 36 || len(st.Roots) != 1 || !st.Oldest().Equal(reportTime) {
		t.Errorf("state %+v", st)
	}
	if got := read(all[1].ChangeNo); fmt.Sprint(got) != "[r3]" {
		t.Errorf("changes: %v", got)
	}
	boom := errors.New("boom")
	if err := c.db.ReadIndex(t.Context(), func(genomics.IndexState) (int64, error) { return 0, boom }, nil); !errors.Is(err, boom) {
		t.Errorf("begin fails: %v", err)
	}
	err := c.db.ReadIndex(t.Context(), func(genomics.IndexState) (int64, error) { return 0, nil }, func(genomics.Report) error { return boom })
	if !errors.Is(err, boom) {
		t.Errorf("each fails: %v", err)
	}
}

func TestReportPersons(t *testing.T) {
	c := newClinic(t)
	a := c.addPerson("pa", "")
	c.addPerson("pb", "MRN-2") // has no report
	c.write(genomics.IndexUpdate{Reports: []genomics.Report{indexRow("r1", "risk", "1", a), indexRow("r2", "risk", "2", a)}})
	got, err := c.db.ReportPersons(t.Context())
	want := health.Person{ID: health.PersonID(a), PublicID: "pa", FamilyName: "Family", BirthDate: health.Day{Year: 1980, Month: 2, Dom: 29}, Sex: health.Female, Synthetic: true}
	if err != nil || len(got) != 1 || got[0] != want {
		t.Errorf("got %+v, %v", got, err)
	}
}

func TestReportRowSecurity(t *testing.T) {
	c := newClinic(t)
	a, b := c.addPerson("pa", ""), c.addPerson("pb", "")
	c.write(genomics.IndexUpdate{Reports: []genomics.Report{indexRow("r1", "risk", "1", a), indexRow("r2", "risk", "2", b), indexRow("r3", "risk", "3", 0)}})
	for name, s := range map[string]struct {
		persons, reports string
		want             int
	}{
		"nobody":  {"", "", 0},
		"one":     {fmt.Sprint(a), "", 1},
		"analyst": {"", "all", 3},
		"a lie":   {"", "ALL", 0},
	} {
		n, err := countAs(t, c, s.persons, s.reports)
		if err != nil || n != s.want {
			t.Errorf("%s: %d, %v; want %d", name, n, err, s.want)
		}
	}
}

func countAs(t *testing.T, c *clinic, persons, reports string) (int, error) {
	t.Helper()
	var n int
	err := pgx.BeginFunc(t.Context(), c.conn, func(tx pgx.Tx) error {
		if _, err := tx.Exec(t.Context(), `SET LOCAL ROLE hp_app`); err != nil {
			return err
		}
		if _, err := tx.Exec(t.Context(), `SELECT set_config('hp.persons', $1, true), set_config('hp.reports', $2, true)`, persons, reports); err != nil {
			return err
		}
		return tx.QueryRow(t.Context(), `SELECT count(*) FROM analytics.genomics_reports`).Scan(&n)
	})
	return n, err
}
