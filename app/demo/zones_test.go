package demo

import (
	"testing"
	"time"

	"healthportal/app/health"
)

func TestOffsetsAreThoseOfThePatientsZone(t *testing.T) {
	for _, p := range people()[3:9] {
		loc, err := time.LoadLocation(p.zone)
		if err != nil {
			t.Fatal(err)
		}
		// The range holds a change of the clocks in Berlin and New York; TestClockChanges has the others.
		c := New(2, day(2026, 11, 8)).only(p.record)
		c.days = 30
		for _, o := range observations(t, c) {
			at := o.at(t)
			_, written := at.Zone()
			if _, want := at.In(loc).Zone(); written != want {
				t.Fatalf("%s of %s: offset %d s, want %d s", o.ID, p.zone, written, want)
			}
		}
	}
}

// hours counts the heart rates in each hour of a local day, by hour and offset.
func hours(t *testing.T, seed uint64, record string, d health.Day) map[string]int {
	t.Helper()
	out := map[string]int{}
	c := New(seed, d.AddDays(3)).only(record)
	c.days = 5
	for _, o := range observations(t, c) {
		if at := o.at(t); o.loinc() == "8867-4" && health.DayOf(at) == d {
			out[at.Format("15 -07:00")]++
		}
	}
	return out
}

func TestClockChanges(t *testing.T) {
	tests := []struct {
		name, record string
		day          health.Day
		some, none   []string
	}{
		{"Berlin, an hour is skipped", "SYN-000104", day(2026, 3, 29),
			[]string{"01 +01:00", "03 +02:00"}, []string{"02 +01:00", "02 +02:00"}},
		{"Berlin, an hour comes twice", "SYN-000104", day(2026, 10, 25),
			[]string{"02 +02:00", "02 +01:00", "03 +01:00"}, []string{"03 +02:00"}},
		{"New York, an hour is skipped", "SYN-000106", day(2026, 3, 8),
			[]string{"01 -05:00", "03 -04:00"}, []string{"02 -05:00", "02 -04:00"}},
		{"Santiago, midnight is skipped", "SYN-000107", day(2026, 9, 6),
			[]string{"01 -03:00"}, []string{"00 -04:00", "00 -03:00"}},
		{"Santiago, the last hour of the day comes twice", "SYN-000107", day(2026, 4, 4),
			[]string{"23 -03:00", "23 -04:00"}, []string{"22 -04:00"}},
		{"Kolkata never changes", "SYN-000109", day(2026, 3, 29),
			nil, []string{"02 +02:00", "03 +02:00", "02 +06:30"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			// Whatever the dice say, the sensor is worn where the clocks change.
			for seed := range uint64(6) {
				got := hours(t, seed, tt.record, tt.day)
				for _, h := range tt.some {
					if got[h] == 0 {
						t.Errorf("seed %d: no heart rate at %s", seed, h)
					}
				}
				for _, h := range tt.none {
					if got[h] != 0 {
						t.Errorf("seed %d: %d heart rates at %s, an hour that does not exist", seed, got[h], h)
					}
				}
			}
		})
	}
}

// Steps are counted by the hour, also where an hour is skipped or repeated at midnight.
func TestHoursOfStepsAreWhole(t *testing.T) {
	for _, record := range []string{"SYN-000104", "SYN-000106", "SYN-000107", "SYN-000109"} {
		c := New(2, day(2026, 11, 8)).only(record)
		c.days = 80
		for _, o := range observations(t, c) {
			if o.loinc() != "55423-8" {
				continue
			}
			end, err := time.Parse(time.RFC3339, o.EffectivePeriod.End)
			if err != nil || end.Sub(o.at(t)) != time.Hour {
				t.Errorf("%s: from %s to %s (%v)", o.ID, o.EffectivePeriod.Start, o.EffectivePeriod.End, err)
			}
		}
	}
}
