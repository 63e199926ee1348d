package web

import (
	"context"
	"errors"
	"net/http"
	"net/url"

	"healthportal/app/health"
	"healthportal/views/events"
)

// ViewStore keeps, for each user and patient, the view of the events that opens first.
type ViewStore interface {
	// SavedView returns a query of the table's parameters, or health.ErrNotFound.
	SavedView(ctx context.Context, userID int64, person health.PersonID) (string, error)
	SaveView(ctx context.Context, userID int64, person health.PersonID, view string) error
	ForgetView(ctx context.Context, userID int64, person health.PersonID) error
}

var errNoView = newError(http.StatusUnprocessableEntity, "There is nothing to save", "Filter the events first, then save the view.")

// bare reports whether the address names a patient and nothing else, which opens
// the saved view.
func (r *request) bare() bool {
	bare := true
	for name := range r.c.Context().QueryArgs().All() {
		bare = bare && string(name) == "person"
	}
	return bare
}

// withSaved puts the reader's saved view in force where the address asks for nothing
// else, and says what there is. A view that can't be read any more (a unit or metric is
// gone) shows everything, and says so.
func (h eventPages) withSaved(r *request, p *events.Props) error {
	view, err := h.views.SavedView(r.ctx, r.principal().UserID, p.Person.ID)
	if errors.Is(err, health.ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	p.Saved = view
	if !r.bare() {
		return nil
	}
	values, err := url.ParseQuery(view)
	if err == nil {
		asked := *p
		if err = readEvents(values.Get, &asked); err == nil {
			*p = asked
			r.note("view", "saved")
			return nil
		}
	}
	p.SavedBroken = true
	return nil //nolint:nilerr // said on the page, which shows everything
}

// saveView answers POST /dashboard/events/view: what the form says of the filter
// opens first from now on.
func (h eventPages) saveView(r *request) error {
	p := events.Props{CSRF: r.csrf()}
	if err := readEvents(r.form, &p); err != nil {
		return err
	}
	patient, err := r.patient(h.patients, r.form("person"))
	if err != nil {
		return err
	}
	p.Person = patient.Person
	view := p.View()
	if view == "" {
		return errNoView
	}
	if err := h.views.SaveView(r.ctx, r.principal().UserID, patient.ID, view); err != nil {
		return err
	}
	r.note("act", "save")
	return r.redirect(events.Href(patient.PublicID))
}

// forgetView answers POST /dashboard/events/view/forget.
func (h eventPages) forgetView(r *request) error {
	patient, err := r.patient(h.patients, r.form("person"))
	if err != nil {
		return err
	}
	if err := h.views.ForgetView(r.ctx, r.principal().UserID, patient.ID); err != nil {
		return err
	}
	r.note("act", "forget")
	return r.redirect(events.Href(patient.PublicID))
}
