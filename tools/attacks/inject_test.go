package attacks

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"healthportal/app/web"
)

// Defence: filters are typed before they reach SQL, statements have parameters
// only, and the search text is no pattern.
func TestAttack39_SQLInjection(t *testing.T) {
	w := newClinic(t)
	a, b := w.seed()
	hostile := []string{
		"'", `"`, "\\", ";", "--", "/*", "' OR '1'='1", "1 OR 1=1", "'; DROP TABLE health.event; --", "1); DELETE FROM auth.session; --", "x' UNION SELECT family_name FROM health.person --",
		"%", "_", "%%", `\%`, "*", "$1", "$$x$$", "1e309", "0x10", "-1", "9223372036854775808", "NaN", "null", "pg_sleep(10)", "'||pg_sleep(10)||'", "\u0000", "\xff", "\u2019 OR 1=1",
		strings.Repeat("'", 500), "(((((((((", `"" NEAR ""`, "a* OR b", "id:1", "{x:1}", "E'\\''",
	}
	params := []string{"person", "metric", "day", "from", "to", "month", "size", "limit", "offset", "after", "before", "kind", "q", "sort", "order", "unassigned", "user", "outcome", "subject", "participant", "role", "state"}
	few := []string{"'", "; DROP TABLE health.event; --", "' OR '1'='1", "%", `\`, "\u0000", "\xff", "9223372036854775808", "1e309", "(((((((((", "pg_sleep(10)"}
	events := one[int](w, "SELECT count(*) FROM health.event")
	asked := 0
	for _, rt := range web.RouteDocs() {
		who := w.reader(string(rt.Permission))
		if rt.Method != http.MethodGet || who == nil {
			continue
		}
		path := fillWith(rt.Path, a.public)
		for _, param := range params {
			for _, value := range few {
				query := url.Values{param: {value}}
				if param != "person" && rt.Path == "/dashboard/events" {
					query.Set("person", a.public)
				}
				got := who.get(path + "?" + query.Encode())
				asked++
				if got.status >= 500 {
					t.Errorf("%s?%s=%q: %d", path, param, value, got.status)
				}
				got.lacks("SQLSTATE", "syntax error", "pgx", "sqlite", b.family)
			}
		}
	}
	ada := w.as("clinician")
	for _, value := range hostile {
		for _, name := range []string{"q", "kind", "person", "size", "after", "before"} {
			got := ada.post("/genomics/reports", url.Values{name: {value}})
			if got.status >= 500 {
				t.Errorf("POST /genomics/reports %s=%q: %d", name, value, got.status)
			}
			got.lacks("SQLSTATE", "syntax error", b.family)
		}
		w.hostileForms(ada, a, value)
		ada.get("/patients/"+url.PathEscape(value)).want(http.StatusNotFound, http.StatusBadRequest).lacks(a.family, "SQLSTATE")
		ada.get("/genomics/reports/"+url.PathEscape(value)+"/file").want(http.StatusNotFound, http.StatusBadRequest).lacks("%PDF", "SQLSTATE")
	}
	for _, pattern := range []string{"%", "_", "__________", "Report%"} {
		ada.post("/genomics/reports", url.Values{"q": {pattern}}).lacks("Report of " + a.family)
	}
	ada.post("/genomics/reports", url.Values{"q": {a.family}}).has("Report of " + a.family)
	if n := one[int](w, "SELECT count(*) FROM health.event"); n != events || asked < 1000 {
		t.Errorf("%d events, there were %d; %d requests", n, events, asked)
	}
}

// hostileForms puts a value into each field of the forms about a patient's events
// and the search; what is kept of them must not break the page either.
func (w *clinic) hostileForms(h *human, p *patient, value string) {
	w.t.Helper()
	for path, fields := range map[string][]string{
		"/dashboard/events/view": {"person", "metric", "source", "flag", "day", "from", "to", "size", "unit"}, "/dashboard/events/view/forget": {"person"}, "/dashboard/search": {"q", "sort", "size", "team"},
	} {
		for _, name := range fields {
			form := url.Values{"person": {p.public}, "size": {"25"}}
			form.Set(name, value)
			if got := h.post(path, form).lacks("SQLSTATE", "syntax error"); got.status >= 500 {
				w.t.Errorf("POST %s %s=%q: %d", path, name, value, got.status)
			}
			if got := h.get("/dashboard/events?person=" + p.public); got.status >= 500 {
				w.t.Errorf("the events after POST %s %s=%q: %d", path, name, value, got.status)
			}
		}
	}
}

// reader is somebody signed in whose role grants the permission; nil where none does.
func (w *clinic) reader(permission string) *human {
	switch permission {
	case "patients.read", "events.read", "reports.read", "lookers.read", "break-glass.use", "signed-in":
		return w.as("clinician")
	case "research.read":
		return w.as("researcher")
	case "audit.read", "break-glass.read", "break-glass.review":
		return w.as("privacy")
	case "users.manage", "teams.manage", "keys.manage":
		return w.as("admin")
	}
	return nil
}

// Defence: texts from outside reach the log only as counts, codes and ids.
func TestAttack42_LogInjection(t *testing.T) {
	w := newClinic(t)
	ada := w.as("clinician")
	forgedLine := "time=2026-01-01T00:00:00.000Z level=INFO msg=\"forged line\" user=admin"
	for _, text := range []string{"x\n" + forgedLine, "x\r\n" + forgedLine, "x\u2028" + forgedLine, "x\u0085" + forgedLine, "x\x1b[2J" + forgedLine, `x" msg="forged line`, "x\x00" + forgedLine} {
		escaped := url.QueryEscape(text)
		ada.get("/patients/" + url.PathEscape(text))
		ada.get("/dashboard?after=" + escaped)
		ada.get("/static/" + url.PathEscape(text))
		ada.get("/login?next=" + escaped)
		ada.post("/genomics/reports", url.Values{"q": {text}, "kind": {text}})
		ada.json("/enrol/finish", map[string]any{"name": text, "token": text, "ceremony": text})
		ada.json("/login/finish", map[string]any{"ceremony": text, "next": text})
		plain := strings.Map(func(r rune) rune {
			if r < 0x20 {
				return ' '
			}
			return r
		}, text)
		ada.get("/dashboard", set("User-Agent", plain), set("X-Request-Id", plain), set("Referer", plain), set("X-Forwarded-For", plain), set("HX-Current-URL", plain))
		w.dial().send("GET /dashboard HTTP/1.1\r\nHost: " + w.host() + "\r\nUser-Agent: x\r\n " + forgedLine + "\r\nConnection: close\r\n\r\n").receive()
		w.dial().send("GET /" + text + " HTTP/1.1\r\nHost: " + w.host() + "\r\n\r\n").receive()
		w.dial().send("BREW" + text + " / HTTP/1.1\r\nHost: " + w.host() + "\r\n\r\n").receive()
	}
	for line := range strings.Lines(w.log.String()) {
		if strings.Contains(line, "forged line") || !strings.HasPrefix(line, "time=") || strings.ContainsAny(line, "\x00\x1b") {
			t.Errorf("the log holds the line %q", line)
		}
	}
	if n := one[int](w, "SELECT count(*) FROM audit.entry e WHERE e::text LIKE '%forged line%' AND e::text ~ '[\\n\\r]'"); n != 0 {
		t.Errorf("%d audit entries hold line breaks", n)
	}
}

// Defence: LocalPath takes paths of this site only.
func TestAttack43_OpenRedirect(t *testing.T) {
	w := newClinic(t)
	ada := w.newHuman("ada", "clinician", "Team A", synced)
	ada.signIn(synced).want(http.StatusOK)
	ada.settle()
	for _, next := range []string{
		"//evil.example", `/\evil.example`, `\\evil.example`, "javascript:alert(1)", "JaVaScRiPt:alert(1)", "/%09/evil.example", "/\t/evil.example", "/\n/evil.example", "\t//evil.example",
		"https://evil.example", "https:evil.example", "///evil.example", "/%5cevil.example", "/%2f%2fevil.example", "//evil.example/%2e%2e", "/.//evil.example", "/..//evil.example", "@evil.example",
		"/@evil.example", "localhost@evil.example", w.origin + "@evil.example", w.origin + ".evil.example", "data:text/html,x", "/;//evil.example", "//[::1]", "?//evil.example", "#//evil.example",
		"/\u2028/evil.example", "/ /evil.example", "/%00//evil.example", "//evil%E3%80%82example", "/\x00/evil.example", " //evil.example",
	} {
		page := ada.get("/login?next=" + url.QueryEscape(next)).clean(t)
		for part := range strings.SplitSeq(page.body, `data-next="`) {
			if value, _, _ := strings.Cut(part, `"`); part != page.body && !strings.HasPrefix(part, "<!doctype") {
				w.local(t, next, value)
			}
		}
		b := ada.beginSignIn()
		body := finish(b, ada.assertion(b, synced))
		body["next"] = next
		var done struct{ Next string }
		if err := json.Unmarshal([]byte(ada.json("/login/finish", body).want(http.StatusOK).body), &done); err != nil {
			t.Fatal(err)
		}
		w.local(t, next, done.Next)
		header := strings.Map(func(r rune) rune {
			if r < 0x20 || r == 0x7f {
				return -1 // no client can send those
			}
			return r
		}, next)
		for _, path := range []string{"/verify?next=", "/notices?next=", "/dashboard?next=", "/?next="} {
			got := ada.get(path+url.QueryEscape(next), set("HX-Current-URL", header), set("Referer", header))
			w.local(t, next, got.header.Get("Location"))
			w.local(t, next, got.header.Get("HX-Redirect"))
			if got.status == http.StatusOK {
				got.clean(t)
			}
		}
		got := ada.post("/notices/seen", url.Values{"next": {next}})
		w.local(t, next, got.header.Get("Location"))
	}
}

// local fails the test unless a browser at the portal stays there when it follows target.
func (w *clinic) local(t *testing.T, next, target string) {
	t.Helper()
	if target == "" {
		return
	}
	// Browsers drop tabs and line breaks and read a backslash as a slash.
	seen := strings.NewReplacer("\t", "", "\n", "", "\r", "", `\`, "/", "&#34;", `"`).Replace(strings.TrimSpace(target))
	base, err := url.Parse(w.origin)
	if err != nil {
		t.Fatal(err)
	}
	u, err := base.Parse(seen)
	if err != nil || u.Scheme+"://"+u.Host != w.origin || u.User != nil || !strings.HasPrefix(seen, "/") || strings.HasPrefix(seen, "//") {
		t.Errorf("next=%q leads to %q", next, target)
	}
}
