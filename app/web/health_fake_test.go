package web

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"healthportal/app/access"
	"healthportal/app/genomics"
	"healthportal/app/health"
	"healthportal/app/health/adultrange"
)

// fakeHealth is one patient in the care team of user 7, with recorded questions.
type fakeHealth struct {
	err     error
	page    health.EventPage
	metrics []health.MetricSummary
	series  []health.Series
	list    health.PatientPage
	byZoom  map[health.Zoom][]health.Series // instead of series
	failAt  string                          // the metric whose series can't be read
	summary health.SiteSummary
	sparks  []health.Series
	seenErr error
	// views are the saved ones by user and person; versions the history of event 5.
	views    map[string]string
	versions []health.EventVersion
	// acts are the last ones about ranges; outlying the events that may lie outside one.
	acts             []adultrange.Act
	outlying         []health.Event
	failOutlying     bool
	rangeErr, actErr error
	gotAct           string
	gotOutlying      []adultrange.Outlying

	gotFilter   health.EventFilter
	gotPatients health.PatientFilter
	gotScope    access.Scope
	gotWindow   health.Window
	gotMetrics  []string
	gotSeen     []int64
}

// errSecret is a store's error that names what must not reach the reader.
var errSecret = errors.New("pq: password of Muster at 10.0.0.1")

const knownPatient = "0123456789abcdef0123456789abcdef"

func anna() health.Person {
	return health.Person{ID: 42, PublicID: knownPatient, RecordNumber: "R-1", FamilyName: "Muster<b>", GivenName: "Anna",
		BirthDate: day("1980-03-04"), Sex: health.Female, TimeZone: "Europe/Berlin", Synthetic: true}
}

func day(s string) health.Day {
	d, err := health.ParseDay(s)
	if err != nil {
		panic(err)
	}
	return d
}

func (f *fakeHealth) Patients(_ context.Context, userID int64, filter health.PatientFilter) (health.PatientPage, error) {
	f.gotPatients = filter
	if userID != 7 {
		return health.PatientPage{}, nil
	}
	return f.list, f.err
}

func (f *fakeHealth) Patient(_ context.Context, userID int64, publicID string) (health.Patient, error) {
	if f.err != nil {
		return health.Patient{}, f.err
	}
	if userID != 7 || publicID != knownPatient {
		return health.Patient{}, health.ErrNotFound
	}
	return health.Patient{Person: anna(), Alike: []health.Person{{FamilyName: "Muster", GivenName: "Hanna", RecordNumber: "R-2", BirthDate: day("1981-01-01")}}, DataNo: 4}, nil
}

func (f *fakeHealth) PersonMetrics(_ context.Context, scope access.Scope, _ health.PersonID) ([]health.MetricSummary, error) {
	f.gotScope = scope
	return f.metrics, f.err
}

func (f *fakeHealth) Series(_ context.Context, scope access.Scope, _ health.PersonID, metric string, w health.Window) ([]health.Series, error) {
	f.gotScope, f.gotWindow = scope, w
	f.gotMetrics = append(f.gotMetrics, metric)
	if metric == f.failAt {
		return nil, errSecret
	}
	if list, ok := f.byZoom[w.Zoom]; ok {
		return list, f.err
	}
	list := slices.Clone(f.series)
	for i := range list {
		list[i].Points = slices.Clone(list[i].Points) // what is marked at them is the page's
	}
	return list, f.err
}

func (f *fakeHealth) EventPage(_ context.Context, scope access.Scope, filter health.EventFilter) (health.EventPage, error) {
	f.gotScope, f.gotFilter = scope, filter
	return f.page, f.err
}

func (f *fakeHealth) EventVersions(_ context.Context, scope access.Scope, person health.PersonID, at health.Cursor) ([]health.EventVersion, error) {
	f.gotScope = scope
	if f.err == nil && (person != 42 || at.ID != 5) {
		return nil, health.ErrNotFound
	}
	return f.versions, f.err
}

func viewKey(userID int64, person health.PersonID) string { return fmt.Sprint(userID, "-", person) }

func (f *fakeHealth) SavedView(_ context.Context, userID int64, person health.PersonID) (string, error) {
	view, ok := f.views[viewKey(userID, person)]
	if f.err == nil && !ok {
		return "", health.ErrNotFound
	}
	return view, f.err
}

func (f *fakeHealth) SaveView(_ context.Context, userID int64, person health.PersonID, view string) error {
	if f.err == nil {
		f.views = map[string]string{viewKey(userID, person): view}
	}
	return f.err
}

func (f *fakeHealth) ForgetView(_ context.Context, userID int64, person health.PersonID) error {
	if f.err == nil {
		delete(f.views, viewKey(userID, person))
	}
	return f.err
}

// beat is a heart rate of Anna's.
func beat(id int64, at time.Time, value float64) health.Event {
	return health.Event{ID: id, Person: 42, Day: health.DayOf(at), MetricTitle: "Heart rate", Version: 1, Observation: health.Observation{
		Metric: "heart_rate", CodeSystem: health.SystemLOINC, Code: "8867-4", EffectiveAt: at, HasOffset: true,
		Value: value, HasValue: true, Unit: "/min", Status: health.Final, Source: "lab", Device: "Wrist sensor",
	}}
}

// withData is a store with a month of heart rates and a page of events.
func withData() *fakeHealth {
	heart, _ := health.ByLOINC("8867-4")
	potassium, _ := health.ByLOINC("2823-3")
	newest := beat(9, time.Date(2026, 3, 29, 1, 30, 0, 0, time.UTC), 72.5)
	newest.OrigValue = "72.50"
	low := 3.5
	lab := health.Event{ID: 5, Person: 42, Day: day("2026-02-01"), MetricTitle: "Potassium", Version: 2, Observation: health.Observation{
		Metric: "potassium", EffectiveAt: time.Date(2026, 2, 1, 8, 0, 0, 0, time.UTC), Value: 0.1, HasValue: true, Comparator: "<", Unit: "mmol/L",
		Flag: "LL", Status: health.Preliminary, Source: "lab", RefLow: &low}}
	return &fakeHealth{
		byZoom: map[health.Zoom][]health.Series{},
		page: health.EventPage{Events: []health.Event{newest, lab}, Total: 1204, Older: &health.Cursor{At: lab.EffectiveAt, ID: 5},
			Sources: []health.EventSource{{ID: 3, Name: "Anna's <phone>"}, {ID: 4, Name: "lab"}}, Flags: []string{"H", "LL"},
			Metrics: []health.MetricCount{{Code: "heart_rate", Name: "Heart rate", Count: 1204}, {Code: "potassium", Name: "Potassium", Count: 3}}},
		metrics: []health.MetricSummary{
			{Metric: heart, Count: 1204, First: day("2025-12-30"), Last: day("2026-03-29"), Latest: newest},
			{Metric: potassium, Count: 3, First: day("2026-02-01"), Last: day("2026-02-01"), Latest: lab},
		},
		series: []health.Series{{Metric: heart, CodeSystem: health.SystemLOINC, Code: "8867-4", Unit: "/min", Points: []health.DayPoint{
			{Day: day("2026-03-01"), N: 1204, Used: 1204, Min: 48, Mean: 72.4321, Max: 131},
			{Day: day("2026-03-02"), N: 2, Used: 2, Min: 50, Mean: 55, Max: 60},
			{Day: day("2026-03-29"), N: 1, Used: 0},
		}}},
		list: health.PatientPage{Patients: []health.PatientRow{{Person: anna(), LastDay: day("2026-03-27")}}, Total: 2, All: 2, Next: true},
	}
}

func healthSite(f *fakeHealth) func(*Deps) {
	return func(d *Deps) {
		d.Patients, d.Series, d.Events, d.Home, d.Views, d.SavedViews, d.Ranges, d.RangeKeeper = f, f, f, f, fakeViews{}, f, f, f
		if d.NewReports == nil {
			d.NewReports = &fakeIndex{state: genomics.IndexState{LastChange: 9}}
		}
	}
}

func (f *fakeHealth) Summary(_ context.Context, userID int64, _ time.Time) (health.SiteSummary, error) {
	if userID != 7 {
		return health.SiteSummary{}, nil
	}
	return f.summary, f.err
}

func (f *fakeHealth) Sparks(_ context.Context, scope access.Scope, _ health.PersonID) ([]health.Series, error) {
	f.gotScope = scope
	return f.sparks, f.err
}

func (f *fakeHealth) Seen(_ context.Context, userID int64, person health.PersonID, dataNo, reportsNo int64) error {
	f.gotSeen = append(f.gotSeen, userID, int64(person), dataNo, reportsNo)
	return f.seenErr
}

// fakeViews seals by naming the user.
type fakeViews struct{}

func (fakeViews) SealView(userID int64, text string) string {
	return fmt.Sprintf("%d.%x", userID, text)
}

func (fakeViews) OpenView(userID int64, view string) (string, error) {
	id, text, ok := strings.Cut(view, ".")
	plain, err := hex.DecodeString(text)
	if !ok || id != strconv.FormatInt(userID, 10) || err != nil {
		return "", errSecret
	}
	return string(plain), nil
}

// fakeIndex is the report index as the pages about patients ask for it.
type fakeIndex struct {
	state genomics.IndexState
	page  genomics.ReportPage
	err   error
	got   genomics.ReportFilter
}

func (x *fakeIndex) Reports(_ context.Context, f genomics.ReportFilter) (genomics.ReportPage, error) {
	x.got = f
	return x.page, x.err
}

func (x *fakeIndex) Status(context.Context) (genomics.IndexState, error) { return x.state, x.err }

func (f *fakeHealth) RangeSheet(context.Context) (adultrange.Sheet, error) {
	return adultrange.NewSheet(f.acts), f.rangeErr
}

func (f *fakeHealth) OutlyingEvents(_ context.Context, scope access.Scope, o adultrange.Outlying) ([]health.Event, error) {
	f.gotScope = scope
	f.gotOutlying = append(f.gotOutlying, o)
	if f.failOutlying {
		return nil, errSecret
	}
	return f.outlying, nil
}

func (f *fakeHealth) ActOnRange(_ context.Context, userID int64, metric string, kind adultrange.ActKind, digest string) error {
	f.gotAct = fmt.Sprint(userID, " ", kind, " ", metric, " ", digest)
	return f.actErr
}
