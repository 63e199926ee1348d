package applehealth

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"healthportal/app/health"
)

// stageAt is a stage of the watch that begins some minutes into the night of 30 March
// 2024, in which clocks go forward, with times as an export of a zone writes them.
func stageAt(name string, from, minutes int, zone *time.Location, change ...string) string {
	const shape = "2006-01-02 15:04:05 -0700"
	at := time.Date(2024, 3, 30, 22, 0, 0, 0, time.UTC).Add(time.Duration(from) * time.Minute).In(zone)
	return strings.NewReplacer(change...).Replace(asleep(sleepPrefix+name, at.Format(shape), at.Add(time.Duration(minutes)*time.Minute).Format(shape))) + "\n"
}

// groups are the groups of an export's Observations in the file's order.
func groups(t *testing.T, elements ...string) []string {
	t.Helper()
	list, _ := mustRead(t, export(strings.Join(elements, "")))
	var all []string
	for _, rec := range list {
		for _, o := range rec.Observations {
			all = append(all, o.Group)
		}
	}
	return all
}

// pattern names equal groups by equal letters, and none by a dash.
func pattern(all []string) string {
	names := map[string]string{"": "-"}
	var b strings.Builder
	for _, g := range all {
		if names[g] == "" {
			names[g] = string(rune('a' + len(names) - 1))
		}
		b.WriteString(names[g])
	}
	return b.String()
}

func TestNightsOfAnExport(t *testing.T) {
	s := func(from, minutes int, change ...string) string {
		return stageAt("AsleepCore", from, minutes, time.UTC, change...)
	}
	other, phone := []string{"Watch", "Ring"}, []string{`sourceName=`, `device="phone" sourceName=`}
	for name, tt := range map[string]struct {
		list []string
		want string
	}{
		"a night":                        {[]string{s(0, 30), s(30, 30), s(60, 30)}, "aaa"},
		"59 minutes apart":               {[]string{s(0, 30), s(89, 30)}, "aa"},
		"an hour apart":                  {[]string{s(0, 30), s(90, 30)}, "ab"},
		"two sources":                    {[]string{s(0, 30), s(30, 30, other...), s(60, 30), s(60, 30, other...)}, "abab"},
		"two devices":                    {[]string{s(0, 30), s(30, 30, phone...), s(60, 30), s(60, 30, phone...)}, "abab"},
		"in bed and awake belong to it":  {[]string{stageAt("InBed", 0, 300, time.UTC), s(10, 30), stageAt("Awake", 40, 5, time.UTC), s(340, 10)}, "aaaa"},
		"no length":                      {[]string{s(0, 0), s(30, 30)}, "aa"},
		"no stage, and other types":      {[]string{s(0, 30), strings.ReplaceAll(s(30, 30), "AsleepCore", "Dreaming"), quantity("StepCount", "count", "3"), s(60, 30)}, "a--a"},
		"backwards":                      {[]string{s(60, 30), s(30, 30), s(0, 30)}, "aaa"},
		"two nights, interwoven":         {[]string{s(0, 30), s(600, 30), s(30, 30), s(630, 30)}, "abab"},
		"one that closes a gap":          {[]string{s(0, 30), s(120, 30), s(60, 30), s(150, 30), s(0, 10)}, "abaaa"},
		"one that spans several":         {[]string{s(0, 30), s(120, 30), s(240, 30), s(10, 300), s(250, 10), s(400, 10)}, "abcaad"},
		"longer than a day is no stage":  {[]string{s(0, 30), s(0, 24*60+1), s(1400, 30), s(0, 24*60)}, "a-ba"},
		"before all others, an hour off": {[]string{s(120, 30), s(0, 60), s(0, 61)}, "abb"},
	} {
		if got := pattern(groups(t, tt.list...)); got != tt.want {
			t.Errorf("%s: %s, want %s", name, got, tt.want)
		}
	}
}

// A later export, of another time zone, with more before and after, gives the same night the same group.
func TestNightsOfALaterExport(t *testing.T) {
	zone := time.FixedZone("", -7*3600)
	var first, later []string
	later = append(later, stageAt("AsleepREM", -3000, 30, zone))
	for i := range 10 {
		first = append(first, stageAt("AsleepREM", i*30, 30, time.UTC))
		later = append(later, stageAt("AsleepREM", i*30, 30, zone))
	}
	later = append(later, stageAt("AsleepREM", 300, 30, zone), stageAt("AsleepREM", 3000, 30, zone))
	a, again, b := groups(t, first...), groups(t, first...), groups(t, later...)
	if !slices.Equal(a, again) {
		t.Error("the same file has other groups")
	}
	if !slices.Equal(a, b[1:11]) || b[11] != a[0] || b[0] == a[0] || b[12] == a[0] {
		t.Errorf("%s, later %s", pattern(a), pattern(append(a, b...)))
	}
	if !strings.HasPrefix(a[0], "apple-sleep-") || len(a[0]) != 12+24 {
		t.Error(a[0])
	}
	// In another order the Observations are the same all the same.
	slices.Reverse(first)
	if c := groups(t, first...); pattern(c) != strings.Repeat("a", 10) || c[0] == a[0] {
		t.Errorf("backwards %s", pattern(c))
	}
}

// The group is no part of what an Observation is known by.
func TestNightsAreNoIdentity(t *testing.T) {
	o := single(t, stageAt("AsleepREM", 0, 30, time.UTC))
	without := o
	without.Group = ""
	if o.Group == "" || o.Dedupe(1) != without.Dedupe(1) {
		t.Errorf("group %q", o.Group)
	}
}

// Whatever is remembered stays within maxNights, and the same file gives the same groups.
func TestNightsAreBounded(t *testing.T) {
	read := func(n *nights) (map[string]int, int) {
		seen, most := map[string]int{}, 0
		at := time.Date(1990, 1, 1, 0, 0, 0, 0, time.UTC)
		for i := range maxNights + 1000 {
			o := health.Observation{Metric: "sleep_duration", CodeSystem: health.SystemLOINC, Code: health.CodeSleep, HasValue: true, Unit: "min", Value: 30,
				Source: fmt.Sprint("s", i%3), EffectiveAt: at, EffectiveEnd: at.Add(30 * time.Minute)}
			seen[n.group(&o)]++
			held := 0
			for _, list := range n.of {
				held += len(list)
			}
			if held != n.n {
				t.Fatalf("%d nights, counted as %d", held, n.n)
			}
			most = max(most, held)
			at = at.Add(2 * time.Hour)
		}
		return seen, most
	}
	a, most := read(&nights{})
	b, _ := read(&nights{})
	if most > maxNights || len(a) != maxNights+1000 || !maps.Equal(a, b) {
		t.Errorf("%d nights held, %d groups", most, len(a))
	}
}

func BenchmarkNights(b *testing.B) {
	var n nights
	at := time.Date(1990, 1, 1, 0, 0, 0, 0, time.UTC)
	o := health.Observation{Metric: "sleep_duration", CodeSystem: health.SystemLOINC, Code: health.CodeSleep, HasValue: true, Unit: "min", Value: 30, Source: "s"}
	for b.Loop() {
		o.EffectiveAt, o.EffectiveEnd = at, at.Add(30*time.Minute)
		n.group(&o)
		at = at.Add(31 * time.Minute)
	}
}
