package web

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"healthportal/app/access"
	"healthportal/app/audit"
	"healthportal/app/session"
)

// failingSessions fails.
type failingSessions struct{ err error }

func (f failingSessions) Lock(context.Context, string) error { return f.err }
func (f failingSessions) SetResearch(context.Context, string, bool) (string, session.Session, error) {
	return "", session.Session{}, f.err
}
func (f failingSessions) List(context.Context, int64) ([]session.Info, error)   { return nil, f.err }
func (f failingSessions) End(context.Context, int64, string, string) error      { return f.err }
func (f failingSessions) EndOthers(context.Context, int64, string) (int, error) { return 0, f.err }
func (s *sessionSite) liveTokens(t *testing.T, tokens ...string) (live int) {
	t.Helper()
	for _, token := range tokens {
		if _, err := s.service.Peek(t.Context(), token); err == nil {
			live++
		} else if !errors.Is(err, session.ErrNone) {
			t.Error(err)
		}
	}
	return live
}

func TestSessionsPage(t *testing.T) {
	s := newSessionSite(t)
	s.get("/settings/sessions", s.with(s.token)).wantStatus(t, 200).
		wantText(t, "<html", "Your sessions", "Firefox on Mac", "192.0.2.9", "today, 12:00", "This session", "signed in nowhere else", "zone UTC").
		wantNoText(t, "End all other sessions", s.token)
	s.clock = s.clock.Add(-20 * time.Minute)
	s.signIn(7)
	s.clock = s.clock.Add(20 * time.Minute)
	s.signIn(8)
	got := s.get("/settings/sessions", s.with(s.token), asFragment).wantStatus(t, 200).
		wantText(t, `id="sessions"`, "Locked", "End all other sessions", `action="/settings/sessions/session-2/end"`, `name="csrf"`).
		wantNoText(t, "<html", "session-3", `action="/settings/sessions/session-1/end"`)
	if got.header.Get("Cache-Control") != "no-store" {
		t.Errorf("Cache-Control %q", got.header.Get("Cache-Control"))
	}
	s.get("/settings/sessions?ended=2", s.with(s.token)).wantText(t, "2 sessions ended")
	for _, odd := range []string{"0", "-1", "x", "99999999", "<b>"} {
		s.get("/settings/sessions?ended="+strings.NewReplacer("<", "%3C", ">", "%3E").Replace(odd), s.with(s.token)).wantStatus(t, 200).wantNoText(t, "ended</", "<b>")
	}
}

func TestEndOwnSession(t *testing.T) {
	s := newSessionSite(t)
	second, bobs := s.signIn(7), s.signIn(8)
	// Line 25: others' sessions do not exist.
	for _, id := range []string{"session-3", "session-99", "%2e%2e", "'--"} {
		s.do(http.MethodPost, "/settings/sessions/"+id+"/end", "", s.with(s.token), asForm).wantStatus(t, http.StatusNotFound)
		if e := s.book.last(); e.Kind != access.KindSessionEnd || e.Outcome != audit.Denied {
			t.Errorf("%s: entry %+v", id, e)
		}
	}
	got := s.do(http.MethodPost, "/settings/sessions/session-2/end", "", s.with(s.token), asForm).wantStatus(t, http.StatusSeeOther)
	if got.header.Get("Location") != "/settings/sessions?ended=1" {
		t.Errorf("led to %s", got.header.Get("Location"))
	}
	if e := s.book.last(); e.Kind != access.KindSessionEnd || e.Outcome != audit.Done || e.Subject != "session-2" || e.UserID != 7 {
		t.Errorf("entry %+v", e)
	}
	if n := s.liveTokens(t, second); n != 0 {
		t.Error("the session lives on")
	}
	if n := s.liveTokens(t, s.token, bobs); n != 2 {
		t.Errorf("%d of the other two live", n)
	}
}

func TestEndOtherSessions(t *testing.T) {
	s := newSessionSite(t)
	others, bobs := []string{s.signIn(7), s.signIn(7)}, s.signIn(8)
	got := s.do(http.MethodPost, "/settings/sessions/end-others", "", s.with(s.token), asForm, header("HX-Request", "true")).wantStatus(t, http.StatusNoContent)
	if got.header.Get("HX-Redirect") != "/settings/sessions?ended=2" {
		t.Errorf("led to %s", got.header.Get("HX-Redirect"))
	}
	if e := s.book.last(); e.Kind != access.KindSessionEnd || e.Detail != `{"ended":2}` {
		t.Errorf("entry %+v", e)
	}
	if s.liveTokens(t, others...) != 0 || s.liveTokens(t, s.token, bobs) != 2 {
		t.Error("the wrong sessions ended")
	}
}

func TestSessionStoresFail(t *testing.T) {
	s := newSite(t, func(d *Deps) { d.OwnSessions = failingSessions{errors.New("disk on fire")} })
	s.get("/settings/sessions", as("clinician")).wantStatus(t, http.StatusServiceUnavailable).wantNoText(t, "fire")
	for _, path := range []string{"/session/lock", "/settings/sessions/session-1/end", "/settings/sessions/end-others"} {
		s.do(http.MethodPost, path, "", as("clinician"), fromPage, asForm).wantStatus(t, http.StatusServiceUnavailable).wantNoText(t, "fire")
		if e := s.book.last(); e.Outcome != audit.Failed {
			t.Errorf("%s: entry %+v", path, e)
		}
	}
}

// An act that can't be recorded is not answered as done.
func TestSessionActsWithoutTheLog(t *testing.T) {
	s := newSessionSite(t)
	s.book.err = errors.New("the log is full")
	s.do(http.MethodPost, "/session/lock", "", s.with(s.token), asJSON).wantStatus(t, http.StatusServiceUnavailable)
}
