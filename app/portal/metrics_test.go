package portal

import (
	"io"
	"net"
	"net/http"
	"strings"
	"testing"

	"healthportal/store/cache"
)

// freeAddr is an address that nobody listens at, most likely.
func freeAddr(t *testing.T) string {
	t.Helper()
	ln, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close() //nolint:errcheck // only its address is wanted
	return ln.Addr().String()
}

func getText(t *testing.T, method, url string) (int, http.Header, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close() //nolint:errcheck // read to its end
	body, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res.StatusCode, res.Header, string(body)
}

func TestMetricsAreAnsweredWhereTheyShould(t *testing.T) {
	w := newWorld(t)
	cfg := w.config("data")
	cfg.MetricsAddr = freeAddr(t)
	s := w.serve(w.open(cfg))
	code, header, body := getText(t, http.MethodGet, "http://"+cfg.MetricsAddr+"/metrics")
	if code != http.StatusOK || !strings.HasPrefix(header.Get("Content-Type"), "text/plain; version=0.0.4") || header.Get("Cache-Control") != "no-store" {
		t.Errorf("status %d, %v", code, header)
	}
	for _, m := range Metrics() {
		if !strings.Contains("\n"+body, "\n"+m.Name+" 0\n") {
			t.Errorf("%s is missing in\n%s", m.Name, body)
		}
	}
	for path, method := range map[string]string{"/": http.MethodGet, "/metrics": http.MethodPost, "/healthz": http.MethodGet} {
		if code, _, _ := getText(t, method, "http://"+cfg.MetricsAddr+path); code < 400 {
			t.Errorf("%s %s answers %d", method, path, code)
		}
	}
	s.want("/metrics", http.StatusNotFound)
	s.stop()
	s.ended()
	if c, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", cfg.MetricsAddr); err == nil {
		_ = c.Close()
		t.Error("metrics are answered after the end")
	}
}

func TestMetricsAddressIsTaken(t *testing.T) {
	w := newWorld(t)
	taken, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = taken.Close() })
	cfg := w.config("data")
	cfg.MetricsAddr = taken.Addr().String()
	p := w.open(cfg)
	ln, err := Listen(t.Context(), "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	err = p.Serve(t.Context(), ln, func() { t.Error("it serves without its metrics") })
	if err == nil || !strings.Contains(err.Error(), "PORTAL_METRICS_ADDR") {
		t.Errorf("got %v", err)
	}
}

func TestWriteMetrics(t *testing.T) {
	var b strings.Builder
	writeMetrics(&b, cache.Counts{Hits: 1, Misses: 2, Shared: 3, Passed: 4, Failures: 5, Entries: 6, Bytes: 1 << 40})
	want := "hp_aggregates_hits_total 1\nhp_aggregates_misses_total 2\nhp_aggregates_shared_total 3\nhp_aggregates_passed_total 4\n" +
		"hp_aggregates_failures_total 5\nhp_aggregates_entries 6\nhp_aggregates_bytes 1099511627776\n"
	if b.String() != want {
		t.Errorf("got\n%s", b.String())
	}
	seen := map[string]bool{}
	for _, m := range Metrics() {
		if seen[m.Name] || (m.Kind == "counter") != strings.HasSuffix(m.Name, "_total") || !strings.HasPrefix(m.Name, "hp_") {
			t.Errorf("metric %s, a %s", m.Name, m.Kind)
		}
		seen[m.Name] = true
	}
}
