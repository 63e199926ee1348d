package web

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"healthportal/app/access"
	"healthportal/app/health"
	"healthportal/views/breakglass"
)

// ReviewStore is the review queue of emergency accesses.
type ReviewStore interface {
	EmergencyQueue(ctx context.Context, after string, size int) (access.EmergencyPage, error)
	// ReviewEmergency fails with access.ErrGlassOwn, ErrGlassRunning or
	// ErrGlassDecided where the rules forbid the decision.
	ReviewEmergency(ctx context.Context, reviewer int64, publicID string, o access.GlassOutcome, note string) error
}

// decidedPage is how many decided accesses the queue shows at once.
const decidedPage = 20

// reviewPages are the review of emergency accesses.
type reviewPages struct{ store ReviewStore }

// queue answers GET /admin/break-glass.
func (h reviewPages) queue(r *request) error { return h.render(r, breakglass.Review{}) }

func (h reviewPages) render(r *request, refused breakglass.Review) error {
	after := r.query("after")
	if after != "" && !publicID(after) {
		return badInput("after", wrongInput("follow a link of the page"))
	}
	found, err := h.store.EmergencyQueue(r.ctx, after, decidedPage)
	if err != nil {
		return err
	}
	shown := make([]string, 0, len(found.Waiting)+len(found.Decided))
	for _, e := range append(found.Waiting[:len(found.Waiting):len(found.Waiting)], found.Decided...) {
		shown = append(shown, e.PublicID)
	}
	r.note("accesses", shown)
	if refused.ID != "" {
		r.c.Status(http.StatusUnprocessableEntity)
	}
	return r.render(page{title: "Break-glass reviews", body: breakglass.Queue(breakglass.QueueProps{
		CSRF: r.csrf(), Page: found, Reader: r.principal().UserID, MayReview: r.principal().Can(access.BreakGlassReview),
		Now: r.now(), Zone: r.zone(), After: after, Refused: refused,
	})})
}

// review answers POST /admin/break-glass/{id}/review.
func (h reviewPages) review(r *request) error {
	id := r.param("id")
	if !publicID(id) {
		return health.ErrNotFound
	}
	r.about(0, id)
	form := breakglass.Review{ID: id, Outcome: r.form("outcome"), Note: strings.TrimSpace(r.form("note"))}
	outcome, err := access.ParseGlassOutcome(form.Outcome)
	if err != nil {
		form.OutcomeError = "Choose one."
		return h.render(r, form)
	}
	note, err := access.GlassNote(form.Note, outcome)
	switch {
	case errors.Is(err, access.ErrGlassNoteMissing):
		form.NoteError = fmt.Sprintf("Say in at least %d characters why it was not justified, and what follows.", access.MinReason)
		return h.render(r, form)
	case err != nil:
		form.NoteError = fmt.Sprintf("Write at most %d characters.", access.MaxNote)
		return h.render(r, form)
	}
	switch err := h.store.ReviewEmergency(r.ctx, r.principal().UserID, id, outcome, note); {
	case errors.Is(err, access.ErrGlassOwn):
		return newError(http.StatusForbidden, "Nobody reviews an access of their own", "Another privacy officer decides on it.")
	case errors.Is(err, access.ErrGlassDecided):
		return newError(http.StatusConflict, "This access has been decided already, and the decision stays", "Go back to the queue to read it.")
	case errors.Is(err, access.ErrGlassRunning):
		return newError(http.StatusConflict, "This access has not ended yet, so that more may be viewed", "Decide once it has ended.")
	case err != nil:
		return err
	}
	r.note("outcome", string(outcome))
	return r.redirect(breakglass.ReviewPath)
}
