package web

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"healthportal/app/session"
)

// OwnSessions is what users do with their own sessions.
type OwnSessions interface {
	// Lock locks the session of token until a passkey check.
	Lock(ctx context.Context, token string) error
	// SetResearch chooses de-identified or identified data; access.ErrDenied for users without a choice.
	SetResearch(ctx context.Context, token string, on bool) (newToken string, s session.Session, err error)
	// List lists the user's live sessions.
	List(ctx context.Context, userID int64) ([]session.Info, error)
	// End ends one of the user's sessions, or fails with health.ErrNotFound.
	End(ctx context.Context, userID int64, id, why string) error
	// EndOthers ends all but one and returns how many.
	EndOthers(ctx context.Context, userID int64, keep string) (int, error)
}

// sessionPages are the actions on the session that asks, and the list of one's own.
type sessionPages struct{ sessions OwnSessions }

// sessionState is what the script of every page wants to know of the session.
type sessionState struct {
	Locked bool `json:"locked"`
	// LockIn and EndsIn are seconds from now, never less than 0.
	LockIn int `json:"lockIn"`
	EndsIn int `json:"endsIn"`
}

func (r *request) sessionState() sessionState {
	now := r.now()
	s := sessionState{Locked: r.session.Locked, EndsIn: secondsUntil(now, r.session.Ends)}
	if !s.Locked {
		s.LockIn = min(secondsUntil(now, r.session.LastSeen.Add(session.Idle)), s.EndsIn)
	}
	return s
}

func secondsUntil(now, then time.Time) int { return max(0, int(then.Sub(now)/time.Second)) }

// activity answers POST /session/activity: somebody types or scrolls. That is
// noted by looking the session up; a locked one answers 423 before it comes here.
func (h sessionPages) activity(r *request) error { return r.json(r.sessionState()) }

// state answers GET /session/state, which is no activity.
func (h sessionPages) state(r *request) error { return r.json(r.sessionState()) }

// lock answers POST /session/lock.
func (h sessionPages) lock(r *request) error {
	if err := h.sessions.Lock(r.ctx, r.sessionToken()); err != nil {
		return fmt.Errorf("lock the session: %w", err)
	}
	return r.json(sessionState{Locked: true, EndsIn: secondsUntil(r.now(), r.session.Ends)})
}

// mode answers POST /session/mode: the choice between research and patient care.
func (h sessionPages) mode(r *request) error {
	wanted := r.form("research")
	if wanted != "0" && wanted != "1" {
		return newError(http.StatusUnprocessableEntity, "The choice of the mode can't be read", "Go back, reload the page and choose again.")
	}
	r.note("research", wanted == "1")
	token, _, err := h.sessions.SetResearch(r.ctx, r.sessionToken(), wanted == "1")
	if err != nil {
		return sessionGone(err)
	}
	r.c.Cookie(r.sessionCookie(token))
	return r.redirect("/")
}

// sessionToken is the token in the cookie.
func (r *request) sessionToken() string { return r.c.Cookies(SessionCookie(r.s.origin)) }
