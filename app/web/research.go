package web

import (
	"context"
	"errors"
	"net/url"
	"slices"

	"healthportal/app/health"
	"healthportal/app/research"
	views "healthportal/views/research"
)

// Research is the de-identified view of persons with recorded consent. Anybody
// else is health.ErrNotFound.
type Research interface {
	// Person returns whom a pseudonym stands for; the id is for the audit log alone.
	Person(pseudonym string) (health.PersonID, error)
	Summary(ctx context.Context) (research.Summary, error)
	Participants(ctx context.Context, f research.ListFilter) (research.List, error)
	Participant(ctx context.Context, id health.PersonID) (research.Participant, error)
	Events(ctx context.Context, userID int64, f research.EventFilter) (research.EventPage, error)
}

// researchPages are the pages of researchers.
type researchPages struct{ view Research }

// summary answers GET /research.
func (h researchPages) summary(r *request) error {
	s, err := h.view.Summary(r.ctx)
	if err != nil {
		return err
	}
	w := s.Withheld
	props := views.SummaryProps{Participants: views.Count(s.Participants), Sex: partLines(s.Sex), Ages: partLines(s.Ages),
		Withheld: views.WithheldProps{Codes: leftLine(w.Codes), Texts: leftLine(w.Texts), Units: leftLine(w.Units), Devices: leftLine(w.Devices)}}
	for _, m := range s.Metrics {
		props.Metrics = append(props.Metrics, views.Line{Label: m.Name, Persons: views.Count(m.Persons), Values: views.Count(m.Values)})
	}
	return r.render(page{title: "Research", body: views.Summary(props)})
}

func partLines(cells []research.Cell) []views.Line {
	lines := make([]views.Line, len(cells))
	for i, c := range cells {
		lines[i] = views.Line{Label: c.Label, Persons: views.Count(c.Count)}
	}
	return lines
}

func leftLine(c research.LeftCell) views.Line {
	return views.Line{Persons: views.Count(c.Persons), Values: views.Count(c.Values)}
}

// list answers GET /research/participants.
func (h researchPages) list(r *request) error {
	f := research.ListFilter{After: r.query("after"), Before: r.query("before")}
	var err error
	if f.Size, err = pageSize(r); err != nil {
		return err
	}
	if f.After != "" && f.Before != "" {
		return badInput("after", wrongInput("a page is either after or before a participant, not both"))
	}
	found, err := h.view.Participants(r.ctx, f)
	if err != nil {
		return err
	}
	r.note("shown", len(found.Pseudonyms))
	props := views.ListProps(found)
	return r.render(page{title: "Research participants", body: views.List(props), fragment: views.ListTable(props)})
}

// participant answers GET /research/participants/{pseudonym}.
func (h researchPages) participant(r *request) error {
	id, err := h.person(r, r.param("pseudonym"))
	if err != nil {
		return err
	}
	p, err := h.view.Participant(r.ctx, id)
	if err != nil {
		return err
	}
	return r.render(page{title: "Research participant", body: views.Participant(views.ParticipantProps{Pseudonym: p.Pseudonym, Sex: p.Sex,
		Age: p.Age, HasAge: p.HasAge, Metrics: metricCounts(p.Metrics), Withheld: leftValues(p.Withheld)})})
}

// person finds whom a pseudonym stands for. The log gets the person and not the
// pseudonym: both in one row would undo the pseudonyms for whoever reads the log.
func (h researchPages) person(r *request, pseudonym string) (health.PersonID, error) {
	if r.fragment() {
		if shown := participantOf(r.c.Get("HX-Current-URL")); shown != "" && shown != pseudonym {
			return 0, errOtherPatient
		}
	}
	id, err := h.view.Person(pseudonym)
	if err != nil {
		return 0, err
	}
	r.about(id, "")
	return id, nil
}

// participantOf is the participant whose values an address shows, or empty.
func participantOf(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return ""
	}
	return u.Query().Get("participant")
}

func metricCounts(list []research.MetricCount) []views.MetricCount {
	counts := make([]views.MetricCount, len(list))
	for i, m := range list {
		counts[i] = views.MetricCount(m)
	}
	return counts
}

// leftValues are what is left out of one participant.
func leftValues(w research.Withheld) views.WithheldProps {
	line := func(l research.Left) views.Line { return views.Line{Values: views.Count{N: l.Values}} }
	return views.WithheldProps{Codes: line(w.Codes), Texts: line(w.Texts), Units: line(w.Units), Devices: line(w.Devices)}
}

// events answers GET /research/events: a page of one participant's values.
func (h researchPages) events(r *request) error {
	pseudonym := r.query("participant")
	if pseudonym == "" {
		return r.render(page{title: "Research values", body: views.Choose()})
	}
	f, err := readResearchFilter(r)
	if err != nil {
		return err
	}
	if f.Person, err = h.person(r, pseudonym); err != nil {
		return err
	}
	noteResearchFilter(r, f)
	found, err := h.view.Events(r.ctx, r.principal().UserID, f)
	var words told
	if errors.As(err, &words) {
		return badInput(offending(f, err), err)
	}
	if err != nil {
		return err
	}
	r.note("shown", len(found.Events))
	props := views.EventsProps{Pseudonym: pseudonym, Metric: f.Metric, From: f.From, To: f.To, Size: found.Size, Older: found.Older, Newer: found.Newer,
		Total: found.Total, Metrics: metricCounts(found.Metrics), Withheld: leftValues(found.Withheld)}
	for _, e := range found.Events {
		props.Events = append(props.Events, views.Event(e))
	}
	return r.render(page{title: "Research values", body: views.Events(props), fragment: views.EventTable(props), wide: true})
}

// offending is the parameter that an error of the view is about.
func offending(f research.EventFilter, err error) string {
	switch {
	case !errors.Is(err, health.ErrBadCursor) && (f.After == "" || f.Before == ""):
		return "from"
	case f.After != "":
		return "after"
	default:
		return "before"
	}
}

func readResearchFilter(r *request) (f research.EventFilter, err error) {
	if f.Metric = r.query("metric"); len(f.Metric) > maxMetricCode {
		return f, badInput("metric", wrongInput("it is longer than any metric's code"))
	}
	if f.Size, err = pageSize(r); err != nil {
		return f, err
	}
	for name, to := range map[string]*health.Day{"from": &f.From, "to": &f.To} {
		if s := r.query(name); s != "" {
			if *to, err = health.ParseDay(s); err != nil {
				return f, badInput(name, err)
			}
		}
	}
	f.After, f.Before = r.query("after"), r.query("before")
	return f, nil
}

// noteResearchFilter records the filter as the researcher wrote it, in shifted days.
func noteResearchFilter(r *request, f research.EventFilter) {
	metric := "" // what is no metric may be anything, a name for instance
	if slices.ContainsFunc(health.Catalogue(), func(m health.Metric) bool { return m.Code == f.Metric }) {
		metric = f.Metric
	}
	for name, value := range map[string]string{"metric": metric, "shifted_from": f.From.String(), "shifted_to": f.To.String()} {
		if value != "" {
			r.note(name, value)
		}
	}
}
