// Package reports holds the pages of genomics reports: the list and the viewer.
package reports

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"healthportal/app/genomics"
	"healthportal/app/health"
	"healthportal/views/ui"
)

// Entry is a report as the pages show it.
type Entry struct {
	Report genomics.Report
	// Person is nil while the report is unassigned, or its person is not known to the mirror.
	Person *health.Person
}

// Freshness tells how old the index is.
type Freshness struct {
	// AsOf is when the least fresh root was compared; zero: never.
	AsOf time.Time
	// Stale is set when that is longer ago than the job's schedule explains.
	Stale bool
	// Problems are what the last run says of roots that it could not compare.
	Problems []string
}

// ListProps describes the report list.
type ListProps struct {
	Entries []Entry
	Fresh   Freshness
	// Person narrows the list to one patient; nil: all that are allowed.
	Person *health.Person
	// Analyst adds the choice of unassigned reports.
	Analyst    bool
	Unassigned bool
	Kind, Text string
	Kinds      []string
	Size       int
	// Count is honest text, for instance "3 of 10,000+ reports".
	Count string
	// Previous and Next are addresses, empty at the ends.
	Previous, Next string
	CSRF           string
	Zone           *time.Location
	// Filtered is set when the list is narrowed; Indexed when the index holds any report at all.
	Filtered, Indexed bool
}

// Path is the address of the list.
const Path = "/genomics/reports"

// Href is the address of a report's viewer.
func Href(id string) string { return Path + "/" + id }

// FileHref is the address of a report's bytes.
func FileHref(id string) string { return Href(id) + "/file" }

const timeFormat = "2 Jan 2006, 15:04 MST"

func when(t time.Time, zone *time.Location) string {
	if t.IsZero() {
		return ""
	}
	return t.In(zone).Format(timeFormat)
}

// made is when a report was made, with a note where only the file's date is known.
func made(r *genomics.Report, zone *time.Location) (text, note string) {
	if r.GeneratedAt.IsZero() {
		return when(r.ModTime, zone), "date of the file; the report states none"
	}
	return when(r.GeneratedAt, zone), ""
}

func asOf(f Freshness, zone *time.Location) string {
	if f.AsOf.IsZero() {
		return "The index was never completely compared with the report folders"
	}
	return "Index as of " + when(f.AsOf, zone)
}

// stateBadge is the word for a file that is not there to be read, false for one that is.
func stateBadge(r *genomics.Report) (ui.BadgeProps, bool) {
	switch r.State {
	case genomics.Present:
		return ui.BadgeProps{}, false
	case genomics.Gone:
		return ui.BadgeProps{Label: "Gone", Kind: ui.Bad, Title: "The file is no longer in its folder."}, true
	case genomics.Empty:
		return ui.BadgeProps{Label: "Empty", Kind: ui.Bad, Title: "The file holds no bytes."}, true
	case genomics.Mismatch:
		return ui.BadgeProps{Label: "Not what its name says", Kind: ui.Bad, Title: sentence(r.Problem)}, true
	case genomics.Outside:
		return ui.BadgeProps{Label: "Outside its folder", Kind: ui.Bad, Title: sentence(r.Problem)}, true
	default:
		return ui.BadgeProps{Label: "Unreadable", Kind: ui.Bad, Title: sentence(r.Problem)}, true
	}
}

// statusBadge is the report's status in its author's word.
func statusBadge(s genomics.ReportStatus) ui.BadgeProps {
	switch s {
	case genomics.Final:
		return ui.BadgeProps{Label: "Final", Kind: ui.Good}
	case genomics.Amended:
		return ui.BadgeProps{Label: "Amended", Kind: ui.Info}
	case genomics.Preliminary:
		return ui.BadgeProps{Label: "Preliminary", Kind: ui.Warn}
	case genomics.Withdrawn:
		return ui.BadgeProps{Label: "Withdrawn", Kind: ui.Bad}
	default:
		return ui.BadgeProps{Label: "Status not stated"}
	}
}

// badges are all that the list shows beside a title.
func badges(r *genomics.Report) []ui.BadgeProps {
	var list []ui.BadgeProps
	if r.Status != genomics.UnknownStatus {
		list = append(list, statusBadge(r.Status))
	}
	if b, ok := stateBadge(r); ok {
		list = append(list, b)
	}
	if r.PersonID == 0 {
		list = append(list, ui.BadgeProps{Label: "Unassigned", Kind: ui.Warn, Title: sentence(r.Unassigned)})
	}
	if r.Problem != "" && r.State == genomics.Present {
		list = append(list, ui.BadgeProps{Label: "Problem", Kind: ui.Warn, Title: sentence(r.Problem)})
	}
	return list
}

// quiet says in plain text what matters less than a badge: that a report states
// no status, that it is made up.
func quiet(r *genomics.Report) string {
	text := ""
	if r.Status == genomics.UnknownStatus {
		text += ", status not stated"
	}
	if r.Synthetic {
		text += ", synthetic"
	}
	return text
}

func sentence(s string) string {
	if s == "" {
		return ""
	}
	return strings.ToUpper(s[:1]) + s[1:] + "."
}

// risk is the document's own word; its scale and tool say what it means.
func risk(r *genomics.Report) (level, sub string) {
	if r.Risk.Level == "" && r.Risk.Score == "" {
		return "not stated", ""
	}
	level = r.Risk.Level
	if level == "" {
		level = "level not stated"
	}
	var parts []string
	if r.Risk.Score != "" {
		parts = append(parts, "score "+r.Risk.Score)
	}
	if r.Risk.Scale != "" {
		parts = append(parts, r.Risk.Scale)
	}
	if r.Risk.Tool != "" {
		parts = append(parts, r.Risk.Tool)
	}
	return level, strings.Join(parts, "; ")
}

// kindName makes a kind readable: "polygenic-risk" is "Polygenic risk".
func kindName(kind string) string {
	s := strings.ReplaceAll(kind, "-", " ")
	if s == "" {
		return s
	}
	return strings.ToUpper(s[:1]) + s[1:]
}

func recordNumber(p *health.Person) string {
	if p.RecordNumber == "" {
		return "no record number"
	}
	return p.RecordNumber
}

// size is a file's size in words, exact below 10 kB.
func size(n int64) string {
	switch {
	case n < 10_000:
		return strconv.FormatInt(n, 10) + " bytes"
	case n < 10_000_000:
		return fmt.Sprintf("about %d kB", n/1000)
	default:
		return fmt.Sprintf("about %d MB", n/1_000_000)
	}
}

func (p ListProps) columns() []ui.Column {
	cols := []ui.Column{{Label: "Report", Wide: true}}
	if p.Person == nil {
		cols = append(cols, ui.Column{Label: "Patient", Wide: true})
	}
	return append(cols, ui.Column{Label: "Kind"}, ui.Column{Label: "Risk, in its own words", Wide: true}, ui.Column{Label: "Made"})
}

func (p ListProps) cells(e *Entry) []ui.Cell {
	r := &e.Report
	cells := []ui.Cell{{Content: titleCell(r)}}
	if p.Person == nil {
		cells = append(cells, patientCell(e))
	}
	level, sub := risk(r)
	at, note := made(r, p.Zone)
	return append(cells, ui.Cell{Text: kindName(r.Kind)}, ui.Cell{Text: level, Sub: sub, Muted: r.Risk.Level == ""}, ui.Cell{Text: at, Sub: note})
}

func patientCell(e *Entry) ui.Cell {
	switch {
	case e.Person != nil:
		return ui.Cell{Text: e.Person.Name(), Href: Path + "?person=" + e.Person.PublicID, Sub: recordNumber(e.Person)}
	case e.Report.PersonID != 0:
		return ui.Cell{Text: "known after the next sync", Muted: true}
	default:
		return ui.Cell{Text: "nobody", Muted: true, Sub: e.Report.PatientRef()}
	}
}

func (p ListProps) fields() []ui.FieldProps {
	kinds := []ui.Option{{Label: "All kinds"}}
	for _, k := range p.Kinds {
		kinds = append(kinds, ui.Option{Value: k, Label: kindName(k)})
	}
	fields := []ui.FieldProps{
		{Name: "q", Label: "Search", Type: ui.FieldSearch, Value: p.Text, MaxLength: 200, Placeholder: "Title, kind, summary, record no."},
		{Name: "kind", Label: "Kind", Type: ui.FieldSelect, Value: p.Kind, Options: kinds},
	}
	if p.Analyst && p.Person == nil {
		fields = append(fields, ui.FieldProps{Name: "unassigned", Label: "Unassigned only", Type: ui.FieldCheckbox, Value: "1", Checked: p.Unassigned})
	}
	return fields
}

func (p ListProps) hidden() []ui.Hidden {
	if p.Person == nil {
		return nil
	}
	return []ui.Hidden{{Name: "person", Value: p.Person.PublicID}}
}

// sizeHidden keeps the filter when the page size is changed.
func (p ListProps) sizeHidden() []ui.Hidden {
	list := p.hidden()
	for _, h := range []ui.Hidden{{Name: "kind", Value: p.Kind}, {Name: "unassigned", Value: flag(p.Unassigned)}} {
		if h.Value != "" {
			list = append(list, h)
		}
	}
	return list
}

func flag(b bool) string {
	if b {
		return "1"
	}
	return ""
}

func (p ListProps) clearHref() string {
	if !p.Filtered {
		return ""
	}
	return Path
}

func (p ListProps) empty() ui.EmptyStateProps {
	switch {
	case !p.Indexed:
		return ui.EmptyStateProps{Title: "No report is indexed yet", Text: "An operator fills the index with sync-reports; it reads the folders that the manifest names."}
	case p.Filtered:
		return ui.EmptyStateProps{Title: "No report matches", Text: "Drop a filter, or look again after the next sync if the report is new."}
	case p.Analyst:
		return ui.EmptyStateProps{Title: "No report to show", Text: "You have reached the end of the list."}
	default:
		return ui.EmptyStateProps{Title: "No report of your patients", Text: "You see the reports of the patients in your care teams. An administrator adds you to a team."}
	}
}
