package csvfile

import (
	"errors"
	"hash/maphash"
	"strings"

	"healthportal/app/health"
	"healthportal/app/intake"
)

// defaultSource names the sender where no column and no constant does.
const defaultSource = "csv"

// ownPrefix begins the metrics that a clinic names itself.
const ownPrefix = "csv:"

// exportVersion is what the column portal_export holds.
const exportVersion = "1"

// read fills rec from a line. What it refuses it names without quoting it.
func (r *Reader) read(cells []string, rec *intake.Record) {
	get := func(f field) string { return r.plan.get(f, cells) }
	o, err := r.observation(get)
	if err == nil {
		rec.Subject, err = subject(r.plan, get)
	}
	if err == nil {
		err = r.ids.check(rec.Subject, &o)
	}
	if err != nil {
		rec.Problems = []string{err.Error()}
		return
	}
	rec.Observations = []health.Observation{o}
}

// subject is whose the line is; nobody's where the file has no column for it.
func subject(p *plan, get func(field) string) (health.Identifier, error) {
	if !p.has(person) {
		return health.Identifier{}, nil
	}
	id := health.Identifier{System: strings.TrimSpace(get(personSystem)), Value: strings.TrimSpace(get(person))}
	if id.System == "" || id.Value == "" {
		return id, errors.New("the line names no person: person or person_system is empty")
	}
	return id, intake.CheckIdentifier(id)
}

func (r *Reader) observation(get func(field) string) (health.Observation, error) {
	o := health.Observation{
		MetricName: get(metricName), Unit: strings.TrimSpace(get(unit)), OrigUnit: get(origUnit), ValueText: get(text), Flag: strings.TrimSpace(get(flag)),
		Status: health.Final, Source: get(source), Device: get(device), ExternalID: get(externalID), Slot: get(slot), Group: get(group),
	}
	if r.plan.at[exportMark] >= 0 && get(exportMark) != exportVersion {
		return o, errors.New("the column portal_export holds another version than 1: a later portal wrote the line")
	}
	if o.Source == "" {
		o.Source = defaultSource
	}
	if s := strings.TrimSpace(get(status)); s != "" {
		var err error
		if o.Status, err = health.ParseStatus(s); err != nil {
			return o, errors.New("the status is not one of FHIR R4's observation-status")
		}
	}
	if o.Slot != "" && o.ExternalID == "" {
		return o, errors.New("there is a slot and no external_id whose part it could be")
	}
	for _, step := range []func(*health.Observation, func(field) string) error{r.setMetric, r.setTimes, r.setValue, r.setUpdated} {
		if err := step(&o, get); err != nil {
			return o, err
		}
	}
	return o, intake.CheckObservation(&o)
}

// setMetric finds out what was measured.
func (r *Reader) setMetric(o *health.Observation, get func(field) string) error {
	o.Metric, o.CodeSystem, o.Code = strings.TrimSpace(get(metric)), systemURI(strings.TrimSpace(get(codeSystem))), strings.TrimSpace(get(code))
	if o.Code == "" {
		// A constant or filled-down system says nothing without a code.
		o.CodeSystem = ""
	}
	switch {
	case o.Metric == "" && o.Code == "":
		return errors.New("the line says not what was measured: metric and code are empty")
	case o.Code != "" && o.CodeSystem == "" && !r.plan.guarded:
		return errors.New("the line has a code without its code_system")
	case o.Metric == "":
		o.Metric = r.metricOf(o)
		if o.MetricName == "" {
			o.MetricName = o.Code
		}
		return nil
	}
	return r.checkMetric(o)
}

// metricOf is the metric of a code.
func (r *Reader) metricOf(o *health.Observation) string {
	if m, ok := r.byLOINC[o.Code]; ok && o.CodeSystem == health.SystemLOINC {
		return m
	}
	return intake.ShortSystem(o.CodeSystem) + ":" + o.Code
}

// checkMetric holds a metric that the line names to the catalogue and to the code.
func (r *Reader) checkMetric(o *health.Observation) error {
	own, isOwn := strings.CutPrefix(o.Metric, ownPrefix)
	switch {
	case o.CodeSystem == health.SystemLOINC && r.metricOf(o) != o.Metric:
		return errors.New("the metric and the LOINC code name different things")
	case r.metrics[o.Metric], o.Code != "" && r.metricOf(o) == o.Metric:
	case isOwn && own != "":
		if o.MetricName == "" {
			o.MetricName = own
		}
	case r.plan.guarded && strings.Contains(o.Metric, ":"):
	default:
		return errors.New("the metric is not in the catalogue: write csv:<name> for one of your own, or give code_system and code")
	}
	return nil
}

// systemURI spells the short names of code systems out.
func systemURI(system string) string {
	switch strings.ToLower(system) {
	case "loinc":
		return health.SystemLOINC
	case "snomed":
		return intake.SystemSNOMED
	default:
		return system
	}
}

// maxIDs is how many external ids are remembered, to find those that name several things.
const maxIDs = 1 << 20

// idBook remembers which metric an external id was used for. An id of several
// values would make each the new version of the one before and hide that.
type idBook struct {
	seed maphash.Seed
	seen map[uint64]uint64
}

func newIDBook() idBook { return idBook{maphash.MakeSeed(), map[uint64]uint64{}} }

func (b *idBook) check(id health.Identifier, o *health.Observation) error {
	if o.ExternalID == "" || o.Slot != "" {
		return nil
	}
	key := maphash.Comparable(b.seed, [4]string{id.System, id.Value, o.Source, o.ExternalID})
	what := maphash.Comparable(b.seed, [3]string{o.Metric, o.CodeSystem, o.Code})
	before, known := b.seen[key]
	switch {
	case known && before != what:
		return errors.New("the external_id stands for another metric on an earlier line: an id that several values share belongs into the column group, " +
			"and the parts of one observation need the column slot")
	case !known && len(b.seen) < maxIDs:
		b.seen[key] = what
	}
	return nil
}
