package web

import (
	"errors"
	"fmt"
	"strconv"

	"healthportal/app/session"
	"healthportal/views/settings"
)

// maxEndedShown bounds the number that the page repeats from its address.
const maxEndedShown = 10_000

// list answers GET /settings/sessions.
func (h sessionPages) list(r *request) error {
	all, err := h.sessions.List(r.ctx, r.principal().UserID)
	if err != nil {
		return fmt.Errorf("list the sessions: %w", err)
	}
	props := settings.SessionsProps{Sessions: make([]settings.Session, len(all)), Now: r.now(), Zone: r.zone(), CSRF: r.csrf()}
	for i, s := range all {
		props.Sessions[i] = settings.Session{ID: s.ID, Created: s.Created, LastSeen: s.LastSeen, Ends: s.Ends, Browser: s.Browser,
			Address: s.Address, Passkey: s.Passkey, Locked: s.Locked, Current: s.ID == r.session.ID}
	}
	if n, err := strconv.Atoi(r.query("ended")); err == nil && n > 0 && n <= maxEndedShown {
		props.Ended = n
	}
	return r.render(page{title: "Your sessions", body: settings.Sessions(props), fragment: settings.SessionList(props)})
}

// end answers POST /settings/sessions/{id}/end.
func (h sessionPages) end(r *request) error {
	id := r.param("id")
	r.about(0, id)
	if err := h.sessions.End(r.ctx, r.principal().UserID, id, session.WhyOwner); err != nil {
		return fmt.Errorf("end a session: %w", err)
	}
	return r.redirect(settings.SessionsPath + "?ended=1")
}

// endOthers answers POST /settings/sessions/end-others.
func (h sessionPages) endOthers(r *request) error {
	n, err := h.sessions.EndOthers(r.ctx, r.principal().UserID, r.session.ID)
	if err != nil {
		return fmt.Errorf("end the other sessions: %w", err)
	}
	r.note("ended", n)
	return r.redirect(settings.SessionsPath + "?ended=" + strconv.Itoa(n))
}

// sessionGone answers "signed out" where the session ended under the request.
func sessionGone(err error) error {
	if errors.Is(err, session.ErrNone) {
		return fmt.Errorf("%w: the session ended meanwhile", errSignedOut)
	}
	return err
}
