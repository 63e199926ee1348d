package csvfile

import (
	"errors"
	"math"
	"strconv"
	"strings"
	"time"

	"healthportal/app/health"
)

// The reasons for which a time is refused.
var (
	errTime         = errors.New("the time is none of RFC 3339, YYYY-MM-DD HH:MM[:SS[.ffffff]] and YYYY-MM-DD: name its effective_format in the mapping")
	errFormat       = errors.New("the time does not have the effective_format of the mapping")
	errZone         = errors.New("the time has no offset: name the file's time zone (--zone, or zone in the mapping)")
	errGap          = errors.New("the time does not exist in the zone: the clocks were put forward over it. Correct it at its source, or write its offset")
	errFold         = errors.New("the time happened twice in the zone, as the clocks were put back: it needs its offset")
	errFine         = errors.New("the time is finer than a microsecond, which can't be kept")
	errOffset       = errors.New("the time's offset is more than 14 hours from UTC")
	errHalfDays     = errors.New("one of effective and effective_end has a time of day and the other has not")
	errUpdatedDay   = errors.New("updated: a date without a time of day can't order the versions of an external_id")
	errUpdatedEarly = errors.New("updated: the time is before 1900")
	errNoVersions   = errors.New("updated stands beside no external_id, whose versions it could order")
	errBackwards    = errors.New("the period ends before it begins")
	errNoTime       = errors.New("effective is empty: the line has no time")
)

// moment is an instant, with its offset where one was written, or a whole day.
type moment struct {
	instant time.Time
	day     health.Day
	offset  int // minutes
	written bool
}

// setTimes reads start and end.
func (r *Reader) setTimes(o *health.Observation, get func(field) string) error {
	from, to := strings.TrimSpace(get(effective)), strings.TrimSpace(get(effectiveEnd))
	if from == "" {
		return errNoTime
	}
	start, err := r.settings.moment(from)
	if err != nil {
		return err
	}
	o.EffectiveAt, o.StartDay, o.OffsetMinutes, o.HasOffset = start.instant, start.day, start.offset, start.written
	if to == "" {
		// A date without a time is the whole day, and no moment of it.
		o.EndDay = start.day
		return nil
	}
	end, err := r.settings.moment(to)
	if err != nil {
		return errors.New("effective_end: " + err.Error())
	}
	if start.day.IsZero() != end.day.IsZero() {
		return errHalfDays
	}
	// Here, because the first instant of the year 1 is Go's zero time and would stand for no end.
	if end.day.IsZero() && end.instant.Before(start.instant) {
		return errBackwards
	}
	o.EffectiveEnd, o.EndDay = end.instant, end.day
	return nil
}

// setUpdated reads when the source last changed the value, which orders the versions of its external_id.
func (r *Reader) setUpdated(o *health.Observation, get func(field) string) error {
	text := strings.TrimSpace(get(updated))
	switch {
	case text == "":
		return nil
	case o.ExternalID == "":
		return errNoVersions
	}
	at, err := r.settings.moment(text)
	switch {
	case err != nil:
		return errors.New("updated: " + err.Error())
	case !at.day.IsZero():
		return errUpdatedDay
	case at.instant.Year() < 1900:
		return errUpdatedEarly
	}
	o.Updated = at.instant
	return nil
}

// moment reads a time in the mapping's format.
func (s *settings) moment(text string) (moment, error) {
	switch s.layout.kind {
	case isoTimes:
		return s.iso(text)
	case unixSeconds, unixMillis:
		at, err := unixTime(text, s.layout.kind)
		return moment{instant: at}, err
	}
	if fine(text) {
		return moment{}, errFine
	}
	t, err := time.Parse(s.layout.text, text)
	if err != nil {
		return moment{}, errFormat
	}
	switch {
	case !s.layout.clock:
		return moment{day: health.DayOf(t)}, nil
	case s.layout.zoned:
		return zoned(t)
	default:
		return s.local(t)
	}
}

// iso reads RFC 3339, with a space for the T and without seconds if need be, and dates.
func (s *settings) iso(text string) (moment, error) {
	if len(text) == len(time.DateOnly) {
		day, err := health.ParseDay(text)
		if err != nil {
			return moment{}, errTime
		}
		return moment{day: day}, nil
	}
	if len(text) < len("2006-01-02T15:04") || text[10] != 'T' && text[10] != ' ' || text[13] != ':' || strings.Contains(text, ",") || strings.HasSuffix(text, "-00:00") {
		return moment{}, errTime
	}
	if fine(text) {
		return moment{}, errFine
	}
	layout := "2006-01-02T15:04"
	if len(text) > 16 && text[16] == ':' {
		layout = "2006-01-02T15:04:05" // time.Parse takes a fraction behind it
	}
	text = text[:10] + "T" + text[11:]
	if t, err := time.Parse(layout, text); err == nil {
		return s.local(t)
	}
	t, err := time.Parse(layout+"Z07:00", text)
	if err != nil {
		return moment{}, errTime
	}
	return zoned(t)
}

// zoned is a time with its offset.
func zoned(t time.Time) (moment, error) {
	_, seconds := t.Zone()
	if seconds < -14*3600 || seconds > 14*3600 {
		return moment{}, errOffset
	}
	return moment{instant: t.UTC(), offset: seconds / 60, written: true}, nil
}

// local finds the one instant at which the clocks of the zone showed wall (a
// reading kept in UTC).
func (s *settings) local(wall time.Time) (moment, error) {
	if s.zone == nil {
		return moment{}, errZone
	}
	var found []time.Time
	// The offsets of the days around are all that can hold: zones change it rarely.
	for _, hours := range []time.Duration{-26, -13, 0, 13, 26} {
		_, seconds := wall.Add(hours * time.Hour).In(s.zone).Zone()
		at := wall.Add(-time.Duration(seconds) * time.Second)
		if _, actual := at.In(s.zone).Zone(); actual != seconds || len(found) > 0 && found[len(found)-1].Equal(at) {
			continue
		}
		found = append(found, at)
	}
	switch len(found) {
	case 0:
		return moment{}, errGap
	case 1:
		return moment{instant: found[0]}, nil
	default:
		return moment{}, errFold
	}
}

// fine reports whether digits behind a point or comma go below the microsecond.
func fine(text string) bool {
	for i := range len(text) {
		if text[i] != '.' && text[i] != ',' {
			continue
		}
		n, _ := leadingDigits(text[i+1:])
		if n > 6 && strings.Trim(text[i+7:i+1+n], "0") != "" {
			return true
		}
	}
	return false
}

// unixTime reads seconds or milliseconds since 1970, in UTC by definition.
func unixTime(text string, kind layoutKind) (time.Time, error) {
	whole, fraction, hasFraction := strings.Cut(text, ".")
	digits := 6
	if kind == unixMillis {
		digits = 3
	}
	n, rest := leadingDigits(strings.TrimPrefix(whole, "-"))
	if f, left := leadingDigits(fraction); n == 0 || rest != "" || left != "" || hasFraction && f == 0 {
		return time.Time{}, errFormat
	}
	if len(fraction) > digits && strings.Trim(fraction[digits:], "0") != "" {
		return time.Time{}, errFine
	}
	fraction = (fraction + "000000")[:digits]
	micros, err := strconv.ParseInt(whole+fraction, 10, 64)
	if err != nil || micros == math.MinInt64 {
		return time.Time{}, errFormat
	}
	return time.UnixMicro(micros).UTC(), nil
}
