package health

import (
	"cmp"
	"slices"
	"time"
)

// NightGap is the pause that parts two nights: stages of one source and device that
// lie less than it apart are of one. It is the longest gap within a sleep period of
// van Hees et al., Scientific Reports 8:12975 (2018), GGIR's spt_max_gap of 60
// minutes. Apple's documentation of HKCategoryValueSleepAnalysis has no limit.
const NightGap = time.Hour

// LongestNight bounds a night and each of its stages: the same 24 hours up to which sleep
// belongs to the day of waking. What is longer is no night, whoever wrote it.
const LongestNight = 24 * time.Hour

// Stage is what an interval of a night was.
type Stage string

// The stages, in the order in which they are told. Awake and in bed are no sleep.
const (
	StageREM    Stage = "REM"
	StageCore   Stage = "core"
	StageDeep   Stage = "deep"
	StageAsleep Stage = "unspecified sleep"
	StageAwake  Stage = "awake"
	StageInBed  Stage = "in bed"
)

// Stages are all stages in their order.
func Stages() []Stage {
	return []Stage{StageREM, StageCore, StageDeep, StageAsleep, StageAwake, StageInBed}
}

// Asleep reports whether the stage is sleep.
func (s Stage) Asleep() bool { return s != StageAwake && s != StageInBed }

// The metrics of the two stages that are no sleep, as the importer of Apple Health names them.
const (
	metricAwake = "apple:HKCategoryValueSleepAnalysisAwake"
	metricInBed = "apple:HKCategoryValueSleepAnalysisInBed"
)

// SleepMetrics are the codes of the metrics that nights consist of.
func SleepMetrics() []string { return []string{metricSleep, metricAwake, metricInBed} }

// The LOINC codes of sleep_duration.
const (
	CodeSleep      = "93832-4"
	codeSleepREM   = "93829-0"
	codeSleepLight = "93830-8"
	codeSleepDeep  = "93831-6"
)

// SleepStage is the stage that the metric and code of an Observation name.
func SleepStage(o *Observation) (Stage, bool) {
	switch {
	case o.Metric == metricAwake:
		return StageAwake, true
	case o.Metric == metricInBed:
		return StageInBed, true
	case o.Metric != metricSleep || o.CodeSystem != SystemLOINC:
		return "", false
	}
	switch o.Code {
	case codeSleepREM:
		return StageREM, true
	case codeSleepLight:
		return StageCore, true
	case codeSleepDeep:
		return StageDeep, true
	case CodeSleep:
		return StageAsleep, true
	default:
		return "", false
	}
}

// StageOf is the stage of an Observation that is an interval of a night: its number is
// the interval's own length in minutes, of at most LongestNight. A total of a night, or
// of a stage in all of it, is no interval.
func StageOf(o *Observation) (Stage, bool) {
	s, ok := SleepStage(o)
	length := o.End().Sub(o.EffectiveAt)
	return s, ok && o.HasValue && o.Comparator == "" && o.Unit == "min" && o.StartDay.IsZero() && o.EndDay.IsZero() &&
		length <= LongestNight && o.Value == length.Minutes()
}

// End is the end of a period, for an instant the instant.
func (o *Observation) End() time.Time {
	if o.EffectiveEnd.IsZero() {
		return o.EffectiveAt
	}
	return o.EffectiveEnd
}

// Nights puts the stages among the events into nights, whatever their order, and leaves
// all else out: each night is the places of its events in the list, earliest first. The
// stages of a night have one source and device, and lie less than NightGap apart, or
// have one Group.
func Nights(list []Event) [][]int {
	var stages []int
	for i := range list {
		if _, ok := StageOf(&list[i].Observation); ok {
			stages = append(stages, i)
		}
	}
	slices.SortStableFunc(stages, func(a, b int) int {
		return cmp.Or(list[a].EffectiveAt.Compare(list[b].EffectiveAt), cmp.Compare(list[a].ID, list[b].ID))
	})
	type from struct {
		source int
		device string
	}
	type grouped struct {
		from
		group string
	}
	sets := nightSets{}
	latest, groups := map[from]int{}, map[grouped]int{}
	for _, i := range stages {
		e := &list[i]
		sets[i] = i
		key := from{e.SourceID, e.Device}
		if g := (grouped{key, e.Group}); e.Group != "" {
			if j, ok := groups[g]; ok {
				sets.join(j, i)
			}
			groups[g] = i
		}
		j, ok := latest[key]
		if ok && e.EffectiveAt.Sub(list[j].End()) < NightGap {
			sets.join(j, i)
		}
		if !ok || e.End().After(list[j].End()) {
			latest[key] = i
		}
	}
	return sets.list(stages)
}

// nightSets leads from each stage towards the one that stands for its night.
type nightSets map[int]int

func (s nightSets) root(i int) int {
	for s[i] != i {
		i = s[i]
	}
	return i
}

func (s nightSets) join(a, b int) { s[s.root(b)] = s.root(a) }

// list are the sets, each in the order of the stages.
func (s nightSets) list(stages []int) [][]int {
	at := map[int]int{}
	var nights [][]int
	for _, i := range stages {
		root := s.root(i)
		n, ok := at[root]
		if !ok {
			n = len(nights)
			at[root] = n
			nights = append(nights, nil)
		}
		nights[n] = append(nights[n], i)
	}
	return nights
}
