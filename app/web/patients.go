package web

import (
	"context"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"healthportal/app/access"
	"healthportal/app/health"
	"healthportal/app/health/units"
	"healthportal/views/patients"
	"healthportal/views/ui"
)

// PatientStore reads the patients of the user's care teams. A person outside
// them is health.ErrNotFound.
type PatientStore interface {
	Patients(ctx context.Context, userID int64, f health.PatientFilter) (health.PatientPage, error)
	Patient(ctx context.Context, userID int64, publicID string) (health.Patient, error)
}

// SeriesStore reads what charts and overviews show of one person.
type SeriesStore interface {
	PersonMetrics(ctx context.Context, scope access.Scope, person health.PersonID) ([]health.MetricSummary, error)
	DailySeries(ctx context.Context, scope access.Scope, person health.PersonID, metric string, from, to health.Day) ([]health.Series, error)
}

// patientPages are the patient list and the pages of one patient.
type patientPages struct {
	store  PatientStore
	series SeriesStore
}

// list answers GET /dashboard.
func (h patientPages) list(r *request) error {
	f := health.PatientFilter{After: r.query("after"), Before: r.query("before")}
	var err error
	if f.Size, err = pageSize(r); err != nil {
		return err
	}
	if err := f.Validate(); err != nil {
		return badInput("after", err)
	}
	found, err := h.store.Patients(r.ctx, r.principal().UserID, f)
	if err != nil {
		return err
	}
	for i, row := range found.Patients {
		if !row.BreakGlassUntil.IsZero() {
			found.Patients[i].BreakGlassUntil = row.BreakGlassUntil.In(r.zone())
		}
	}
	props := patients.ListProps{Page: found, Size: f.Size, Today: r.today}
	return r.render(page{title: "Patients", body: patients.List(props), fragment: patients.Table(props)})
}

// show answers GET /patients/{id}: chart and latest values, or the chart alone for htmx.
func (h patientPages) show(r *request) error {
	p, err := r.patient(h.store, r.param("id"))
	if err != nil {
		return err
	}
	props, err := h.overview(r, p.Person)
	if err != nil {
		return err
	}
	answer := page{title: "Patient", patient: ui.PatientBanner(patients.Banner(p, r.today(p.Person), 1)), body: patients.Show(props)}
	if len(props.Metrics) > 0 {
		answer.fragment = patients.Chart(props.Chart)
	}
	return r.render(answer)
}

// chart answers GET /patients/{id}/chart: the chart alone.
func (h patientPages) chart(r *request) error {
	p, err := r.patient(h.store, r.param("id"))
	if err != nil {
		return err
	}
	props, err := h.overview(r, p.Person)
	if err != nil {
		return err
	}
	if len(props.Metrics) == 0 {
		return health.ErrNotFound
	}
	return r.render(page{title: "Chart", patient: ui.PatientBanner(patients.Banner(p, r.today(p.Person), 0)), body: patients.Chart(props.Chart)})
}

// overview reads the patient's metrics and the month that the query asks for:
// by default the newest one of the heart rate, else of the first metric.
func (h patientPages) overview(r *request, p health.Person) (patients.ShowProps, error) {
	props := patients.ShowProps{Person: p, Today: r.today(p)}
	metrics, err := h.series.PersonMetrics(r.ctx, access.One(p.ID), p.ID)
	if err != nil || len(metrics) == 0 {
		return props, err
	}
	props.Metrics = metrics
	chosen, err := chooseMetric(r.query("metric"), metrics)
	if err != nil {
		return props, err
	}
	unit, err := readUnit(r, chosen.Metric.Code)
	if err != nil {
		return props, err
	}
	month, err := chooseMonth(r.query("month"), chosen)
	if err != nil {
		return props, err
	}
	series, err := h.series.DailySeries(r.ctx, access.One(p.ID), p.ID, chosen.Metric.Code, month, month.AddMonths(1).AddDays(-1))
	if err != nil {
		return props, err
	}
	props.Chart = patients.ChartProps{PublicID: p.PublicID, Metrics: metrics, Metric: chosen, Month: month, Series: inUnit(series, unit), Unit: unit,
		Zone: p.Zone(r.zone()).String()}
	return props, nil
}

// inUnit shows the series in a unit; one that is in no unit of its metric stays as it is.
func inUnit(list []health.Series, unit string) []health.Series {
	if unit == "" {
		return list
	}
	shown := make([]health.Series, len(list))
	for i, s := range list {
		shown[i], _ = units.Series(s, unit)
	}
	return shown
}

func chooseMetric(code string, metrics []health.MetricSummary) (health.MetricSummary, error) {
	wanted := code
	if wanted == "" {
		wanted = "heart_rate"
	}
	for _, m := range metrics {
		if m.Metric.Code == wanted {
			return m, nil
		}
	}
	if code != "" {
		return health.MetricSummary{}, badInput("metric", wrongInput("this patient has no data of such a metric, choose one of the list"))
	}
	return metrics[0], nil
}

func chooseMonth(s string, m health.MetricSummary) (health.Day, error) {
	if s == "" {
		return m.Last.FirstOfMonth(), nil
	}
	t, err := time.Parse("2006-01", s)
	if err != nil || t.Year() < 1800 {
		return health.Day{}, badInput("month", wrongInput("write YYYY-MM, for instance 2026-03"))
	}
	return health.DayOf(t), nil
}

// today is the date in a person's zone.
func (r *request) today(p health.Person) health.Day {
	return health.DayOf(r.now().In(p.Zone(r.zone())))
}

var errOtherPatient = newError(http.StatusConflict, "This part belongs to another patient than the page it was asked for",
	"Reload the page, or start again from the list of patients.")

// patient returns a patient of the reader's care teams. A fragment for another
// patient than the page's is refused, so that no page ever mixes two.
func (r *request) patient(store PatientStore, publicID string) (health.Patient, error) {
	if r.fragment() {
		if shown := patientOf(r.c.Get("HX-Current-URL")); shown != "" && shown != publicID {
			return health.Patient{}, errOtherPatient
		}
	}
	p, err := store.Patient(r.ctx, r.principal().UserID, publicID)
	if err != nil {
		r.note("asked_person", publicID)
		return p, err
	}
	r.about(p.Person.ID, "")
	return r.underEmergency(p), nil
}

// patientOf is the patient whose page an address is, or empty.
func patientOf(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return ""
	}
	if rest, ok := strings.CutPrefix(u.Path, "/patients/"); ok {
		id, _, _ := strings.Cut(rest, "/")
		return id
	}
	return u.Query().Get("person")
}

// pageSize reads the query's page size; 0 where there is none.
func pageSize(r *request) (int, error) {
	s := r.query("size")
	if s == "" {
		return 0, nil
	}
	n, err := strconv.Atoi(s)
	if err != nil || n < 1 {
		return 0, badInput("size", wrongInput("write a number of rows from 1 to "+strconv.Itoa(health.MaxPageSize)))
	}
	return n, nil
}
