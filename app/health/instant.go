package health

import "time"

// ParseInstant reads a time of RFC 3339 with its offset, to the microsecond, as UTC.
func ParseInstant(s string) (time.Time, error) {
	t, err := time.Parse(time.RFC3339Nano, s)
	switch {
	case err != nil:
		return time.Time{}, inputError("it is no time with its offset: write 2026-03-29T14:00:00Z or 2026-03-29T16:00:00+02:00, in an address with %%2B for the +")
	case t.UTC().Year() < 1800 || t.UTC().Year() > 9999:
		return time.Time{}, inputError("the time lies outside the years 1800 to 9999")
	case t.Nanosecond()%int(time.Microsecond) != 0:
		return time.Time{}, inputError("the time is finer than a microsecond, which is all that is stored")
	}
	return t.UTC(), nil
}

// Instant is what ParseInstant reads, in UTC; empty for the zero time.
func Instant(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format("2006-01-02T15:04:05.999999Z07:00")
}

// Timed reports whether the filter is narrowed to instants.
func (f EventFilter) Timed() bool { return !f.Since.IsZero() || !f.Until.IsZero() }

// Start and Stop are the filter's ends as addresses have them: the instant, else the day, else empty.
func (f EventFilter) Start() string { return either(Instant(f.Since), f.From.String()) }

// Stop is as Start.
func (f EventFilter) Stop() string { return either(Instant(f.Until), f.To.String()) }

func either(instant, day string) string {
	if instant != "" {
		return instant
	}
	return day
}

// brief reports whether the filter's instants are at most a day apart, so that all
// between them can be counted.
func (f EventFilter) brief() bool {
	return !f.Since.IsZero() && !f.Until.IsZero() && f.Until.Sub(f.Since) <= 24*time.Hour
}

// CountsAll reports whether rows that no rollup knows are to be counted without a limit.
func (f EventFilter) CountsAll() bool { return f.CountAll || f.brief() }
