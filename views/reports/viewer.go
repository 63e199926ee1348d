package reports

import (
	"time"

	"github.com/a-h/templ"

	"healthportal/app/genomics"
	"healthportal/views/ui"
)

// ViewerProps describes one report beside its document.
type ViewerProps struct {
	Entry
	Fresh Freshness
	Zone  *time.Location
	// Scripts lets the framed HTML run its scripts, inside the sandbox.
	Scripts bool
	// PDF gives the addresses of pdf.js; its zero value means that it is not installed.
	PDF PDFAssets
	// Newer are reports that say they replace this one, Older is the one it replaces.
	Newer []genomics.Report
	Older *genomics.Report
}

// PDFAssets are the addresses of pdf.js and of the files that it loads by name.
type PDFAssets struct {
	Library, Worker, CMaps, Fonts, Wasm, ICC string
}

// sandbox is the frame's sandbox attribute; the answer's policy says the same.
func (p ViewerProps) sandbox() string {
	if p.Scripts {
		return "allow-scripts"
	}
	return ""
}

func (p ViewerProps) crumbs() []ui.Crumb {
	list := []ui.Crumb{{Label: "Reports", Href: Path}}
	if p.Person != nil {
		list = append(list, ui.Crumb{Label: "This patient's reports", Href: Path + "?person=" + p.Person.PublicID})
	}
	return list
}

func (p ViewerProps) definitions() []ui.Definition {
	r := &p.Report
	at, note := made(r, p.Zone)
	if note != "" {
		at += " (" + note + ")"
	}
	level, sub := risk(r)
	if sub != "" {
		level += " (" + sub + ")"
	}
	list := []ui.Definition{
		{Term: "Kind", Text: kindName(r.Kind)},
		{Term: "Status", Content: ui.Badge(statusBadge(r.Status))},
		{Term: "Made", Text: at},
		{Term: "Risk, in its own words", Text: level},
		{Term: "Summary", Text: r.Summary},
		{Term: "Written by", Text: r.Tool},
		{Term: "Patient named as", Text: r.PatientRef()},
		{Term: "Format", Text: formatName(r.Format) + ", " + size(r.Size)},
		{Term: "Report root", Text: r.Root},
		{Term: "Index", Text: asOf(p.Fresh, p.Zone)},
	}
	if r.SHA256 != "" {
		list = append(list, ui.Definition{Term: "SHA-256", Text: r.SHA256, Code: true})
	}
	return list
}

// formatName is how people call a format.
func formatName(f genomics.Format) string {
	if f == genomics.PDF {
		return "PDF"
	}
	return "HTML"
}

// noDocument says why there is nothing to show, for every state but Present.
func noDocument(r *genomics.Report) ui.EmptyStateProps {
	p := ui.EmptyStateProps{Icon: ui.IconBad, Text: sentence(r.Problem)}
	switch r.State {
	case genomics.Gone:
		p.Title = "The report's file is gone"
		if p.Text == "" {
			p.Text = "It was indexed once and is no longer in its folder. What is known of it stands beside."
		}
	case genomics.Empty:
		p.Title = "The report's file is empty"
	case genomics.Mismatch:
		p.Title = "The file is not what its name says"
	case genomics.Outside:
		p.Title = "The file lies outside its folder"
	default:
		p.Title = "The file can't be read"
	}
	return p
}

// person is the public id of the report's patient; empty while it is unassigned.
func (p ViewerProps) person() string {
	if p.Person == nil {
		return ""
	}
	return p.Person.PublicID
}

func person(p ListProps) string {
	if p.Person == nil {
		return ""
	}
	return p.Person.PublicID
}

func rows(p ListProps) []templ.Component {
	list := make([]templ.Component, 0, len(p.Entries))
	cols := p.columns()
	for i := range p.Entries {
		list = append(list, ui.Row(ui.RowProps{Columns: cols, Cells: p.cells(&p.Entries[i])}))
	}
	return list
}
