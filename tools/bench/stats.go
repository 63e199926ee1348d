package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"
)

// Pair is one run of both sides, one right after the other.
type Pair struct {
	Ours  float64 `json:"ours"`
	Limit float64 `json:"limit"`
}

// Spread sums up several runs.
type Spread struct {
	Median float64 `json:"median"`
	Min    float64 `json:"min"`
	Max    float64 `json:"max"`
}

// spread sums values up; the zero Spread for none.
func spread(values []float64) Spread {
	n := len(values)
	if n == 0 {
		return Spread{}
	}
	sorted := slices.Sorted(slices.Values(values))
	middle := sorted[n/2]
	if n%2 == 0 {
		middle = (sorted[n/2-1] + middle) / 2
	}
	return Spread{Median: middle, Min: sorted[0], Max: sorted[n-1]}
}

// column sums up one figure of all pairs.
func column(pairs []Pair, of func(Pair) float64) Spread {
	values := make([]float64, len(pairs))
	for i, p := range pairs {
		values[i] = of(p)
	}
	return spread(values)
}

// ratio is ours divided by the limit.
func ratio(p Pair) float64 { return p.Ours / p.Limit }

// side measures one side once.
type side func(ctx context.Context) (float64, error)

// alternate measures both sides n times.
func alternate(ctx context.Context, n int, ours, limit side) ([]Pair, error) {
	pairs := make([]Pair, 0, n)
	for i := range n {
		p, err := both(ctx, i, ours, limit)
		if err != nil {
			return nil, err
		}
		pairs = append(pairs, p)
	}
	return pairs, nil
}

// both measures both sides once, in odd runs the limit first, so that what else
// the machine does falls on both.
func both(ctx context.Context, run int, ours, limit side) (Pair, error) {
	var p Pair
	var err error
	order := []struct {
		measure side
		into    *float64
	}{{ours, &p.Ours}, {limit, &p.Limit}}
	if run%2 == 1 {
		order[0], order[1] = order[1], order[0]
	}
	for _, o := range order {
		if *o.into, err = o.measure(ctx); err != nil {
			return Pair{}, err
		}
		if *o.into <= 0 {
			return Pair{}, fmt.Errorf("run %d measured nothing; raise -span", run+1)
		}
	}
	return p, nil
}

// rate calls from several workers at once for about d, each at least once, and
// returns calls per second.
func rate(ctx context.Context, workers int, d time.Duration, call func(ctx context.Context) error) (float64, error) {
	var calls atomic.Int64
	began := time.Now()
	g, ctx := errgroup.WithContext(ctx)
	for range workers {
		g.Go(func() error {
			for {
				if err := call(ctx); err != nil {
					return err
				}
				calls.Add(1)
				if time.Since(began) >= d {
					return nil
				}
			}
		})
	}
	if err := g.Wait(); err != nil {
		return 0, err //nolint:wrapcheck // the caller's own
	}
	return float64(calls.Load()) / time.Since(began).Seconds(), nil
}

// latency calls one after the other for about d, at least three times, and
// returns the median time of a call in milliseconds.
func latency(ctx context.Context, d time.Duration, call func(ctx context.Context) error) (float64, error) {
	var times []float64
	for began := time.Now(); time.Since(began) < d || len(times) < 3; {
		start := time.Now()
		if err := call(ctx); err != nil {
			return 0, err
		}
		times = append(times, float64(time.Since(start).Nanoseconds())/1e6)
	}
	return spread(times).Median, nil
}

// seconds times one call.
func seconds(ctx context.Context, call func(ctx context.Context) error) (float64, error) {
	began := time.Now()
	if err := call(ctx); err != nil {
		return 0, err
	}
	took := time.Since(began).Seconds()
	if took <= 0 {
		return 0, errors.New("the clock did not move")
	}
	return took, nil
}
