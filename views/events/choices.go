package events

import (
	"slices"
	"strconv"

	"healthportal/app/health"
	"healthportal/views/format"
	"healthportal/views/patients"
	"healthportal/views/ui"
)

// filters are the parameters that choose events, each of which a chip removes.
func filters() []string { return []string{"metric", "source", "flag", "day", "from", "to"} }

// total says how many events the filter matches: exactly, or that there are more than were counted.
func total(page health.EventPage) string {
	if page.AtLeast {
		return format.Count(page.Total) + "+ events"
	}
	return format.Things(page.Total, "event")
}

// sourceNumber is the filter's source as addresses have it; empty where there is none.
func sourceNumber(f health.EventFilter) string {
	if f.Source == 0 {
		return ""
	}
	return strconv.Itoa(f.Source)
}

// sourceName is the name of the filter's source, as far as the patient has data of it.
func (p Props) sourceName() string {
	if p.Filter.Source == 0 {
		return "all sources"
	}
	for _, s := range p.Page.Sources {
		if s.ID == p.Filter.Source {
			return s.Name
		}
	}
	return "no. " + sourceNumber(p.Filter) + ", which this patient has nothing of"
}

func (p Props) sourceField() ui.FieldProps {
	field := ui.FieldProps{Name: "source", Label: "Source", Type: ui.FieldSelect, Value: sourceNumber(p.Filter), Options: []ui.Option{{Label: "All sources"}}}
	listed := p.Filter.Source == 0
	for _, s := range p.Page.Sources {
		listed = listed || s.ID == p.Filter.Source
		field.Options = append(field.Options, ui.Option{Value: strconv.Itoa(s.ID), Label: s.Name})
	}
	if !listed {
		field.Options = append(field.Options, ui.Option{Value: field.Value, Label: "No. " + field.Value})
	}
	return field
}

// flagName says a code in words, as the table does.
func flagName(flag string) string {
	switch flag {
	case "":
		return "all, and none"
	case health.FlagAny:
		return "Any"
	case health.FlagNotNormal:
		return "Any but N normal"
	default:
		return patients.FlagCell(health.Observation{Flag: flag}).Text
	}
}

func (p Props) flagField() ui.FieldProps {
	field := ui.FieldProps{Name: "flag", Label: "Flag", Type: ui.FieldSelect, Value: p.Filter.Flag, Options: []ui.Option{{Label: "All"}}}
	values := []string{health.FlagAny, health.FlagNotNormal}
	for _, flag := range append(slices.Clone(p.Page.Flags), p.Filter.Flag) {
		if flag != "" && !slices.Contains(values, flag) {
			values = append(values, flag)
		}
	}
	for _, flag := range values {
		field.Options = append(field.Options, ui.Option{Value: flag, Label: flagName(flag)})
	}
	return field
}
