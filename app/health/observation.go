package health

import (
	"errors"
	"fmt"
	"time"
)

// Status is the FHIR R4 observation-status.
type Status string

// The observation states that the portal treats on their own; others are kept verbatim.
const (
	Final          Status = "final"
	Preliminary    Status = "preliminary"
	EnteredInError Status = "entered-in-error"
)

// ParseStatus accepts the codes of FHIR R4's observation-status value set.
func ParseStatus(s string) (Status, error) {
	switch s {
	case "registered", "preliminary", "final", "amended", "corrected", "cancelled", "entered-in-error", "unknown":
		return Status(s), nil
	default:
		return "", fmt.Errorf("status %q is not an observation-status of FHIR R4", s)
	}
}

// Observation is one measured value of one person: a row of health.event.
// A blood-pressure panel is several Observations of one Group.
type Observation struct {
	// Metric is the catalogue code (heart_rate), or "<system>:<code>" for codes outside it.
	Metric string
	// MetricName is the source's own display, used to name a metric outside the catalogue.
	MetricName string
	// CodeSystem and Code are the source's coding, verbatim: a series is metric, code and unit dimension.
	CodeSystem, Code string
	// EffectiveAt is the clinically relevant time, its start for a period.
	EffectiveAt time.Time
	// EffectiveEnd is the zero time for an instant. The end is exclusive.
	EffectiveEnd time.Time
	// StartDay and EndDay stand for EffectiveAt and EffectiveEnd where the source wrote a date without
	// a time: the whole civil days, in the person's zone. InZone turns them into instants.
	StartDay, EndDay Day
	// OffsetMinutes is the UTC offset that the source wrote, and HasOffset whether it wrote one.
	OffsetMinutes int
	HasOffset     bool

	// Value is the number in Unit (UCUM), valid where HasValue. Zero is a value.
	Value    float64
	HasValue bool
	// Comparator is "", "<", "<=", ">=" or ">": the value is a bound, not a measurement.
	Comparator string
	// ValueText is the coded or written value of observations without a number.
	ValueText string
	Unit      string
	// OrigValue and OrigUnit are the source's own digits and unit, where they differ from Value and Unit
	// (always where the number was converted);
	// of a coded value without a number OrigValue is the code as "system|code".
	OrigValue, OrigUnit string
	// RefLow and RefHigh are the laboratory's own reference range in Unit, converted with the value; nil where it gave none.
	RefLow, RefHigh *float64
	// Flag is the laboratory's own interpretation code (H, L, HH, A, ...); the portal computes none.
	Flag   string
	Status Status
	// Source names who sent it, Device what measured it; both are free text and may hold a person's name.
	Source, Device string
	// ExternalID is the source's id of the observation; the same source and id with other content is a new version.
	ExternalID string
	// Slot tells the components of one external id apart; empty for the observation itself.
	Slot string
	// Group ties components of one panel together; empty for single observations.
	Group string
	// Updated is when the source last changed the observation, by its own clock (FHIR's meta.lastUpdated), cut
	// to the microsecond; the zero time where it does not say. It orders the versions of one external id, and is
	// no part of what they say.
	Updated time.Time
}

// ErrImplausibleTime is wrapped by CheckTime's errors.
var ErrImplausibleTime = errors.New("effective time out of range")

// CheckTime refuses effective times before 1900 or more than a day after now.
// The error does not repeat the time, because it ends in reports and logs.
func CheckTime(t, now time.Time) error {
	switch {
	case t.Year() < 1900:
		return fmt.Errorf("%w: before 1900", ErrImplausibleTime)
	case t.After(now.Add(24 * time.Hour)):
		return fmt.Errorf("%w: more than a day in the future", ErrImplausibleTime)
	default:
		return nil
	}
}

// InZone sets EffectiveAt and EffectiveEnd of observations that name whole days
// only, to the borders of those days in loc. Others stay as they are.
func (o *Observation) InZone(loc *time.Location) {
	if !o.StartDay.IsZero() {
		o.EffectiveAt = o.StartDay.Start(loc)
	}
	if !o.EndDay.IsZero() {
		o.EffectiveEnd = o.EndDay.AddDays(1).Start(loc)
	}
}

// metricSleep is the metric whose intervals belong to the day of waking.
const metricSleep = "sleep_duration"

// LocalDay is the civil date in loc that the observation belongs to: that of its
// start, and for sleep of at most 24 hours that of waking.
func (o *Observation) LocalDay(loc *time.Location) Day {
	if !o.StartDay.IsZero() {
		return o.StartDay
	}
	asleep := o.EffectiveEnd.Sub(o.EffectiveAt)
	if o.Metric == metricSleep && !o.EffectiveEnd.IsZero() && asleep <= 24*time.Hour {
		return DayOf(o.EffectiveEnd.In(loc))
	}
	return DayOf(o.EffectiveAt.In(loc))
}

// Visible reports whether tables, charts and counts show observations of this status.
func (s Status) Visible() bool { return s != EnteredInError }
