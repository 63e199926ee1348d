package web

import (
	"context"

	"healthportal/app/access"
	"healthportal/app/audit"
	"healthportal/app/health"
	auditlog "healthportal/views/audit"
	"healthportal/views/patients"
	"healthportal/views/ui"
)

// LookerStore reads who looked at a patient within scope.
type LookerStore interface {
	Lookers(ctx context.Context, scope access.Scope, person health.PersonID, after *audit.Cursor, size int) (audit.LookersPage, error)
}

// lookerPages are the pages of who looked at a patient.
type lookerPages struct {
	store    LookerStore
	patients PatientStore
}

// show answers GET /patients/{id}/access.
func (h lookerPages) show(r *request) error {
	var after *audit.Cursor
	if s := r.query("after"); s != "" {
		c, err := audit.ParseCursor(s)
		if err != nil {
			return badInput("after", wrongInput("go back to the first page"))
		}
		after = &c
	}
	p, err := r.patient(h.patients, r.param("id"))
	if err != nil {
		return err
	}
	found, err := h.store.Lookers(r.ctx, access.One(p.ID), p.ID, after, audit.DefaultSize)
	if err != nil {
		return err
	}
	props := auditlog.LookersProps{PublicID: p.PublicID, Zone: r.zone(), Older: cursorText(found.Older), First: after != nil}
	for _, l := range found.Lookers {
		props.Looks = append(props.Looks, auditlog.Look{At: l.At, User: l.UserName, Roles: l.Roles, Key: l.KeyID != "", Kind: l.Kind,
			Outcome: string(l.Outcome), BreakGlass: l.BreakGlass})
	}
	return r.render(page{title: "Who looked", patient: ui.PatientBanner(patients.Banner(p, r.today(p.Person), 0)),
		body: auditlog.Lookers(props), fragment: auditlog.LookersTable(props)})
}
