package web

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"healthportal/app/access"
	"healthportal/views/settings"
)

// Notices are what others did to an account.
type Notices interface {
	// UnseenNotices returns what the user has not seen yet, oldest first.
	UnseenNotices(ctx context.Context, userID int64) ([]access.Notice, error)
	// SeeNotices marks the user's notices up to and including last as seen.
	SeeNotices(ctx context.Context, userID, last int64, at time.Time) error
	// DisownNotices does the same, ends the user's sessions but keep, and leaves
	// word to the other administrators. It returns how many of each.
	DisownNotices(ctx context.Context, userID int64, keep string, last int64, at time.Time) (sessions, told int, err error)
}

// noticePages show what others did to one's account.
type noticePages struct{ store Notices }

// show answers GET /notices; where there is nothing to show it leads on.
func (h noticePages) show(r *request) error {
	list, err := h.store.UnseenNotices(r.ctx, r.principal().UserID)
	if err != nil {
		return fmt.Errorf("list the notices: %w", err)
	}
	next := LocalPath(r.query("next"), "/")
	if len(list) == 0 {
		return r.redirect(next)
	}
	p := settings.NoticesProps{Notices: list, Next: next, Now: r.now(), Zone: r.zone(), CSRF: r.csrf()}
	return r.render(page{title: "Changes to your account", body: settings.Notices(p)})
}

// seen answers POST /notices/seen.
func (h noticePages) seen(r *request) error {
	last, err := strconv.ParseInt(r.form("last"), 10, 64)
	if err != nil || last <= 0 {
		return badInput("last", errors.New("not a number of this page"))
	}
	r.note("last", last)
	switch r.form("act") {
	case "known":
		if err := h.store.SeeNotices(r.ctx, r.principal().UserID, last, r.now()); err != nil {
			return fmt.Errorf("mark notices as seen: %w", err)
		}
		return r.redirect(LocalPath(r.form("next"), "/"))
	case "not-me":
		return h.disown(r, last)
	default:
		return newError(http.StatusUnprocessableEntity, "Nothing was chosen", "Go back and choose one of the two buttons.")
	}
}

// disown is for users who know nothing of what was done.
func (h noticePages) disown(r *request, last int64) error {
	r.note("disowned", true)
	sessions, told, err := h.store.DisownNotices(r.ctx, r.principal().UserID, r.session.ID, last, r.now())
	if err != nil {
		return fmt.Errorf("disown notices: %w", err)
	}
	r.note("ended", sessions)
	r.s.deps.Alerts.Send(access.Alert{Kind: access.AlertDisowned, Path: "/admin/audit", RequestID: r.id(), At: r.now(),
		Text: fmt.Sprintf("User %d knows nothing of changes that were made to the own account. Ask, and look into the audit log.", r.principal().UserID)})
	return r.render(page{title: "Changes to your account", body: settings.Disowned(sessions, told)})
}
