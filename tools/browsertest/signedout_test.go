package browsertest

import (
	"context"
	"io"
	"math/rand/v2"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"healthportal/app/web"
)

// signedOut asks a hundred times for each GET route without a session, with real
// ids and hostile ones: no answer holds health data, none is an error of ours.
func (b *tab) signedOut() {
	b.t.Helper()
	ids := b.realIDs()
	if len(ids) < 20 {
		b.t.Fatalf("only %d real ids found", len(ids))
	}
	dice := rand.New(rand.NewPCG(3, 4)) //nolint:gosec // repeatable on purpose
	client := &http.Client{Timeout: 20 * time.Second, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	asked := 0
	for _, rt := range web.RouteDocs() {
		if rt.Method != http.MethodGet {
			continue
		}
		for range 100 {
			path := fill(dice, rt.Path, ids)
			status, body := b.fetch(client, path)
			asked++
			if status >= 500 {
				b.t.Errorf("GET %s answered %d signed out", path, status)
			}
			if m := healthData.FindString(body); m != "" {
				b.t.Errorf("GET %s shows %q signed out", path, m)
			}
		}
	}
	b.t.Logf("%d requests signed out", asked)
}

// healthData is what pages of the demo show about patients and nothing else does.
var healthData = regexp.MustCompile(`SYN-\d{6}|Muster|Beispiel|/min|mg/dL|Polygenic|%PDF-`)

// realIDs collects patient and report ids from the pages of whoever is signed in.
func (b *tab) realIDs() []string {
	b.t.Helper()
	var ids []string
	for _, page := range []string{"/dashboard", "/genomics/reports"} {
		b.open(page)
		var found []string
		decode(b.t, b.eval(`JSON.stringify([...document.querySelectorAll('main a[href^="/patients/"], main a[href^="/genomics/reports/"]')].map(a => a.pathname.split("/").pop()))`), &found)
		ids = append(ids, found...)
	}
	return ids
}

// fill puts an id or a hostile value for each parameter, and adds a query.
func fill(dice *rand.Rand, pattern string, ids []string) string {
	pick := func() string {
		if dice.IntN(3) > 0 {
			return ids[dice.IntN(len(ids))]
		}
		hostile := []string{"0", "-1", "..", "../../etc/passwd", "' OR 1=1 --", "\x00", "\xff", strings.Repeat("9", 300), `"><script>`}
		return hostile[dice.IntN(len(hostile))]
	}
	parts := strings.Split(pattern, "/")
	for i, part := range parts {
		if strings.HasPrefix(part, ":") || part == "*" {
			parts[i] = url.PathEscape(pick())
		}
	}
	query := url.Values{"person": {pick()}, "day": {"2026-03-29"}, "metric": {"heart_rate"}, "size": {pick()}}
	if dice.IntN(2) == 0 {
		query.Set("after", pick())
	}
	return strings.Join(parts, "/") + "?" + query.Encode()
}

func (b *tab) fetch(client *http.Client, path string) (status int, body string) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, b.origin+path, nil)
	if err != nil {
		b.t.Fatal(err)
	}
	res, err := client.Do(req)
	if err != nil {
		b.t.Fatalf("GET %s: %v", path, err)
	}
	defer res.Body.Close() //nolint:errcheck // read below
	text, err := io.ReadAll(res.Body)
	if err != nil {
		b.t.Fatalf("GET %s: %v", path, err)
	}
	return res.StatusCode, string(text)
}

func TestFillKeepsTheRoute(t *testing.T) {
	dice := rand.New(rand.NewPCG(1, 1)) //nolint:gosec // repeatable on purpose
	for range 50 {
		if got := fill(dice, "/patients/:id/chart", []string{"a"}); !strings.HasPrefix(got, "/patients/") || !strings.Contains(got, "/chart?") {
			t.Errorf("filled to %q", got)
		}
	}
}
