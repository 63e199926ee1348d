package main

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

func TestSpread(t *testing.T) {
	tests := []struct {
		name   string
		values []float64
		want   Spread
	}{
		{"none", nil, Spread{}},
		{"one", []float64{3}, Spread{3, 3, 3}},
		{"odd", []float64{9, 1, 4}, Spread{4, 1, 9}},
		{"even", []float64{4, 1, 2, 8}, Spread{3, 1, 8}},
		{"equal", []float64{2, 2, 2}, Spread{2, 2, 2}},
		{"an outlier moves the maximum only", []float64{1, 1, 1, 1, 1000}, Spread{1, 1, 1000}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			before := slices.Clone(tt.values)
			if got := spread(tt.values); got != tt.want {
				t.Errorf("spread(%v) = %v, want %v", tt.values, got, tt.want)
			}
			if !slices.Equal(before, tt.values) {
				t.Errorf("spread reordered its input to %v", tt.values)
			}
		})
	}
}

// The ratio's median is that of the runs' ratios, not the ratio of the medians.
func TestRatioIsTakenRunByRun(t *testing.T) {
	r := Result{Pairs: []Pair{{1, 10}, {20, 20}, {90, 100}}}
	ours, limit, quotient := r.spreads()
	if ours != (Spread{20, 1, 90}) || limit != (Spread{20, 10, 100}) {
		t.Errorf("ours %v, limit %v", ours, limit)
	}
	if quotient != (Spread{0.9, 0.1, 1}) {
		t.Errorf("ratio %v, want the median of 0.1, 1 and 0.9", quotient)
	}
}

func TestAlternate(t *testing.T) {
	var order []string
	measure := func(name string, value float64) side {
		return func(context.Context) (float64, error) {
			order = append(order, name)
			return value, nil
		}
	}
	pairs, err := alternate(t.Context(), 3, measure("ours", 2), measure("limit", 4))
	if err != nil {
		t.Fatal(err)
	}
	if want := []Pair{{2, 4}, {2, 4}, {2, 4}}; !slices.Equal(pairs, want) {
		t.Errorf("pairs %v, want %v", pairs, want)
	}
	if got := strings.Join(order, " "); got != "ours limit limit ours ours limit" {
		t.Errorf("order %q", got)
	}
}

func TestAlternateFails(t *testing.T) {
	broken := errors.New("broken")
	fine := func(context.Context) (float64, error) { return 1, nil }
	fails := func(context.Context) (float64, error) { return 0, broken }
	nothing := func(context.Context) (float64, error) { return 0, nil }
	for _, tt := range []struct {
		name        string
		ours, limit side
		want        string
	}{
		{"our side", fails, fine, "broken"},
		{"the limit", fine, fails, "broken"},
		{"nothing on our side", nothing, fine, "measured nothing"},
		{"nothing on the other", fine, nothing, "measured nothing"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := alternate(t.Context(), 2, tt.ours, tt.limit)
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error %v, want %q", err, tt.want)
			}
		})
	}
}

func TestRate(t *testing.T) {
	var running, most atomic.Int64
	got, err := rate(t.Context(), 4, 50*time.Millisecond, func(context.Context) error {
		now := running.Add(1)
		for {
			seen := most.Load()
			if now <= seen || most.CompareAndSwap(seen, now) {
				break
			}
		}
		time.Sleep(time.Millisecond)
		running.Add(-1)
		return nil
	})
	if err != nil || got <= 0 {
		t.Fatalf("rate %v, error %v", got, err)
	}
	// Four sleepers of a millisecond can't do more than 4,000 a second.
	if got > 4000 {
		t.Errorf("%v calls per second of four workers that take a millisecond", got)
	}
	calls := atomic.Int64{}
	if _, err := rate(t.Context(), 3, 0, func(context.Context) error { calls.Add(1); return nil }); err != nil || calls.Load() != 3 {
		t.Errorf("%d calls of 3 workers without time, error %v; want one each", calls.Load(), err)
	}
	if most.Load() > 4 {
		t.Errorf("%d workers at once, want 4", most.Load())
	}
}

func TestRateEndsWithTheFirstError(t *testing.T) {
	broken := errors.New("broken")
	_, err := rate(t.Context(), 2, time.Minute, func(ctx context.Context) error {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		return broken
	})
	if !errors.Is(err, broken) {
		t.Errorf("error %v, want the call's", err)
	}
}

func TestLatency(t *testing.T) {
	calls := 0
	ms, err := latency(t.Context(), 0, func(context.Context) error {
		calls++
		time.Sleep(2 * time.Millisecond)
		return nil
	})
	if err != nil || calls != 3 || ms < 2 {
		t.Errorf("latency %v ms of %d calls, error %v; want at least 2 ms of 3 calls", ms, calls, err)
	}
	if _, err := latency(t.Context(), 0, func(context.Context) error { return errors.New("broken") }); err == nil {
		t.Error("the call's error is lost")
	}
}

func TestSeconds(t *testing.T) {
	s, err := seconds(t.Context(), func(context.Context) error { time.Sleep(time.Millisecond); return nil })
	if err != nil || s < 0.001 {
		t.Errorf("%v s, error %v", s, err)
	}
	if _, err := seconds(t.Context(), func(context.Context) error { return errors.New("broken") }); err == nil {
		t.Error("the call's error is lost")
	}
}
