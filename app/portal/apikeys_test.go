package portal

import (
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"healthportal/app/access"
	"healthportal/app/apikey"
	"healthportal/app/genomics/reportsync"
)

// program sends one GET as a program does; key may be empty.
func (s *service) program(path, key string) (status int, body string) {
	s.t.Helper()
	req, err := http.NewRequestWithContext(s.t.Context(), http.MethodGet, "http://"+s.addr+path, nil)
	if err != nil {
		s.t.Fatal(err)
	}
	req.Host = "localhost:8080"
	if key != "" {
		req.Header.Set("Authorization", "Bearer "+key)
	}
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: 15 * time.Second}
	res, err := client.Do(req)
	if err != nil {
		s.t.Fatal(err)
	}
	defer res.Body.Close() //nolint:errcheck // read to its end
	b, err := io.ReadAll(res.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	return res.StatusCode, string(b)
}

// The API over the wire, with real keys, database, mirror, secret keys and files.
func TestAPIOverTheWire(t *testing.T) {
	w := newWorld(t)
	p := w.open(w.config("data"))
	people, err := p.Directory()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := people.AddUser(t.Context(), 0, "a.analyst", "An Analyst", []access.Role{access.Analyst, access.Researcher}); err != nil {
		t.Fatal(err)
	}
	if _, err := p.SyncReports(t.Context(), reportsync.Options{}); err != nil {
		t.Fatal(err)
	}
	zone, err := p.Zone()
	if err != nil || zone.String() != "Europe/Berlin" {
		t.Errorf("zone %v, %v", zone, err)
	}
	made, err := p.APIKeys().Make(t.Context(), 0, apikey.Request{Owner: "a.analyst", Scopes: access.Scopes(), Expires: time.Now().Add(time.Hour)})
	if err != nil {
		t.Fatal(err)
	}
	s := w.serve(p)
	answer := func(path string, v any) {
		t.Helper()
		status, body := s.program(path, made.Text)
		if status != http.StatusOK {
			t.Fatalf("%s: %d: %s", path, status, body)
		}
		if err := json.Unmarshal([]byte(body), v); err != nil {
			t.Fatal(err)
		}
	}
	var list struct {
		Reports []struct {
			ID   string  `json:"report_id"`
			Path string  `json:"report_path"`
			Who  *string `json:"patient_id"`
		}
	}
	answer("/v1/genomics/reports?limit=5", &list)
	if len(list.Reports) != 1 || list.Reports[0].Path != "one.html" || list.Reports[0].Who != nil {
		t.Fatalf("%+v", list)
	}
	var report struct {
		URL string `json:"download_url"`
	}
	answer("/v1/genomics/reports/"+list.Reports[0].ID, &report)
	path, ok := strings.CutPrefix(report.URL, "http://localhost:8080")
	if !ok {
		t.Fatalf("the address is %q", report.URL)
	}
	if status, body := s.program(path, ""); status != http.StatusOK || !strings.Contains(body, "<title>one</title>") {
		t.Fatalf("%d: %s", status, body)
	}
	for _, spoiled := range []string{path + "x", path[:len(path)-1], strings.Replace(path, "token=", "token=x", 1), strings.Split(path, "?")[0]} {
		if status, body := s.program(spoiled, made.Text); status != http.StatusUnauthorized || strings.Contains(body, "<title>") {
			t.Errorf("%s: %d", spoiled, status)
		}
	}
	if status, _ := s.program("/v1/events?person=x", made.Text); status != http.StatusForbidden {
		t.Errorf("events for an analyst: %d", status)
	}
	if n := one[int](w, `SELECT count(*) FROM audit.entry WHERE key_id = $1 AND outcome = 'done'`, made.Key.ID); n != 3 {
		t.Errorf("%d entries in the log, want 3", n)
	}
	if err := p.APIKeys().Revoke(t.Context(), 0, made.Key.ID); err != nil {
		t.Fatal(err)
	}
	for _, dead := range []string{path, "/v1/key"} {
		if status, body := s.program(dead, made.Text); status != http.StatusUnauthorized || strings.Contains(body, "<title>") {
			t.Errorf("after the revocation %s: %d", dead, status)
		}
	}
	if log := w.log.String(); strings.Contains(log, made.Text[20:]) || strings.Contains(log, "token=") {
		t.Error("the log holds a key or token")
	}
}
