package web

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"healthportal/app/access"
	"healthportal/app/audit"
)

// noticeBox holds notices of everybody.
type noticeBox struct {
	mu   sync.Mutex
	list []access.Notice
	// kept is the session that a disowning user keeps.
	kept string
	err  error
}

// UnseenNotices returns all.
func (b *noticeBox) UnseenNotices(context.Context, int64) ([]access.Notice, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.list, b.err
}

// SeeNotices drops those up to last.
func (b *noticeBox) SeeNotices(_ context.Context, _, last int64, _ time.Time) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	for len(b.list) > 0 && b.list[0].ID <= last && b.err == nil {
		b.list = b.list[1:]
	}
	return b.err
}

// DisownNotices does the same.
func (b *noticeBox) DisownNotices(ctx context.Context, user int64, keep string, last int64, at time.Time) (int, int, error) {
	b.kept = keep
	return 2, 1, b.SeeNotices(ctx, user, last, at)
}

func (c *clinic) tell() {
	c.notices.list = []access.Notice{
		{ID: 3, Kind: access.NoticeRole, What: "You were given the role admin <b>.", By: "Dr Eve", At: testNow().Add(-time.Hour)},
		{ID: 8, Kind: access.NoticePasskey, What: "A passkey was added by an enrolment link.", At: testNow().Add(-48 * time.Hour)},
	}
}

func TestSignInLeadsByNotices(t *testing.T) {
	c := newClinic(t)
	key := c.enrol(c.link("ada"))
	c.tell()
	in := c.signIn(key, "/dashboard?a=1&b=2").wantStatus(t, 200)
	next := in.json(t).Next
	if next != "/notices?next=%2Fdashboard%3Fa%3D1%26b%3D2" {
		t.Fatalf("sign-in leads to %q", next)
	}
	token := in.cookie(t).Value
	c.get(next, withCookie(token)).wantStatus(t, 200).wantText(t, "Changes to your account", "You were given the role admin &lt;b&gt;.", "Dr Eve",
		"a command on the server", "today, 11:00", "27 Mar 2026, 12:00", `value="8"`, `value="/dashboard?a=1&amp;b=2"`, "I knew about this", "I did not know").wantNoText(t, "<b>")
	p := &signedIn{c, key, token}
	if got := p.post("/notices/seen", map[string][]string{"act": {"known"}, "last": {"8"}, "next": {"/dashboard"}}).wantStatus(t, 303).header.Get("Location"); got != "/dashboard" {
		t.Errorf("leads to %q", got)
	}
	if e := c.book.last(); e.Kind != access.KindNotices || e.Outcome != audit.Done || strings.Contains(e.Detail, "disowned") {
		t.Errorf("recorded %+v", e)
	}
	if got := p.get("/notices?next=//evil", withCookie(token)).wantStatus(t, 303).header.Get("Location"); got != "/" {
		t.Errorf("with nothing to show it leads to %q", got)
	}
	if got := c.signIn(key, "/dashboard").json(t).Next; got != "/dashboard" {
		t.Errorf("the next sign-in leads to %q", got)
	}
}

func TestNoticesDisowned(t *testing.T) {
	c := newClinic(t)
	p := c.enter("ada")
	c.tell()
	p.post("/notices/seen", map[string][]string{"act": {"not-me"}, "last": {"3"}}).wantStatus(t, 200).
		wantText(t, "2 other sessions", "1 administrator", "/settings/passkeys")
	if len(c.notices.list) != 1 || c.notices.list[0].ID != 8 || c.notices.kept == "" {
		t.Errorf("left are %+v, kept %q", c.notices.list, c.notices.kept)
	}
	if len(c.alerts.alerts) != 1 || c.alerts.alerts[0].Kind != access.AlertDisowned || strings.Contains(c.alerts.alerts[0].Text, "Ada") {
		t.Errorf("alerts %+v", c.alerts.alerts)
	}
	if e := c.book.last(); e.Kind != access.KindNotices || !strings.Contains(e.Detail, `"disowned":true`) || !strings.Contains(e.Detail, `"ended":2`) {
		t.Errorf("recorded %+v", e)
	}
}

func TestNoticesRefuse(t *testing.T) {
	c := newClinic(t)
	p := c.enter("ada")
	c.tell()
	for _, last := range []string{"", "x", "-1", "0", "99999999999999999999", "8 OR 1=1"} {
		p.post("/notices/seen", map[string][]string{"act": {"known"}, "last": {last}}).wantStatus(t, 400)
	}
	p.post("/notices/seen", map[string][]string{"last": {"8"}}).wantStatus(t, 422)
	if got := p.post("/notices/seen", map[string][]string{"act": {"known"}, "last": {"3"}, "next": {"https://evil.example"}}).wantStatus(t, 303).header.Get("Location"); got != "/" {
		t.Errorf("leads to %q", got)
	}
	if len(c.notices.list) != 1 {
		t.Errorf("left are %+v: what came later was not shown", c.notices.list)
	}
	c.get("/notices").wantStatus(t, 303)
	c.do(http.MethodPost, "/notices/seen", "", fromPage).wantStatus(t, 401)
	c.do(http.MethodPost, "/notices/seen", "", fromPage, withCookie(p.token)).wantStatus(t, 403)
	c.notices.err = errors.New("pq: secret detail")
	for _, a := range []answer{
		p.get("/notices", withCookie(p.token)),
		p.post("/notices/seen", map[string][]string{"act": {"known"}, "last": {"8"}}),
		p.post("/notices/seen", map[string][]string{"act": {"not-me"}, "last": {"8"}}),
		c.signIn(p.key, ""),
	} {
		a.wantStatus(t, 503).wantNoText(t, "secret")
	}
}
