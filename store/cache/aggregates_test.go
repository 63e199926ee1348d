package cache

import (
	"context"
	"errors"
	"reflect"
	"testing"
	"time"

	"healthportal/app/access"
	"healthportal/app/health"
)

// library is a database whose answers have the present version.
type library struct {
	version health.DataVersion
	// hidden are persons whom row security keeps from everybody.
	hidden health.PersonID
	asked  int
	err    error
}

func (l *library) series() []health.Series {
	high := 9.0
	return []health.Series{{Metric: health.Metric{Code: "steps"}, Range: &health.Range{High: &high},
		Points: []health.DayPoint{{N: 3, Sum: 6, Bounds: []health.Bound{{Comparator: "<", N: 1}}}}}}
}

// DataVersion is the present one.
func (l *library) DataVersion(_ context.Context, _ access.Scope, p health.PersonID) (health.DataVersion, error) {
	if p == l.hidden {
		return "", nil
	}
	return l.version, l.err
}

// MetricsAt answers one metric, and nothing about a hidden person.
func (l *library) MetricsAt(_ context.Context, _ access.Scope, p health.PersonID) ([]health.MetricSummary, health.DataVersion, error) {
	l.asked++
	if p == l.hidden {
		return nil, "", nil
	}
	return []health.MetricSummary{{Count: int(p)}}, l.version, nil
}

// SeriesAt answers one series.
func (l *library) SeriesAt(context.Context, access.Scope, health.PersonID, string, health.Window) ([]health.Series, health.DataVersion, error) {
	l.asked++
	return l.series(), l.version, nil
}

// SparksAt answers one series.
func (l *library) SparksAt(context.Context, access.Scope, health.PersonID) ([]health.Series, health.DataVersion, error) {
	l.asked++
	return l.series(), l.version, nil
}

// TeamNews answers one team.
func (l *library) TeamNews(context.Context, int64) ([]health.TeamNews, health.DataVersion, error) {
	return []health.TeamNews{{Name: "Team"}}, l.version, l.err
}

// Sources answers one source.
func (l *library) SourcesAt(_ context.Context, userID int64, _ time.Time) (health.SiteSummary, health.DataVersion, error) {
	l.asked++
	return health.SiteSummary{Sources: []health.SourceFreshness{{Name: "Watch", Week: int(userID)}}, SourceCount: 1}, l.version, nil
}

// Seen notes nothing.
func (l *library) Seen(context.Context, int64, health.PersonID, int64, int64) error { return l.err }

// Each thing that can be asked is a question of its own: no two share an answer.
func TestQuestionsDiffer(t *testing.T) {
	l := &library{version: "1"}
	a := NewAggregates(l, nil)
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	day := health.Day{Year: 2026, Month: time.March, Dom: 29}
	at := func(zoom health.Zoom, d health.Day, zone *time.Location) health.Window {
		return health.Window{Zoom: zoom, From: d, To: d, Zone: zone}
	}
	series := func(p health.PersonID, metric string, w health.Window) func() error {
		return func() error { _, err := a.Series(t.Context(), access.One(p), p, metric, w); return err }
	}
	long := at(health.Days, day, nil)
	long.To = day.AddDays(1)
	morning := time.Date(2026, 3, 29, 23, 59, 0, 0, time.UTC)
	summary := func(user int64, now time.Time) func() error {
		return func() error { _, err := a.Summary(t.Context(), user, now); return err }
	}
	asks := []func() error{
		func() error { _, err := a.PersonMetrics(t.Context(), access.One(1), 1); return err },
		func() error { _, err := a.PersonMetrics(t.Context(), access.One(2), 2); return err },
		func() error { _, err := a.Sparks(t.Context(), access.One(1), 1); return err },
		func() error { _, err := a.Sparks(t.Context(), access.One(2), 2); return err },
		series(1, "steps", at(health.Days, day, nil)), series(2, "steps", at(health.Days, day, nil)), series(1, "glucose", at(health.Days, day, nil)),
		series(1, "steps", at(health.Months, day, nil)), series(1, "steps", at(health.Days, day.AddDays(1), nil)), series(1, "steps", long),
		series(1, "steps", at(health.Hours, day, time.UTC)), series(1, "steps", at(health.Hours, day, berlin)),
		series(1, `steps" "days`, at(health.Days, day, nil)),
		summary(1, morning), summary(2, morning), summary(1, morning.Add(time.Minute)),
	}
	for round := range 2 {
		for i, ask := range asks {
			if err := ask(); err != nil {
				t.Fatal(err)
			}
			if want := min(i+1+round*len(asks), len(asks)); l.asked != want {
				t.Fatalf("round %d: after question %d the database was asked %d times, want %d", round, i, l.asked, want)
			}
		}
	}
	l.version = "2"
	for i, ask := range asks {
		if err := ask(); err != nil || l.asked != len(asks)+i+1 {
			t.Errorf("question %d after a change: %v, %d queries", i, err, l.asked)
		}
	}
}

// A reader who may not see the person gets what the database says, never what another reader's page left.
func TestHiddenPersonsPassTheCache(t *testing.T) {
	l := &library{version: "1"}
	a := NewAggregates(l, nil)
	if list, err := a.PersonMetrics(t.Context(), access.One(5), 5); err != nil || len(list) != 1 {
		t.Fatalf("%v, %v", list, err)
	}
	l.hidden = 5
	for range 2 {
		if list, err := a.PersonMetrics(t.Context(), access.Scope{}, 5); err != nil || len(list) != 0 {
			t.Errorf("a hidden person's metrics: %v, %v", list, err)
		}
	}
	if c := a.Counts(); l.asked != 3 || c.Passed != 2 || c.Hits != 0 {
		t.Errorf("%d queries, %+v", l.asked, c)
	}
}

// What a page does with its answer doesn't reach the next one.
func TestAnswersAreTheReadersOwn(t *testing.T) {
	l := &library{version: "1"}
	a := NewAggregates(l, nil)
	for range 2 {
		series, err := a.Series(t.Context(), access.One(1), 1, "steps", health.Window{})
		sparks, err2 := a.Sparks(t.Context(), access.One(1), 1)
		metrics, err3 := a.PersonMetrics(t.Context(), access.One(1), 1)
		summary, err4 := a.Summary(t.Context(), 1, time.Now())
		if err := errors.Join(err, err2, err3, err4); err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(series, l.series()) || !reflect.DeepEqual(sparks, l.series()) || metrics[0].Count != 1 || summary.Sources[0].Name != "Watch" || summary.Teams[0].Name != "Team" {
			t.Errorf("%+v, %+v, %+v, %+v", series, sparks, metrics, summary)
		}
		series[0].Unit, series[0].Points[0].Sum, sparks[0].Points[0].N = "m", 0, 0
		metrics[0].Count, summary.Sources[0].Name = 0, ""
	}
}

func TestTheCheckFails(t *testing.T) {
	l := &library{version: "1"}
	a := NewAggregates(l, time.Now)
	if _, err := a.PersonMetrics(t.Context(), access.One(1), 1); err != nil {
		t.Fatal(err)
	}
	l.err = errors.New("the database is away")
	_, err := a.PersonMetrics(t.Context(), access.One(1), 1)
	_, err2 := a.Series(t.Context(), access.One(1), 1, "steps", health.Window{})
	_, err3 := a.Sparks(t.Context(), access.One(1), 1)
	_, err4 := a.Summary(t.Context(), 1, time.Now())
	for _, err := range []error{err, err2, err3, err4, a.Seen(t.Context(), 1, 1, 1, 1)} {
		if !errors.Is(err, l.err) {
			t.Errorf("without the database's word the cache answers: %v", err)
		}
	}
}
