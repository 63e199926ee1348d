package portal

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"time"

	"github.com/VictoriaMetrics/metrics"

	"healthportal/store/cache"
)

// Metric describes a metric that a serving portal answers at PORTAL_METRICS_ADDR.
type Metric struct {
	// Name as Prometheus spells it, Kind counter or gauge.
	Name, Kind string
	// read is the present value.
	read func(cache.Counts) int64
}

// Metrics lists every metric, in the order of the documentation.
func Metrics() []Metric {
	return []Metric{
		{"hp_aggregates_hits_total", "counter", func(c cache.Counts) int64 { return c.Hits }},
		{"hp_aggregates_misses_total", "counter", func(c cache.Counts) int64 { return c.Misses }},
		{"hp_aggregates_shared_total", "counter", func(c cache.Counts) int64 { return c.Shared }},
		{"hp_aggregates_passed_total", "counter", func(c cache.Counts) int64 { return c.Passed }},
		{"hp_aggregates_failures_total", "counter", func(c cache.Counts) int64 { return c.Failures }},
		{"hp_aggregates_entries", "gauge", func(c cache.Counts) int64 { return c.Entries }},
		{"hp_aggregates_bytes", "gauge", func(c cache.Counts) int64 { return c.Bytes }},
	}
}

// writeMetrics writes all metrics in the text format of Prometheus.
func writeMetrics(w io.Writer, c cache.Counts) {
	for _, m := range Metrics() {
		value := uint64(max(0, m.read(c)))
		if m.Kind == "counter" {
			metrics.WriteCounterUint64(w, m.Name, value)
		} else {
			metrics.WriteGaugeUint64(w, m.Name, value)
		}
	}
}

// serveMetrics answers at PORTAL_METRICS_ADDR until stop is called; nothing
// happens where it is unset. An address that is taken is known at once.
func (p *Portal) serveMetrics(ctx context.Context, counts func() cache.Counts) (stop func() error, err error) {
	if p.Config.MetricsAddr == "" {
		return func() error { return nil }, nil
	}
	ln, err := (&net.ListenConfig{}).Listen(ctx, "tcp", p.Config.MetricsAddr)
	if err != nil {
		return nil, fmt.Errorf("can't answer metrics on %s: %w; end what uses the port or set PORTAL_METRICS_ADDR to another one", p.Config.MetricsAddr, err)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /metrics", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
		w.Header().Set("Cache-Control", "no-store")
		writeMetrics(w, counts())
	})
	const patience = 10 * time.Second
	server := &http.Server{Handler: mux, ReadTimeout: patience, WriteTimeout: patience, IdleTimeout: time.Minute, MaxHeaderBytes: 8 << 10}
	done := make(chan error, 1)
	go func() { done <- server.Serve(ln) }()
	p.Log.Info("answering metrics", "address", ln.Addr().String())
	return func() error {
		err := server.Close()
		if served := <-done; !errors.Is(served, http.ErrServerClosed) {
			err = errors.Join(err, served)
		}
		if err != nil {
			return fmt.Errorf("metrics: %w", err)
		}
		return nil
	}, nil
}
