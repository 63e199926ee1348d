package web

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"time"
	"unicode/utf8"

	"healthportal/app/access"
	"healthportal/app/genomics"
	"healthportal/app/health"
	"healthportal/views/patients"
)

// PatientStore reads the patients of the user's care teams. A person outside
// them is health.ErrNotFound.
type PatientStore interface {
	Patients(ctx context.Context, userID int64, f health.PatientFilter) (health.PatientPage, error)
	Patient(ctx context.Context, userID int64, publicID string) (health.Patient, error)
}

// HomeStore is what stands beside the list, and what a patient's page has
// beside its chart.
type HomeStore interface {
	Summary(ctx context.Context, userID int64, now time.Time) (health.SiteSummary, error)
	Sparks(ctx context.Context, scope access.Scope, person health.PersonID) ([]health.Series, error)
	// Seen notes that somebody of the user's care teams saw a patient's page.
	Seen(ctx context.Context, userID int64, person health.PersonID, dataNo, reportsNo int64) error
}

// NewReports is what the pages about patients ask the mirror of the report index.
type NewReports interface {
	Reports(ctx context.Context, f genomics.ReportFilter) (genomics.ReportPage, error)
	Status(ctx context.Context) (genomics.IndexState, error)
}

// ViewSealer makes view ids: what was searched for, encrypted, so that it can
// stand in an address. It opens only what it sealed for the same user.
type ViewSealer interface {
	SealView(userID int64, text string) string
	OpenView(userID int64, view string) (string, error)
}

// patientPages are the patient list and the pages of one patient.
type patientPages struct {
	store   PatientStore
	series  SeriesStore
	ranges  RangeStore
	home    HomeStore
	reports NewReports
	views   ViewSealer
}

// maxView is longer than the view id of any search that can be made.
const maxView = 1024

// list answers GET /dashboard.
func (h patientPages) list(r *request) error {
	f, err := readPatientFilter(r, r.query)
	if err != nil {
		return err
	}
	view := r.query("view")
	if view != "" {
		if f.Text, err = h.openView(r, view); err != nil {
			return err
		}
	}
	return h.answer(r, f, view)
}

// search answers POST /dashboard/search: what was searched for becomes a view id,
// so that the list has an address without a name in it. htmx gets the list at
// once, a plain form is led to that address.
func (h patientPages) search(r *request) error {
	f, err := readPatientFilter(r, r.post)
	if err != nil {
		return err
	}
	f.Text = r.post("q")
	if !utf8.ValidString(f.Text) || f.Text != "" && !isText([]byte(f.Text)) {
		return badInput("q", wrongInput("write a name or a record number, in letters and digits"))
	}
	if err := f.Validate(); err != nil {
		return badInput("q", err)
	}
	view := ""
	if f.Text != "" {
		view = h.views.SealView(r.principal().UserID, f.Text)
	}
	address := patients.ListHref(f, view)
	if !r.fragment() {
		r.note("searched", f.Text != "")
		return r.redirect(address)
	}
	r.c.Set("HX-Replace-Url", address)
	return h.answer(r, f, view)
}

var errForeignView = newError(http.StatusBadRequest, "This link to a search can't be used",
	"Searches belong to whoever made them, and only for a time. Search again from the list of patients.")

// openView returns what was searched for. A view that was changed, or that
// another user made, is refused without a word of what is in it.
func (h patientPages) openView(r *request, view string) (string, error) {
	if len(view) > maxView {
		return "", errForeignView
	}
	text, err := h.views.OpenView(r.principal().UserID, view)
	if err != nil {
		refused := *errForeignView
		refused.cause = err
		return "", &refused
	}
	return text, nil
}

// readPatientFilter reads all but the searched text, from an address or a form.
func readPatientFilter(r *request, get func(string) string) (health.PatientFilter, error) {
	f := health.PatientFilter{Sort: health.PatientSort(get("sort")), Team: get("team"), After: get("after"), Before: get("before"),
		FlagsSince: r.now().AddDate(0, 0, -health.FlagDays)}
	if s := get("size"); s != "" {
		n, err := strconv.Atoi(s)
		if err != nil || n < 1 {
			return f, badInput("size", wrongInput("write a number of rows from 1 to "+strconv.Itoa(health.MaxPageSize)))
		}
		f.Size = n
	}
	for name, id := range map[string]string{"team": f.Team, "after": f.After, "before": f.Before} {
		if id != "" && !isText([]byte(id)) {
			return f, fmt.Errorf("%s of the patient list: %w", name, health.ErrNotFound)
		}
	}
	if err := f.Validate(); err != nil {
		field := "after"
		if f.After == "" || f.Before == "" {
			field = "sort"
		}
		return f, badInput(field, err)
	}
	return f, nil
}

// answer renders the list that f asks for; view is the searched text's id.
func (h patientPages) answer(r *request, f health.PatientFilter, view string) error {
	if err := r.shows(""); err != nil {
		return err
	}
	// The log says that somebody searched, never for whom.
	r.note("searched", f.Text != "")
	found, err := h.store.Patients(r.ctx, r.principal().UserID, f)
	if err != nil {
		return err
	}
	r.note("shown", len(found.Patients))
	for i, row := range found.Patients {
		if !row.BreakGlassUntil.IsZero() {
			found.Patients[i].BreakGlassUntil = row.BreakGlassUntil.In(r.zone())
		}
	}
	props := patients.ListProps{Page: found, Filter: f, View: view, Today: r.today, CSRF: r.csrf(), UTCToday: health.DayOf(r.now().UTC()),
		CanBreakGlass: r.principal().Can(access.BreakGlass)}
	answer := page{title: "Patients", fragment: patients.Table(props)}
	if !r.fragment() {
		if props.Summary, err = h.home.Summary(r.ctx, r.principal().UserID, r.now()); err != nil {
			return err
		}
		props.Index = h.indexAge(r)
		answer.body = patients.List(props)
	}
	return r.render(answer)
}

// indexAge says how old the report index is; the page doesn't need it.
func (h patientPages) indexAge(r *request) patients.IndexAge {
	state, err := h.reports.Status(r.ctx)
	if err != nil {
		if !errors.Is(err, context.Canceled) {
			r.s.cfg.Logger.Warn("the report index does not answer", "request_id", r.id(), "error", err)
		}
		return patients.IndexAge{Unreadable: true}
	}
	age := patients.IndexAge{Zone: r.zone(), AsOf: state.Oldest()}
	age.Stale = len(state.Roots) > 0 && r.now().Sub(age.AsOf) > indexStale
	return age
}
