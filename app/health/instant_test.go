package health

import (
	"errors"
	"strings"
	"testing"
	"time"
)

func TestInstants(t *testing.T) {
	for text, want := range map[string]string{
		"2026-10-25T00:00:00Z": "2026-10-25T00:00:00Z", "2026-10-25T02:00:00+02:00": "2026-10-25T00:00:00Z", "2026-10-25T02:00:00+01:00": "2026-10-25T01:00:00Z",
		"2026-10-25T02:00:00.123456+01:00": "2026-10-25T01:00:00.123456Z", "2026-10-25T02:00:00.5Z": "2026-10-25T02:00:00.5Z", "1800-01-01T00:00:00Z": "1800-01-01T00:00:00Z",
		"9999-12-31T23:59:59.999999Z": "9999-12-31T23:59:59.999999Z", "2026-10-25T02:00:00-00:00": "2026-10-25T02:00:00Z",
	} {
		got, err := ParseInstant(text)
		if err != nil || Instant(got) != want || got.Location() != time.UTC {
			t.Errorf("%s: %s, %v", text, Instant(got), err)
		}
		if again, err := ParseInstant(Instant(got)); err != nil || !again.Equal(got) {
			t.Errorf("%s is not read back: %v", text, err)
		}
	}
	for text, want := range map[string]string{
		"": "offset", "2026-10-25": "offset", "2026-10-25T02:00:00": "offset", "2026-10-25T02:00:00 02:00": "%2B", "2026-10-25 02:00:00Z": "offset", "2026-02-30T00:00:00Z": "offset",
		"2026-10-25T24:00:00Z": "offset", "2026-10-25T02:00Z": "offset", "1799-12-31T23:59:59Z": "1800", "0001-01-01T00:00:00Z": "1800", "9999-12-31T23:59:59-01:00": "9999",
		"2026-10-25T02:00:00.1234567Z": "microsecond", "T": "offset",
	} {
		if got, err := ParseInstant(text); err == nil || !got.IsZero() || !strings.Contains(err.Error(), want) || text != "" && text != "T" && strings.Contains(err.Error(), text) {
			t.Errorf("%q: %v, %v", text, got, err)
		}
	}
	if Instant(time.Time{}) != "" {
		t.Error("the zero time has words")
	}
}

func TestTimedFilters(t *testing.T) {
	at := time.Date(2026, 10, 25, 0, 0, 0, 0, time.UTC)
	day := Day{2026, 10, 25}
	for name, tt := range map[string]struct {
		f           EventFilter
		timed, all  bool
		start, stop string
	}{
		"nothing":         {EventFilter{}, false, false, "", ""},
		"days":            {EventFilter{From: day, To: day}, false, false, "2026-10-25", "2026-10-25"},
		"an hour":         {EventFilter{Since: at, Until: at.Add(time.Hour)}, true, true, "2026-10-25T00:00:00Z", "2026-10-25T01:00:00Z"},
		"an hour of days": {EventFilter{From: day, To: day, Since: at, Until: at.Add(time.Hour)}, true, true, "2026-10-25T00:00:00Z", "2026-10-25T01:00:00Z"},
		"a day":           {EventFilter{Since: at, Until: at.Add(24 * time.Hour)}, true, true, "2026-10-25T00:00:00Z", "2026-10-26T00:00:00Z"},
		"more than a day": {EventFilter{Since: at, Until: at.Add(24*time.Hour + 1)}, true, false, "2026-10-25T00:00:00Z", "2026-10-26T00:00:00Z"},
		"open":            {EventFilter{Since: at, To: day}, true, false, "2026-10-25T00:00:00Z", "2026-10-25"},
		"open before":     {EventFilter{From: day, Until: at}, true, false, "2026-10-25", "2026-10-25T00:00:00Z"},
		"all counted":     {EventFilter{CountAll: true}, false, true, "", ""},
	} {
		if err := tt.f.Validate(); err != nil || tt.f.Timed() != tt.timed || tt.f.CountsAll() != tt.all || tt.f.Start() != tt.start || tt.f.Stop() != tt.stop {
			t.Errorf("%s: %v, timed %v, all %v, %s to %s", name, err, tt.f.Timed(), tt.f.CountsAll(), tt.f.Start(), tt.f.Stop())
		}
	}
	for _, until := range []time.Time{at, at.Add(-time.Microsecond)} {
		f := EventFilter{Since: at, Until: until}
		var input *InputError
		if err := f.Validate(); !errors.As(err, &input) || !strings.Contains(err.Error(), "2026-10-25T00:00:00Z") {
			t.Errorf("%v", err)
		}
	}
	for want, f := range map[string]EventFilter{
		"events-0123456789ab-2026-10-25-since-20261025T000000Z-until-20261025T010000Z.csv": {From: day, To: day, Since: at, Until: at.Add(time.Hour)},
		"events-0123456789ab-since-20261025T000000.5Z.csv":                                 {Since: at.Add(500 * time.Millisecond)},
		"events-0123456789ab-from-2026-10-25-until-20261026T000000Z.csv":                   {From: day, Until: at.Add(24 * time.Hour)},
	} {
		if got := ExportName("0123456789abcdef", f, ExportCSV, false); got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
}

func FuzzInstants(f *testing.F) {
	for _, s := range []string{"2026-10-25T00:00:00Z", "2026-10-25T02:00:00+02:00", "2026-10-25T02:00:00.123456-11:30", "T", "2026-10-25T02:00:00,5Z", "9999-12-31T23:59:59-23:59"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		at, err := ParseInstant(s)
		if err != nil {
			return
		}
		if again, err := ParseInstant(Instant(at)); err != nil || !again.Equal(at) || again != at {
			t.Errorf("%q became %s, which is read as %v, %v", s, Instant(at), again, err)
		}
	})
}
