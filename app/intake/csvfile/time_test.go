package csvfile

import (
	"errors"
	"strings"
	"testing"
	"time"
)

func TestTimes(t *testing.T) {
	tests := []struct {
		format, zone, text string
		want               string // RFC 3339 in UTC with the written offset in minutes behind, or a date
		err                error
	}{
		{"", "", "2026-03-01T10:00:00+01:00", "2026-03-01T09:00:00Z 60", nil},
		{"", "", "2026-03-01T10:00:00Z", "2026-03-01T10:00:00Z 0", nil},
		{"", "", "2026-03-01T10:00:00.123456-03:30", "2026-03-01T13:30:00.123456Z -210", nil},
		{"", "", "2026-03-01 10:00+01:00", "2026-03-01T09:00:00Z 60", nil},
		{"", "Europe/Berlin", "2026-03-01T10:00:00Z", "2026-03-01T10:00:00Z 0", nil},
		{"", "Europe/Berlin", "2026-03-01 10:00", "2026-03-01T09:00:00Z", nil},
		{"", "Europe/Berlin", "2026-07-01 10:00:30.5", "2026-07-01T08:00:30.5Z", nil},
		{"", "Europe/Berlin", "2026-07-01T10:00:30", "2026-07-01T08:00:30Z", nil},
		{"", "America/New_York", "2026-03-01 10:00:00.123456000000", "2026-03-01T15:00:00.123456Z", nil},
		{"", "", "2026-03-01", "2026-03-01", nil},
		{"", "", "2026-03-01 10:00", "", errZone},
		{"", "", "2026-03-01T10:00:00", "", errZone},
		{"", "Europe/Berlin", "2026-03-29 02:30", "", errGap},
		{"", "Europe/Berlin", "2026-03-29 01:59:59", "2026-03-29T00:59:59Z", nil},
		{"", "Europe/Berlin", "2026-03-29 03:00", "2026-03-29T01:00:00Z", nil},
		{"", "Europe/Berlin", "2026-10-25 02:30", "", errFold},
		{"", "Europe/Berlin", "2026-10-25 02:00", "", errFold},
		{"", "Europe/Berlin", "2026-10-25 03:00", "2026-10-25T02:00:00Z", nil},
		{"", "Europe/Berlin", "2026-10-25 01:59:59.999999", "2026-10-24T23:59:59.999999Z", nil},
		{"", "Europe/Berlin", "2026-10-25T02:30:00+02:00", "2026-10-25T00:30:00Z 120", nil},
		{"", "America/Sao_Paulo", "2018-11-04 00:30", "", errGap},
		{"", "Australia/Lord_Howe", "2026-04-05 01:45", "", errFold},
		{"", "Pacific/Apia", "2011-12-30 12:00", "", errGap},
		{"", "Asia/Kathmandu", "2026-03-01 10:00", "2026-03-01T04:15:00Z", nil},
		{"", "UTC", "2026-03-01 10:00:00.1234567", "", errFine},
		{"", "UTC", "2026-03-01T10:00:00.0000000000001Z", "", errFine},
		{"", "UTC", "2026-03-01T10:00:00+14:01", "", errOffset},
		{"", "UTC", "2026-03-01T10:00:00-00:00", "", errTime},
		{"", "UTC", "2026-03-01 10:00:60", "", errTime},
		{"", "UTC", "2026-03-01 24:00", "", errTime},
		{"", "UTC", "2026-03-01 10:00:00,5", "", errTime},
		{"", "UTC", "2026-02-30", "", errTime},
		{"", "UTC", "2026-02-30 10:00", "", errTime},
		{"", "UTC", "01/02/2026", "", errTime},
		{"", "UTC", "01/02/2026 10:00", "", errTime},
		{"", "UTC", "01.02.2026 10:00", "", errTime},
		{"", "UTC", "2026-03", "", errTime},
		{"", "UTC", "20260301T100000Z", "", errTime},
		{"", "UTC", "1772355600", "", errTime},
		{"", "UTC", "2026-03-01 9:00", "", errTime},
		{"", "UTC", "yesterday", "", errTime},
		{"02.01.2006 15:04", "Europe/Berlin", "01.03.2026 10:00", "2026-03-01T09:00:00Z", nil},
		{"02.01.2006 15:04", "", "01.03.2026 10:00", "", errZone},
		{"02.01.2006 15:04", "Europe/Berlin", "29.03.2026 02:30", "", errGap},
		{"02.01.2006 15:04", "Europe/Berlin", "2026-03-01 10:00", "", errFormat},
		{"02.01.2006 15:04", "Europe/Berlin", "31.02.2026 10:00", "", errFormat},
		{"02.01.2006 15:04:05", "UTC", "01.03.2026 10:00:00.12345678901", "", errFine},
		{"1/2/2006 3:04 PM", "UTC", "3/1/2026 1:05 PM", "2026-03-01T13:05:00Z", nil},
		{"2006-01-02T15:04:05-0700", "", "2026-03-01T10:00:00+0100", "2026-03-01T09:00:00Z 60", nil},
		{"2006-01-02T15:04:05-0700", "", "2026-03-01T10:00:00+1500", "", errOffset},
		{"02.01.2006", "", "01.03.2026", "2026-03-01", nil},
		{"unix", "", "1772355600", "2026-03-01T09:00:00Z", nil},
		{"unix", "", "1772355600.5", "2026-03-01T09:00:00.5Z", nil},
		{"unix", "", "-0.5", "1969-12-31T23:59:59.5Z", nil},
		{"unix", "", "1772355600.1234567", "", errFine},
		{"unix", "", "1e9", "", errFormat},
		{"unix", "", "1772355600.", "", errFormat},
		{"unix", "", "99999999999999999999", "", errFormat},
		{"unix", "", "2026-03-01", "", errFormat},
		{"unix_ms", "", "1772355600123", "2026-03-01T09:00:00.123Z", nil},
		{"unix_ms", "", "1772355600123.456", "2026-03-01T09:00:00.123456Z", nil},
		{"unix_ms", "", "1772355600123.4567", "", errFine},
	}
	for _, tt := range tests {
		s, err := Mapping{Zone: tt.zone, EffectiveFormat: tt.format}.settings()
		if err != nil {
			t.Fatal(err)
		}
		m, err := s.moment(tt.text)
		got := m.day.String()
		if err == nil && got == "" {
			got = m.instant.Format(time.RFC3339Nano)
			if m.written {
				got += " " + time.Duration(m.offset).String()
				got = strings.TrimSuffix(got, "ns")
				got = strings.TrimSuffix(got, "s")
			}
		}
		if !errors.Is(err, tt.err) || err == nil && got != tt.want {
			t.Errorf("%q as %q in %q: %s, %v; want %s, %v", tt.text, tt.format, tt.zone, got, err, tt.want, tt.err)
		}
	}
}

func TestUpdated(t *testing.T) {
	tests := []struct{ id, updated, want string }{
		{"x", "2026-03-01T10:00:00.123456+01:00", "2026-03-01T09:00:00.123456Z"},
		{"x", "2026-03-01 10:00", "2026-03-01T09:00:00Z"},
		{"x", "", ""},
		{"", "", ""},
		{"", "2026-03-01 10:00", "updated stands beside no external_id"},
		{"x", "2026-03-01", "updated: a date without a time of day"},
		{"x", "2026-03-29 02:30", "updated: the time does not exist in the zone"},
		{"x", "2026-10-25 02:30", "updated: the time happened twice"},
		{"x", "2026-03-01T10:00:00.1234567Z", "updated: the time is finer than a microsecond"},
		{"x", "0001-01-01T00:00:00Z", "updated: the time is before 1900"},
		{"x", "NaN", "updated: the time is none of"},
	}
	for _, tt := range tests {
		list, err := read(t, Mapping{Zone: "Europe/Berlin"}, "effective,metric,value,external_id,updated\n2026-03-01T10:00:00Z,heart_rate,60,"+tt.id+","+tt.updated+"\n")
		if err != nil || len(list) != 1 {
			t.Fatalf("%+v, %v", list, err)
		}
		got := strings.Join(list[0].Problems, "; ")
		if len(list[0].Observations) == 1 && !list[0].Observations[0].Updated.IsZero() {
			got = list[0].Observations[0].Updated.Format(time.RFC3339Nano)
		}
		if !strings.HasPrefix(got, tt.want) || tt.want == "" && got != "" {
			t.Errorf("id %q, updated %q: %s; want %s", tt.id, tt.updated, got, tt.want)
		}
	}
}

func TestPeriods(t *testing.T) {
	const head = "effective,effective_end,metric,value\n"
	tests := []struct{ from, to, want string }{
		{"2026-03-01T10:00:00Z", "2026-03-01T11:00:00+01:00", ""},
		{"2026-03-01", "2026-03-02", ""},
		{"2026-03-01", "2026-03-02T10:00:00Z", "one of effective"},
		{"2026-03-01T10:00:00Z", "2026-03-02", "one of effective"},
		{"2026-03-01T10:00:00Z", "soon", "effective_end: the time is none"},
		{"", "2026-03-02", "effective is empty"},
	}
	for _, tt := range tests {
		list, err := read(t, Mapping{}, head+tt.from+","+tt.to+",heart_rate,60\n")
		if err != nil || len(list) != 1 || (tt.want == "") != (len(list[0].Observations) == 1) {
			t.Errorf("%s to %s: %+v, %v", tt.from, tt.to, list, err)
			continue
		}
		if tt.want != "" && !strings.Contains(list[0].Problems[0], tt.want) {
			t.Errorf("%s to %s: %v", tt.from, tt.to, list[0].Problems)
		}
		if tt.want == "" && list[0].Observations[0].EffectiveEnd.IsZero() == list[0].Observations[0].EndDay.IsZero() {
			t.Errorf("%+v", list[0].Observations[0])
		}
	}
}
