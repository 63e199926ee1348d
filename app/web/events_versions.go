package web

import (
	"healthportal/app/access"
	"healthportal/app/health"
	"healthportal/views/events"
	"healthportal/views/patients"
	"healthportal/views/ui"
)

// versions answers GET /dashboard/events/{id}/versions: all versions of one value, how
// each came, and which counts.
func (h eventPages) versions(r *request) error {
	at, err := health.ParseCursor(r.param("id"))
	if err != nil {
		return health.ErrNotFound
	}
	p, err := r.patient(h.patients, r.query("person"))
	if err != nil {
		return err
	}
	list, err := h.store.EventVersions(r.ctx, access.One(p.ID), p.ID, at)
	if err != nil {
		return err
	}
	r.note("versions", len(list))
	props := events.VersionsProps{Props: events.Props{Person: p.Person, Zone: p.Zone(r.zone())}, Versions: list}
	return r.render(page{title: "History of a value", patient: ui.PatientBanner(patients.Banner(p, r.today(p.Person), 0)),
		body: events.VersionsPage(props), fragment: events.Versions(props)})
}
