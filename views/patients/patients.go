// Package patients holds the pages about patients: the list, one patient's
// overview, and the month chart.
package patients

import (
	"fmt"
	"net/url"
	"strings"

	"github.com/a-h/templ"

	"healthportal/app/health"
	"healthportal/app/health/units"
	"healthportal/views/format"
	"healthportal/views/ui"
)

// ListPath is the address of the patient list.
const ListPath = "/dashboard"

// Href is the address of a patient's page.
func Href(publicID string) string { return "/patients/" + url.PathEscape(publicID) }

// EventsHref is the address of the events of a patient that a filter chooses;
// empty values are left out.
func EventsHref(publicID string, query ...string) string {
	q := url.Values{"person": {publicID}}
	for i := 0; i+1 < len(query); i += 2 {
		if query[i+1] != "" {
			q.Set(query[i], query[i+1])
		}
	}
	return "/dashboard/events?" + q.Encode()
}

// Banner describes the patient for the banner of a page. today is the date in
// the patient's zone; level 1 makes the name the page's heading. The time of an
// emergency access is shown in its own zone.
func Banner(p health.Patient, today health.Day, level int) ui.PatientBannerProps {
	b := ui.PatientBannerProps{
		Name: p.Name(), BirthDate: format.LongDate(p.BirthDate), Age: format.Age(p.Person, today), Sex: format.Sex(p.Sex),
		RecordNumber: p.RecordNumber, Level: level, Alike: alike(p.Alike),
	}
	if b.RecordNumber == "" {
		b.RecordNumber = "none"
	}
	if level != 1 {
		b.Href = Href(p.PublicID)
	}
	if p.Synthetic {
		b.Note = "Synthetic: this person is made up."
	}
	if until := p.BreakGlassUntil; !until.IsZero() {
		b.Note = strings.TrimSpace("Break-glass access until " + until.Format("15:04") + ". " + b.Note)
	}
	return b
}

// alike names the patients that could be mistaken for this one.
func alike(others []health.Person) string {
	const most = 3
	parts := make([]string, 0, most+1)
	for i, o := range others {
		if i == most {
			parts = append(parts, fmt.Sprintf("and %s more", format.Count(len(others)-most)))
			break
		}
		text := o.Name() + ", born " + format.LongDate(o.BirthDate)
		if o.RecordNumber != "" {
			text += ", record no. " + o.RecordNumber
		}
		parts = append(parts, text)
	}
	return strings.Join(parts, "; ")
}

// ListProps describe a page of the patient list.
type ListProps struct {
	Page health.PatientPage
	// Today gives the date in each patient's zone.
	Today func(health.Person) health.Day
	Size  int
}

func (p ListProps) columns() []ui.Column {
	return []ui.Column{{Label: "Name"}, {Label: "Born"}, {Label: "Sex"}, {Label: "Record no."}, {Label: "Last data"}}
}

func (p ListProps) rows() []templ.Component {
	rows := make([]templ.Component, 0, len(p.Page.Patients))
	for _, row := range p.Page.Patients {
		today := p.Today(row.Person)
		number, last := ui.Cell{Text: row.RecordNumber}, ui.Cell{Text: "no data yet", Muted: true}
		if row.RecordNumber == "" {
			number = ui.Cell{Text: "none", Muted: true}
		}
		if !row.LastDay.IsZero() {
			last = ui.Cell{Text: format.Date(row.LastDay), Sub: format.Ago(row.LastDay, today)}
		}
		name := ui.Cell{Text: row.Name(), Href: Href(row.PublicID), Header: true}
		if row.Synthetic {
			name.Sub = "synthetic"
		}
		if until := row.BreakGlassUntil; !until.IsZero() {
			name.Sub = strings.TrimPrefix(name.Sub+", break-glass access until "+until.Format("15:04"), ", ")
		}
		rows = append(rows, ui.Row(ui.RowProps{Columns: p.columns(), Cells: []ui.Cell{
			name, {Text: format.Date(row.BirthDate), Sub: format.Age(row.Person, today)}, {Text: format.Sex(row.Sex)}, number, last,
		}}))
	}
	return rows
}

func (p ListProps) pagination() ui.PaginationProps {
	n := len(p.Page.Patients)
	b := ui.PaginationProps{
		ID: "patient-pages", Label: "Pages of patients", Sizes: Sizes(), Size: p.Size, Action: ListPath,
		Count: fmt.Sprintf("%s of %s", format.Count(n), format.Things(p.Page.Total, "patient")),
		HX:    ui.HX{Target: "#patients", Swap: "outerHTML", PushURL: true},
	}
	href := func(name, id string) string {
		return ListPath + "?" + url.Values{name: {id}, "size": {fmt.Sprint(p.Size)}}.Encode()
	}
	if n > 0 && p.Page.Previous {
		b.Previous = href("before", p.Page.Patients[0].PublicID)
	}
	if n > 0 && p.Page.Next {
		b.Next = href("after", p.Page.Patients[n-1].PublicID)
	}
	return b
}

// Sizes are the page sizes to choose from.
func Sizes() []int { return []int{25, 50, 100, 200} }

// ShowProps describe a patient's overview.
type ShowProps struct {
	Person  health.Person
	Today   health.Day
	Metrics []health.MetricSummary
	Chart   ChartProps
}

func (p ShowProps) columns() []ui.Column {
	return []ui.Column{{Label: "Metric"}, {Label: "Latest value", Numeric: true}, {Label: "Flag"}, {Label: "Day"}, {Label: "Events", Numeric: true}, {Label: "Chart"}}
}

func (p ShowProps) rows() []templ.Component {
	rows := make([]templ.Component, 0, len(p.Metrics))
	for _, m := range p.Metrics {
		e := m.Latest
		read := units.Read(&e.Observation, "")
		value := strings.TrimSpace(format.Value(e.Observation) + " " + format.Unit(e.Unit))
		cells := []ui.Cell{
			{Text: m.Metric.Name, Header: true},
			{Text: value},
			FlagCell(e.Observation),
			{Text: format.Date(e.Day), Sub: format.Ago(e.Day, p.Today)},
			{Text: format.Count(m.Count), Href: EventsHref(p.Person.PublicID, "metric", m.Metric.Code)},
			{Text: "Chart", Href: ChartHref(p.Person.PublicID, m.Metric.Code, m.Last) + "#chart"},
		}
		if !e.HasValue {
			cells[1] = ui.Cell{Text: value, Sub: "text"}
		}
		if r := format.Range(read); r != "" {
			cells[1].Sub = "range " + r
		}
		if received := format.Received(e.Observation, read); received != "" {
			cells[1].Sub = strings.TrimPrefix(cells[1].Sub+"; "+received, "; ")
		}
		cells[1].Mark = MarkOf(e.Observation, e.Unit)
		if e.Status != health.Final {
			cells[3].Sub += ", " + string(e.Status)
		}
		rows = append(rows, ui.Row(ui.RowProps{Columns: p.columns(), Cells: cells}))
	}
	return rows
}

// FlagCell is the laboratory's own interpretation as a badge: the portal flags nothing itself.
func FlagCell(o health.Observation) ui.Cell {
	switch o.Flag {
	case "":
		return ui.Cell{}
	case "N":
		return ui.Cell{Text: "N normal", Kind: ui.Good}
	case "H":
		return ui.Cell{Text: "H high", Kind: ui.Warn}
	case "L":
		return ui.Cell{Text: "L low", Kind: ui.Warn}
	case "A":
		return ui.Cell{Text: "A abnormal", Kind: ui.Warn}
	case "HH":
		return ui.Cell{Text: "HH critically high", Kind: ui.Bad}
	case "LL":
		return ui.Cell{Text: "LL critically low", Kind: ui.Bad}
	case "AA":
		return ui.Cell{Text: "AA critically abnormal", Kind: ui.Bad}
	default:
		return ui.Cell{Text: o.Flag, Kind: ui.Info}
	}
}
