package fhir

import (
	"errors"
	"strings"
	"time"

	"healthportal/app/health"
)

// effective reads the clinically relevant time.
func effective(res *resource, o *health.Observation) error {
	switch {
	case given(res.EffectiveTiming):
		return errors.New("effectiveTiming is not supported: it names a schedule, not a time")
	case res.EffectivePeriod != nil:
		return effectivePeriod(res.EffectivePeriod, o)
	}
	written := firstOf(res.EffectiveDateTime, res.EffectiveInstant)
	if written == "" {
		return errors.New("the effective time is missing")
	}
	at, err := parseTime(written)
	if err != nil {
		return err
	}
	at.setStart(o)
	// A date without a time is the whole day, and no moment of it.
	o.EndDay = at.day
	return nil
}

func effectivePeriod(p *period, o *health.Observation) error {
	if p.Start == "" {
		return errors.New("the effective period has no start")
	}
	start, err := parseTime(p.Start)
	if err != nil {
		return err
	}
	start.setStart(o)
	if p.End == "" {
		return nil
	}
	end, err := parseTime(p.End)
	if err != nil {
		return err
	}
	if start.day.IsZero() != end.day.IsZero() {
		return errors.New("one end of the effective period has a time of day and the other has not")
	}
	// Here, because the first instant of the year 1 is Go's zero time and would stand for no end.
	if end.day.IsZero() && end.instant.Before(start.instant) {
		return errors.New("the period ends before it begins")
	}
	o.EffectiveEnd, o.EndDay = end.instant, end.day
	return nil
}

// finer reports whether a time that can be parsed has digits other than zero behind the
// sixth of its second. time.Parse drops those behind the ninth.
func finer(s string) bool {
	fraction, point := strings.CutPrefix(s[19:], ".")
	digits := len(fraction) - len(strings.TrimLeft(fraction, "0123456789"))
	return point && digits > 6 && strings.Trim(fraction[6:digits], "0") != ""
}

// lastUpdated reads when a server last changed a resource (FHIR R4, Resource.meta.lastUpdated:
// "when the resource last changed - e.g. when the version changed", set by the server
// alone). What is finer than a microsecond is cut off, which turns no order round. The
// zero time stands for what can't be read and for the first days of calendars, which
// some servers write where they don't know. meta.versionId is not read, because
// nothing says that it grows ("opaque"), nor issued, which a retraction need not change.
func lastUpdated(s string) time.Time {
	t, err := time.Parse(time.RFC3339Nano, s)
	if err != nil || t.Year() < 1900 {
		return time.Time{}
	}
	return t.UTC().Truncate(time.Microsecond)
}

// moment is an instant with its offset, or a whole day.
type moment struct {
	instant time.Time
	day     health.Day
	offset  int // minutes
}

func (m moment) setStart(o *health.Observation) {
	o.EffectiveAt, o.StartDay = m.instant, m.day
	if m.day.IsZero() {
		o.OffsetMinutes, o.HasOffset = m.offset, true
	}
}

// parseTime reads a FHIR dateTime or instant. Nothing is guessed: a year or a
// month alone, a time without zone and fractions that can't be kept are refused.
func parseTime(s string) (moment, error) {
	switch len(s) {
	case len("2006"), len("2006-01"):
		return moment{}, errors.New("the effective time is only a year or a month")
	case len(time.DateOnly):
		day, err := health.ParseDay(s)
		if err != nil {
			return moment{}, errors.New("the effective time is not a valid date")
		}
		return moment{day: day}, nil
	}
	if len(s) < len("2006-01-02T15:04:05Z") || s[10] != 'T' || s[13] != ':' || s[16] != ':' {
		return moment{}, errors.New("the effective time is not a FHIR dateTime with seconds and zone")
	}
	t, err := time.Parse(time.RFC3339Nano, s)
	if err != nil || s[19] == ',' { // which time.Parse takes
		return moment{}, errors.New("the effective time is not a FHIR dateTime with seconds and zone")
	}
	_, seconds := t.Zone()
	if minutes := seconds / 60; minutes < -14*60 || minutes > 14*60 {
		return moment{}, errors.New("the effective time's zone is more than 14 hours from UTC")
	}
	if finer(s) {
		return moment{}, errors.New("the effective time is finer than a microsecond, which can't be kept")
	}
	return moment{instant: t.UTC(), offset: seconds / 60}, nil
}
