package portable

import (
	"errors"
	"strings"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"healthportal/app/health"
	"healthportal/app/intake"
)

// observation reads a line that is about no person.
func (r *Reader) observation(l *line) (health.Observation, error) {
	o := health.Observation{
		Metric: l.Metric, MetricName: l.MetricName, CodeSystem: l.CodeSystem, Code: l.Code, Comparator: l.Comparator, ValueText: l.Text,
		Unit: l.Unit, OrigValue: l.OrigValue, OrigUnit: l.OrigUnit, Flag: l.Flag, Source: l.Source, Device: l.Device,
		ExternalID: l.ExternalID, Slot: l.Slot, Group: l.Group,
	}
	if l.RecordNumber+l.FamilyName+l.GivenName+l.BirthDate+l.Sex+l.TimeZone != "" || l.Synthetic {
		return o, errors.New("members of a person stand in the line of an observation")
	}
	if err := r.checkMetric(&o); err != nil {
		return o, err
	}
	if o.Source == "" {
		return o, errors.New("the member source is missing")
	}
	var err error
	if o.Status, err = health.ParseStatus(l.Status); err != nil {
		return o, errors.New("the member status is missing or none of FHIR R4's observation-status")
	}
	if err := readTimes(l, &o); err != nil {
		return o, err
	}
	if err := readValues(l, &o); err != nil {
		return o, err
	}
	if o.Updated, err = readUpdated(l); err != nil {
		return o, err
	}
	return o, intake.CheckObservation(&o)
}

// readUpdated reads when the source last changed the observation, which only the
// versions of an external id need.
func readUpdated(l *line) (time.Time, error) {
	if l.Updated == "" {
		return time.Time{}, nil
	}
	if l.ExternalID == "" {
		return time.Time{}, errors.New("the member updated stands beside no external_id, whose versions it could order")
	}
	at, _, written, err := instant(l.Updated)
	if err != nil || written || at.Year() < 1900 {
		return time.Time{}, errors.New("the member updated is no time from 1900 on in UTC (Z) with at most six digits of a second")
	}
	return at, nil
}

func (r *Reader) checkMetric(o *health.Observation) error {
	switch {
	case o.Metric == "":
		return errors.New("the member metric is missing")
	case !r.metrics[o.Metric] && !strings.Contains(o.Metric, ":"):
		return errors.New("the metric is not in the catalogue of this portal and has no system before a colon: update the portal, then import the file again")
	default:
		return nil
	}
}

func readValues(l *line, o *health.Observation) error {
	switch o.Comparator {
	case "", "<", "<=", ">=", ">":
	default:
		return errors.New("the comparator is not one of FHIR R4's")
	}
	if given(l.Value) {
		f, err := number(l.Value)
		if err != nil {
			return err
		}
		o.Value, o.HasValue = f, true
		// Digits that neither the portal nor the rule of kept digits would write are the source's own.
		if digits := string(l.Value); o.OrigValue == "" && string(appendNumber(nil, f)) != digits {
			intake.SetNumber(o, f, digits)
		}
	}
	if !o.HasValue && o.ValueText == "" && o.Status != health.EnteredInError {
		return errors.New("the line has neither a value nor a text")
	}
	if !o.HasValue && o.Comparator != "" {
		return errors.New("there is a comparator, and no number that it compares with")
	}
	for _, b := range []struct {
		text jsontext.Value
		into **float64
	}{{l.RefLow, &o.RefLow}, {l.RefHigh, &o.RefHigh}} {
		if given(b.text) {
			f, err := number(b.text)
			if err != nil {
				return errors.New("the reference range: " + err.Error())
			}
			*b.into = &f
		}
	}
	return nil
}

// given is false for a member that is missing or null.
func given(v jsontext.Value) bool { return len(v) > 0 && v.Kind() != 'n' }

func number(v jsontext.Value) (float64, error) {
	if v.Kind() != '0' {
		return 0, errors.New("the value is not a number that can be counted with")
	}
	return intake.ParseNumber(string(v))
}

// readTimes reads start and end.
func readTimes(l *line, o *health.Observation) error {
	if l.Effective == "" {
		return errors.New("the member effective is missing")
	}
	var err error
	if len(l.Effective) == len(time.DateOnly) {
		if o.StartDay, err = day(l.Effective); err != nil {
			return err
		}
		if l.EffectiveEnd != "" {
			o.EndDay, err = day(l.EffectiveEnd)
		}
		return err
	}
	if o.EffectiveAt, o.OffsetMinutes, o.HasOffset, err = instant(l.Effective); err != nil {
		return err
	}
	if l.EffectiveEnd == "" {
		return nil
	}
	if len(l.EffectiveEnd) == len(time.DateOnly) {
		return errHalfDay
	}
	var minutes int
	var written bool
	o.EffectiveEnd, minutes, written, err = instant(l.EffectiveEnd)
	if err == nil && o.EffectiveEnd.Before(o.EffectiveAt) {
		// Here, because the first instant of the year 1 is Go's zero time and would stand for no end.
		return errors.New("the period ends before it begins")
	}
	if err == nil && (minutes != o.OffsetMinutes || written != o.HasOffset) {
		return errors.New("effective and effective_end have different offsets, of which one would be lost")
	}
	return err
}

func day(s string) (health.Day, error) {
	d, err := health.ParseDay(s)
	if err != nil {
		return d, errors.New("an effective time is neither a time with its offset nor a valid date")
	}
	return d, nil
}

// instant reads RFC 3339 with at most six digits of a second. Z means that the
// source wrote no offset.
func instant(s string) (at time.Time, minutes int, written bool, err error) {
	t, err := time.Parse(time.RFC3339Nano, s)
	// time.Parse takes a comma, hours of one digit, and drops what is finer than nanoseconds.
	if err != nil || len(s) < len("2006-01-02T15:04:05Z") || s[13] != ':' || strings.Contains(s, ",") || strings.HasSuffix(s, "-00:00") {
		return at, 0, false, errors.New("an effective time is neither a time with its offset nor a valid date")
	}
	written = !strings.HasSuffix(s, "Z")
	_, seconds := t.Zone()
	minutes = seconds / 60
	switch {
	case minutes < -maxOffset || minutes > maxOffset:
		return at, 0, false, errOffset
	case fractionDigits(s[19:]) > 6:
		return at, 0, false, errors.New("an effective time has more than six digits of a second")
	}
	return t.UTC(), minutes, written, nil
}

// fractionDigits is the number of digits behind the point that s may begin with.
func fractionDigits(s string) int {
	if s == "" || s[0] != '.' {
		return 0
	}
	n := 0
	for n+1 < len(s) && s[n+1] >= '0' && s[n+1] <= '9' {
		n++
	}
	return n
}
