package health

import (
	"encoding/base64"
	"encoding/binary"
	"errors"
	"time"
)

// Event is a stored Observation as tables show it.
type Event struct {
	ID     int64
	Person PersonID
	// Day is the date in the patient's zone: the border that charts and tables share.
	Day Day
	Observation
	// MetricTitle is the metric's name for people.
	MetricTitle string
	// Version is 1 for the first content under an external id, then counts up.
	Version int
	// SourceID is the number of the source, which addresses name instead of its text.
	SourceID int
	// Torn says that rows of the Observation's group lie, or may lie, on a neighbouring page.
	Torn bool
}

// Cursor points between two events in the table's order (newest first): at the
// event with this effective time and id.
type Cursor struct {
	At time.Time
	ID int64
}

// ErrBadCursor says that a cursor in a URL was not made by this portal.
var ErrBadCursor = errors.New("this page link is not valid: go back to the first page")

// String encodes the cursor for a URL.
func (c Cursor) String() string {
	var b [16]byte
	binary.BigEndian.PutUint64(b[:8], uint64(c.At.UnixMicro()))
	binary.BigEndian.PutUint64(b[8:], uint64(c.ID)) //nolint:gosec // bits in, the same bits out
	return base64.RawURLEncoding.EncodeToString(b[:])
}

// ParseCursor reads what String wrote.
func ParseCursor(s string) (Cursor, error) {
	b, err := base64.RawURLEncoding.Strict().DecodeString(s)
	if err != nil || len(b) != 16 || base64.RawURLEncoding.EncodeToString(b) != s { // decoding passes over line ends
		return Cursor{}, inputError("%w", ErrBadCursor)
	}
	at := time.UnixMicro(int64(binary.BigEndian.Uint64(b[:8]))).UTC() //nolint:gosec // bits in, the same bits out
	id := int64(binary.BigEndian.Uint64(b[8:]))                       //nolint:gosec // bits in, the same bits out
	if id <= 0 || at.Year() < 1800 || at.Year() > 9999 {
		return Cursor{}, inputError("%w", ErrBadCursor)
	}
	return Cursor{At: at, ID: id}, nil
}

// The page sizes of the event table.
const (
	DefaultPageSize = 50
	MaxPageSize     = 200
	// MaxLargePage is for programs, which ask for it by EventFilter.Large.
	MaxLargePage = 1000
)

// EventFilter chooses events of one person. Empty fields do not filter.
type EventFilter struct {
	Person PersonID
	// Metric is a metric code.
	Metric string
	// From and To are local days, both inclusive; the zero Day is open.
	From, To Day
	// Since (inclusive) and Until (exclusive) are instants of the effective time. Values that
	// have a day only are left out where one is set. They narrow From and To further.
	Since, Until time.Time
	// Size is the page size, clamped to 1..MaxPageSize; 0 means DefaultPageSize.
	Size int
	// Large clamps Size to MaxLargePage instead.
	Large bool
	// Source is a source's number; 0 does not filter.
	Source int
	// Flag is a laboratory's code, FlagAny or FlagNotNormal.
	Flag string
	// CountAll counts exactly whatever it costs.
	CountAll bool
	// Choices asks for the page's Sources and Flags.
	Choices bool
	// Nights asks for the page's SleepNear.
	Nights bool
	// After asks for the events older than the cursor, Before for the newer ones. At most one is set.
	After, Before *Cursor
}

// The words that stand in EventFilter.Flag for more than one code.
const (
	// FlagAny means every row that the laboratory gave a code.
	FlagAny = "any"
	// FlagNotNormal means every code but N (normal).
	FlagNotNormal = "not-normal"
)

// CountLimit is how far the rows of a source or flag are counted, which no rollup has.
const CountLimit = 10_000

// Costly reports whether the filter's rows have to be counted one by one.
func (f EventFilter) Costly() bool { return f.Source != 0 || f.Flag != "" }

// Validate clamps the size and refuses contradictions.
func (f *EventFilter) Validate() error {
	if f.Size <= 0 {
		f.Size = DefaultPageSize
	}
	most := MaxPageSize
	if f.Large {
		most = MaxLargePage
	}
	f.Size = min(f.Size, most)
	if f.After != nil && f.Before != nil {
		return inputError("a page is either after or before a cursor, not both")
	}
	if !f.From.IsZero() && !f.To.IsZero() && f.To.Before(f.From) {
		return inputError("the range ends (%s) before it begins (%s)", f.To, f.From)
	}
	if !f.Since.IsZero() && !f.Until.IsZero() && !f.Until.After(f.Since) {
		return inputError("the range ends (%s) before it begins (%s), or is empty", Instant(f.Until), Instant(f.Since))
	}
	return nil
}

// EventPage is one page of events, newest first.
type EventPage struct {
	Events []Event
	// Older and Newer are the cursors of the neighbouring pages; nil where there is none.
	Older, Newer *Cursor
	// Total counts exactly what the filter matches; with AtLeast there are more than that.
	Total   int
	AtLeast bool
	// Metrics are those of which the person has data, whatever the filter, in the catalogue's order and then by name.
	Metrics []MetricCount
	// SleepNear are the person's intervals of sleep around those of the page, whatever the
	// filter and with those of the page among them, where it asked for its Nights; with
	// SleepCut there are more than could be read.
	SleepNear []Event
	SleepCut  bool
	// Sources and Flags are those of the person's rows, whatever the filter, where it asked
	// for its Choices: by name, and by code.
	Sources []EventSource
	Flags   []string
}

// EventSource is a source of a person's events. Its name may be a person's.
type EventSource struct {
	ID   int
	Name string
}

// MetricCount says how many events of one metric a person has.
type MetricCount struct {
	// Code and Name are the metric's, the name for people.
	Code, Name string
	Count      int
}

// DayPoint is one point of a series in a chart: a day, or a year, month or hour
// where the chart shows those.
type DayPoint struct {
	// Day is the local day, for a year or month the first one.
	Day Day
	// Start is when an hour begins, in the patient's zone. It is the zero time in
	// all other charts, and for the Observations of a day that have no time of day.
	Start time.Time
	// N counts the Observations shown for the point: the total of the table of its days.
	N int
	// Used counts those that entered Min, Mean, Max and Sum: numbers that are not bounds.
	Used                int
	Min, Mean, Max, Sum float64
	// LeftOut is what the numbers of a total add up to beyond Sum, because another
	// source measured the same time: in Sum each moment counts once. Mean counts all.
	LeftOut float64
	// LeftSources are those of which something was left out, by name; nil where nothing was.
	LeftSources []string
	// Bounds are the numbers with a comparator, each with its count; they entered nothing.
	Bounds []Bound
	// Below and Above are the values outside a general adult range that a clinician
	// has signed off; nothing where there is none, or where the chart doesn't look.
	Below, Above Outside
}

// Outside are values of a chart's point beyond one end of a range.
type Outside struct {
	N int
	// Furthest is the one that lies furthest out, in the series' unit.
	Furthest float64
}

// Bound is a number that a value lies below or above: "< 0.1".
type Bound struct {
	// Comparator is one of Observation's, Value in the series' unit.
	Comparator string
	Value      float64
	// N counts the Observations that say so.
	N int
}

// Series is a series of a chart: one metric, one code, one unit. Two are never joined.
type Series struct {
	Metric     Metric
	CodeSystem string
	Code       string
	Unit       string
	Points     []DayPoint
	// Range is the laboratory's own reference range of the values shown; nil where it gave none.
	Range *Range
}

// Range is a laboratory's reference range in the unit of its series; an end may be open.
type Range struct {
	Low, High *float64
	// Mixed says that the values shown don't all carry the same one; Low and High are nil then.
	Mixed bool
}

// MetricSummary is what there is of one metric of a person.
type MetricSummary struct {
	Metric Metric
	// Count is the number of Observations that the table shows for the metric.
	Count int
	// First and Last are the first and the last local day with data.
	First, Last Day
	// Latest is the newest Observation.
	Latest Event
}
