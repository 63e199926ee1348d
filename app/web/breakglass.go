package web

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/a-h/templ"

	"healthportal/app/access"
	"healthportal/app/health"
	"healthportal/views/breakglass"
	"healthportal/views/patients"
)

// EmergencyStore opens one patient to one user in an emergency. What does not
// exist, or is another user's, is health.ErrNotFound.
type EmergencyStore interface {
	FindForBreakGlass(ctx context.Context, userID int64, record string, born health.Day) (access.GlassMatch, error)
	// OpenBreakGlass returns the access that is open then, and whether it is new;
	// access.ErrGlassMember, with the patient, where none is needed.
	OpenBreakGlass(ctx context.Context, userID int64, record string, born health.Day, reason string) (e access.Emergency, opened bool, err error)
	EndBreakGlass(ctx context.Context, userID int64, publicID string) (health.PersonID, error)
	OpenEmergencies(ctx context.Context, userID int64) ([]access.Emergency, error)
}

// maxRecordNumber is longer than any record number, in bytes.
const maxRecordNumber = 200

// errManyFinds is its own error, so that the log has it: who tries many patients is of interest.
var errManyFinds = newError(http.StatusTooManyRequests, "You have looked for many patients in a short time",
	"Wait ten minutes. In a true emergency ask a colleague of the patient's care team.")

// glassPages are the pages of emergency access.
type glassPages struct{ store EmergencyStore }

// start answers GET /break-glass.
func (h glassPages) start(r *request) error { return h.renderStart(r, breakglass.FindProps{}) }

func (h glassPages) renderStart(r *request, p breakglass.FindProps) error {
	open, err := h.store.OpenEmergencies(r.ctx, r.principal().UserID)
	if err != nil {
		return err
	}
	if p.Missed || p.RecordError != "" || p.BornError != "" {
		r.c.Status(http.StatusUnprocessableEntity)
	}
	p.CSRF, p.Open, p.Zone = r.csrf(), open, r.zone()
	return r.render(page{title: "Break the glass", body: breakglass.Find(p)})
}

// wanted is the patient whom a form asks for.
type wanted struct {
	record, typed string
	born          health.Day
}

// wanted reads the patient of a form; ok is false where that can be nobody, and
// then p says why.
func (r *request) wanted() (w wanted, p breakglass.FindProps, ok bool) {
	w = wanted{record: strings.TrimSpace(r.form("record_number")), typed: strings.TrimSpace(r.form("birth_date"))}
	p = breakglass.FindProps{Record: w.record, Born: w.typed}
	if w.record == "" || len(w.record) > maxRecordNumber || !utf8.ValidString(w.record) || strings.ContainsRune(w.record, 0) {
		p.RecordError = "Write the record number of one patient."
	}
	var err error
	if w.born, err = health.ParseDay(w.typed); err != nil || w.born.IsZero() {
		p.BornError = "Write the date as YYYY-MM-DD."
	}
	return w, p, p.RecordError == "" && p.BornError == ""
}

// count takes one of the user's few attempts to find a patient, over all processes.
func (h glassPages) count(r *request) error {
	bucket := "break-glass " + strconv.FormatInt(r.principal().UserID, 10)
	n, err := r.s.deps.Attempts.CountAttempt(r.ctx, bucket, 1, access.BreakGlassWindow)
	if err != nil {
		return fmt.Errorf("count attempts to find a patient: %w", err)
	}
	if n > access.BreakGlassFinds {
		return errManyFinds
	}
	return nil
}

// find answers POST /break-glass/find: whether exactly one patient matches.
func (h glassPages) find(r *request) error {
	w, form, ok := r.wanted()
	if !ok {
		return h.renderStart(r, form)
	}
	if err := h.count(r); err != nil {
		return err
	}
	found, err := h.store.FindForBreakGlass(r.ctx, r.principal().UserID, w.record, w.born)
	r.note("found", err == nil)
	if errors.Is(err, health.ErrNotFound) {
		form.Missed = true
		return h.renderStart(r, form)
	}
	if err != nil {
		return err
	}
	r.about(found.ID, "")
	props := w.open(r)
	if found.Member {
		props.Href = patients.Href(found.PublicID)
	}
	return r.render(page{title: "Break the glass", body: breakglass.Open(props)})
}

// open is the form that asks for the reason.
func (w wanted) open(r *request) breakglass.OpenProps {
	return breakglass.OpenProps{CSRF: r.csrf(), Record: w.record, Born: w.typed, BirthDate: w.born}
}

// open answers POST /break-glass/open: the patient opens, and people are told.
func (h glassPages) open(r *request) error {
	w, form, ok := r.wanted()
	if !ok {
		return h.renderStart(r, form)
	}
	props := w.open(r)
	reason, err := access.GlassReason(r.form("reason"))
	props.Reason, props.Confirmed = r.form("reason"), r.form("confirm") == "yes"
	if err != nil {
		props.ReasonError = fmt.Sprintf("Say in %d to %d characters why the patient must be opened now.", access.MinReason, access.MaxReason)
	}
	if !props.Confirmed {
		props.ConfirmError = "Tick the box to confirm."
	}
	if props.ReasonError != "" || props.ConfirmError != "" {
		r.c.Status(http.StatusUnprocessableEntity)
		return r.render(page{title: "Break the glass", body: breakglass.Open(props)})
	}
	// Opening tells as much as finding, so that it counts like it.
	if err := h.count(r); err != nil {
		return err
	}
	e, opened, err := h.store.OpenBreakGlass(r.ctx, r.principal().UserID, w.record, w.born, reason)
	switch {
	case errors.Is(err, health.ErrNotFound):
		r.note("found", false)
		form.Missed = true
		return h.renderStart(r, form)
	case errors.Is(err, access.ErrGlassMember):
		r.note("needed", false)
		r.about(e.Person, "")
		return r.redirect(patients.Href(e.PersonPublicID))
	case err != nil:
		return err
	}
	r.about(e.Person, e.PublicID)
	r.note("opened", opened)
	r.note("until", e.Expires.UTC().Format(time.RFC3339))
	if opened {
		r.s.deps.Alerts.Send(access.Alert{Kind: access.AlertBreakGlass, Path: breakglass.ReviewPath, RequestID: r.id(), At: r.now(),
			Text: "A clinician opened a patient outside the care team in an emergency. Review the access in the portal."})
	}
	return r.redirect(patients.Href(e.PersonPublicID))
}

// end answers POST /break-glass/{id}/end.
func (h glassPages) end(r *request) error {
	id := r.param("id")
	if !publicID(id) {
		return health.ErrNotFound
	}
	r.about(0, id)
	person, err := h.store.EndBreakGlass(r.ctx, r.principal().UserID, id)
	if err != nil {
		return err
	}
	r.about(person, id)
	return r.redirect(breakglass.Path)
}

// emergency is the banner of a patient who is open in an emergency; the zero
// value is none.
type emergency struct{ props breakglass.BannerProps }

// underEmergency notes for the answer, and for the log, that p is open in an
// emergency, where that is so. Times are then shown in the site's zone.
func (r *request) underEmergency(p health.Patient) health.Patient {
	if p.BreakGlassID == "" {
		return p
	}
	p.BreakGlassUntil = p.BreakGlassUntil.In(r.zone())
	r.glass = emergency{breakglass.BannerProps{CSRF: r.csrf(), ID: p.BreakGlassID, Until: p.BreakGlassUntil}}
	r.note("break_glass", p.BreakGlassID)
	return p
}

// withBanner puts the emergency's banner before a page's own.
func (e emergency) withBanner(own templ.Component) templ.Component {
	switch {
	case e.props.ID == "":
		return own
	case own == nil:
		return breakglass.Banner(e.props)
	default:
		return templ.Join(breakglass.Banner(e.props), own)
	}
}

// withFragment lets a fragment renew the banner of the page that it goes to.
func (e emergency) withFragment(part templ.Component) templ.Component {
	if e.props.ID == "" {
		return part
	}
	e.props.Swap = true
	return templ.Join(part, breakglass.Banner(e.props))
}
