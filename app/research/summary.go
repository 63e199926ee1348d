package research

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"healthportal/app/health"
)

// Cell is one line of a summary's table.
type Cell struct {
	// Label is a sex as FHIR words it, or an age band.
	Label string
	Count
}

// MetricCell is one metric in a summary.
type MetricCell struct {
	Code, Name string
	// Persons may be withheld; Values are withheld with them.
	Persons, Values Count
}

// LeftCell is one reason for leaving values out in a summary.
type LeftCell struct{ Values, Persons Count }

// WithheldSummary is Withheld with small counts withheld themselves.
type WithheldSummary struct{ Codes, Texts, Units, Devices LeftCell }

// Summary is what there is, in counts that are fit to be quoted.
type Summary struct {
	Participants Count
	Sex, Ages    []Cell
	Metrics      []MetricCell
	Withheld     WithheldSummary
}

// Summary counts all participants.
func (v *View) Summary(ctx context.Context) (Summary, error) {
	var s Summary
	persons, err := v.store.ResearchPersons(ctx)
	if err != nil {
		return s, err
	}
	metrics, err := v.store.ResearchMetrics(ctx, 0)
	if err != nil {
		return s, err
	}
	left, err := v.store.ResearchWithheld(ctx, 0)
	if err != nil {
		return s, err
	}
	s.people(persons)
	sortMetrics(metrics)
	for _, m := range metrics {
		cell := LeftCell(few(m.Values, m.Persons))
		s.Metrics = append(s.Metrics, MetricCell{Code: m.Code, Name: m.Name, Persons: cell.Persons, Values: cell.Values})
	}
	s.Withheld = WithheldSummary{few(left.Codes.Values, left.Codes.Persons), few(left.Texts.Values, left.Texts.Persons),
		few(left.Units.Values, left.Units.Persons), few(left.Devices.Values, left.Devices.Persons)}
	return s, nil
}

// few withholds a number of values where few persons have them.
func few(values, persons int) LeftCell {
	c := LeftCell{Persons: countOf(persons), Values: Count{N: values}}
	if c.Persons.Withheld {
		c.Values = Count{Withheld: true}
	}
	return c
}

// people counts persons by sex and by age. Both tables have one total, so that
// they are shown together or not at all.
func (s *Summary) people(persons []Person) {
	bySex := tally(persons, sexes(), func(p Person) string { return string(health.ParseSex(string(p.Sex))) })
	byAge := tally(persons, bands(), band)
	sex, okSex := partition(bySex)
	ages, okAges := partition(byAge)
	s.Participants = countOf(len(persons))
	if !okSex || !okAges || s.Participants.Withheld {
		sex, ages, s.Participants = nothing(len(sex)), nothing(len(ages)), Count{Withheld: true}
	}
	s.Sex, s.Ages = labelled(sexes(), sex), labelled(bands(), ages)
}

func tally(persons []Person, labels []string, of func(Person) string) []int {
	counts := make([]int, len(labels))
	for _, p := range persons {
		counts[slices.Index(labels, of(p))]++
	}
	return counts
}

func labelled(labels []string, counts []Count) []Cell {
	cells := make([]Cell, len(labels))
	for i, c := range counts {
		cells[i] = Cell{labels[i], c}
	}
	return cells
}

func sexes() []string {
	return []string{string(health.Female), string(health.Male), string(health.OtherSex), string(health.UnknownSex)}
}

const unknownAge = "unknown"

func bands() []string {
	list := []string{"under 18", "18–29"}
	for from := 30; from < OldestAge; from += 10 {
		list = append(list, fmt.Sprintf("%d–%d", from, from+9))
	}
	return append(list, fmt.Sprintf("%d or older", OldestAge), unknownAge)
}

func band(p Person) string {
	list := bands()
	switch {
	case !p.HasAge:
		return unknownAge
	case p.Age < 18:
		return list[0]
	case p.Age < 30:
		return list[1]
	default:
		return list[min(p.Age/10-1, len(list)-2)]
	}
}

// sortMetrics brings metrics into the catalogue's order.
func sortMetrics(list []MetricCount) {
	at := func(code string) int {
		return slices.IndexFunc(health.Catalogue(), func(m health.Metric) bool { return m.Code == code })
	}
	slices.SortStableFunc(list, func(a, b MetricCount) int {
		return cmp.Or(cmp.Compare(at(a.Code), at(b.Code)), strings.Compare(a.Code, b.Code))
	})
}
