package postgres_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"healthportal/app/access"
	"healthportal/app/health"
	"healthportal/app/intake"
	"healthportal/app/intake/fhir"
)

// lap is one Observation of a total: steps, or sleep where it says so.
type lap struct {
	source, device string
	start, end     time.Time // no end: an instant
	value          float64
	sleep          bool
}

func (l lap) line(person string) string {
	code, unit := "55423-8", "{steps}"
	if l.sleep {
		code, unit = "93832-4", "min"
	}
	when := fmt.Sprintf(`"effectiveDateTime":%q`, l.start.Format(time.RFC3339))
	if !l.end.IsZero() {
		when = fmt.Sprintf(`"effectivePeriod":{"start":%q,"end":%q}`, l.start.Format(time.RFC3339), l.end.Format(time.RFC3339))
	}
	device := ""
	if l.device != "" {
		device = fmt.Sprintf(`"device":{"display":%q},`, l.device)
	}
	return fmt.Sprintf(`{"resourceType":"Observation","status":"final","meta":{"source":%q},%s"subject":{"reference":"Patient/%s"},%s,`+
		`"code":{"coding":[{"system":"http://loinc.org","code":%q}]},"valueQuantity":{"value":%v,"code":%q}}`+"\n", l.source, device, person, when, code, l.value, unit)
}

func (l lap) metric() string {
	if l.sleep {
		return "sleep_duration"
	}
	return "steps"
}

// day is where a lap counts: by its start, sleep of up to a day by the waking.
func (l lap) day(zone *time.Location) health.Day {
	if l.sleep && !l.end.IsZero() && l.end.Sub(l.start) <= 24*time.Hour {
		return health.DayOf(l.end.In(zone))
	}
	return health.DayOf(l.start.In(zone))
}

// once counts laps minute by minute: each minute of a lap belongs to it unless one
// of a better source and device, of its day or one beside it, has that minute.
// better compares these. The result has what each lap counts for.
func once(laps []lap, better func(a, b lap) bool, zone *time.Location) []float64 {
	counted := make([]float64, len(laps))
	for i, l := range laps {
		rivals := []lap{}
		for _, o := range laps {
			if o.sleep == l.sleep && (o.source != l.source || o.device != l.device) && better(o, l) && max(o.day(zone).DaysUntil(l.day(zone)), l.day(zone).DaysUntil(o.day(zone))) <= 1 {
				rivals = append(rivals, o)
			}
		}
		taken := func(at time.Time, instants bool) bool {
			return slices.ContainsFunc(rivals, func(o lap) bool {
				if o.end.IsZero() || o.end.Equal(o.start) {
					return instants && o.start.Equal(at)
				}
				return !at.Before(o.start) && at.Before(o.end)
			})
		}
		if l.end.IsZero() || l.end.Equal(l.start) {
			if !taken(l.start, true) {
				counted[i] = l.value
			}
			continue
		}
		free, all := 0, 0
		for at := l.start; at.Before(l.end); at = at.Add(time.Minute) {
			all++
			if !taken(at, false) {
				free++
			}
		}
		counted[i] = l.value * float64(free) / float64(all)
	}
	return counted
}

// byKind is the order of the sources and devices of these tests: by what they
// say that they are, then by name.
func byKind(a, b lap) bool {
	rank := func(l lap) int {
		return min(health.SourceKindOf(l.source).Priority(), health.SourceKindOf(l.device).Priority())
	}
	own := func(l lap) int { return health.SourceKindOf(l.source).Priority() }
	switch {
	case rank(a) != rank(b):
		return rank(a) < rank(b)
	case own(a) != own(b):
		return own(a) < own(b)
	case a.source != b.source:
		return a.source < b.source
	case a.device == "" || b.device == "":
		return a.device != ""
	default:
		return a.device < b.device
	}
}

// checkOnce compares the years, months, days, hours and sparks of a person with the laps.
func (c *clinic) checkOnce(stage string, person health.PersonID, laps []lap, better func(a, b lap) bool, zone *time.Location) {
	c.t.Helper()
	counted := once(laps, better, zone)
	for _, metric := range []string{"steps", "sleep_duration"} {
		want, plain, n := map[string]float64{}, map[string]float64{}, map[string]int{}
		days := map[health.Day]bool{}
		for i, l := range laps {
			if l.metric() != metric {
				continue
			}
			day := l.day(zone)
			hour := ""
			if s := l.start.In(zone); true {
				hour = day.String() + " " + s.Truncate(time.Hour).UTC().Format(time.RFC3339)
			}
			for _, key := range []string{day.String()[:4], day.String()[:7], day.String(), hour} {
				want[key], plain[key], n[key] = want[key]+counted[i], plain[key]+l.value, n[key]+1
			}
			days[day] = true
		}
		got := map[string]health.DayPoint{}
		read := func(w health.Window, key func(p health.DayPoint) string) {
			c.t.Helper()
			w.Zone = zone
			for _, s := range c.series(person, metric, w) {
				for _, p := range s.Points {
					got[key(p)] = p
				}
			}
		}
		first := func(n int) func(p health.DayPoint) string {
			return func(p health.DayPoint) string { return p.Day.String()[:n] }
		}
		for d := range days {
			read(health.Window{Zoom: health.Years, From: health.WindowAt(health.Years, d, nil).From, To: health.WindowAt(health.Years, d, nil).To}, first(4))
			read(health.WindowAt(health.Months, d, nil), first(7))
			read(health.WindowAt(health.Days, d, nil), first(10))
			read(health.WindowAt(health.Hours, d, nil), func(p health.DayPoint) string {
				return p.Day.String() + " " + p.Start.UTC().Format(time.RFC3339)
			})
		}
		for key, sum := range want {
			p := got[key]
			if math.Abs(p.Sum-sum) > 1e-6 || math.Abs(p.Sum+p.LeftOut-plain[key]) > 1e-6 || p.N != n[key] || p.Used != n[key] {
				c.t.Errorf("%s: %s of %s: sum %v, left out %v, %d Observations; want %v of %v, %d", stage, metric, key, p.Sum, p.LeftOut, p.N, sum, plain[key], n[key])
			}
			if (len(p.LeftSources) > 0) != (math.Abs(plain[key]-sum) > 1e-9) {
				c.t.Errorf("%s: %s of %s: something of %q is left out, of %v remain %v", stage, metric, key, p.LeftSources, plain[key], sum)
			}
		}
		if len(got) != len(want) {
			c.t.Errorf("%s: %s: %d points, want %d", stage, metric, len(got), len(want))
		}
		sparks, err := c.db.Sparks(c.t.Context(), access.One(person), person)
		if err != nil {
			c.t.Fatal(err)
		}
		for _, s := range sparks {
			for _, p := range s.Points {
				if s.Metric.Code == metric && math.Abs(p.Sum-want[p.Day.String()]) > 1e-6 {
					c.t.Errorf("%s: the trend says %v for %s of %s, want %v", stage, p.Sum, metric, p.Day, want[p.Day.String()])
				}
			}
		}
	}
}

func minute(s string) time.Time {
	t, err := time.Parse("2006-01-02 15:04Z07:00", s)
	if err != nil {
		panic(err)
	}
	return t
}

func TestEachMomentCountsOnce(t *testing.T) {
	const watch, phone, app, other, hand = "Anna's Apple Watch", "Anna's iPhone", "Strava", "urn:other", "Health"
	span := func(source, from, to string, v float64) lap {
		return lap{source: source, start: minute("2026-03-01 " + from + "Z"), end: minute("2026-03-01 " + to + "Z"), value: v}
	}
	instant := func(source, from string, v float64) lap {
		return lap{source: source, start: minute("2026-03-01 " + from + "Z"), value: v}
	}
	device := func(l lap, d string) lap { l.device = d; return l }
	tests := []struct {
		name string
		laps []lap
		sum  float64
		left string
	}{
		{"one source", []lap{span(watch, "10:00", "11:00", 100), span(watch, "11:00", "12:00", 50)}, 150, ""},
		{"one source that overlaps itself adds up", []lap{span(watch, "10:00", "11:00", 100), span(watch, "10:30", "11:30", 50)}, 150, ""},
		{"two sources apart", []lap{span(watch, "10:00", "11:00", 100), span(phone, "11:00", "12:00", 50)}, 150, ""},
		{"the same time", []lap{span(phone, "10:00", "11:00", 90), span(watch, "10:00", "11:00", 100)}, 100, phone},
		{"a part by its time", []lap{span(watch, "10:00", "11:00", 100), span(phone, "10:30", "12:30", 80)}, 160, phone},
		{"a hole in the middle", []lap{span(watch, "10:15", "10:45", 10), span(phone, "10:00", "11:00", 60)}, 40, phone},
		{"nothing is left out of zero", []lap{span(watch, "10:00", "11:00", 5), span(phone, "10:00", "11:00", 0)}, 5, ""},
		{"zero is a measurement", []lap{span(watch, "10:00", "11:00", 0), span(phone, "10:00", "11:00", 70)}, 0, phone},
		{"three sources", []lap{span(app, "10:00", "13:00", 300), span(phone, "10:00", "11:00", 50), span(watch, "10:30", "11:30", 40)}, 40 + 25 + 150, phone + "+" + app},
		{"an unknown one is last", []lap{span(other, "10:00", "11:00", 9), span(app, "10:00", "11:00", 8)}, 8, other},
		{"what was entered by hand is first", []lap{span(hand, "10:00", "11:00", 9), span(watch, "10:00", "11:00", 8)}, 9, watch},
		{"an instant within", []lap{span(watch, "10:00", "11:00", 100), instant(phone, "10:00", 7), instant(phone, "10:59", 7)}, 100, phone},
		{"an instant at the end and before", []lap{span(watch, "10:00", "11:00", 100), instant(phone, "11:00", 7), instant(phone, "09:59", 7)}, 114, ""},
		{"two instants of one moment", []lap{instant(watch, "10:00", 6), instant(phone, "10:00", 7)}, 6, phone},
		{"a better instant covers no time", []lap{instant(watch, "10:30", 6), span(phone, "10:00", "11:00", 7)}, 13, ""},
		{"devices of one source", []lap{device(span(other, "10:00", "11:00", 60), "Phone of Anna"), device(span(other, "10:00", "10:30", 35), "Wrist sensor")}, 65, other},
		{"an app with the watch's numbers", []lap{device(span(app, "10:00", "11:00", 60), "Apple Watch"), device(span(watch, "10:00", "11:00", 61), "Apple Watch")}, 61, app},
		{"over midnight", []lap{{source: watch, start: minute("2026-03-01 22:00Z"), end: minute("2026-03-02 02:00Z"), value: 400},
			{source: phone, start: minute("2026-03-01 23:30Z"), end: minute("2026-03-02 00:30Z"), value: 50}}, 400, phone},
	}
	c := newClinic(t)
	for i, tt := range tests {
		who := fmt.Sprintf("p%d", i)
		for round, list := range [][]lap{tt.laps, tt.laps[:1]} { // at once, and one after the other
			var file strings.Builder
			for _, l := range list {
				file.WriteString(l.line(fmt.Sprintf("%s-%d", who, round)))
			}
			c.load(file.String())
		}
		for _, l := range tt.laps[1:] {
			c.load(l.line(who + "-1"))
		}
		for round := range 2 {
			id := c.person(fmt.Sprintf("%s-%d", who, round))
			sum, left := 0.0, []string{}
			for _, s := range c.series(id, "steps", health.Window{Zoom: health.Years, From: health.Day{Year: 2026, Month: 1, Dom: 1}, To: health.Day{Year: 2026, Month: 12, Dom: 31}, Zone: time.UTC}) {
				for _, p := range s.Points {
					sum, left = sum+p.Sum, append(left, p.LeftSources...)
					if p.N != len(tt.laps) {
						t.Errorf("%s: %d Observations", tt.name, p.N)
					}
				}
			}
			if math.Abs(sum-tt.sum) > 1e-9 || strings.Join(left, "+") != tt.left {
				t.Errorf("%s, way %d: %v without some of %q; want %v, %q", tt.name, round, sum, left, tt.sum, tt.left)
			}
			c.checkOnce(fmt.Sprintf("%s, way %d", tt.name, round), id, tt.laps, byKind, time.UTC)
		}
	}
	c.checkRollup()
}

// randomLaps are laps of up to three days around the two changes of the clocks of
// 2025 in Berlin, on whole minutes, of three sources with four devices.
func randomLaps(r *rand.Rand) []lap {
	sources := []string{"Anna's Apple Watch", "urn:x:phone", "urn:x"}
	devices := []string{"", "", "Wrist sensor", "iPhone", "Scale"}
	base := []time.Time{time.Date(2025, 3, 28, 20, 0, 0, 0, time.UTC), time.Date(2025, 10, 24, 20, 0, 0, 0, time.UTC)}[r.IntN(2)]
	seen := map[string]bool{}
	var list []lap
	for range 3 + r.IntN(40) {
		l := lap{source: sources[r.IntN(3)], device: devices[r.IntN(5)], start: base.Add(time.Duration(r.IntN(72*60)) * time.Minute),
			value: float64(r.IntN(4000)) / 4, sleep: r.IntN(4) == 0}
		switch r.IntN(5) {
		case 0:
		case 1:
			l.end = l.start.Add(time.Duration(1+r.IntN(600)) * time.Minute)
		case 2:
			if r.IntN(4) == 0 {
				l.end = l.start.Add(time.Duration(1+r.IntN(60*60)) * time.Minute)
				break
			}
			fallthrough
		default:
			l.end = l.start.Add(time.Duration(1+r.IntN(90)) * time.Minute)
		}
		// What differs in nothing but the device is one Observation.
		key := fmt.Sprint(l.source, l.start, l.end, l.value, l.sleep)
		if !seen[key] {
			seen[key] = true
			list = append(list, l)
		}
	}
	return list
}

func (c *clinic) loadLaps(person string, size int, laps ...lap) {
	c.t.Helper()
	var b strings.Builder
	for _, l := range laps {
		b.WriteString(l.line(person))
	}
	r, err := intake.Import(c.t.Context(), fhir.NewReader(strings.NewReader(b.String())), c.db, intake.Options{CreatePersons: true, Now: now, BatchSize: size})
	if err != nil || r.Refused != 0 {
		c.t.Fatalf("%s, %v: %v", r.Summary(), err, r.Problems)
	}
}

// Whatever the laps, and in whatever order and batches they come: SQL agrees with
// a count of the minutes, in years, months, days and hours; also while the rollup
// waits, and after rows are gone.
func TestRandomLapsAgreeWithTheirMinutes(t *testing.T) {
	c := newClinic(t)
	zone := mustZone(t, "Europe/Berlin")
	for seed := range uint64(12) {
		r := rand.New(rand.NewPCG(seed, 9)) //nolint:gosec // a test repeats itself
		who := fmt.Sprintf("r%d", seed)
		c.load(patient(who, "", "F", "G", "", berlin))
		laps := randomLaps(r)
		shuffled := slices.Clone(laps)
		r.Shuffle(len(shuffled), func(i, j int) { shuffled[i], shuffled[j] = shuffled[j], shuffled[i] })
		c.loadLaps(who, 1+r.IntN(50), shuffled[:len(laps)/2]...)
		c.loadLaps(who, 1+r.IntN(50), shuffled[len(laps)/2:]...)
		stage, id := fmt.Sprintf("seed %d", seed), c.person(who)
		c.checkRollup()
		c.checkOnce(stage, id, laps, byKind, zone)
		// Another program takes some away.
		rest := laps[:0:0]
		for _, l := range laps {
			if r.IntN(3) > 0 {
				rest = append(rest, l)
				continue
			}
			c.exec(`DELETE FROM health.event WHERE person_id = $1 AND effective_at = $2 AND value = $3 AND effective_end IS NOT DISTINCT FROM $4
				AND metric_id = (SELECT id FROM health.metric WHERE code = $5) AND source_id = (SELECT id FROM health.source WHERE name = $6)`,
				int64(id), l.start, l.value, orNone(l.end), l.metric(), l.source)
		}
		c.checkOnce(stage+", waiting", id, rest, byKind, zone)
		if _, err := c.db.RebuildDirty(t.Context()); err != nil {
			t.Fatal(err)
		}
		c.checkRollup()
		c.checkOnce(stage+", rebuilt", id, rest, byKind, zone)
	}
}

func orNone(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}
