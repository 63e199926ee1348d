package web

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"healthportal/app/access"
	"healthportal/app/health"
	"healthportal/app/health/adultrange"
	"healthportal/views/settings"
)

// RangeStore reads the general adult ranges with the last act about each.
type RangeStore interface {
	RangeSheet(ctx context.Context) (adultrange.Sheet, error)
	// OutlyingEvents returns the events that may lie outside a general adult range.
	OutlyingEvents(ctx context.Context, scope access.Scope, o adultrange.Outlying) ([]health.Event, error)
}

// RangeKeeper does what clinicians do about ranges. Refusals are those of
// adultrange.Standing.Permits, a metric without a range is health.ErrNotFound.
type RangeKeeper interface {
	ActOnRange(ctx context.Context, userID int64, metric string, kind adultrange.ActKind, digest string) error
}

// rangeSheet reads the ranges, their acts dated in the site's zone.
func (r *request) rangeSheet(store RangeStore) (adultrange.Sheet, error) {
	sheet, err := store.RangeSheet(r.ctx)
	if err != nil {
		return sheet, fmt.Errorf("list the ranges: %w", err)
	}
	return sheet.In(r.zone()), nil
}

// rangePages are the general adult ranges.
type rangePages struct {
	store  RangeStore
	keeper RangeKeeper
}

// list answers GET /settings/ranges.
func (h rangePages) list(r *request) error { return h.render(r, r.query("done"), "") }

// render shows the ranges, and what was refused.
func (h rangePages) render(r *request, done, problem string) error {
	sheet, err := r.rangeSheet(h.store)
	if err != nil {
		return err
	}
	p := settings.RangesProps{Sheet: sheet, Zone: r.zone(), CSRF: r.csrf(), Done: done, Problem: problem}
	return r.render(page{title: "General adult ranges", body: settings.Ranges(p), fragment: settings.RangeList(p), wide: true})
}

// signOff answers POST /settings/ranges/{metric}/sign-off.
func (h rangePages) signOff(r *request) error { return h.act(r, adultrange.SignOff, "signed-off") }

// withdraw answers POST /settings/ranges/{metric}/withdraw.
func (h rangePages) withdraw(r *request) error { return h.act(r, adultrange.Withdraw, "withdrawn") }

// act does what the form asks for with the range that its page showed.
func (h rangePages) act(r *request, kind adultrange.ActKind, done string) error {
	metric, digest := r.param("metric"), r.form("digest")
	if _, ok := adultrange.Of(metric); !ok {
		return health.ErrNotFound
	}
	r.about(0, metric)
	err := h.keeper.ActOnRange(r.ctx, r.principal().UserID, metric, kind, digest)
	if status, words := rangeRefusal(err); words != "" {
		r.note("refused", words)
		r.c.Status(status)
		return h.render(r, "", words)
	}
	if err != nil {
		return err
	}
	r.note("digest", digest)
	return r.redirect(settings.RangesPath + "?done=" + done + "#range-" + metric)
}

// rangeRefusal words what keeps an act from being done; empty for all else.
func rangeRefusal(err error) (status int, words string) {
	switch {
	case errors.Is(err, adultrange.ErrChanged):
		return http.StatusConflict, "The range is another one than the page showed. Nothing was done: read it again below."
	case errors.Is(err, adultrange.ErrSignedOff):
		return http.StatusConflict, "The range is signed off already, as it stands below. Nothing was done."
	case errors.Is(err, adultrange.ErrNotSignedOff):
		return http.StatusConflict, "The range is not signed off any more. Nothing was done."
	case errors.Is(err, adultrange.ErrNoMarks):
		return http.StatusUnprocessableEntity, "This range can't be signed off, because no single value can be held against it. Nothing was done."
	default:
		return 0, ""
	}
}
