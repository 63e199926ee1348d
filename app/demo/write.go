package demo

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"time"

	"healthportal/app/health"
)

// reading is one Observation about to be written.
type reading struct {
	code coding
	at   time.Time
	// end is the zero time for an instant.
	end   time.Time
	value float64
	// comparator makes the value a bound.
	comparator string
	// text stands in place of the value: coded where snomed is set, else plain.
	text, snomed string
	// low and high are the laboratory's range where ranged.
	low, high float64
	ranged    bool
	flag      string
	// status is final when empty.
	status string
	// source sent it; device, where there is one, measured it.
	source, device string
}

// lineWriter writes Observations of one patient as FHIR R4 NDJSON. The lines are
// put together by hand: a million go through it.
type lineWriter struct {
	w       *bufio.Writer
	buf     []byte
	subject string
	slug    string
	loc     *time.Location
	// end is the instant from which nothing has happened yet.
	end time.Time
	err error
}

// start begins a line, unless the reading lies in the future.
func (w *lineWriter) start(slug string, at, end time.Time, status, source string) bool {
	if w.err != nil || !at.Before(w.end) || end.After(w.end) {
		return false
	}
	if status == "" {
		status = string(health.Final)
	}
	b := append(w.buf[:0], `{"resourceType":"Observation","id":"`...)
	b = append(b, w.slug...)
	b = append(b, '-')
	b = append(b, slug...)
	b = append(b, '-')
	b = strconv.AppendInt(b, at.Unix(), 10)
	b = append(b, `","meta":{"source":"`...)
	b = append(b, source...)
	b = append(b, `"},"status":"`...)
	b = append(b, status...)
	w.buf = append(b, '"')
	return true
}

// observe writes one Observation.
func (w *lineWriter) observe(r *reading) {
	if !w.start(r.code.slug, r.at, r.end, r.status, r.source) {
		return
	}
	w.code(&r.code)
	w.when(r.at, r.end)
	w.value(r)
	if r.flag != "" {
		w.add(`,"interpretation":[{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/v3-ObservationInterpretation","code":"`, r.flag, `"}]}]`)
	}
	if r.ranged {
		w.add(`,"referenceRange":[{"low":`)
		w.quantity(&r.code, r.low, "")
		w.add(`,"high":`)
		w.quantity(&r.code, r.high, "")
		w.add(`}]`)
	}
	w.finish(r.device)
}

// pressure writes a blood-pressure panel: one Observation with two components.
func (w *lineWriter) pressure(at time.Time, sys, dia coding, high, low float64) {
	if !w.start("bp", at, time.Time{}, "", atHome) {
		return
	}
	w.code(&coding{loinc: "85354-9", display: "Blood pressure panel with all children optional"})
	w.when(at, time.Time{})
	w.add(`,"component":[{`)
	w.component(&sys, high)
	w.add(`},{`)
	w.component(&dia, low)
	w.add(`}]`)
	w.finish(armMonitor)
}

func (w *lineWriter) component(c *coding, v float64) {
	w.coding(c)
	w.add(`,"valueQuantity":`)
	w.quantity(c, v, "")
}

func (w *lineWriter) code(c *coding) {
	w.add(`,`)
	w.coding(c)
	w.add(`,"subject":{"reference":"Patient/`, w.subject, `"}`)
}

func (w *lineWriter) coding(c *coding) {
	w.add(`"code":{"coding":[{"system":"http://loinc.org","code":"`, c.loinc, `","display":"`, c.display, `"}]}`)
}

// when writes the time with the patient's offset at that time.
func (w *lineWriter) when(at, end time.Time) {
	if end.IsZero() {
		w.add(`,"effectiveDateTime":"`)
		w.buf = at.In(w.loc).AppendFormat(w.buf, time.RFC3339)
		w.add(`"`)
		return
	}
	w.add(`,"effectivePeriod":{"start":"`)
	w.buf = at.In(w.loc).AppendFormat(w.buf, time.RFC3339)
	w.add(`","end":"`)
	w.buf = end.In(w.loc).AppendFormat(w.buf, time.RFC3339)
	w.add(`"}`)
}

func (w *lineWriter) value(r *reading) {
	switch {
	case r.snomed != "":
		w.add(`,"valueCodeableConcept":{"coding":[{"system":"http://snomed.info/sct","code":"`, r.snomed,
			`","display":"`, r.text, `"}],"text":"`, r.text, `"}`)
	case r.text != "":
		w.add(`,"valueString":"`, r.text, `"`)
	default:
		w.add(`,"valueQuantity":`)
		w.quantity(&r.code, r.value, r.comparator)
	}
}

func (w *lineWriter) quantity(c *coding, v float64, comparator string) {
	w.add(`{"value":`)
	w.buf = strconv.AppendFloat(w.buf, v, 'f', c.decimals, 64)
	if comparator != "" {
		w.add(`,"comparator":"`, comparator, `"`)
	}
	w.add(`,"unit":"`, c.unit, `","system":"http://unitsofmeasure.org","code":"`, c.ucum, `"}`)
}

// add appends literals and texts of this package, none of which needs escaping;
// a test parses every kind of line.
func (w *lineWriter) add(parts ...string) {
	for _, p := range parts {
		w.buf = append(w.buf, p...)
	}
}

func (w *lineWriter) finish(device string) {
	if device != "" {
		w.add(`,"device":{"display":"`, device, `"}`)
	}
	w.add("}\n")
	_, w.err = w.w.Write(w.buf)
}

// WriteObservations writes the Observations of a care team as FHIR R4 NDJSON,
// patient by patient and day by day, in constant memory. Times carry the
// patient's offset; none lies at or after the beginning of the clinic's today.
func (c *Clinic) WriteObservations(out io.Writer, team string) error {
	patients, err := c.team(team)
	if err != nil {
		return err
	}
	end, err := c.end()
	if err != nil {
		return err
	}
	w := &lineWriter{w: bufio.NewWriterSize(out, 1<<18), end: end}
	dice := newDice(c.seed)
	for i := range patients {
		p := &patients[i]
		if w.loc, err = time.LoadLocation(p.zone); err != nil {
			return fmt.Errorf("loading the time zone of %s: %w", p.record, err)
		}
		w.subject, w.slug = p.fhirID(), "s"+p.record[len(p.record)-3:]
		c.live(p, dice, w)
	}
	if w.err == nil {
		w.err = w.w.Flush()
	}
	if w.err != nil {
		return fmt.Errorf("writing the Observations of team %s: %w", team, w.err)
	}
	return nil
}

// live writes one patient's history.
func (c *Clinic) live(p *patient, dice *dice, w *lineWriter) {
	s := newSimulation(p, dice, w)
	first := c.today.AddDays(-c.days)
	s.begin(first)
	// One day more than the site has: east of it the patient's day begins earlier.
	for n := range c.days + 1 {
		if w.err != nil {
			return
		}
		s.day(first.AddDays(n))
	}
}

// WritePatients writes the patients of a care team as FHIR R4 NDJSON, marked as
// test data and with their time zones.
func (c *Clinic) WritePatients(out io.Writer, team string) error {
	patients, err := c.team(team)
	if err != nil {
		return err
	}
	enc := json.NewEncoder(out)
	enc.SetEscapeHTML(false)
	for _, p := range patients {
		if err := enc.Encode(p.resource()); err != nil {
			return fmt.Errorf("writing the patients of team %s: %w", team, err)
		}
	}
	return nil
}
