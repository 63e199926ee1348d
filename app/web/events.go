package web

import (
	"context"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"healthportal/app/access"
	"healthportal/app/health"
	"healthportal/app/health/units"
	"healthportal/views/events"
	"healthportal/views/patients"
	"healthportal/views/ui"
)

// EventStore reads pages of events, seeing only what scope allows.
type EventStore interface {
	EventPage(ctx context.Context, scope access.Scope, f health.EventFilter) (health.EventPage, error)
	// EventVersions returns all versions of an event, the one in force first, or health.ErrNotFound.
	EventVersions(ctx context.Context, scope access.Scope, person health.PersonID, at health.Cursor) ([]health.EventVersion, error)
}

// eventPages is the event table.
type eventPages struct {
	store    EventStore
	patients PatientStore
	views    ViewStore
	ranges   RangeStore
}

// table answers GET /dashboard/events: a page of one patient's events.
func (h eventPages) table(r *request) error {
	publicID := r.query("person")
	if publicID == "" {
		return r.render(page{title: "Health events", body: events.Choose()})
	}
	props := events.Props{CSRF: r.csrf()}
	if v := r.query("view"); v != "" && v != events.ViewAll {
		return badInput("view", wrongInput("write "+events.ViewAll+" for all events, or leave it out"))
	}
	if err := readEvents(r.query, &props); err != nil {
		return err
	}
	p, err := r.patient(h.patients, publicID)
	if err != nil {
		return err
	}
	props.Person, props.Zone = p.Person, p.Zone(r.zone())
	if err := h.withSaved(r, &props); err != nil {
		return err
	}
	props.Filter.Person, props.Filter.Choices, props.Filter.Nights = p.ID, true, true
	if props.Ranges, err = r.rangeSheet(h.ranges); err != nil {
		return err
	}
	if props.Page, err = h.store.EventPage(r.ctx, access.One(p.ID), props.Filter); err != nil {
		return err
	}
	return r.render(page{
		title: "Health events", patient: ui.PatientBanner(patients.Banner(p, r.today(p.Person), 0)),
		body: events.Page(props), fragment: events.Table(props), wide: true,
	})
}

// readEvents reads what of the events is asked for, and in which unit.
func readEvents(get lookup, p *events.Props) (err error) {
	if p.Filter, p.Day, err = readEventFilter(get); err != nil {
		return err
	}
	p.Unit, err = unitOf(get, p.Filter.Metric)
	return err
}

// maxMetricCode is longer than any metric's code.
const maxMetricCode = 600

// maxFlag is longer than any laboratory's code.
const maxFlag = 100

// lookup gives the value of a parameter; empty where there is none.
type lookup func(name string) string

// readEventFilter reads the parameters. day is set where one day was asked for.
func readEventFilter(get lookup) (f health.EventFilter, day health.Day, err error) {
	if err := readChosen(get, &f); err != nil {
		return f, day, err
	}
	for _, p := range []struct {
		name string
		day  *health.Day
		at   *time.Time
	}{{"day", &day, nil}, {"from", &f.From, &f.Since}, {"to", &f.To, &f.Until}} {
		if err := readWhen(get(p.name), p.day, p.at); err != nil {
			return f, day, badInput(p.name, err)
		}
	}
	if !day.IsZero() {
		if !f.From.IsZero() || !f.To.IsZero() {
			return f, day, badInput("day", wrongInput("ask for one day, or for a range, not for both"))
		}
		f.From, f.To = day, day
	}
	for name, to := range map[string]**health.Cursor{"after": &f.After, "before": &f.Before} {
		if s := get(name); s != "" {
			c, err := health.ParseCursor(s)
			if err != nil {
				return f, day, badInput(name, err)
			}
			*to = &c
		}
	}
	if err := f.Validate(); err != nil {
		return f, day, badInput("from", err)
	}
	return f, day, nil
}

// readWhen reads a day, or where at is given also a time with its offset.
func readWhen(s string, day *health.Day, at *time.Time) (err error) {
	switch {
	case s == "":
	case at != nil && strings.Contains(s, "T"):
		*at, err = health.ParseInstant(s)
	default:
		*day, err = health.ParseDay(s)
	}
	return err
}

// readChosen reads what is not about days or the place in the list.
func readChosen(get lookup, f *health.EventFilter) (err error) {
	if f.Metric = get("metric"); len(f.Metric) > maxMetricCode || !isText([]byte(f.Metric)) {
		return badInput("metric", wrongInput("it is no metric's code"))
	}
	if f.Flag = get("flag"); len(f.Flag) > maxFlag || !isText([]byte(f.Flag)) {
		return badInput("flag", wrongInput("it is no laboratory's code"))
	}
	if s := get("source"); s != "" {
		if f.Source, err = strconv.Atoi(s); err != nil || f.Source < 1 || f.Source > math.MaxInt32 {
			return badInput("source", wrongInput("choose one from the list: addresses have a source's number, never its name"))
		}
	}
	if s := get("size"); s != "" {
		if f.Size, err = strconv.Atoi(s); err != nil || f.Size < 1 {
			return badInput("size", wrongInput("write a number of rows from 1 to "+strconv.Itoa(health.MaxPageSize)))
		}
	}
	return nil
}

// readUnit reads the unit in which a metric's values are to be shown; empty means
// as stored. A form says with unit_of which metric its unit belongs to, so that
// choosing another metric in it leaves the unit behind.
func readUnit(r *request, metric string) (string, error) { return unitOf(r.query, metric) }

func unitOf(get lookup, metric string) (string, error) {
	unit := get("unit")
	if of := get("unit_of"); unit == "" || (of != "" && of != metric) {
		return "", nil
	}
	choices := units.Choices(metric)
	switch {
	case metric == "":
		return "", badInput("unit", wrongInput("choose the metric first, because units belong to one"))
	case len(choices) == 0:
		return "", badInput("unit", wrongInput("values of this metric are shown in the unit that they came in"))
	case !slices.Contains(choices, unit):
		return "", badInput("unit", wrongInput("this metric can be shown in "+strings.Join(choices, ", ")))
	}
	return unit, nil
}
