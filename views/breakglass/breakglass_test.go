package breakglass

import (
	"strings"
	"testing"
	"time"

	"github.com/a-h/templ"

	"healthportal/app/access"
	"healthportal/app/health"
)

func render(t *testing.T, c templ.Component) string {
	t.Helper()
	var b strings.Builder
	if err := c.Render(t.Context(), &b); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func at(hour, minute int) time.Time { return time.Date(2026, 3, 29, hour, minute, 0, 0, time.UTC) }

func TestBanner(t *testing.T) {
	html := render(t, Banner(BannerProps{CSRF: "token", ID: "abc", Until: at(14, 20)}))
	for _, want := range []string{`id="break-glass"`, "until 14:20", "Every view is recorded and reviewed", `action="/break-glass/abc/end"`, `value="token"`, "no-print"} {
		if !strings.Contains(html, want) {
			t.Errorf("the banner lacks %q: %s", want, html)
		}
	}
	if strings.Contains(html, "hx-swap-oob") {
		t.Error("a page's own banner is swapped")
	}
	if html := render(t, Banner(BannerProps{Until: at(14, 20), Swap: true})); !strings.Contains(html, `hx-swap-oob="true"`) {
		t.Error("a fragment's banner is not swapped")
	}
}

func TestQueueStates(t *testing.T) {
	ended := access.Emergency{PublicID: "a", UserID: 1, Started: at(9, 0), Expires: at(10, 0)}
	running, early, brief := ended, ended, ended
	running.Expires, running.Started = at(12, 30), at(11, 30)
	early.Ended, brief.Ended = at(9, 20), at(9, 0).Add(30*time.Second)
	tests := []struct {
		e         access.Emergency
		reader    int64
		mayReview bool
		how       string
		state     string
	}{
		{ended, 2, true, "60 minutes, expired at 10:00", ""},
		{early, 2, true, "20 minutes, ended at 09:20", ""},
		{brief, 2, true, "less than a minute, ended at 09:00", ""},
		{running, 2, true, "30 minutes, still open, until 12:30", "once it has ended"},
		{ended, 1, true, "expired", "your own"},
		{ended, 2, false, "expired", "A privacy officer"},
	}
	for _, tt := range tests {
		p := QueueProps{Page: access.EmergencyPage{Waiting: []access.Emergency{tt.e}}, Reader: tt.reader, MayReview: tt.mayReview, Now: at(12, 0), Zone: time.UTC}
		html := render(t, Queue(p))
		if !strings.Contains(html, tt.how) || !strings.Contains(html, tt.state) {
			t.Errorf("%q or %q is missing", tt.how, tt.state)
		}
		if strings.Contains(html, "<form") != (tt.state == "") {
			t.Errorf("%q: a form %v", tt.how, strings.Contains(html, "<form"))
		}
	}
}

// Of several forms on the page only the one that was sent comes back filled in.
func TestRefusedReviewComesBack(t *testing.T) {
	one, two := access.Emergency{ID: 1, PublicID: "one", UserID: 1}, access.Emergency{ID: 2, PublicID: "two", UserID: 1}
	p := QueueProps{Page: access.EmergencyPage{Waiting: []access.Emergency{one, two}}, Reader: 2, MayReview: true, Now: at(12, 0), Zone: time.UTC,
		Refused: Review{ID: "two", Note: "typed <words>", NoteError: "too short"}}
	html := render(t, Queue(p))
	if strings.Count(html, "typed &lt;words&gt;") != 1 || strings.Count(html, "too short") != 1 || strings.Contains(html, "typed <words>") {
		t.Error("the note came back in the wrong place")
	}
	for _, id := range []string{`id="note-one"`, `id="note-two"`} {
		if strings.Count(html, id) != 1 {
			t.Errorf("%s stands %d times", id, strings.Count(html, id))
		}
	}
}

func TestOpenKeepsWhatWasTyped(t *testing.T) {
	p := OpenProps{CSRF: "token", Record: "MRN-1", Born: "1980-03-04", BirthDate: health.Day{Year: 1980, Month: time.March, Dom: 4}, Reason: "short", ReasonError: "longer", Confirmed: true}
	html := render(t, Open(p))
	for _, want := range []string{`value="MRN-1"`, `value="1980-03-04"`, ">short</textarea>", "longer", "checked", "data-step-up", "4 March 1980"} {
		if !strings.Contains(html, want) {
			t.Errorf("the form lacks %q", want)
		}
	}
	p.Href = "/patients/x"
	if html := render(t, Open(p)); strings.Contains(html, "<form") || !strings.Contains(html, "/patients/x") {
		t.Error("who needs no emergency is asked for a reason")
	}
}
