package health

import (
	"fmt"
	"testing"
	"time"
)

func testDay(t *testing.T, s string) Day {
	t.Helper()
	d, err := ParseDay(s)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func TestWindowAt(t *testing.T) {
	at := Day{2024, time.February, 29}
	for zoom, want := range map[Zoom]string{
		Years: "2024-01-01 2024-12-31 1", Months: "2024-01-01 2024-12-31 12", Days: "2024-02-01 2024-02-29 29", Hours: "2024-02-29 2024-02-29 0",
	} {
		w := WindowAt(zoom, at, time.UTC)
		if got := fmt.Sprintf("%s %s %d", w.From, w.To, len(w.Steps())); got != want {
			t.Errorf("%s: %s, want %s", zoom, got, want)
		}
		if !w.Holds(at) || !w.Holds(w.From) || !w.Holds(w.To) || w.Holds(w.From.AddDays(-1)) || w.Holds(w.To.AddDays(1)) {
			t.Errorf("%s holds the wrong days", zoom)
		}
	}
	years := Window{Zoom: Years, From: Day{2019, time.January, 1}, To: Day{2026, time.December, 31}}
	if steps := years.Steps(); len(steps) != 8 || steps[7] != (Day{2026, time.January, 1}) {
		t.Errorf("years: %v", steps)
	}
}

// Days around changes of the clocks, each with its number of hours and two of them in full.
func TestDayHours(t *testing.T) {
	for _, tt := range []struct {
		zone, day   string
		hours       int
		at          int
		first, then string
	}{
		{"Europe/Berlin", "2026-03-28", 24, 2, "02:00 +0100", "03:00 +0100"},
		{"Europe/Berlin", "2026-03-29", 23, 1, "01:00 +0100", "03:00 +0200"},
		{"Europe/Berlin", "2026-10-25", 25, 2, "02:00 +0200", "02:00 +0100"},
		{"America/New_York", "2026-03-08", 23, 1, "01:00 -0500", "03:00 -0400"},
		{"America/Havana", "2026-11-01", 25, 0, "00:00 -0400", "00:00 -0500"},
		{"America/Havana", "2026-03-08", 23, 0, "01:00 -0400", "02:00 -0400"},
		{"Australia/Lord_Howe", "2026-04-05", 25, 1, "01:00 +1100", "01:30 +1030"}, // half an hour back
		{"Australia/Lord_Howe", "2026-10-04", 24, 1, "01:00 +1030", "02:30 +1100"},
		{"America/St_Johns", "2010-03-14", 24, 0, "00:00 -0330", "01:01 -0230"}, // at one past midnight
		{"Asia/Kathmandu", "2026-03-29", 24, 0, "00:00 +0545", "01:00 +0545"},
	} {
		loc, err := time.LoadLocation(tt.zone)
		if err != nil {
			t.Fatal(err)
		}
		w := WindowAt(Hours, testDay(t, tt.day), loc)
		hours := w.DayHours()
		if len(hours) != tt.hours {
			t.Errorf("%s has %d hours in %s, want %d: %v", tt.day, len(hours), tt.zone, tt.hours, hours)
			continue
		}
		if got, then := hours[tt.at].Format("15:04 -0700"), hours[tt.at+1].Format("15:04 -0700"); got != tt.first || then != tt.then {
			t.Errorf("%s in %s: %s is followed by %s, want %s by %s", tt.day, tt.zone, got, then, tt.first, tt.then)
		}
	}
	apia, err := time.LoadLocation("Pacific/Apia")
	if err != nil {
		t.Fatal(err)
	}
	if hours := WindowAt(Hours, testDay(t, "2011-12-30"), apia).DayHours(); len(hours) != 0 {
		t.Errorf("a date that was skipped has hours: %v", hours)
	}
}

func TestHourStartsGoOnWithoutAHole(t *testing.T) {
	for _, zone := range []string{"UTC", "Europe/Berlin", "Australia/Lord_Howe", "America/St_Johns", "Pacific/Apia", "Asia/Kathmandu"} {
		loc, err := time.LoadLocation(zone)
		if err != nil {
			t.Fatal(err)
		}
		for _, day := range []string{"1890-05-01", "2010-03-14", "2011-12-30", "2026-03-29", "2026-04-05", "2026-10-25"} {
			list := WindowAt(Hours, testDay(t, day), loc).HourStarts()
			for i := 1; i < len(list); i++ {
				if step := list[i].Sub(list[i-1]); step <= 0 || step > time.Hour {
					t.Errorf("%s in %s: %s lies %s after %s", day, zone, list[i], step, list[i-1])
				}
			}
			utc := time.Date(list[0].Year(), list[0].Month(), list[0].Day(), 0, 0, 0, 0, time.UTC)
			first, last := utc.AddDate(0, 0, 1), utc.AddDate(0, 0, 5) // two UTC dates before the day to the end of the one after
			if list[0].After(first) || list[len(list)-1].Add(time.Hour).Before(last) {
				t.Errorf("%s in %s: from %s to %s", day, zone, list[0], list[len(list)-1])
			}
		}
	}
}
