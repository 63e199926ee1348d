package web

import (
	"context"
	"slices"
	"strings"

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
}

// eventPages is the event table.
type eventPages struct {
	store    EventStore
	patients PatientStore
}

// table answers GET /dashboard/events: a page of one patient's events.
func (h eventPages) table(r *request) error {
	publicID := r.query("person")
	if publicID == "" {
		return r.render(page{title: "Health events", body: events.Choose()})
	}
	f, day, err := readEventFilter(r)
	if err != nil {
		return err
	}
	unit, err := readUnit(r, f.Metric)
	if err != nil {
		return err
	}
	p, err := r.patient(h.patients, publicID)
	if err != nil {
		return err
	}
	f.Person = p.ID
	found, err := h.store.EventPage(r.ctx, access.One(p.ID), f)
	if err != nil {
		return err
	}
	props := events.Props{Person: p.Person, Zone: p.Zone(r.zone()), Filter: f, Day: day, Unit: unit, Page: found}
	return r.render(page{
		title: "Health events", patient: ui.PatientBanner(patients.Banner(p, r.today(p.Person), 0)),
		body: events.Page(props), fragment: events.Table(props), wide: true,
	})
}

// maxMetricCode is longer than any metric's code.
const maxMetricCode = 600

// readEventFilter reads the query. day is set where one day was asked for.
func readEventFilter(r *request) (f health.EventFilter, day health.Day, err error) {
	if f.Metric = r.query("metric"); len(f.Metric) > maxMetricCode {
		return f, day, badInput("metric", wrongInput("it is longer than any metric's code"))
	}
	if f.Size, err = pageSize(r); err != nil {
		return f, day, err
	}
	for name, to := range map[string]*health.Day{"day": &day, "from": &f.From, "to": &f.To} {
		if s := r.query(name); s != "" {
			if *to, err = health.ParseDay(s); err != nil {
				return f, day, badInput(name, err)
			}
		}
	}
	if !day.IsZero() {
		if !f.From.IsZero() || !f.To.IsZero() {
			return f, day, badInput("day", wrongInput("ask for one day, or for a range, not for both"))
		}
		f.From, f.To = day, day
	}
	for name, to := range map[string]**health.Cursor{"after": &f.After, "before": &f.Before} {
		if s := r.query(name); s != "" {
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

// readUnit reads the unit in which a metric's values are to be shown; empty means
// as stored. A form says with unit_of which metric its unit belongs to, so that
// choosing another metric in it leaves the unit behind.
func readUnit(r *request, metric string) (string, error) {
	unit := r.query("unit")
	if of := r.query("unit_of"); unit == "" || (of != "" && of != metric) {
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
