package web

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"healthportal/app/access"
	"healthportal/app/apikey"
	"healthportal/app/apikey/apikeytest"
	"healthportal/app/genomics"
	"healthportal/app/genomics/reportfile"
)

// apiWorld is a site with reports, events and the keys of user 7, who is a
// clinician, and of user 8.
type apiWorld struct {
	*reportWorld
	health  *fakeHealth
	keys    *apikeytest.Store
	service *apikey.Service
	tokens  testTokens
	// emergencies are the open emergency accesses of every user.
	emergencies []access.Emergency
}

// glassOf is the store of a world's emergency accesses.
type glassOf struct {
	EmergencyStore
	w *apiWorld
}

// OpenEmergencies returns the world's.
func (g glassOf) OpenEmergencies(context.Context, int64) ([]access.Emergency, error) {
	return g.w.emergencies, g.w.noTeam
}

func newAPIWorld(t *testing.T) *apiWorld { return newAPIWorldWith(t, func(*Deps) {}) }

func newAPIWorldWith(t *testing.T, with func(*Deps)) *apiWorld {
	t.Helper()
	w := &apiWorld{reportWorld: newReportWorld(t), health: withData(), keys: apikeytest.New(
		apikey.Owner{UserID: 7, Name: "t.user", DisplayName: "Test User", Roles: []access.Role{access.Clinician}},
		apikey.Owner{UserID: 8, Name: "o.other", DisplayName: "Other <User>", Roles: []access.Role{access.Analyst, access.Researcher}},
		apikey.Owner{UserID: 9, Name: "g.gone", DisplayName: "Gone", Disabled: true})}
	w.service = apikey.NewService(w.keys, testNow, slog.New(slog.NewTextHandler(io.Discard, nil)))
	manifest := &genomics.Manifest{Reports: []genomics.ReportRoot{{Name: "risk", Root: w.root}}}
	w.site = newSite(t, func(d *Deps) {
		healthSite(w.health)(d)
		d.Reports, d.ReportRights, d.ReportFiles = w.reportWorld, w.reportWorld, reportfile.NewFiles(manifest)
		d.Emergencies = glassOf{w: w}
		d.Keys, d.KeyReader, d.KeyKeeper, d.Downloads = w.service, w.service, w.service, w.tokens
		with(d)
	})
	return w
}

// owner is user 7.
func (w *apiWorld) owner() *apikey.Owner { return &w.keys.Owners[0] }

// key makes a key of the user with these scopes.
func (w *apiWorld) key(user string, scopes ...access.Permission) apikey.Made {
	w.t.Helper()
	made, err := w.service.Make(w.t.Context(), 0, apikey.Request{Owner: user, Name: "test", Scopes: scopes, Expires: testNow().Add(time.Hour)})
	if err != nil {
		w.t.Fatal(err)
	}
	return made
}

// change alters a stored key.
func (w *apiWorld) change(id string, how func(*apikey.Stored)) {
	k := w.keys.Keys[id]
	how(&k)
	w.keys.Keys[id] = k
}

// bearer sends the key as programs do.
func bearer(key string) option {
	return func(r *http.Request) {
		r.Header.Set("Authorization", "Bearer "+key)
		r.Header.Del("Accept")
	}
}

// testTokens signs with a key of its own; a token reads "<expiry>.<mac>".
type testTokens struct{}

func (testTokens) mac(until string, parts []string) string {
	mac := hmac.New(sha256.New, []byte("key of the test"))
	for _, p := range append([]string{until}, parts...) {
		mac.Write([]byte(strconv.Quote(p)))
	}
	return hex.EncodeToString(mac.Sum(nil))
}

// Sign makes a token.
func (t testTokens) Sign(expires time.Time, parts ...string) string {
	until := strconv.FormatInt(expires.Unix(), 10)
	return until + "." + t.mac(until, parts)
}

// Check checks one.
func (t testTokens) Check(token string, now time.Time, parts ...string) error {
	until, mac, _ := strings.Cut(token, ".")
	at, err := strconv.ParseInt(until, 10, 64)
	if err != nil || mac != t.mac(until, parts) || !now.Before(time.Unix(at, 0)) {
		return errors.New("not a token")
	}
	return nil
}

// wantJSON decodes an answer of status 200 into v and holds it against the
// schema of docs/openapi.yaml.
func (a answer) wantJSON(t *testing.T, schema string, v any) {
	t.Helper()
	a.wantStatus(t, http.StatusOK)
	if kind := a.header.Get("Content-Type"); kind != "application/json; charset=utf-8" {
		t.Errorf("content type %q", kind)
	}
	a.wantPrivate(t)
	holdAgainst(t, schema, a.body)
	if err := json.Unmarshal([]byte(a.body), v); err != nil {
		t.Fatal(err)
	}
}

// wantPrivate fails the test for an answer that sets a cookie or may be cached.
func (a answer) wantPrivate(t *testing.T) {
	t.Helper()
	if a.header.Get("Set-Cookie") != "" || a.header.Get("Cache-Control") != "no-store" {
		t.Errorf("Set-Cookie %q, Cache-Control %q", a.header.Get("Set-Cookie"), a.header.Get("Cache-Control"))
	}
}

// wantProblem fails the test unless the answer is a problem document of the
// status that gives nothing away.
func (a answer) wantProblem(t *testing.T, status int, texts ...string) answer {
	t.Helper()
	a.wantStatus(t, status).wantText(t, texts...).wantNoText(t, "<html", "Muster", "Lovelace", "Title of", "72.5", "%PDF", "disk I/O", "10.0.0.1")
	if kind := a.header.Get("Content-Type"); kind != mimeProblem {
		t.Errorf("content type %q", kind)
	}
	if auth := a.header.Get("WWW-Authenticate"); (status == http.StatusUnauthorized) != (auth == "Bearer") {
		t.Errorf("status %d with WWW-Authenticate %q", status, auth)
	}
	a.wantPrivate(t)
	holdAgainst(t, "Problem", a.body)
	return a
}
