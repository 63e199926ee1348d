package web

import (
	"math/rand/v2"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"healthportal/app/access"
)

// A hundred random GETs per route, signed out: no page that needs a session
// answers with anything but the way to sign in, and nothing breaks.
func TestRandomRequestsSignedOut(t *testing.T) {
	dice := rand.New(rand.NewPCG(1, 2)) //nolint:gosec // repeatable on purpose
	for _, rt := range newSite(t, nil).server.routes() {
		if rt.method != http.MethodGet {
			continue
		}
		t.Run(strings.TrimPrefix(rt.path, "/"), func(t *testing.T) {
			s := newSite(t, nil) // of its own, so that no limit of requests is met
			for range 100 {
				path := randomPath(dice, rt.path)
				a := s.get(path, randomHeaders(dice))
				if a.status >= 500 && rt.path != "/readyz" {
					t.Fatalf("GET %q answered %d: %.300s", path, a.status, a.body)
				}
				if rt.permission != access.Public && a.status != 303 && a.status != 401 && a.status != 404 && a.status != 400 {
					t.Fatalf("GET %q answered %d signed out", path, a.status)
				}
			}
		})
	}
}

// randomPath fills a route's parameters and query with hostile values.
func randomPath(dice *rand.Rand, pattern string) string {
	parts := strings.Split(pattern, "/")
	for i, part := range parts {
		if strings.HasPrefix(part, ":") || part == "*" {
			parts[i] = url.PathEscape(randomValue(dice))
		}
	}
	query := url.Values{}
	names := []string{"person", "metric", "day", "from", "to", "after", "before", "size", "q", "next", "month", "kind", randomValue(dice)}
	for range dice.IntN(6) {
		query.Add(names[dice.IntN(len(names))], randomValue(dice))
	}
	return strings.Join(parts, "/") + "?" + query.Encode()
}

func randomValue(dice *rand.Rand) string {
	values := []string{"", "0", "-1", "999999999999999999999", "../../etc/passwd", "..%2f", "\x00", "\xff\xfe", "' OR 1=1 --", `"><script>alert(1)</script>`,
		"2026-02-30", "2026-03-29", "heart_rate", "//evil", "\r\nSet-Cookie: a=b", strings.Repeat("A", 2000), "\u202e", "[]", "{}", "%", "+"}
	if dice.IntN(3) == 0 {
		b := make([]byte, dice.IntN(40))
		for i := range b {
			b[i] = byte(dice.UintN(256))
		}
		return string(b)
	}
	return values[dice.IntN(len(values))]
}

func randomHeaders(dice *rand.Rand) option {
	return func(r *http.Request) {
		for _, o := range []option{asFragment, header("Accept", "application/json"), header("Cookie", "hp_session=clinicia"),
			header("Range", "bytes=0-5,6-7"), header("If-None-Match", "*"), header("Sec-Fetch-Dest", "iframe"), header("X-Forwarded-Host", "evil")} {
			if dice.IntN(4) == 0 {
				o(r)
			}
		}
	}
}
