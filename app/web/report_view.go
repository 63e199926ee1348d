package web

import (
	"fmt"

	"healthportal/app/genomics"
	"healthportal/app/health"
	"healthportal/views/patients"
	"healthportal/views/reports"
	"healthportal/views/ui"
)

// visible is a report that the principal may see with its patient, who is nil
// while it is unassigned; ErrNotFound otherwise.
func (h reportPages) visible(r *request) (genomics.Report, *health.Patient, error) {
	id := r.param("id")
	if !genomics.ValidReportID(id) {
		return genomics.Report{}, nil, health.ErrNotFound
	}
	r.about(0, id)
	rep, err := h.index.Report(r.ctx, id)
	if err != nil {
		return rep, nil, fmt.Errorf("report: %w", err)
	}
	r.about(health.PersonID(rep.PersonID), rep.ID)
	if rep.PersonID == 0 {
		if r.principal().AllReports() {
			return rep, nil, r.shows("")
		}
		return rep, nil, health.ErrNotFound
	}
	persons, err := h.index.Persons(r.ctx, []int64{rep.PersonID})
	if err != nil {
		return rep, nil, fmt.Errorf("person of a report: %w", err)
	}
	person, ok := persons[health.PersonID(rep.PersonID)]
	if !ok {
		return rep, nil, fmt.Errorf("person of a report: %w", health.ErrNotFound)
	}
	if err := r.shows(person.PublicID); err != nil {
		return rep, nil, err
	}
	p, err := h.patient(r, person.PublicID)
	if err != nil {
		return rep, nil, err
	}
	if int64(p.Person.ID) != rep.PersonID {
		return rep, nil, fmt.Errorf("person of a report: %w", health.ErrNotFound)
	}
	return rep, &p, nil
}

// view answers GET /genomics/reports/{id}: the document beside its metadata.
func (h reportPages) view(r *request) error {
	rep, patient, err := h.visible(r)
	if err != nil {
		return err
	}
	state, err := h.index.Status(r.ctx)
	if err != nil {
		return fmt.Errorf("report index: %w", err)
	}
	newer, older, err := h.index.Versions(r.ctx, rep)
	if err != nil {
		return fmt.Errorf("versions of a report: %w", err)
	}
	props := reports.ViewerProps{
		Entry: reports.Entry{Report: rep}, Fresh: freshness(state, r.now()), Zone: r.zone(), Newer: newer, Older: older,
		Scripts: runsScripts(h.files, rep, r.c),
	}
	p := page{title: "Genomics report", wide: true}
	if patient != nil {
		props.Person = &patient.Person
		p.patient = ui.PatientBanner(h.banner(r, *patient))
	}
	if rep.Format == genomics.PDF && rep.State == genomics.Present {
		props.PDF = r.s.pdfAssets()
		p.scripts, p.styles = []string{"js/viewer.js"}, []string{"js/viewer.css"}
	}
	p.body = reports.Viewer(props)
	return r.render(p)
}

// pdfAssets are the addresses of pdf.js, empty where the asset step has not run.
func (s *Server) pdfAssets() reports.PDFAssets {
	const library = "pdfjs/legacy/build/pdf.min.mjs"
	if !s.assets.Has(library) {
		return reports.PDFAssets{}
	}
	return reports.PDFAssets{
		Library: s.assets.URL(library), Worker: s.assets.URL("pdfjs/legacy/build/pdf.worker.min.mjs"),
		CMaps: s.assets.URL("pdfjs/cmaps/"), Fonts: s.assets.URL("pdfjs/standard_fonts/"),
		Wasm: s.assets.URL("pdfjs/wasm/"), ICC: s.assets.URL("pdfjs/iccs/"),
	}
}

// banner identifies the patient whose reports are shown. Who reads all reports
// need not be in the patient's care team, so the name leads to the reports then.
func (h reportPages) banner(r *request, p health.Patient) ui.PatientBannerProps {
	b := patients.Banner(p, health.DayOf(r.now().In(p.Person.Zone(r.zone()))), 2)
	if r.principal().AllReports() {
		b.Href = reports.Path + "?person=" + p.Person.PublicID
	}
	return b
}
