package web

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/a-h/templ"

	"healthportal/app/access"
	"healthportal/app/genomics"
	"healthportal/app/health"
	"healthportal/views/format"
	"healthportal/views/reports"
	"healthportal/views/ui"
)

// ReportIndex is the local mirror of the report index. Who may see a report is
// checked by the pages.
type ReportIndex interface {
	Reports(ctx context.Context, f genomics.ReportFilter) (genomics.ReportPage, error)
	Report(ctx context.Context, id string) (genomics.Report, error)
	Versions(ctx context.Context, r genomics.Report) (newer []genomics.Report, older *genomics.Report, err error)
	Persons(ctx context.Context, ids []int64) (map[health.PersonID]health.Person, error)
	PersonByPublicID(ctx context.Context, publicID string) (health.Person, error)
	Alike(ctx context.Context, p health.Person) ([]health.Person, error)
	Status(ctx context.Context) (genomics.IndexState, error)
}

// ReportRights tells whose reports a clinician may see.
type ReportRights interface {
	PersonsOf(ctx context.Context, userID int64) ([]health.PersonID, error)
	Patient(ctx context.Context, userID int64, publicID string) (health.Patient, error)
}

// indexStale is the age from which the index counts as behind: the job runs
// every ten minutes.
const indexStale = 30 * time.Minute

// reportPages are the list of reports and the viewer.
type reportPages struct {
	index  ReportIndex
	rights ReportRights
	files  ReportFiles
}

// list answers GET /genomics/reports, and the POST of its filter: what is
// searched for may be a name and stays out of addresses.
func (h reportPages) list(r *request) error {
	get := r.query
	if r.c.Method() == http.MethodPost {
		get = func(name string) string { return strings.TrimSpace(r.form(name)) }
	}
	f, err := readFilter(get)
	if err != nil {
		return err
	}
	if err := h.allow(r, &f); err != nil {
		return err
	}
	var banner templ.Component
	var patient *health.Person
	id := get("person")
	if err := r.shows(id); err != nil {
		return err
	}
	if id != "" {
		if !isText([]byte(id)) {
			return fmt.Errorf("patient of a report: %w", health.ErrNotFound)
		}
		p, err := h.patient(r, id)
		if err != nil {
			return err
		}
		f.Person, patient = int64(p.Person.ID), &p.Person
		r.about(p.Person.ID, "")
		banner = ui.PatientBanner(h.banner(r, p))
	}
	found, err := h.index.Reports(r.ctx, f)
	if err != nil {
		return fmt.Errorf("report list: %w", err)
	}
	props, err := h.listProps(r, f, found, patient)
	if err != nil {
		return err
	}
	return r.render(page{title: "Genomics reports", patient: banner, body: reports.List(props), fragment: reports.Results(props), wide: true})
}

// readFilter reads what the list is narrowed by; rights are added by allow.
func readFilter(get func(string) string) (genomics.ReportFilter, error) {
	f := genomics.ReportFilter{Kind: get("kind"), Text: get("q"), Unassigned: get("unassigned") != ""}
	if s := get("size"); s != "" {
		n, err := strconv.Atoi(s)
		if err != nil {
			n = -1
		}
		f.Size = n
	}
	for name, to := range map[string]**genomics.ReportCursor{"after": &f.After, "before": &f.Before} {
		s := get(name)
		if s == "" {
			continue
		}
		c, err := genomics.ParseReportCursor(s)
		if err != nil {
			return f, badInput(name, err)
		}
		*to = &c
	}
	if f.Kind != "" && !genomics.ValidKind(f.Kind) {
		return f, badInput("kind", wrongInput("choose one of the list"))
	}
	if err := f.Validate(); err != nil {
		return f, badInput("filter", err)
	}
	return f, nil
}

// allow adds whose reports the principal may see.
func (h reportPages) allow(r *request, f *genomics.ReportFilter) error {
	if r.principal().AllReports() {
		f.AllPersons = true
		return nil
	}
	ids, err := h.rights.PersonsOf(r.ctx, r.principal().UserID)
	if err != nil {
		return fmt.Errorf("persons of the user: %w", err)
	}
	if ids, err = r.withoutEmergencies(ids); err != nil {
		return err
	}
	f.Persons = make([]int64, len(ids))
	for i, id := range ids {
		f.Persons[i] = int64(id)
	}
	return nil
}

// patient is the person of a public id, if the principal may see the reports;
// ErrNotFound otherwise.
func (h reportPages) patient(r *request, publicID string) (health.Patient, error) {
	if !r.principal().AllReports() {
		p, err := h.rights.Patient(r.ctx, r.principal().UserID, publicID)
		if err != nil {
			return p, fmt.Errorf("patient of a report: %w", err)
		}
		return r.underEmergency(p), r.teamOnly(p)
	}
	p, err := h.index.PersonByPublicID(r.ctx, publicID)
	if err != nil {
		return health.Patient{}, fmt.Errorf("patient of a report: %w", err)
	}
	alike, err := h.index.Alike(r.ctx, p)
	if err != nil {
		return health.Patient{}, fmt.Errorf("patients with similar names: %w", err)
	}
	return health.Patient{Person: p, Alike: alike}, nil
}

func (h reportPages) listProps(r *request, f genomics.ReportFilter, found genomics.ReportPage, patient *health.Person) (reports.ListProps, error) {
	entries, err := h.entries(r.ctx, found.Reports)
	if err != nil {
		return reports.ListProps{}, err
	}
	state, err := h.index.Status(r.ctx)
	if err != nil {
		return reports.ListProps{}, fmt.Errorf("report index: %w", err)
	}
	p := reports.ListProps{
		Entries: entries, Fresh: freshness(state, r.now()), Person: patient, Analyst: r.principal().Has(access.Analyst),
		Unassigned: f.Unassigned, Kind: f.Kind, Text: f.Text, Kinds: found.Kinds, Size: f.Size, CSRF: r.csrf(), Zone: r.zone(),
		Count: countText(len(entries), found.Count), Indexed: state.Rows > 0,
		Filtered: f.Unassigned || f.Kind != "" || f.Text != "" || f.Person != 0,
	}
	if r.c.Method() == http.MethodPost && f.Text != "" {
		// An address of another page would carry the searched text.
		if found.Next != nil {
			p.Count += "; narrow the search to see the others"
		}
		return p, nil
	}
	p.Previous, p.Next = pageHref(f, patient, "before", found.Prev), pageHref(f, patient, "after", found.Next)
	return p, nil
}

func (h reportPages) entries(ctx context.Context, list []genomics.Report) ([]reports.Entry, error) {
	var ids []int64
	for i := range list {
		if id := list[i].PersonID; id != 0 {
			ids = append(ids, id)
		}
	}
	persons, err := h.index.Persons(ctx, ids)
	if err != nil {
		return nil, fmt.Errorf("persons of reports: %w", err)
	}
	entries := make([]reports.Entry, len(list))
	for i := range list {
		entries[i].Report = list[i]
		if p, ok := persons[health.PersonID(list[i].PersonID)]; ok {
			entries[i].Person = &p
		}
	}
	return entries, nil
}

func freshness(st genomics.IndexState, now time.Time) reports.Freshness {
	f := reports.Freshness{AsOf: st.Oldest()}
	f.Stale = len(st.Roots) > 0 && now.Sub(f.AsOf) > indexStale
	for _, root := range st.Roots {
		if root.Problem != "" {
			f.Problems = append(f.Problems, root.Name+": "+root.Problem+".")
		}
	}
	return f
}

func countText(shown, count int) string {
	total := format.Count(count)
	if count > genomics.ReportCountLimit {
		total = format.Count(genomics.ReportCountLimit) + "+"
	}
	if count == 1 {
		return fmt.Sprintf("%d of 1 report", shown)
	}
	return fmt.Sprintf("%d of %s reports", shown, total)
}

func pageHref(f genomics.ReportFilter, patient *health.Person, name string, cur *genomics.ReportCursor) string {
	if cur == nil {
		return ""
	}
	q := url.Values{name: {cur.String()}}
	if patient != nil {
		q.Set("person", patient.PublicID)
	}
	if f.Kind != "" {
		q.Set("kind", f.Kind)
	}
	if f.Text != "" {
		q.Set("q", f.Text)
	}
	if f.Unassigned {
		q.Set("unassigned", "1")
	}
	if f.Size != genomics.DefaultReportPage {
		q.Set("size", strconv.Itoa(f.Size))
	}
	return reports.Path + "?" + q.Encode()
}
