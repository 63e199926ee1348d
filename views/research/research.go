// Package research holds the pages of de-identified data.
package research

import (
	"net/url"
	"strconv"
	"time"

	"github.com/a-h/templ"

	"healthportal/app/health"
	"healthportal/views/format"
	"healthportal/views/patients"
	"healthportal/views/ui"
)

// The addresses of the pages.
const (
	Path             = "/research"
	ParticipantsPath = "/research/participants"
	EventsPath       = "/research/events"
)

// FewerThan is the least count that the pages show.
const FewerThan = 5

// Count is a count that may be withheld.
type Count struct {
	N        int
	Withheld bool
}

// Line is one line of a table of counts.
type Line struct {
	Label string
	// Persons counts participants, Values what they have; tables of participants alone leave Values empty.
	Persons, Values Count
}

// SummaryProps describe the summary of all participants.
type SummaryProps struct {
	Participants Count
	// Sex and Ages each add up to Participants.
	Sex, Ages, Metrics []Line
	Withheld           WithheldProps
}

// WithheldProps count what is left out, by the reason.
type WithheldProps struct{ Codes, Texts, Units, Devices Line }

// lines puts the reasons into words.
func (w WithheldProps) lines() []Line {
	for line, label := range map[*Line]string{
		&w.Codes: "Code outside the catalogue: its name may be free text", &w.Texts: "Text instead of a number",
		&w.Units: "Unit that is not known: it may be free text", &w.Devices: "Shown without the name of the device",
	} {
		line.Label = label
	}
	return []Line{w.Codes, w.Texts, w.Units, w.Devices}
}

// alwaysLeftOut says what no count can tell.
const alwaysLeftOut = "Names, record numbers, birth dates, sources, devices, reports, laboratory ranges and the ids of other systems are never shown here. " +
	"Corrected and retracted values are left out; what replaced them is shown."

// few words a count that is withheld because it is small.
func few(c Count) string {
	if c.Withheld {
		return "fewer than " + strconv.Itoa(FewerThan)
	}
	return format.Count(c.N)
}

// lead says how many participants there are.
func (p SummaryProps) lead() string {
	const who = "De-identified data of people who consented to research. "
	if p.Participants.Withheld {
		return who + "Their number is withheld: it is fewer than 5, or would reveal a part that is."
	}
	return who + format.Things(p.Participants.N, "participant") + "."
}

// partCell is a cell of a table whose counts add up to the participants. Which
// of those withheld were small is not told: it would narrow them down.
func partCell(c Count) ui.Cell {
	if c.Withheld {
		return ui.Cell{Text: "withheld", Muted: true}
	}
	return ui.Cell{Text: format.Count(c.N)}
}

func partColumns(label string) []ui.Column {
	return []ui.Column{{Label: label}, {Label: "Participants", Numeric: true}}
}

func partRows(label string, lines []Line) []templ.Component {
	rows := make([]templ.Component, 0, len(lines))
	for _, l := range lines {
		rows = append(rows, ui.Row(ui.RowProps{Columns: partColumns(label), Cells: []ui.Cell{{Text: l.Label, Header: true}, partCell(l.Persons)}}))
	}
	return rows
}

const partNote = "Withheld are counts under 5, and where the total would reveal one, others with it."

func countColumns(label string) []ui.Column {
	return []ui.Column{{Label: label, Wide: true}, {Label: "Participants", Numeric: true}, {Label: "Values", Numeric: true}}
}

func countRows(label string, lines []Line) []templ.Component {
	rows := make([]templ.Component, 0, len(lines))
	for _, l := range lines {
		values := ui.Cell{Text: format.Count(l.Values.N)}
		if l.Values.Withheld {
			values = ui.Cell{Text: "withheld", Muted: true}
		}
		rows = append(rows, ui.Row(ui.RowProps{Columns: countColumns(label), Cells: []ui.Cell{{Text: l.Label, Header: true}, {Text: few(l.Persons), Muted: l.Persons.Withheld}, values}}))
	}
	return rows
}

// ListProps describe a page of the participants.
type ListProps struct {
	Pseudonyms     []string
	Next, Previous bool
	Size           int
}

func (p ListProps) rows() []templ.Component {
	rows := make([]templ.Component, 0, len(p.Pseudonyms))
	for _, name := range p.Pseudonyms {
		rows = append(rows, ui.Row(ui.RowProps{Columns: listColumns(), Cells: []ui.Cell{
			{Text: name, Href: participantHref(name), Header: true}, {Text: "Values", Href: eventsHref(name, "")}}}))
	}
	return rows
}

func listColumns() []ui.Column {
	return []ui.Column{{Label: "Pseudonym"}, {Label: "Values", Hidden: true}}
}

func (p ListProps) pagination() ui.PaginationProps {
	b := ui.PaginationProps{ID: "participant-pages", Label: "Pages of participants", Sizes: patients.Sizes(), Size: p.Size, Action: ParticipantsPath,
		HX: ui.HX{Target: "#participants", Swap: "outerHTML", PushURL: true}, Count: format.Things(len(p.Pseudonyms), "participant") + " on this page"}
	at := func(name, pseudonym string) string {
		q := url.Values{name: {pseudonym}}
		if p.Size != health.DefaultPageSize {
			q.Set("size", strconv.Itoa(p.Size))
		}
		return ParticipantsPath + "?" + q.Encode()
	}
	if n := len(p.Pseudonyms); n > 0 {
		if p.Previous {
			b.Previous = at("before", p.Pseudonyms[0])
		}
		if p.Next {
			b.Next = at("after", p.Pseudonyms[n-1])
		}
	}
	return b
}

func participantHref(pseudonym string) string {
	return ParticipantsPath + "/" + url.PathEscape(pseudonym)
}

func eventsHref(pseudonym, metric string) string {
	q := url.Values{"participant": {pseudonym}}
	if metric != "" {
		q.Set("metric", metric)
	}
	return EventsPath + "?" + q.Encode()
}

// MetricCount is what a participant has of one metric.
type MetricCount struct {
	Code, Name      string
	Persons, Values int
}

// ParticipantProps describe one participant.
type ParticipantProps struct {
	Pseudonym string
	Sex       health.Sex
	// Age is in whole years, 90 for everybody as old or older. It means nothing without HasAge.
	Age      int
	HasAge   bool
	Metrics  []MetricCount
	Withheld WithheldProps
}

// oldest is the age that stands for itself and every greater one.
const oldest = 90

func (p ParticipantProps) facts() []ui.Definition {
	age := "unknown"
	switch {
	case p.HasAge && p.Age >= oldest:
		age = strconv.Itoa(oldest) + " or older"
	case p.HasAge:
		age = format.Things(p.Age, "year")
	}
	return []ui.Definition{{Term: "Pseudonym", Text: p.Pseudonym, Code: true}, {Term: "Sex", Text: format.Sex(p.Sex)},
		{Term: "Age reached this year", Text: age}}
}

func metricColumns() []ui.Column {
	return []ui.Column{{Label: "Metric", Wide: true}, {Label: "Values", Numeric: true}}
}

func (p ParticipantProps) metricRows() []templ.Component {
	rows := make([]templ.Component, 0, len(p.Metrics))
	for _, m := range p.Metrics {
		rows = append(rows, ui.Row(ui.RowProps{Columns: metricColumns(), Cells: []ui.Cell{
			{Text: m.Name, Href: eventsHref(p.Pseudonym, m.Code), Header: true}, {Text: format.Count(m.Values)}}}))
	}
	return rows
}

func leftColumns() []ui.Column {
	return []ui.Column{{Label: "Reason", Wide: true}, {Label: "Values", Numeric: true}}
}

// leftRows are one participant's own counts, which are theirs alone and so exact.
func leftRows(w WithheldProps) []templ.Component {
	var rows []templ.Component
	for _, l := range w.lines() {
		rows = append(rows, ui.Row(ui.RowProps{Columns: leftColumns(), Cells: []ui.Cell{{Text: l.Label, Header: true}, {Text: format.Count(l.Values.N)}}}))
	}
	return rows
}

// Event is one value; its dates are shifted, its times are of the person's clock.
type Event struct {
	Day                health.Day
	Start, End         time.Time
	WholeDays          bool
	Metric, MetricName string
	Value              float64
	Comparator         string
	Unit, LOINC        string
	Flag               string
	Status             health.Status
}
