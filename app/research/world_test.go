package research

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"healthportal/app/health"
	"healthportal/app/keyring"
)

// pocket is a set of keys that stay the same from run to run.
type pocket byte

func (p pocket) Current(purpose keyring.Purpose) keyring.Key {
	secret := make([]byte, 32)
	for i := range secret {
		secret[i] = byte(i) ^ byte(p) ^ purpose[0]
	}
	return keyring.Key{Purpose: purpose, ID: "abcdefghij23", Secret: secret}
}

func (p pocket) Seal(purpose keyring.Purpose, context string, plain []byte) string {
	return keyring.Seal(p.Current(purpose), context, plain)
}

func (p pocket) Unseal(purpose keyring.Purpose, context, token string) ([]byte, error) {
	return keyring.Unseal(p.Current(purpose), context, token)
}

var errStore = errors.New("the store is down")

// shelf is a store of persons and their rows, newest first.
type shelf struct {
	persons  []Person
	rows     map[health.PersonID][]Row
	metrics  []MetricCount
	withheld Withheld
	// fails names the methods that fail.
	fails []string
	asked RowQuery
}

func (s *shelf) err(method string) error {
	if slices.Contains(s.fails, method) {
		return errStore
	}
	return nil
}

func (s *shelf) ResearchPersons(context.Context) ([]Person, error) {
	return s.persons, s.err("persons")
}

func (s *shelf) ResearchPerson(_ context.Context, id health.PersonID) (Person, error) {
	for _, p := range s.persons {
		if p.ID == id {
			return p, s.err("person")
		}
	}
	return Person{}, health.ErrNotFound
}

func (s *shelf) ResearchMetrics(context.Context, health.PersonID) ([]MetricCount, error) {
	return slices.Clone(s.metrics), s.err("metrics")
}

func (s *shelf) ResearchWithheld(context.Context, health.PersonID) (Withheld, error) {
	return s.withheld, s.err("withheld")
}

// ResearchRows answers as PostgreSQL does.
func (s *shelf) ResearchRows(_ context.Context, q RowQuery) (Rows, error) {
	s.asked = q
	var match []Row
	for _, r := range s.rows[q.Person] {
		if (q.Metric == "" || r.Metric == q.Metric) && (q.From.IsZero() || !r.Day.Before(q.From)) && (q.To.IsZero() || !q.To.Before(r.Day)) {
			match = append(match, r)
		}
	}
	older := func(r Row, c health.Cursor) bool { return r.At.Before(c.At) || r.At.Equal(c.At) && r.ID < c.ID }
	newer := func(r Row, c health.Cursor) bool { return r.At.After(c.At) || r.At.Equal(c.At) && r.ID > c.ID }
	from, to := 0, len(match)
	if q.After != nil {
		for from < to && !older(match[from], *q.After) {
			from++
		}
		to = min(to, from+q.Size)
	} else if q.Before != nil {
		for to > 0 && !newer(match[to-1], *q.Before) {
			to--
		}
		from = max(0, to-q.Size)
	} else {
		to = min(to, q.Size)
	}
	return Rows{Rows: slices.Clone(match[from:to]), Older: to < len(match), Newer: from > 0, Total: len(match)}, s.err("rows")
}

func day(s string) health.Day {
	d, err := health.ParseDay(s)
	if err != nil {
		panic(err)
	}
	return d
}

// cohort is n women, one of whom has hourly heart rates through three days.
func cohort(n int) *shelf {
	s := &shelf{rows: map[health.PersonID][]Row{}, metrics: []MetricCount{{"sodium", "Sodium", 1, 3}, {"heart_rate", "Heart rate", n, 70}}}
	for i := range n {
		s.persons = append(s.persons, Person{ID: health.PersonID(i + 1), Sex: health.Female, Age: 40, HasAge: true})
	}
	for i := range 70 {
		at := time.Date(2026, 3, 31, 22, 0, 0, 0, time.UTC).Add(-time.Duration(i) * time.Hour)
		e := Event{Day: health.DayOf(at), Start: at, Metric: "heart_rate", MetricName: "Heart rate", Value: float64(i), Unit: "/min", Status: health.Final}
		if i%7 == 0 {
			e.End, e.Metric = at.Add(30*time.Minute), "steps"
		}
		s.rows[1] = append(s.rows[1], Row{ID: int64(1000 - i), At: at, Event: e})
	}
	return s
}

func mustPage(t *testing.T, v *View, f EventFilter) EventPage {
	t.Helper()
	page, err := v.Events(t.Context(), 7, f)
	if err != nil {
		t.Fatal(fmt.Errorf("%+v: %w", f, err))
	}
	return page
}
