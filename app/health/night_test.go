package health

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

// stage is an interval of sleep from a minute of the evening on.
func stage(id int64, code string, from, minutes int, change ...func(*Event)) Event {
	at := time.Date(2026, 3, 28, 22, 0, 0, 0, time.UTC).Add(time.Duration(from) * time.Minute)
	e := Event{ID: id, SourceID: 1, Observation: Observation{Metric: metricSleep, CodeSystem: SystemLOINC, Code: code, Unit: "min", HasValue: true,
		Value: float64(minutes), EffectiveAt: at, EffectiveEnd: at.Add(time.Duration(minutes) * time.Minute)}}
	if minutes == 0 {
		e.EffectiveEnd = time.Time{}
	}
	for _, c := range change {
		c(&e)
	}
	return e
}

func TestStages(t *testing.T) {
	set := func(c func(*Event)) func(*Event) { return c }
	for name, tt := range map[string]struct {
		e    Event
		want Stage
		ok   bool
	}{
		"REM":              {stage(1, codeSleepREM, 0, 30), StageREM, true},
		"light is core":    {stage(1, codeSleepLight, 0, 30), StageCore, true},
		"deep":             {stage(1, codeSleepDeep, 0, 30), StageDeep, true},
		"unspecified":      {stage(1, CodeSleep, 0, 30), StageAsleep, true},
		"awake":            {stage(1, "x", 0, 30, set(func(e *Event) { e.Metric, e.CodeSystem = metricAwake, "apple" })), StageAwake, true},
		"in bed":           {stage(1, "x", 0, 30, set(func(e *Event) { e.Metric, e.CodeSystem = metricInBed, "apple" })), StageInBed, true},
		"no length":        {stage(1, codeSleepREM, 0, 0), StageREM, true},
		"a day long":       {stage(1, CodeSleep, 0, 24*60), StageAsleep, true},
		"longer than that": {stage(1, CodeSleep, 0, 24*60+1), StageAsleep, false},
		"a total":          {stage(1, codeSleepREM, 0, 30, set(func(e *Event) { e.Value = 29 })), StageREM, false},
		"a bound":          {stage(1, codeSleepREM, 0, 30, set(func(e *Event) { e.Comparator = "<" })), StageREM, false},
		"no number":        {stage(1, codeSleepREM, 0, 0, set(func(e *Event) { e.HasValue = false })), StageREM, false},
		"another unit":     {stage(1, codeSleepREM, 0, 30, set(func(e *Event) { e.Unit = "h" })), StageREM, false},
		"whole days":       {stage(1, codeSleepREM, 0, 1440, set(func(e *Event) { e.StartDay = Day{2026, 3, 28} })), StageREM, false},
		"another code":     {stage(1, "1-8", 0, 30), "", false},
		"another system":   {stage(1, codeSleepREM, 0, 30, set(func(e *Event) { e.CodeSystem = "x" })), "", false},
		"another metric":   {stage(1, codeSleepREM, 0, 30, set(func(e *Event) { e.Metric = "steps" })), "", false},
	} {
		got, ok := StageOf(&tt.e.Observation)
		if named, _ := SleepStage(&tt.e.Observation); named != tt.want || ok != tt.ok || ok && got != tt.want {
			t.Errorf("%s: %q, %v", name, named, ok)
		}
	}
	asleep := 0
	for _, s := range Stages() {
		if s.Asleep() {
			asleep++
		}
	}
	if asleep != 4 || StageAwake.Asleep() || StageInBed.Asleep() || len(SleepMetrics()) != 3 {
		t.Errorf("%d stages are sleep", asleep)
	}
}

// nightsOf are the ids of each night.
func nightsOf(list []Event) string {
	var all [][]int64
	for _, n := range Nights(list) {
		var ids []int64
		for _, i := range n {
			ids = append(ids, list[i].ID)
		}
		all = append(all, ids)
	}
	return fmt.Sprint(all)
}

func TestNights(t *testing.T) {
	device := func(d string) func(*Event) { return func(e *Event) { e.Device = d } }
	source := func(e *Event) { e.SourceID = 2 }
	group := func(g string) func(*Event) { return func(e *Event) { e.Group = g } }
	for name, tt := range map[string]struct {
		list []Event
		want string
	}{
		"nothing":                     {nil, "[]"},
		"one":                         {[]Event{stage(1, CodeSleep, 0, 30)}, "[[1]]"},
		"touching":                    {[]Event{stage(1, CodeSleep, 0, 30), stage(2, codeSleepREM, 30, 30)}, "[[1 2]]"},
		"59 minutes apart":            {[]Event{stage(1, CodeSleep, 0, 30), stage(2, codeSleepREM, 89, 30)}, "[[1 2]]"},
		"an hour apart":               {[]Event{stage(1, CodeSleep, 0, 30), stage(2, codeSleepREM, 90, 30)}, "[[1] [2]]"},
		"two sources":                 {[]Event{stage(1, CodeSleep, 0, 30), stage(2, codeSleepREM, 30, 30, source)}, "[[1] [2]]"},
		"two devices":                 {[]Event{stage(1, CodeSleep, 0, 30, device("a")), stage(2, codeSleepREM, 30, 30, device("b"))}, "[[1] [2]]"},
		"within a long one":           {[]Event{stage(1, CodeSleep, 0, 400), stage(2, codeSleepREM, 30, 30), stage(3, codeSleepREM, 420, 30)}, "[[1 2 3]]"},
		"of one group, hours apart":   {[]Event{stage(1, CodeSleep, 0, 30, group("g")), stage(2, codeSleepREM, 300, 30, group("g"))}, "[[1 2]]"},
		"of two groups, touching":     {[]Event{stage(1, CodeSleep, 0, 30, group("g")), stage(2, codeSleepREM, 30, 30, group("h"))}, "[[1 2]]"},
		"one group, another source":   {[]Event{stage(1, CodeSleep, 0, 30, group("g")), stage(2, codeSleepREM, 300, 30, group("g"), source)}, "[[1] [2]]"},
		"a total is not of it":        {[]Event{stage(1, CodeSleep, 0, 30), stage(2, codeSleepREM, 10, 30, func(e *Event) { e.Value = 5 })}, "[[1]]"},
		"interwoven with another's":   {[]Event{stage(1, CodeSleep, 0, 30), stage(2, CodeSleep, 10, 5, source), stage(3, codeSleepREM, 30, 30), stage(4, CodeSleep, 40, 5, source)}, "[[1 3] [2 4]]"},
		"no length ends nothing":      {[]Event{stage(1, CodeSleep, 0, 90), stage(2, codeSleepREM, 30, 0), stage(3, codeSleepREM, 120, 30)}, "[[1 2 3]]"},
		"at one time, the lower id":   {[]Event{stage(2, CodeSleep, 0, 30), stage(1, codeSleepREM, 0, 30)}, "[[1 2]]"},
		"groups join what time parts": {[]Event{stage(1, CodeSleep, 0, 30), stage(2, CodeSleep, 40, 10, group("g")), stage(3, CodeSleep, 300, 30, group("g")), stage(4, CodeSleep, 340, 30)}, "[[1 2 3 4]]"},
	} {
		if got := nightsOf(tt.list); got != tt.want {
			t.Errorf("%s: %s, want %s", name, got, tt.want)
		}
	}
}

// However the events come, the nights are the same.
func TestNightsInAnyOrder(t *testing.T) {
	var list []Event
	for i := range 60 {
		list = append(list, stage(int64(i+1), CodeSleep, i*37+i/10*200, 30))
	}
	want := nightsOf(list)
	random := rand.New(rand.NewPCG(1, 2)) //nolint:gosec // the same each time
	for range 20 {
		mixed := slices.Clone(list)
		random.Shuffle(len(mixed), func(i, j int) { mixed[i], mixed[j] = mixed[j], mixed[i] })
		if got := nightsOf(mixed); got != want {
			t.Fatalf("%s, want %s", got, want)
		}
	}
}
