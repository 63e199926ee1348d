package patients

import (
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/a-h/templ"

	"healthportal/app/health"
	"healthportal/views/format"
	"healthportal/views/ui"
)

// SearchPath takes the search form of the patient list.
const SearchPath = ListPath + "/search"

// ListProps describe a page of the patient list.
type ListProps struct {
	Page   health.PatientPage
	Filter health.PatientFilter
	// View is the id of what was searched for, as it stands in addresses.
	View string
	// Today gives the date in each patient's zone, UTCToday that of UTC.
	Today    func(health.Person) health.Day
	UTCToday health.Day
	CSRF     string
	// CanBreakGlass offers emergency access where nobody is found.
	CanBreakGlass bool
	// Summary and Index are for the whole page only.
	Summary health.SiteSummary
	Index   IndexAge
}

// IndexAge says how old the report index is.
type IndexAge struct {
	// AsOf is when the least fresh folder was compared; zero: never.
	AsOf time.Time
	Zone *time.Location
	// Stale says that it is behind, Unreadable that it does not answer.
	Stale, Unreadable bool
}

// ListHref is the address of the list that f asks for; view is what f.Text became.
func ListHref(f health.PatientFilter, view string) string {
	q := url.Values{}
	set := func(name, value string) {
		if value != "" {
			q.Set(name, value)
		}
	}
	set("view", view)
	set("team", f.Team)
	set("after", f.After)
	set("before", f.Before)
	if f.Sort != health.ByName {
		set("sort", string(f.Sort))
	}
	if f.Size > 0 && f.Size != health.DefaultPageSize {
		set("size", strconv.Itoa(f.Size))
	}
	if len(q) == 0 {
		return ListPath
	}
	return ListPath + "?" + q.Encode()
}

// href is the address of this list changed.
func (p ListProps) href(change func(f *health.PatientFilter)) string {
	f := p.Filter
	f.After, f.Before = "", ""
	change(&f)
	return ListHref(f, p.View)
}

func (p ListProps) hx() ui.HX {
	return ui.HX{Target: "#patients", Swap: "outerHTML", PushURL: true}
}

// search is the form above the list. What is typed goes by POST, so that it stands in no address.
func (p ListProps) search() ui.FilterBarProps {
	return ui.FilterBarProps{
		ID: "patient-search", Label: "Search patients", Action: SearchPath, Post: true, CSRF: p.CSRF, ApplyLabel: "Search",
		Fields: []ui.FieldProps{{ID: "patient-q", Name: "q", Label: "Name or record number", Type: ui.FieldSearch, Value: p.Filter.Text,
			MaxLength: health.MaxSearch}},
		HX: ui.HX{Target: "#patients", Swap: "outerHTML", Trigger: "input delay:300ms, submit", Sync: "this:replace"},
	}
}

// order is one choice of the order.
type order struct {
	sort  health.PatientSort
	label string
}

func orders() []order {
	return []order{{health.ByName, "Name"}, {health.ByData, "Newest data"}, {health.ByFlags, "Flags"}}
}

func (p ListProps) orderHref(o order) string {
	return p.href(func(f *health.PatientFilter) { f.Sort = o.sort })
}

func (p ListProps) columns() []ui.Column {
	cols := []ui.Column{{Label: "Name"}, {Label: "Born"}, {Label: "Sex"}, {Label: "Record no."}, {Label: "Newest data"}, {Label: "Flags"}}
	switch p.Filter.Sort {
	case health.ByData:
		cols[4].Sort = ui.Descending
	case health.ByFlags:
		cols[5].Sort = ui.Descending
	default:
		cols[0].Sort = ui.Ascending
	}
	return cols
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
		rows = append(rows, ui.Row(ui.RowProps{Columns: p.columns(), Cells: []ui.Cell{
			nameCell(row), {Text: format.Date(row.BirthDate), Sub: format.Age(row.Person, today)}, {Text: format.Sex(row.Sex)}, number, last,
			flagsCell(row.Flags, today),
		}}))
	}
	return rows
}

func nameCell(row health.PatientRow) ui.Cell {
	name := ui.Cell{Text: row.Name(), Href: Href(row.PublicID), Header: true}
	var notes []string
	if row.New {
		notes = append(notes, "new, opened by nobody yet")
	}
	if row.Synthetic {
		notes = append(notes, "synthetic")
	}
	if until := row.BreakGlassUntil; !until.IsZero() {
		notes = append(notes, "break-glass access until "+until.Format("15:04"))
	}
	name.Sub = strings.Join(notes, ", ")
	return name
}

// flagsCell is the worst flag in words with its sign, of what, how old, and how many there are.
func flagsCell(s health.FlagSummary, today health.Day) ui.Cell {
	if s.Flag == "" {
		return ui.Cell{}
	}
	cell := FlagCell(health.Observation{Flag: s.Flag})
	cell.Sub = s.Metric + ", " + format.Ago(s.Day, today)
	if s.Count > 1 {
		cell.Sub += ", and " + format.Count(s.Count-1) + " more"
	}
	return cell
}

func (p ListProps) pagination() ui.PaginationProps {
	n := len(p.Page.Patients)
	b := ui.PaginationProps{
		ID: "patient-pages", Label: "Pages of patients", Sizes: Sizes(), Size: p.Filter.Size, Action: ListPath, Count: p.count(), HX: p.hx(),
	}
	for _, h := range []ui.Hidden{{Name: "view", Value: p.View}, {Name: "team", Value: p.Filter.Team}, {Name: "sort", Value: string(p.Filter.Sort)}} {
		if h.Value != "" {
			b.Hidden = append(b.Hidden, h)
		}
	}
	if n > 0 && p.Page.Previous {
		b.Previous = p.href(func(f *health.PatientFilter) { f.Before = p.Page.Patients[0].PublicID })
	}
	if n > 0 && p.Page.Next {
		b.Next = p.href(func(f *health.PatientFilter) { f.After = p.Page.Patients[n-1].PublicID })
	}
	return b
}

func (p ListProps) narrowed() bool { return p.Filter.Text != "" || p.Filter.Team != "" }

// count says how many are shown, how many match, and of how many.
func (p ListProps) count() string {
	text := format.Count(len(p.Page.Patients)) + " of " + format.Things(p.Page.Total, "patient")
	switch {
	case p.Filter.Text != "" && p.Filter.Team != "":
		text += " found among the new ones"
	case p.Filter.Text != "":
		text += " found"
	case p.Filter.Team != "":
		text += " with news that nobody of the team has opened"
	}
	return text
}

// Sizes are the page sizes to choose from.
func Sizes() []int { return []int{25, 50, 100, 200} }

func (p ListProps) empty() ui.EmptyStateProps {
	all := ui.LinkButton(ui.LinkProps{Label: "Show all patients", Href: ListPath})
	switch {
	case p.Page.All == 0:
		return ui.EmptyStateProps{Title: "No patients in your care teams", Icon: ui.IconPatients,
			Text: "You see the patients of the care teams that you belong to. Either you are in no team yet, or your teams have no patients: ask an administrator to add you, or an operator to import the team's data."}
	case p.Filter.Text != "" && p.Page.Total == 0:
		text := "Nobody in your care teams has a name with words that begin so, or such a record number. Write less of the name, or the record number from its beginning. Patients of other teams are not searched."
		if p.CanBreakGlass {
			text += " In an emergency, break the glass: it takes record number and birth date."
		}
		return ui.EmptyStateProps{Title: "No patient found", Icon: ui.IconPatients, Text: text, Action: all}
	case p.Filter.Team != "" && p.Page.Total == 0:
		return ui.EmptyStateProps{Title: "Nothing new", Icon: ui.IconPatients, Action: all,
			Text: "Somebody of this team has opened the newest data and reports of each of its patients."}
	default:
		return ui.EmptyStateProps{Title: "No patients here", Icon: ui.IconPatients, Action: all, Text: "The list has changed since its address was made. Go back to its first page."}
	}
}

// newsHref lists a team's patients with news.
func newsHref(t health.TeamNews) string {
	return ListHref(health.PatientFilter{Team: t.PublicID, Sort: health.ByFlags}, "")
}

func newsWords(t health.TeamNews) string {
	return format.Count(t.Data) + " with new data, " + format.Count(t.Reports) + " with new reports"
}

func (p ListProps) sourceColumns() []ui.Column {
	return []ui.Column{{Label: "Source"}, {Label: "Last received"}, {Label: "Rows in 7 days", Numeric: true}}
}

func (p ListProps) sourceRows() []templ.Component {
	rows := make([]templ.Component, 0, len(p.Summary.Sources))
	for _, s := range p.Summary.Sources {
		rows = append(rows, ui.Row(ui.RowProps{Columns: p.sourceColumns(), Cells: []ui.Cell{
			{Text: s.Name, Header: true}, {Text: format.Date(s.LastDay), Sub: format.Ago(s.LastDay, p.UTCToday)}, {Text: format.Count(s.Week)}}}))
	}
	return rows
}

func (p ListProps) sourceNote() string {
	note := "When data about your care teams' patients last arrived. Days are those of UTC; corrections count."
	if n := p.Summary.SourceCount - len(p.Summary.Sources); n > 0 {
		note += " The latest " + format.Count(len(p.Summary.Sources)) + " of " + format.Things(p.Summary.SourceCount, "source") + "."
	}
	return note
}

// words says how old the index is.
func (a IndexAge) words() string {
	switch {
	case a.Unreadable:
		return "The report index can't be read right now"
	case a.AsOf.IsZero():
		return "The report index was never completely compared with the report folders"
	default:
		text := "Report index as of " + a.AsOf.In(a.Zone).Format("2 Jan 2006, 15:04 MST")
		if a.Stale {
			text += "; it may be behind"
		}
		return text
	}
}

func patientsWord(n int) string { return format.Things(n, "patient") }
