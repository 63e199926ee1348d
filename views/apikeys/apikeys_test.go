package apikeys_test

import (
	"strings"
	"testing"
	"time"

	"github.com/a-h/templ"

	"healthportal/app/access"
	"healthportal/views/apikeys"
)

const evil = `"><script>alert(1)</script>`

func render(t *testing.T, c templ.Component) string {
	t.Helper()
	var b strings.Builder
	if err := c.Render(t.Context(), &b); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func now() time.Time { return time.Date(2026, 3, 29, 12, 0, 0, 0, time.UTC) }

func row(id, state string) apikeys.Row {
	return apikeys.Row{ID: id, Name: "export " + id, Owner: "Dr. Weber", OwnerName: "m.weber", State: state, Created: now(), Expires: now().Add(time.Hour),
		Scopes: []access.Permission{access.EventsRead, access.ReportsRead}, Effective: []access.Permission{access.ReportsRead}}
}

func want(t *testing.T, html string, texts ...string) {
	t.Helper()
	for _, text := range texts {
		if !strings.Contains(html, text) {
			t.Errorf("lacks %q", text)
		}
	}
}

func wantNot(t *testing.T, html string, texts ...string) {
	t.Helper()
	for _, text := range texts {
		if strings.Contains(html, text) {
			t.Errorf("holds %q", text)
		}
	}
}

func TestAdminStates(t *testing.T) {
	props := apikeys.Props{CSRF: "token", Now: now(), Zone: time.UTC,
		Rows: []apikeys.Row{row("a", "live"), row("b", "expired"), row("c", "revoked"), row("d", "owner disabled"), {ID: "bare", State: "live"}}}
	html := render(t, apikeys.Admin(props))
	want(t, html, "Live", "Expired", "Revoked", "Owner disabled", "by a command", "never", "not granted by the owner&#39;s roles: events.read", "bare", "nothing",
		`min="2026-03-29"`, `max="2027-03-29"`, `name="csrf" value="token"`, `aria-label="Revoke the key export a"`)
	if n := strings.Count(html, "/revoke"); n != 2 {
		t.Errorf("%d keys can be revoked, want the two live ones", n)
	}
	wantNot(t, html, "<style", " style=", "onclick", "<script")
}

func TestAdminFormKeepsWhatWasEntered(t *testing.T) {
	html := render(t, apikeys.Admin(apikeys.Props{Now: now(), Zone: time.UTC, Choices: []apikeys.Choice{{Name: "m.weber", DisplayName: evil, Roles: "clinician"}, {Name: "x"}},
		Form: apikeys.Form{Owner: "m.weber", Name: evil, Expires: "2026-05-01", Scopes: []string{"events.read"}, OwnerError: "who?", NameError: "name?", ScopeError: "scope?", ExpiresError: "when?"}}))
	want(t, html, "No API keys yet", "who?", "name?", "scope?", "when?", `value="2026-05-01"`, `value="m.weber" selected`, `value="events.read" checked`, "their health events")
	wantNot(t, html, evil, `value="reports.read" checked`, "The new key")
}

func TestMadeIsShownOnce(t *testing.T) {
	made := row("a", "live")
	html := render(t, apikeys.Admin(apikeys.Props{Now: now(), Zone: time.UTC, Made: &apikeys.Made{Text: "hp_abc_def", Row: made}}))
	want(t, html, `value="hp_abc_def"`, "readonly", "Copy it now.", `data-copy="key-text"`, "do not grant every scope")
	made.Effective = made.Scopes
	html = render(t, apikeys.Admin(apikeys.Props{Now: now(), Zone: time.UTC, Made: &apikeys.Made{Text: "hp_abc_def", Row: made}}))
	wantNot(t, html, "do not grant every scope")
}

func TestOwn(t *testing.T) {
	evilRow := row("a", "live")
	evilRow.Name, evilRow.CreatedBy = evil, evil
	html := render(t, apikeys.Own(apikeys.Props{CSRF: "token", Now: now(), Zone: time.UTC, Rows: []apikeys.Row{evilRow, row("b", "revoked")}}))
	want(t, html, "Your API keys", `action="/settings/keys/a/revoke"`, "tell an administrator")
	wantNot(t, html, evil, "data-step-up", "/admin/", "m.weber")
	want(t, render(t, apikeys.Own(apikeys.Props{Now: now(), Zone: time.UTC})), "You have no API keys")
}
