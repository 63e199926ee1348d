package intake

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"healthportal/app/health"
)

// fakeSource gives records, then err or the end.
type fakeSource struct {
	records []Record
	err     error
}

func (s *fakeSource) Format() string { return "fake" }
func (s *fakeSource) SHA256() []byte { return []byte{1} }
func (s *fakeSource) Next() (Record, error) {
	if len(s.records) == 0 {
		if s.err != nil {
			return Record{}, s.err
		}
		return Record{}, io.EOF
	}
	rec := s.records[0]
	s.records = s.records[1:]
	return rec, nil
}

// fakeStore is a store in memory that remembers contents and batches.
type fakeStore struct {
	persons  map[health.Identifier]health.Person
	contents map[health.ContentID]bool
	batches  [][]health.ImportRow
	result   *health.ImportResult
	closed   int
	fail     string // the name of the method that fails
	taken    bool
}

func newStore() *fakeStore {
	return &fakeStore{persons: map[health.Identifier]health.Person{}, contents: map[health.ContentID]bool{}}
}

var errStore = errors.New("store down")

func (s *fakeStore) failing(method string) error {
	if s.fail == method {
		return errStore
	}
	return nil
}

func (s *fakeStore) StartImport(context.Context, health.ImportSettings) (health.Ingest, error) {
	return s, s.failing("StartImport")
}

func (s *fakeStore) Persons(_ context.Context, ids []health.Identifier) (map[health.Identifier]health.Person, error) {
	known := map[health.Identifier]health.Person{}
	for _, id := range ids {
		if p, ok := s.persons[id]; ok {
			known[id] = p
		}
	}
	return known, s.failing("Persons")
}

func (s *fakeStore) CreatePerson(_ context.Context, p health.Person, ids []health.Identifier) (health.Person, error) {
	if s.taken {
		return p, fmt.Errorf("create: %w", health.ErrTaken)
	}
	p.ID = health.PersonID(len(s.persons) + 1)
	for _, id := range ids {
		s.persons[id] = p
	}
	return p, s.failing("CreatePerson")
}

func (s *fakeStore) CompletePerson(_ context.Context, p health.Person, ids []health.Identifier) error {
	if s.taken {
		return health.ErrTaken
	}
	for _, id := range ids {
		s.persons[id] = p
	}
	return s.failing("CompletePerson")
}

func (s *fakeStore) Store(_ context.Context, rows []health.ImportRow) (health.ImportCounts, error) {
	var c health.ImportCounts
	s.batches = append(s.batches, append([]health.ImportRow(nil), rows...))
	for _, r := range rows {
		if s.contents[r.Content] {
			c.Repeated++
			continue
		}
		s.contents[r.Content] = true
		c.Stored++
	}
	return c, s.failing("Store")
}

func (s *fakeStore) Finish(_ context.Context, r health.ImportResult) error {
	s.result = &r
	return s.failing("Finish")
}

func (s *fakeStore) Close(context.Context) error {
	s.closed++
	return s.failing("Close")
}

func clock() time.Time { return time.Date(2026, 4, 1, 0, 0, 0, 0, time.UTC) }

func fhirID(v string) health.Identifier {
	return health.Identifier{System: health.SystemFHIR, Value: v}
}

// beats is a line of one heart rate.
func beats(line int, person string, value float64, change ...func(*health.Observation)) Record {
	o := health.Observation{Metric: "heart_rate", EffectiveAt: clock().Add(-time.Hour), Value: value, HasValue: true, Source: "s", Status: health.Final}
	for _, c := range change {
		c(&o)
	}
	return Record{Line: line, Subject: fhirID(person), Observations: []health.Observation{o}}
}

func withID(id string) func(*health.Observation) {
	return func(o *health.Observation) { o.ExternalID = id }
}

// Versions within a batch: the same content counts once, but a later word of the
// source about it is not lost; the lines of one id are as new as the newest.
func TestTimesOfChange(t *testing.T) {
	changed := func(hours int) func(*health.Observation) {
		return func(o *health.Observation) { o.Updated = clock().Add(time.Duration(hours) * time.Hour) }
	}
	panel := beats(5, "a", 70, withID("p"), changed(-9))
	panel.Observations = append(panel.Observations, beats(6, "a", 71, withID("p"), changed(-2)).Observations...)
	store := newStore()
	store.persons[fhirID("a")] = health.Person{ID: 1}
	r, err := Import(t.Context(), &fakeSource{records: []Record{
		beats(1, "a", 60, withID("x"), changed(-5)), beats(2, "a", 60, withID("x"), changed(-5)), beats(3, "a", 60, withID("x"), changed(-4)),
		beats(4, "a", 61, withID("x"), changed(25)), panel,
	}}, store, Options{Now: clock})
	if err != nil || len(store.batches) != 1 {
		t.Fatal(err, store.batches)
	}
	var got []string
	for _, row := range store.batches[0] {
		text := "never"
		if !row.Updated.IsZero() {
			text = row.Updated.Sub(clock()).String()
		}
		got = append(got, fmt.Sprintf("%v %s in round %d", row.Value, text, row.Round))
	}
	want := []string{"60 -5h0m0s in round 0", "60 -4h0m0s in round 1", "61 never in round 2", "70 -2h0m0s in round 0", "71 -2h0m0s in round 0"}
	if !slices.Equal(got, want) {
		t.Errorf("rows %q, want %q", got, want)
	}
	if len(r.Notes) != 1 || !strings.HasPrefix(r.Notes[0], "1 records give a time of their last change that is unreadable, before 1900 or in the future") {
		t.Errorf("notes %q", r.Notes)
	}
}

func TestReportAddsUp(t *testing.T) {
	store := newStore()
	store.persons[fhirID("a")] = health.Person{ID: 1}
	src := &fakeSource{records: []Record{
		beats(1, "a", 60), beats(2, "a", 60), beats(3, "b", 61),
		{Line: 4, Blank: true},
		{Line: 5, Problems: []string{"damaged"}},
		{Line: 6, Subject: fhirID("a"), Absent: 2},
		beats(7, "a", 62, func(o *health.Observation) { o.EffectiveAt = time.Date(1850, 1, 1, 0, 0, 0, 0, time.UTC) }),
		beats(8, "a", 63, func(o *health.Observation) { o.EffectiveAt = clock().Add(25 * time.Hour) }),
		beats(9, "a", 64, func(o *health.Observation) { o.EffectiveEnd = o.EffectiveAt.Add(-time.Second) }),
	}}
	var steps []Report
	r, err := Import(t.Context(), src, store, Options{Now: clock, Progress: func(r Report) { steps = append(steps, r) }})
	if err != nil {
		t.Fatal(err)
	}
	if r.Lines != 8 || r.Read != 7 || r.Stored != 1 || r.Repeated != 1 || r.Refused != 5 || r.Absent != 2 || r.Omitted() != 0 {
		t.Errorf("%s; problems %v", r.Summary(), r.Problems)
	}
	var lines []int
	for _, p := range r.Problems {
		lines = append(lines, p.Line)
	}
	if fmt.Sprint(lines) != "[3 5 7 8 9]" {
		t.Errorf("problems of lines %v", lines)
	}
	if len(steps) != 1 || steps[0].Read != 7 {
		t.Errorf("progress %+v", steps)
	}
	if store.result == nil || store.result.Read != 7 || store.result.Refused != 5 || store.closed != 1 {
		t.Errorf("result %+v, closed %d times", store.result, store.closed)
	}
}

func TestEmptyFile(t *testing.T) {
	r, err := Import(t.Context(), &fakeSource{}, newStore(), Options{})
	if err != nil || !strings.Contains(r.Summary(), "0 lines") {
		t.Errorf("%s, %v", r.Summary(), err)
	}
}

func TestBatchesAndRounds(t *testing.T) {
	store := newStore()
	src := &fakeSource{records: []Record{
		beats(1, "a", 1, withID("x")), beats(2, "a", 1, withID("x")), beats(3, "a", 2, withID("x")), beats(4, "a", 3, withID("y")),
		beats(5, "b", 4, withID("x")), beats(6, "a", 5), beats(7, "a", 6, withID("x")),
	}}
	r, err := Import(t.Context(), src, store, Options{CreatePersons: true, Now: clock, BatchSize: 6})
	if err != nil {
		t.Fatal(err)
	}
	if r.Stored != 6 || r.Repeated != 1 || r.NewPersons != 2 || len(store.batches) != 2 {
		t.Errorf("%s in %d batches", r.Summary(), len(store.batches))
	}
	var rounds []int
	for _, row := range store.batches[0] {
		rounds = append(rounds, row.Round)
	}
	if fmt.Sprint(rounds) != "[0 1 0 0 0]" {
		t.Errorf("rounds %v", rounds)
	}
}

func TestRoundsAreBounded(t *testing.T) {
	store := newStore()
	src := &fakeSource{}
	for i := range 3*health.MaxRounds + 1 {
		src.records = append(src.records, beats(i+1, "a", float64(i), withID("x")))
	}
	if _, err := Import(t.Context(), src, store, Options{CreatePersons: true, Now: clock}); err != nil {
		t.Fatal(err)
	}
	if len(store.batches) != 4 {
		t.Errorf("%d batches", len(store.batches))
	}
	for _, b := range store.batches {
		for _, row := range b {
			if row.Round >= health.MaxRounds {
				t.Errorf("round %d", row.Round)
			}
		}
	}
}

func TestFailures(t *testing.T) {
	for _, method := range []string{"StartImport", "Persons", "CreatePerson", "Store", "Finish", "Close"} {
		t.Run(method, func(t *testing.T) {
			store := newStore()
			store.fail = method
			_, err := Import(t.Context(), &fakeSource{records: []Record{beats(1, "a", 1)}}, store, Options{CreatePersons: true, Now: clock})
			if !errors.Is(err, errStore) {
				t.Errorf("got %v", err)
			}
			if want := 1; method != "StartImport" && store.closed != want {
				t.Errorf("closed %d times", store.closed)
			}
		})
	}
	t.Run("file", func(t *testing.T) {
		store := newStore()
		broken := errors.New("disk on fire")
		r, err := Import(t.Context(), &fakeSource{records: []Record{beats(1, "a", 1), beats(2, "a", 2)}, err: broken}, store,
			Options{CreatePersons: true, Now: clock, BatchSize: 1})
		if !errors.Is(err, broken) || store.result != nil || store.closed != 1 {
			t.Errorf("%v, result %v", err, store.result)
		}
		if r.Stored != len(store.batches) {
			t.Errorf("the report says %d stored, the store has %d", r.Stored, len(store.batches))
		}
	})
	t.Run("cancelled", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		src := &fakeSource{}
		for i := range 100 {
			src.records = append(src.records, beats(i+1, "a", 1))
		}
		if _, err := Import(ctx, src, newStore(), Options{CreatePersons: true, Now: clock, BatchSize: 1}); err != nil && !errors.Is(err, context.Canceled) {
			t.Errorf("got %v", err)
		}
	})
}

func person(line int, p health.Person, ids ...string) Record {
	rec := Record{Line: line, Person: &Person{Person: p}}
	for _, id := range ids {
		rec.Person.Identifiers = append(rec.Person.Identifiers, fhirID(id))
	}
	return rec
}

// A person of whom two records became one has two record numbers.
func TestSecondRecordNumber(t *testing.T) {
	number := func(v string) health.Identifier {
		return health.Identifier{System: health.SystemRecordNumber, Value: v}
	}
	known := health.Person{ID: 1, RecordNumber: "M-1"}
	for _, tt := range []struct {
		name    string
		stored  []health.Identifier
		refused int
	}{
		{"an own one", []health.Identifier{fhirID("a"), number("M-2")}, 0},
		{"an unknown one", []health.Identifier{fhirID("a")}, 2},
	} {
		t.Run(tt.name, func(t *testing.T) {
			store := newStore()
			for _, id := range tt.stored {
				store.persons[id] = known
			}
			line := person(1, health.Person{RecordNumber: "M-2"}, "a")
			line.Person.Identifiers = append(line.Person.Identifiers, number("M-2"))
			r, err := Import(t.Context(), &fakeSource{records: []Record{line, beats(2, "a", 60)}}, store, Options{Now: clock})
			if err != nil || r.Refused != tt.refused {
				t.Errorf("%s, %v; problems %v", r.Summary(), err, r.Problems)
			}
		})
	}
}

func TestPersonLines(t *testing.T) {
	born := health.Day{Year: 1980, Month: 1, Dom: 2}
	known := health.Person{ID: 1, FamilyName: "F", BirthDate: born, Sex: health.Female}
	tests := []struct {
		name    string
		line    Record
		taken   bool
		create  bool
		refused int // with an Observation of the same person behind it
	}{
		{"known", person(1, health.Person{FamilyName: "F", BirthDate: born}, "a"), false, false, 0},
		{"more about a known one", person(1, health.Person{GivenName: "G", RecordNumber: "R"}, "a"), false, false, 1},
		{"contradiction", person(1, health.Person{Sex: health.Male}, "a"), false, false, 2},
		{"unknown", person(1, health.Person{}, "z"), false, false, 2},
		{"unknown, to be created", person(1, health.Person{}, "z"), false, true, 0},
		{"taken", person(1, health.Person{}, "z"), true, true, 2},
		{"taken at completion", person(1, health.Person{RecordNumber: "R"}, "a", "new"), true, true, 2},
		{"two persons", person(1, health.Person{}, "a", "b"), false, true, 2},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			store := newStore()
			store.persons[fhirID("a")], store.persons[fhirID("b")] = known, health.Person{ID: 2}
			store.taken = tt.taken
			id := tt.line.Person.Identifiers[0].Value
			r, err := Import(t.Context(), &fakeSource{records: []Record{tt.line, beats(2, id, 60)}}, store, Options{CreatePersons: tt.create, Now: clock})
			if err != nil {
				t.Fatal(err)
			}
			if r.Refused != tt.refused || r.Persons != 1 || r.Stored != 1-max(0, tt.refused-1) {
				t.Errorf("%s; problems %v", r.Summary(), r.Problems)
			}
		})
	}
}

func TestRecordNumberAloneNeedsTheBirthDate(t *testing.T) {
	number := health.Identifier{System: health.SystemRecordNumber, Value: "R1"}
	born := health.Day{Year: 1980, Month: 1, Dom: 2}
	for name, tt := range map[string]struct {
		born    health.Day
		refused int
	}{"same": {born, 0}, "other": {born.AddDays(1), 1}, "not given": {health.Day{}, 1}} {
		store := newStore()
		store.persons[number] = health.Person{ID: 1, RecordNumber: "R1", BirthDate: born}
		rec := Record{Line: 1, Person: &Person{Person: health.Person{RecordNumber: "R1", BirthDate: tt.born}, Identifiers: []health.Identifier{fhirID("z"), number}}}
		r, err := Import(t.Context(), &fakeSource{records: []Record{rec}}, store, Options{CreatePersons: true, Now: clock})
		if err != nil || r.Refused != tt.refused || r.NewPersons != 0 {
			t.Errorf("%s birth date: %s, %v", name, r.Summary(), err)
		}
	}
}

func TestProblemsAreBounded(t *testing.T) {
	var r Report
	for i := range MaxProblems + 7 {
		r.refuse(i, "reason")
	}
	if len(r.Problems) != MaxProblems || r.Omitted() != 7 || r.Refused != MaxProblems+7 {
		t.Errorf("%d kept, %d omitted", len(r.Problems), r.Omitted())
	}
	if got := (Problem{12, "no"}).String(); got != "line 12: no" {
		t.Error(got)
	}
}

func TestDaysInThePersonsZone(t *testing.T) {
	store := newStore()
	store.persons[fhirID("a")] = health.Person{ID: 1, TimeZone: "Asia/Kolkata"}
	store.persons[fhirID("b")] = health.Person{ID: 2}
	site, err := time.LoadLocation("America/New_York")
	if err != nil {
		t.Fatal(err)
	}
	late := func(o *health.Observation) { o.EffectiveAt = time.Date(2026, 3, 1, 22, 0, 0, 0, time.UTC) }
	whole := func(o *health.Observation) {
		o.StartDay, o.EndDay = health.Day{Year: 2026, Month: 3, Dom: 1}, health.Day{Year: 2026, Month: 3, Dom: 1}
		o.EffectiveAt = time.Time{}
	}
	src := &fakeSource{records: []Record{beats(1, "a", 1, late), beats(2, "b", 1, late), beats(3, "b", 2, whole)}}
	if _, err := Import(t.Context(), src, store, Options{Now: clock, Site: site}); err != nil {
		t.Fatal(err)
	}
	rows := store.batches[0]
	if rows[0].Day.String() != "2026-03-02" || rows[1].Day.String() != "2026-03-01" || rows[2].Day.String() != "2026-03-01" {
		t.Errorf("days %v %v %v", rows[0].Day, rows[1].Day, rows[2].Day)
	}
	if got := rows[2].EffectiveAt.UTC().Format(time.RFC3339); got != "2026-03-01T05:00:00Z" {
		t.Errorf("the whole day begins at %s", got)
	}
}

// slowStore stores a batch while the next one is put together.
type slowStore struct {
	*fakeStore
	failAt int
	calls  int
}

func (s *slowStore) StartImport(context.Context, health.ImportSettings) (health.Ingest, error) {
	return s, nil
}

func (s *slowStore) Store(ctx context.Context, rows []health.ImportRow) (health.ImportCounts, error) {
	if s.calls++; s.calls == s.failAt {
		return health.ImportCounts{}, errStore
	}
	return s.fakeStore.Store(ctx, rows)
}

// What is put together while a batch is being stored doesn't count where that
// batch fails, and progress tells of stored batches only.
func TestReportOfABatchThatFails(t *testing.T) {
	for _, failAt := range []int{1, 2, 3, 0} {
		t.Run(fmt.Sprint(failAt), func(t *testing.T) {
			store := &slowStore{fakeStore: newStore(), failAt: failAt}
			var records []Record
			for i := range 3 {
				records = append(records, Record{Line: i + 1, Subject: health.Identifier{System: "s", Value: "a"}, Observations: []health.Observation{{
					Metric: "heart_rate", EffectiveAt: time.Unix(int64(i)*1000, 0), Value: 60, HasValue: true, Status: health.Final, Source: "x"}}})
			}
			var told []int
			report, err := Import(t.Context(), &fakeSource{records: records}, store, Options{CreatePersons: true, BatchSize: 1,
				Progress: func(r Report) { told = append(told, r.Lines*10+r.Stored) }})
			if failed := errors.Is(err, errStore); failed != (failAt > 0) {
				t.Fatalf("error %v", err)
			}
			lines, stored := 3, 3
			if failAt > 0 {
				lines, stored = failAt, failAt-1
			}
			if report.Lines != lines || report.Stored != stored || report.Read != stored {
				t.Errorf("%d lines and %d of %d values stored, want %d and %d", report.Lines, report.Stored, report.Read, lines, stored)
			}
			if want := []int{11, 22, 33}[:stored]; !slices.Equal(told, want) {
				t.Errorf("progress %v, want %v", told, want)
			}
			if store.closed != 1 {
				t.Errorf("closed %d times", store.closed)
			}
		})
	}
}
