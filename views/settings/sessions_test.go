package settings

import (
	"strings"
	"testing"
	"time"
)

func someSessions(t *testing.T) SessionsProps {
	t.Helper()
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	now := time.Date(2026, 3, 29, 0, 30, 0, 0, time.UTC) // 01:30 in Berlin, half an hour before the clocks change
	return SessionsProps{Now: now, Zone: berlin, CSRF: "csrf-value", Sessions: []Session{
		{ID: "one", Created: now.Add(-2 * time.Hour), LastSeen: now, Ends: now.Add(10 * time.Hour), Browser: "Firefox on Mac", Address: "192.0.2.9", Passkey: "Laptop", Current: true},
		{ID: "two", Created: now.Add(-26 * time.Hour), LastSeen: now.Add(-time.Hour), Ends: now, Locked: true},
		{ID: "three", Created: now, LastSeen: now, Ends: now, Browser: `"><script>`, Passkey: "<b>my key</b>"},
	}}
}

func render(t *testing.T, p SessionsProps) string {
	t.Helper()
	var out strings.Builder
	if err := Sessions(p).Render(t.Context(), &out); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

func TestSessions(t *testing.T) {
	html := render(t, someSessions(t))
	for _, want := range []string{"Firefox on Mac", "from 192.0.2.9", "with Laptop", "28 Mar 2026, 23:30", "today, 01:30", "ends today, 12:30",
		"This session", "Locked", "Active", "Unknown browser", "from an unknown address", "with a passkey", "Europe/Berlin",
		`action="/settings/sessions/two/end"`, "End all other sessions", `value="csrf-value"`, `aria-label="End the session of an unknown browser"`} {
		if !strings.Contains(html, want) {
			t.Errorf("lacks %q:\n%s", want, html)
		}
	}
	for _, never := range []string{"<script>", "<b>my key", "/settings/sessions/one/end", "nowhere else", "style="} {
		if strings.Contains(html, never) {
			t.Errorf("holds %q", never)
		}
	}
}

func TestSessionsAlone(t *testing.T) {
	p := someSessions(t)
	p.Sessions, p.Ended = p.Sessions[:1], 1
	html := render(t, p)
	if !strings.Contains(html, "signed in nowhere else") || !strings.Contains(html, "1 session ended") || strings.Contains(html, "End all other") {
		t.Errorf("alone:\n%s", html)
	}
	p.Sessions = nil
	if html := render(t, p); !strings.Contains(html, "No other sessions") || strings.Contains(html, "nowhere else") {
		t.Errorf("without any:\n%s", html)
	}
}
