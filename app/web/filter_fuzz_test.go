package web

import (
	"log/slog"
	"math"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"healthportal/app/audit"
	"healthportal/app/health"
)

// filterWorld is a server whose pages with filters all stand on recording fakes.
type filterWorld struct {
	server *Server
	health *fakeHealth
	log    *fakeLog
	lab    *fakeResearch
	index  *reportWorld
}

func newFilterWorld(f *testing.F) *filterWorld {
	f.Helper()
	w := &filterWorld{health: withData(), log: &fakeLog{}, lab: someResearch(), index: &reportWorld{}}
	server, err := New(Config{
		Origin: testOrigin, Zone: time.UTC, Logger: slog.New(slog.DiscardHandler), Now: testNow, RateLimit: 1e6}, Deps{
		Sessions: roleSessions{}, Audit: &logbook{}, Attempts: noAttempts{}, Keys: noKeys{}, Alerts: &alertBox{},
		Patients: w.health, Series: w.health, Home: w.health, Ranges: w.health, Views: fakeViews{}, NewReports: &fakeIndex{}, Events: w.health, SavedViews: w.health, AuditLog: w.log, Research: w.lab, Reports: w.index, ReportRights: w.index,
	})
	if err != nil {
		f.Fatal(err)
	}
	w.server = server
	return w
}

// FuzzFilters asks each page with a filter for whatever comes: the answer is a
// page or says what is wrong, and what reaches the store is within its bounds.
func FuzzFilters(f *testing.F) {
	for _, seed := range []string{
		"metric=heart_rate&from=2026-01-01&to=2026-03-29&size=50", "day=2026-03-29", "day=2026-02-30", "from=2026-03-02&to=2026-03-01", "size=0", "size=99999999999999999999", "size=-1",
		"after=" + health.Cursor{At: testNow(), ID: 9}.String(), "after=AA&before=AA", "after=%00", "kind=sign-in&outcome=done&user=" + evaID + "&patient=" + knownPatient, "kind=x", "outcome=x", "emergency=" + evaID,
		"subject=" + strings.Repeat("x", 4000), "q=%E2%80%AE%3Cscript%3E", "q=" + strings.Repeat("a+", 900), "unassigned=1&person=pub1", "unit=mmol/L", "%ff=%fe", "from=0001-01-01&to=9999-12-31", "day=2026-10-25&from=2026-10-25T00:00:00Z&to=2026-10-25T01:00:00Z", "from=2026-10-25T02:00:00%2B02:00", "from=2026-10-25T02:00:00+02:00", "to=9999-12-31T23:59:59.999999Z", "from=T&to=T", "from=2026-10-25T01:00:00Z&to=2026-10-25T01:00:00Z", "a[999999999]=1",
		"zoom=years&compare=potassium", "zoom=months&at=9999", "zoom=days&at=1800-01", "month=9999-12", "zoom=hours&at=2026-10-25&compare=potassium&unit=/min", "zoom=hours&at=9999-12-31", "zoom=weeks&at=x",
		"metric='%20OR%201=1--", "size=1e3", "source=3&flag=H", "source=0", "source=-1", "source=2147483648", "source=lab", "flag=any", "flag=not-normal&size=25", "flag=%27%3B--", "flag=" + strings.Repeat("H", 200), "view=all", "view=x", "view=all&source=9", "from=2026-01-01&from=2027-01-01", ";", "&&==", "=%",
	} {
		f.Add(seed)
	}
	w := newFilterWorld(f)
	f.Fuzz(func(t *testing.T, query string) {
		if len(query) > 3000 || strings.ContainsFunc(query, func(r rune) bool { return r <= ' ' || r >= 0x7f || r == '#' }) {
			return // no request line: the wire tests send such
		}
		s := &site{t: t, server: w.server}
		for path, role := range map[string]string{
			"/dashboard?": "clinician", "/dashboard/events?person=" + knownPatient + "&": "clinician", "/patients/" + knownPatient + "/chart?": "clinician",
			"/genomics/reports?": "analyst", "/admin/audit?": "privacy", "/research/participants?": "researcher", "/research/events?participant=" + knownPseudonym + "&": "researcher",
		} {
			w.health.gotFilter, w.health.gotWindow, w.log.got = health.EventFilter{}, health.Window{}, audit.Filter{}
			got := s.get(path+query, as(role))
			if got.status >= 500 {
				t.Errorf("%s%s: status %d: %.300s", path, query, got.status, got.body)
			}
			w.check(t, path+query)
		}
	})
}

// check holds what the stores were asked for against their bounds.
func (w *filterWorld) check(t *testing.T, asked string) {
	t.Helper()
	if f := w.health.gotFilter; f.Size > health.MaxPageSize || f.After != nil && f.Before != nil || !f.From.IsZero() && !f.To.IsZero() && f.To.Before(f.From) || !f.Since.IsZero() && !f.Until.IsZero() && !f.Until.After(f.Since) || !storable(health.Instant(f.Since)+health.Instant(f.Until)) || !storable(f.Metric) || !storable(f.Flag) || len(f.Flag) > maxFlag || f.Source < 0 || f.Source > math.MaxInt32 {
		t.Errorf("%s asked the store for %+v", asked, f)
	}
	if f := w.health.gotWindow; f.To.Before(f.From) || f.Zoom != health.Years && f.From.DaysUntil(f.To) > 365 {
		t.Errorf("%s asked the store for %+v", asked, f)
	}
	if f := w.log.got; f.PageSize() > audit.MaxSize || !f.From.IsZero() && !f.To.IsZero() && f.To.Before(f.From) || !storable(f.Subject) {
		t.Errorf("%s asked the log for %+v", asked, f)
	}
	if f := w.index.filter; !storable(f.Text) || !storable(f.Kind) {
		t.Errorf("%s asked the index for %+v", asked, f)
	}
}

// storable reports whether s is what a database can store.
func storable(s string) bool { return utf8.ValidString(s) && !strings.ContainsRune(s, 0) }
