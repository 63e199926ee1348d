package web

import (
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"healthportal/app/access"
	"healthportal/app/health"
	"healthportal/views/patients"
	"healthportal/views/ui"
)

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
	shown, err := h.beside(r, p, &props)
	if err != nil {
		return err
	}
	answer := page{title: "Patient", patient: ui.PatientBanner(patients.Banner(p, r.today(p.Person), 1)), body: patients.Show(props)}
	if len(props.Metrics) > 0 {
		answer.fragment = patients.Chart(props.Chart)
	}
	if err := r.render(answer); err != nil {
		return err
	}
	h.noteSeen(r, p, shown)
	return nil
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

// overview reads the patient's metrics and the chart that the query asks for.
func (h patientPages) overview(r *request, p health.Person) (patients.ShowProps, error) {
	props := patients.ShowProps{Person: p, Today: r.today(p)}
	metrics, err := h.series.PersonMetrics(r.ctx, access.One(p.ID), p.ID)
	if err != nil || len(metrics) == 0 {
		return props, err
	}
	props.Metrics = metrics
	if props.Ranges, err = r.rangeSheet(h.ranges); err != nil {
		return props, err
	}
	props.Chart, err = h.chartOf(r, p, metrics, props.Ranges)
	return props, err
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
	if err := r.shows(publicID); err != nil {
		return health.Patient{}, err
	}
	if !isText([]byte(publicID)) {
		// A field of a form may hold what no database takes; it names nobody.
		return health.Patient{}, health.ErrNotFound
	}
	p, err := store.Patient(r.ctx, r.principal().UserID, publicID)
	if err != nil {
		r.note("asked_person", publicID)
		return p, err
	}
	r.about(p.Person.ID, "")
	return r.underEmergency(p), nil
}

// shows notes whom the answer is about: a patient, or with an empty id no single one. A
// fragment that would mix with the page of another patient is refused.
func (r *request) shows(publicID string) error {
	if page := r.pagePatient(); page != "" && page != publicID {
		return errOtherPatient
	}
	r.patientID = publicID
	return nil
}

// pagePatient is the patient of the page that htmx asks a fragment for; empty where it
// is of nobody, or a whole page is asked for.
func (r *request) pagePatient() string {
	if !r.fragment() {
		return ""
	}
	return patientOf(r.c.Get("HX-Current-URL"))
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
