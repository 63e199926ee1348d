package patients

import (
	"net/url"
	"time"

	"github.com/a-h/templ"

	"healthportal/app/genomics"
	"healthportal/app/health"
	"healthportal/views/format"
	"healthportal/views/reports"
	"healthportal/views/ui"
)

// ReportsProps are the newest reports on a patient's page.
type ReportsProps struct {
	List []genomics.Report
	// Count is how many reports the patient has, as far as they are counted.
	Count int
	// Unreadable says that the index does not answer.
	Unreadable bool
	Zone       *time.Location
}

func (p ReportsProps) note() string {
	switch {
	case p.Count > genomics.ReportCountLimit:
		return "The newest of more than " + format.Things(genomics.ReportCountLimit, "report")
	case p.Count > len(p.List):
		return "The newest " + format.Count(len(p.List)) + " of " + format.Things(p.Count, "report")
	default:
		return ""
	}
}

func (p ShowProps) allReports() templ.Component {
	return ui.LinkButton(ui.LinkProps{Label: "All reports", Href: reports.Path + "?person=" + url.QueryEscape(p.Person.PublicID), Icon: ui.IconReport})
}

func reportColumns() []ui.Column {
	return []ui.Column{{Label: "Report", Wide: true}, {Label: "Risk, in its own words", Wide: true}, {Label: "Made"}}
}

func (p ShowProps) reportRows() []templ.Component {
	rows := make([]templ.Component, 0, len(p.Reports.List))
	for i := range p.Reports.List {
		r := &p.Reports.List[i]
		level, sub := reports.RiskWords(r)
		day := health.DayOf(r.SortTime().In(p.Reports.Zone))
		made := ui.Cell{Text: format.Date(day), Sub: format.Ago(day, p.Today)}
		if r.GeneratedAt.IsZero() {
			made.Sub += "; date of the file"
		}
		rows = append(rows, ui.Row(ui.RowProps{Columns: reportColumns(), Cells: []ui.Cell{
			{Content: reports.Title(r), Header: true}, {Text: level, Sub: sub, Muted: r.Risk.Level == ""}, made,
		}}))
	}
	return rows
}
