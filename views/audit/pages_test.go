package audit

import (
	"strings"
	"testing"
	"time"

	"github.com/a-h/templ"

	"healthportal/app/access"
	"healthportal/app/health"
)

func markup(t *testing.T, c templ.Component) string {
	t.Helper()
	var b strings.Builder
	if err := c.Render(t.Context(), &b); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// hold compares a page with what it has to say and what it must not.
func hold(t *testing.T, page string, want, not []string) {
	t.Helper()
	for _, text := range want {
		if !strings.Contains(page, text) {
			t.Errorf("the page lacks %q", text)
		}
	}
	for _, text := range not {
		if strings.Contains(page, text) {
			t.Errorf("the page has %q", text)
		}
	}
}

// hostile is text as an attacker brings it into the log: by a name, a header, a file.
const hostile = `"><script>alert(1)</script>`

func logPage() Props {
	at := time.Date(2026, 3, 29, 1, 30, 5, 0, time.UTC)
	return Props{
		CSRF: "token", Zone: time.FixedZone("Ward time", 2*3600), Size: 50, Default: 50, Older: "older-cursor",
		Users: []access.UserRef{{PublicID: "u1", Name: "Dr. " + hostile}},
		Lines: []Line{
			{At: at, Kind: access.KindSignIn, Outcome: "done", User: "Dr. " + hostile, UserID: "u1", Roles: "clinician", Route: "POST /login/finish", Request: "r-1",
				Address: "192.0.2.7", Detail: `{"agent":"` + `<b>x</b>"` + `}`, Chain: "c1", Seq: 1234567},
			{At: at, Kind: "of.later", Outcome: "denied", Patient: access.PatientRef{ID: 4, PublicID: "p4", RecordNumber: hostile}, Subject: hostile, Key: "k1", Seq: 2},
		},
	}
}

func TestLogPage(t *testing.T) {
	page := markup(t, Log(logPage()))
	hold(t, page, []string{
		"Audit log", "times in Ward time", "29 Mar 2026, 03:30:05", "UTC+02:00", "1,234,567", "192.0.2.7", "r-1", "POST /login/finish",
		"&lt;b&gt;x&lt;/b&gt;", "Denied", "Done", `href="/admin/audit?patient=p4"`, `href="/admin/audit?user=u1"`, "after=older-cursor", "2 rows on this page",
		`action="/admin/audit/patient"`, `value="token"`, `href="/admin/audit/export.csv"`, "of.later", "k1",
	}, []string{"<script>alert", "<b>x</b>", "before=", "No entries match"})
	// The part that htmx swaps is the table with its filter, without the form that holds the token.
	part := markup(t, Table(logPage()))
	if !strings.Contains(page, part) {
		t.Error("the part is not the page's")
	}
	hold(t, part, []string{`id="audit"`, "audit-filter"}, []string{"token", PatientPath})
}

func TestFilteredLogPage(t *testing.T) {
	p := logPage()
	p.Lines, p.Older = nil, ""
	p.Filter = Filter{From: health.Day{Year: 2026, Month: time.March, Dom: 1}, To: health.Day{Year: 2026, Month: time.March, Dom: 31}, Kind: access.KindSignIn, Outcome: "denied",
		User: "u2", Patient: "p4", Emergency: "e1", Subject: hostile, Size: 25}
	p.Emergency = &access.Emergency{UserName: "Dr. Weber", Started: time.Date(2026, 3, 29, 1, 0, 0, 0, time.UTC), Expires: time.Date(2026, 3, 29, 2, 0, 0, 0, time.UTC)}
	p.Record, p.RecordError = hostile, "nobody has this number"
	page := markup(t, Log(p))
	hold(t, page, []string{
		"No entries match", "From 1 Mar 2026", "To 31 Mar 2026", "Outcome: denied", "User: unknown", "Patient: record no. none",
		"Break-glass of Dr. Weber, record no. none, 29 Mar 2026, 03:00:00 to 04:00:00", "nobody has this number", "0 rows on this page",
	}, []string{"<script>alert"})
	// Taking one part of the filter away keeps the others.
	for _, chip := range p.chips() {
		if !strings.Contains(chip.RemoveHref, "size=25") || strings.Count(chip.RemoveHref, "&") != 7 {
			t.Errorf("%s leads to %s", chip.Label, chip.RemoveHref)
		}
	}
	if n := len(p.chips()); n != 8 {
		t.Errorf("%d parts can be taken away", n)
	}
	if strings.Contains(p.export(), "size=") || !strings.Contains(p.export(), "emergency=e1") {
		t.Errorf("the file is of %s", p.export())
	}
}

func TestLookersPage(t *testing.T) {
	at := time.Date(2026, 3, 29, 0, 59, 59, 0, time.UTC)
	p := LookersProps{PublicID: "p4", Zone: time.UTC, Older: "older-cursor", Looks: []Look{
		{At: at, User: hostile, Roles: "clinician+analyst", Kind: access.KindSignIn, Outcome: "done"},
		{At: at, Key: true, Kind: "of.later", Outcome: "denied", BreakGlass: true},
		{At: at, User: "Dr. Weber", Roles: "clinician", Key: true, Kind: access.KindSignIn, Outcome: "failed"},
	}}
	page := markup(t, Lookers(p))
	hold(t, page, []string{
		"Who looked", `data-person="p4"`, "clinician, analyst", "unknown user", "by a program with an API key", "clinician, by a program with an API key",
		"denied: nothing was shown", "failed: nothing was shown", "Break-glass", "29 Mar 2026, 00:59:59", "3 times on this page", "/patients/p4/access?after=older-cursor",
	}, []string{"<script>alert", "Nobody has looked yet", "Newest first", ", by a program with an API key, "})
	p.Looks, p.Older, p.First = nil, "", true
	hold(t, markup(t, LookersTable(p)), []string{"Nobody has looked yet", "Newest first", `href="/patients/p4/access"`}, []string{"after="})
}
