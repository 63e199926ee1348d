package postgres_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"healthportal/app/health"
	"healthportal/app/intake"
	"healthportal/app/intake/applehealth"
)

// sleepExport is an export of Apple Health with the given stages, each "name from minutes"
// after 22:00 UTC of 28 March 2026, and with a heart rate each ten minutes of the night.
func sleepExport(source string, beats int, stages ...string) string {
	const shape = "2006-01-02 15:04:05 -0700"
	begin := time.Date(2026, 3, 28, 22, 0, 0, 0, time.UTC)
	var b strings.Builder
	b.WriteString("<HealthData>\n")
	for i := range beats {
		at := begin.Add(time.Duration(i) * 10 * time.Minute).Format(shape)
		fmt.Fprintf(&b, `<Record type="HKQuantityTypeIdentifierHeartRate" sourceName="%s" unit="count/min" startDate="%s" endDate="%s" value="60"/>`+"\n", source, at, at)
	}
	for _, s := range stages {
		var name string
		var from, minutes int
		if _, err := fmt.Sscan(s, &name, &from, &minutes); err != nil {
			panic(err)
		}
		at := begin.Add(time.Duration(from) * time.Minute)
		fmt.Fprintf(&b, `<Record type="HKCategoryTypeIdentifierSleepAnalysis" sourceName="%s" startDate="%s" endDate="%s" value="HKCategoryValueSleepAnalysis%s"/>`+"\n",
			source, at.Format(shape), at.Add(time.Duration(minutes)*time.Minute).Format(shape), name)
	}
	b.WriteString("</HealthData>\n")
	return b.String()
}

// apple imports an export for the patient with record number R-1.
func (c *clinic) apple(file string) intake.Report {
	c.t.Helper()
	r, err := intake.Import(c.t.Context(), applehealth.New(strings.NewReader(file)), c.db,
		intake.Options{Person: health.Identifier{System: health.SystemRecordNumber, Value: "R-1"}, Now: now})
	if err != nil || r.Refused != 0 {
		c.t.Fatalf("%s, %v, %v", r.Summary(), r.Problems, err)
	}
	return r
}

func sleeper(t *testing.T) (*clinic, health.PersonID) {
	c := newClinic(t)
	c.load(patient("a", "R-1", "F", "G", "1980-01-01"))
	return c, c.person("a")
}

// Neither the same file, nor a later one, nor rows from before there were groups become new versions.
func TestNightsStayWhatTheyAre(t *testing.T) {
	c, a := sleeper(t)
	evening := []string{"AsleepCore 0 30", "AsleepREM 30 30"}
	c.apple(sleepExport("Watch", 0, evening...))
	if r := c.apple(sleepExport("Watch", 0, evening...)); r.Stored != 0 || r.Repeated != 2 || r.Corrected != 0 {
		t.Errorf("again: %s", r.Summary())
	}
	later := append(evening, "AsleepDeep 60 30", "Awake 90 10", "AsleepCore 1440 30")
	if r := c.apple(sleepExport("Watch", 0, later...)); r.Stored != 3 || r.Repeated != 2 || r.Corrected != 0 {
		t.Errorf("later: %s", r.Summary())
	}
	if n := one[int](c, `SELECT count(*) FROM health.event WHERE group_id = (SELECT group_id FROM health.event ORDER BY effective_at LIMIT 1)`); n != 4 {
		t.Errorf("%d rows of the night's group, want 4", n)
	}
	if n := one[int](c, `SELECT count(DISTINCT group_id) FROM health.event`); n != 2 {
		t.Errorf("%d groups, want 2", n)
	}
	c.exec(`UPDATE health.event SET group_id = NULL`)
	if r := c.apple(sleepExport("Watch", 0, later...)); r.Stored != 0 || r.Repeated != 5 || r.Corrected != 0 {
		t.Errorf("over rows without group: %s", r.Summary())
	}
	p := c.page(health.EventFilter{Person: a, Nights: true})
	if n := health.Nights(p.Events); len(n) != 2 || len(p.SleepNear) != 5 || p.Total != 5 {
		t.Errorf("nights %v of %d events", n, p.Total)
	}
}

func TestSleepNearAPage(t *testing.T) {
	c, a := sleeper(t)
	c.apple(sleepExport("Watch", 60, "InBed 0 480", "AsleepCore 5 85", "AsleepREM 90 120", "Awake 210 30", "AsleepDeep 240 200", "AsleepCore 3000 10"))
	c.apple(sleepExport("Ring", 0, "AsleepCore 5 85"))
	day := func(d int) health.Day { return health.Day{Year: 2026, Month: 3, Dom: d} }
	all := c.page(health.EventFilter{Person: a, Size: 200})
	if all.SleepNear != nil {
		t.Error("what nobody asked for")
	}
	ring := all.Sources[:0]
	for _, s := range c.page(health.EventFilter{Person: a, Choices: true}).Sources {
		if s.Name == "Ring" {
			ring = append(ring, s)
		}
	}
	for name, tt := range map[string]struct {
		f    health.EventFilter
		want []int // minutes after 22:00
	}{
		"all":                    {health.EventFilter{Size: 200}, []int{0, 5, 5, 90, 210, 240, 3000}},
		"the newest":             {health.EventFilter{Size: 1, To: day(31), From: day(31)}, []int{3000}},
		"one metric, all stages": {health.EventFilter{Metric: "sleep_duration", To: day(29)}, []int{0, 5, 5, 90, 210, 240}},
		"in bed alone":           {health.EventFilter{Metric: "apple:HKCategoryValueSleepAnalysisInBed"}, []int{0, 5, 5, 90, 210, 240}},
		"another metric":         {health.EventFilter{Metric: "heart_rate"}, nil},
		"a flag":                 {health.EventFilter{Flag: health.FlagAny}, nil},
		"one source":             {health.EventFilter{Source: ring[0].ID}, []int{5}},
		"nothing":                {health.EventFilter{From: day(1), To: day(2)}, nil},
	} {
		tt.f.Person, tt.f.Nights = a, true
		p := c.page(tt.f)
		var got []int
		for _, e := range p.SleepNear {
			got = append(got, int(e.EffectiveAt.Sub(time.Date(2026, 3, 28, 22, 0, 0, 0, time.UTC)).Minutes()))
		}
		if slices.Sort(got); !slices.Equal(got, tt.want) || p.SleepCut {
			t.Errorf("%s: %v, want %v", name, got, tt.want)
		}
		for _, e := range p.SleepNear {
			if e.MetricTitle == "" || e.SourceID == 0 || e.EffectiveEnd.IsZero() {
				t.Errorf("%s: %+v", name, e)
			}
		}
	}
}
