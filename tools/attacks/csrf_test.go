package attacks

import (
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"testing"

	"healthportal/app/web"
)

func itoa(n int64) string { return strconv.FormatInt(n, 10) }

// Defence: unsafe requests need an Origin or Sec-Fetch-Site of the portal and the
// session's token; methods are what the request line says; GET changes nothing.
func TestAttack23_CrossSiteRequests(t *testing.T) {
	w := newClinic(t)
	victim := w.stranger()
	victim.enrol(w.invite("victim", "clinician", "Team A", "--role", "admin", "--role", "privacy", "--role", "analyst"))
	victim.id = one[int64](w, "SELECT id FROM auth.user_account")
	victim.signIn().want(http.StatusOK)
	_, port, _ := strings.Cut(w.host(), ":")
	foreign := map[string][]edit{
		"cross-site":                {set("Sec-Fetch-Site", "cross-site"), set("Origin", "https://evil.example")},
		"cross-site, no origin":     {set("Sec-Fetch-Site", "cross-site"), set("Origin", "")},
		"cross-site, our origin":    {set("Sec-Fetch-Site", "cross-site")},
		"same-site":                 {set("Sec-Fetch-Site", "same-site"), set("Origin", "http://other.localhost:"+port)},
		"same-site, our origin":     {set("Sec-Fetch-Site", "same-site")},
		"navigation by the user":    {set("Sec-Fetch-Site", "none")},
		"origin null":               {set("Sec-Fetch-Site", ""), set("Origin", "null")},
		"origin null, same-origin":  {set("Origin", "null")},
		"another origin":            {set("Sec-Fetch-Site", ""), set("Origin", "https://evil.example")},
		"another port":              {set("Sec-Fetch-Site", ""), set("Origin", "http://localhost:1")},
		"another scheme":            {set("Sec-Fetch-Site", ""), set("Origin", "https://"+w.host())},
		"an origin that begins so":  {set("Sec-Fetch-Site", ""), set("Origin", w.origin+".evil.example")},
		"origin in capitals":        {set("Sec-Fetch-Site", ""), set("Origin", strings.ToUpper(w.origin))},
		"no header, cookie":         {set("Sec-Fetch-Site", ""), set("Origin", "")},
		"only a referer":            {set("Sec-Fetch-Site", ""), set("Origin", ""), set("Referer", w.origin+"/")},
		"a site that is no site":    {set("Sec-Fetch-Site", "same-origin, cross-site")},
		"our origin in a forwarded": {set("Sec-Fetch-Site", ""), set("Origin", "https://evil.example"), set("X-Forwarded-Host", "evil.example"), set("X-Forwarded-Proto", "https")},
	}
	good := victim.csrf()
	alive := func(what string) {
		t.Helper()
		if n := one[int](w, "SELECT count(*) FROM auth.session WHERE user_id = $1 AND ended_at IS NULL", victim.id); n != 1 {
			t.Fatalf("%s: %d sessions of the victim live, want 1", what, n)
		}
	}
	// Every route that changes something, as another site's form, fetch or script would call it.
	for _, rt := range web.RouteDocs() {
		if rt.Method == http.MethodGet {
			continue
		}
		path := fillWith(rt.Path, "a1b2c3d4")
		for name, edits := range foreign {
			victim.post(path, nil, edits...).want(http.StatusForbidden)
			victim.json(path, map[string]any{}, edits...).want(http.StatusForbidden)
			alive(name + " to " + path)
		}
		if strings.HasPrefix(rt.Path, "/login") || strings.HasPrefix(rt.Path, "/enrol") {
			// Before a session there is no token; plain forms can't send JSON.
			for _, kind := range []string{"text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "", "text/plain; application/json"} {
				victim.json(path, map[string]any{}, set("Content-Type", kind)).want(http.StatusUnsupportedMediaType)
			}
			continue
		}
		for name, csrf := range map[string]string{"no token": "", "a wrong token": strings.Repeat("A", len(good)), "a longer token": good + "A", "the cookie": victim.cookie} {
			a := victim.post(path, url.Values{"csrf": {csrf}})
			if a.status != http.StatusForbidden {
				t.Errorf("POST %s with %s: %d", path, name, a.status)
			}
			victim.json(path, []byte(`{"csrf":"`+good+`"}`), set("X-CSRF-Token", csrf), set("Content-Type", "text/plain")).want(http.StatusForbidden)
			alive(name + " to " + path)
		}
	}
	// Another session's token is no token.
	other := w.as("clinician2")
	victim.post("/logout", url.Values{"csrf": {other.csrf()}}).want(http.StatusForbidden)
	// The method stands in the request line alone, and GET changes nothing.
	override := []edit{set("X-HTTP-Method-Override", "POST"), set("X-HTTP-Method", "POST"), set("X-Method-Override", "POST")}
	for _, rt := range web.RouteDocs() {
		if rt.Method == http.MethodGet {
			continue
		}
		path := fillWith(rt.Path, "a1b2c3d4")
		for _, method := range []string{http.MethodGet, http.MethodHead, http.MethodPut, http.MethodDelete, http.MethodPatch, http.MethodOptions, http.MethodTrace} {
			victim.do(method, path+"?_method=POST&csrf="+good, nil, append(override, set("Origin", w.origin))...)
			alive(method + " " + path)
		}
	}
	alive("at the end")
	victim.post("/logout", nil, set("Sec-Fetch-Site", "")).want(http.StatusSeeOther)
	if n := one[int](w, "SELECT count(*) FROM auth.session WHERE user_id = $1 AND ended_at IS NULL", victim.id); n != 0 {
		t.Error("an honest sign-out does not work")
	}
}

// fillWith puts one id for every parameter of a route's path.
func fillWith(pattern, id string) string {
	parts := strings.Split(pattern, "/")
	for i, part := range parts {
		if strings.HasPrefix(part, ":") || part == "*" {
			parts[i] = id
		}
	}
	return strings.Join(parts, "/")
}
