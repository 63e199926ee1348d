// Package audit holds the pages of the audit log: the log itself for those who
// review it, and who looked at a patient.
package audit

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/a-h/templ"

	"healthportal/app/access"
	"healthportal/app/health"
	"healthportal/views/format"
	"healthportal/views/ui"
)

// The addresses of the pages.
const (
	Path        = "/admin/audit"
	PatientPath = Path + "/patient"
	ExportPath  = Path + "/export.csv"
)

// Filter is what the reader asked for, as it stands in the address.
type Filter struct {
	From, To health.Day
	Kind     access.Kind
	Outcome  string
	// User and Patient are public ids; Emergency that of an emergency access,
	// which stands for its user, its patient and its time.
	User, Patient, Emergency string
	Subject                  string
	Size                     int
}

// Query is the filter for an address, without the place in the list; the names
// that are left out go.
func (f Filter) Query(without ...string) url.Values {
	q := url.Values{}
	for _, v := range []struct{ name, value string }{
		{"from", f.From.String()}, {"to", f.To.String()}, {"kind", string(f.Kind)}, {"outcome", f.Outcome}, {"user", f.User},
		{"patient", f.Patient}, {"emergency", f.Emergency}, {"subject", f.Subject}, {"size", sizeText(f.Size)},
	} {
		if v.value != "" && !slices.Contains(without, v.name) {
			q.Set(v.name, v.value)
		}
	}
	return q
}

func sizeText(n int) string {
	if n == 0 {
		return ""
	}
	return strconv.Itoa(n)
}

func (f Filter) href(without ...string) string {
	if q := f.Query(without...).Encode(); q != "" {
		return Path + "?" + q
	}
	return Path
}

// Line is one entry of the log with what the page knows about it.
type Line struct {
	At             time.Time
	Kind           access.Kind
	Outcome        string
	User, UserID   string // display name and public id
	Roles          string
	Patient        access.PatientRef
	Session, Key   string
	Subject, Route string
	Request        string
	Address        string
	Detail         string
	Chain          string
	Seq            int64
}

// Props describe a page of the log.
type Props struct {
	CSRF   string
	Filter Filter
	// Default is the page size where none was asked for, Size the one in force.
	Default, Size int
	Lines         []Line
	// Older and Newer are cursors; empty where there is no such page.
	Older, Newer string
	Users        []access.UserRef
	// Patient is the one that is filtered by; the zero value is none.
	Patient access.PatientRef
	// Emergency is the access that is filtered by; nil is none.
	Emergency *access.Emergency
	Zone      *time.Location
	// Record is a record number that nobody has, as typed.
	Record, RecordError string
}

func hx() ui.HX { return ui.HX{Target: "#audit", Swap: "outerHTML", PushURL: true} }

func (p Props) userName() string {
	for _, u := range p.Users {
		if u.PublicID == p.Filter.User {
			return u.Name
		}
	}
	return "unknown"
}

func (p Props) filterBar() ui.FilterBarProps {
	f := p.Filter
	kinds := []ui.Option{{Label: "Everything"}}
	for _, k := range kindWords() {
		kinds = append(kinds, ui.Option{Value: string(k.kind), Label: k.words})
	}
	users := []ui.Option{{Label: "Everybody"}}
	for _, u := range p.Users {
		users = append(users, ui.Option{Value: u.PublicID, Label: u.Name})
	}
	bar := ui.FilterBarProps{
		ID: "audit-filter", Label: "Filter the audit log", Action: Path, HX: hx(), Chips: p.chips(),
		Fields: []ui.FieldProps{
			{Name: "from", Label: "From day", Type: ui.FieldDate, Value: f.From.String()},
			{Name: "to", Label: "To day", Type: ui.FieldDate, Value: f.To.String()},
			{Name: "kind", Label: "What", Type: ui.FieldSelect, Value: string(f.Kind), Options: kinds},
			{Name: "outcome", Label: "Outcome", Type: ui.FieldSelect, Value: f.Outcome,
				Options: []ui.Option{{Label: "Any"}, {Value: "done", Label: "Done"}, {Value: "denied", Label: "Denied"}, {Value: "failed", Label: "Failed"}}},
			{Name: "user", Label: "User", Type: ui.FieldSelect, Value: f.User, Options: users},
			{Name: "subject", Label: "Subject", Value: f.Subject, MaxLength: MaxSubject, Hint: "Id of a report, session, key, ..."},
		},
	}
	for _, name := range []string{"patient", "emergency", "size"} {
		if v := f.Query().Get(name); v != "" {
			bar.Hidden = append(bar.Hidden, ui.Hidden{Name: name, Value: v})
		}
	}
	if len(bar.Chips) > 0 {
		bar.ClearHref = Path
	}
	return bar
}

// MaxSubject is longer than any subject's id, in bytes.
const MaxSubject = 200

func (p Props) chips() []ui.Chip {
	f := p.Filter
	var chips []ui.Chip
	add := func(on bool, label, name string) {
		if on {
			chips = append(chips, ui.Chip{Label: label, RemoveHref: f.href(name)})
		}
	}
	add(!f.From.IsZero(), "From "+format.Date(f.From), "from")
	add(!f.To.IsZero(), "To "+format.Date(f.To), "to")
	add(f.Kind != "", words(f.Kind), "kind")
	add(f.Outcome != "", "Outcome: "+f.Outcome, "outcome")
	add(f.User != "", "User: "+p.userName(), "user")
	add(f.Patient != "", "Patient: record no. "+orNone(p.Patient.RecordNumber), "patient")
	add(f.Subject != "", "Subject: "+f.Subject, "subject")
	if e := p.Emergency; e != nil {
		start, end := e.Started.In(p.Zone), e.Until().In(p.Zone)
		add(true, fmt.Sprintf("Break-glass of %s, record no. %s, %s to %s", e.UserName, orNone(e.RecordNumber), moment(start), end.Format("15:04:05")), "emergency")
	}
	return chips
}

func orNone(number string) string {
	if number == "" {
		return "none"
	}
	return number
}

func moment(t time.Time) string { return format.Date(health.DayOf(t)) + ", " + t.Format("15:04:05") }

func (p Props) pagination() ui.PaginationProps {
	b := ui.PaginationProps{
		ID: "audit-pages", Label: "Pages of the audit log", Count: format.Things(len(p.Lines), "row") + " on this page",
		Sizes: []int{25, 50, 100, 200}, Size: p.Size, Action: Path, HX: hx(),
	}
	at := func(name, cursor string) string {
		if cursor == "" {
			return ""
		}
		q := p.Filter.Query()
		q.Set(name, cursor)
		return Path + "?" + q.Encode()
	}
	b.Previous, b.Next = at("before", p.Newer), at("after", p.Older)
	q := p.Filter.Query("size")
	for _, name := range slices.Sorted(maps.Keys(q)) {
		b.Hidden = append(b.Hidden, ui.Hidden{Name: name, Value: q.Get(name)})
	}
	return b
}

// export is the address of what the filter shows as a file.
func (p Props) export() string {
	if q := p.Filter.Query("size").Encode(); q != "" {
		return ExportPath + "?" + q
	}
	return ExportPath
}

func columns() []ui.Column {
	return []ui.Column{{Label: "Time"}, {Label: "Who"}, {Label: "What", Wide: true}, {Label: "Outcome"}, {Label: "Patient"}, {Label: "Place in the log"}}
}

func (p Props) rows() []templ.Component {
	rows := make([]templ.Component, 0, len(p.Lines))
	for _, l := range p.Lines {
		at := l.At.In(p.Zone)
		who := ui.Cell{Text: l.User, Sub: l.Roles, Href: userHref(l)}
		if l.User == "" {
			who = ui.Cell{Text: "nobody signed in", Muted: true}
			if l.Route != "" && !strings.Contains(l.Route, " /") {
				who.Text = "a command"
			}
		}
		patient := ui.Cell{}
		if l.Patient.PublicID != "" {
			patient = ui.Cell{Text: orNone(l.Patient.RecordNumber), Href: Filter{Patient: l.Patient.PublicID}.href()}
		} else if l.Patient.ID != 0 {
			patient = ui.Cell{Text: "no longer here", Muted: true}
		}
		rows = append(rows, ui.Row(ui.RowProps{Columns: columns(), Cells: []ui.Cell{
			{Text: moment(at), Sub: format.Offset(at), Header: true}, who, {Content: detail(l)}, outcomeCell(l.Outcome), patient,
			{Text: format.Count(int(l.Seq)), Sub: l.Chain},
		}}))
	}
	return rows
}

func userHref(l Line) string {
	if l.UserID == "" {
		return ""
	}
	return Filter{User: l.UserID}.href()
}

func outcomeCell(o string) ui.Cell {
	switch o {
	case "done":
		return ui.Cell{Text: "Done"}
	case "denied":
		return ui.Cell{Text: "Denied", Kind: ui.Warn}
	default:
		return ui.Cell{Text: "Failed", Kind: ui.Bad}
	}
}

// facts are what a row opens to.
func (l Line) facts() []ui.Definition {
	all := []ui.Definition{
		{Term: "Kind", Text: string(l.Kind), Code: true}, {Term: "Route", Text: l.Route, Code: true}, {Term: "Subject", Text: l.Subject, Code: true},
		{Term: "Session", Text: l.Session, Code: true}, {Term: "API key", Text: l.Key, Code: true}, {Term: "Request", Text: l.Request, Code: true},
		{Term: "Address", Text: l.Address, Code: true},
	}
	facts := slices.DeleteFunc(all, func(d ui.Definition) bool { return d.Text == "" })
	return append(facts, noted(l.Detail)...)
}

// noted are the details that the handler noted, by name; what is no JSON object is shown as it is.
func noted(detail string) []ui.Definition {
	if detail == "" {
		return nil
	}
	var fields map[string]json.RawMessage
	if err := json.Unmarshal([]byte(detail), &fields); err != nil {
		return []ui.Definition{{Term: "Detail", Text: detail, Code: true}}
	}
	names := make([]string, 0, len(fields))
	for name := range fields {
		names = append(names, name)
	}
	slices.Sort(names)
	list := make([]ui.Definition, 0, len(names))
	for _, name := range names {
		text := string(fields[name])
		var plain string
		if json.Unmarshal(fields[name], &plain) == nil {
			text = plain
		}
		list = append(list, ui.Definition{Term: name, Text: text, Code: true})
	}
	return list
}

// carried are the parts of the filter that stay when a patient is chosen.
func (p Props) carried() []ui.Hidden {
	var hidden []ui.Hidden
	q := p.Filter.Query("patient", "emergency")
	for _, name := range slices.Sorted(maps.Keys(q)) {
		hidden = append(hidden, ui.Hidden{Name: name, Value: q.Get(name)})
	}
	return hidden
}
