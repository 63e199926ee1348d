package cache

import (
	"context"
	"fmt"
	"reflect"
	"slices"
	"time"

	"healthportal/app/access"
	"healthportal/app/health"
)

// Source is the database behind Aggregates. Versions and answers that it returns
// together are of one instant.
type Source interface {
	// DataVersion is empty where scope doesn't hold the person.
	DataVersion(ctx context.Context, scope access.Scope, person health.PersonID) (health.DataVersion, error)
	MetricsAt(ctx context.Context, scope access.Scope, person health.PersonID) ([]health.MetricSummary, health.DataVersion, error)
	SeriesAt(ctx context.Context, scope access.Scope, person health.PersonID, metric string, w health.Window) ([]health.Series, health.DataVersion, error)
	SparksAt(ctx context.Context, scope access.Scope, person health.PersonID) ([]health.Series, health.DataVersion, error)
	// TeamNews also tells the version of what SourcesAt would answer now.
	TeamNews(ctx context.Context, userID int64) ([]health.TeamNews, health.DataVersion, error)
	SourcesAt(ctx context.Context, userID int64, now time.Time) (health.SiteSummary, health.DataVersion, error)
	Seen(ctx context.Context, userID int64, person health.PersonID, dataNo, reportsNo int64) error
}

// Aggregates answers what charts and overviews ask, from this process's memory
// where the database says that nothing has changed. Each request asks the database
// first, under row security, for the version of the data; what is kept for another
// version is never shown. It is safe for concurrent use. Answers are read by many
// at once: nobody may change what their pointers lead to.
type Aggregates struct {
	db   Source
	kept *kept
}

// NewAggregates puts an empty cache in front of db. now is the clock, nil means time.Now.
func NewAggregates(db Source, now func() time.Time) *Aggregates {
	if now == nil {
		now = time.Now
	}
	return &Aggregates{db, newKept(keptBytes, now)}
}

// Counts says how the answers came about since the process began.
func (a *Aggregates) Counts() Counts { return a.kept.counts() }

// PersonMetrics returns the metrics of which the person has data, in the
// catalogue's order and then by name, each with its newest Observation.
func (a *Aggregates) PersonMetrics(ctx context.Context, scope access.Scope, person health.PersonID) ([]health.MetricSummary, error) {
	list, err := ofPerson(ctx, a, scope, person, asking[[]health.MetricSummary]{
		question: fmt.Sprintf("metrics %d", person),
		ask: func(ctx context.Context) ([]health.MetricSummary, health.DataVersion, error) {
			return a.db.MetricsAt(ctx, scope, person)
		},
		size: sizeOfMetrics,
	})
	return slices.Clone(list), err
}

// Series returns the series of one metric of a person in a window, as the store does.
func (a *Aggregates) Series(ctx context.Context, scope access.Scope, person health.PersonID, metric string, w health.Window) ([]health.Series, error) {
	list, err := ofPerson(ctx, a, scope, person, asking[[]health.Series]{
		question: fmt.Sprintf("series %d %q %q %v %v %q", person, metric, w.Zoom, w.From, w.To, w.Zone),
		ask: func(ctx context.Context) ([]health.Series, health.DataVersion, error) {
			return a.db.SeriesAt(ctx, scope, person, metric, w)
		},
		size: sizeOfSeries,
	})
	return own(list), err
}

// Sparks returns the latest days with numbers of each series of a person, as the store does.
func (a *Aggregates) Sparks(ctx context.Context, scope access.Scope, person health.PersonID) ([]health.Series, error) {
	list, err := ofPerson(ctx, a, scope, person, asking[[]health.Series]{
		question: fmt.Sprintf("sparks %d", person),
		ask: func(ctx context.Context) ([]health.Series, health.DataVersion, error) {
			return a.db.SparksAt(ctx, scope, person)
		},
		size: sizeOfSeries,
	})
	return own(list), err
}

// Summary returns what is new in each of the user's care teams, and how fresh the
// sources of their patients are. What is new changes with each page that is
// opened and is asked each time.
func (a *Aggregates) Summary(ctx context.Context, userID int64, now time.Time) (health.SiteSummary, error) {
	teams, at, err := a.db.TeamNews(ctx, userID)
	if err != nil {
		return health.SiteSummary{}, err //nolint:wrapcheck // says what itself
	}
	s, err := answerOf(ctx, a.kept, at, asking[health.SiteSummary]{
		question: fmt.Sprintf("sources %d %v", userID, health.DayOf(now.UTC())),
		ask: func(ctx context.Context) (health.SiteSummary, health.DataVersion, error) {
			return a.db.SourcesAt(ctx, userID, now)
		},
		size: sizeOfSources,
	})
	if err != nil {
		return health.SiteSummary{}, err
	}
	s.Teams, s.Sources = teams, slices.Clone(s.Sources)
	return s, nil
}

// Seen notes that somebody saw a patient's page.
func (a *Aggregates) Seen(ctx context.Context, userID int64, person health.PersonID, dataNo, reportsNo int64) error {
	return a.db.Seen(ctx, userID, person, dataNo, reportsNo) //nolint:wrapcheck // says what itself
}

// ofPerson answers a question about a person whom scope holds.
func ofPerson[T any](ctx context.Context, a *Aggregates, scope access.Scope, person health.PersonID, q asking[T]) (T, error) {
	at, err := a.db.DataVersion(ctx, scope, person)
	if err != nil {
		var none T
		return none, err //nolint:wrapcheck // says what itself
	}
	return answerOf(ctx, a.kept, at, q)
}

// own gives the caller lists of its own.
func own(list []health.Series) []health.Series {
	list = slices.Clone(list)
	for i := range list {
		list[i].Points = slices.Clone(list[i].Points)
	}
	return list
}

// The sizes are estimates: the structures in full, and of the texts what is long.

func sizeOfMetrics(list []health.MetricSummary) int {
	const texts = 512
	n := 0
	for _, m := range list {
		n += int(reflect.TypeFor[health.MetricSummary]().Size()) + texts + len(m.Latest.ValueText) + len(m.Latest.Source) + len(m.Latest.Device)
	}
	return n
}

func sizeOfSeries(list []health.Series) int {
	const texts = 256
	n := 0
	for _, s := range list {
		n += int(reflect.TypeFor[health.Series]().Size()) + texts + cap(s.Points)*int(reflect.TypeFor[health.DayPoint]().Size())
		for _, p := range s.Points {
			n += cap(p.Bounds) * int(reflect.TypeFor[health.Bound]().Size())
		}
	}
	return n
}

func sizeOfSources(s health.SiteSummary) int {
	n := 0
	for _, f := range s.Sources {
		n += int(reflect.TypeFor[health.SourceFreshness]().Size()) + len(f.Name)
	}
	return n
}
