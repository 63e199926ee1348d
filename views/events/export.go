package events

import (
	"net/url"
	"time"

	"github.com/a-h/templ"

	"healthportal/app/health"
	"healthportal/views/format"
	"healthportal/views/ui"
)

// The addresses of exports.
const (
	ExportPath   = Path + "/export"
	ReceiptsPath = Path + "/exports/"
)

// ExportProps describe the page that offers an export.
type ExportProps struct {
	Props
	// Ticket is the id under which the download's receipt will be found.
	Ticket string
	// Check says that a fresh passkey check will be asked for.
	Check bool
}

// chosen is the filter for an address, without size and place in the list.
func (p Props) chosen() url.Values { return p.query("size") }

func (p Props) exportHref() string { return ExportPath + "?" + p.chosen().Encode() }

func (p ExportProps) hidden() []ui.Hidden {
	hidden := []ui.Hidden{{Name: "receipt", Value: p.Ticket}}
	q := p.chosen()
	for _, name := range append([]string{"person"}, filters()...) {
		if v := q.Get(name); v != "" {
			hidden = append(hidden, ui.Hidden{Name: name, Value: v})
		}
	}
	return hidden
}

func (p ExportProps) facts() []ui.Definition {
	metric := "all metrics"
	if p.Filter.Metric != "" {
		metric = p.title(p.Filter.Metric)
	}
	return []ui.Definition{
		{Term: "Rows", Text: format.Things(p.Page.Total, "event")},
		{Term: "Metric", Text: metric},
		{Term: "Source", Text: p.sourceName()},
		{Term: "Flag", Text: flagName(p.Filter.Flag)},
		{Term: "Days", Text: days(p.Filter, p.Zone)},
		{Term: "Times", Text: "in " + p.Zone.String() + ", each with its offset from UTC"},
		{Term: "File", Text: health.ExportName(p.Person.PublicID, p.Filter, health.ExportCSV, false), Code: true},
	}
}

func (p ExportProps) check() string {
	if p.Check {
		return "This export is a sensitive act: it asks for your passkey where the latest check is older than five minutes."
	}
	return ""
}

// formAttrs ask for the passkey in place, where there is a script.
func (p ExportProps) formAttrs() templ.Attributes {
	if p.Check {
		return templ.Attributes{"data-step-up": true}
	}
	return nil
}

// waiting asks for the receipt once the download was started.
func (p ExportProps) waiting() templ.Attributes {
	return ui.HX{Get: ReceiptsPath + p.Ticket, Trigger: "submit from:document target:#export-form delay:1s", Swap: "outerHTML", Target: "#export-receipt"}.Attrs()
}

// ReceiptProps describe a receipt.
type ReceiptProps struct {
	// ID is the receipt's id, or the ticket that leads to it.
	ID     string
	Export health.Export
	// Known is false until the download has begun.
	Known bool
	// Broken says that the file is not complete and never will be.
	Broken bool
	// Zone is the site's.
	Zone *time.Location
}

func (p ReceiptProps) running() bool {
	return !p.Known || p.Export.Outcome == health.ExportRunning && !p.Broken
}

// again asks for the receipt as long as something is to come.
func (p ReceiptProps) again() templ.Attributes {
	if !p.running() {
		return nil
	}
	return ui.HX{Get: ReceiptsPath + p.ID, Trigger: "load delay:1s", Swap: "outerHTML", Target: "#export-receipt"}.Attrs()
}

// progress says how far a running export is.
func (p ReceiptProps) progress() string {
	return format.Count(int(p.Export.Rows)) + " of " + format.Things(int(p.Export.Promised), "row")
}

// eventsHref leads back to what was exported.
func (p ReceiptProps) eventsHref() string {
	q := url.Values{"person": {p.Export.PersonID}}
	f := p.Export.Filter
	if f.Timed() && !f.From.IsZero() && f.From == f.To {
		// One day, narrowed by times: both stand in the address.
		q.Set("day", f.From.String())
		f.From, f.To = health.Day{}, health.Day{}
	}
	for name, v := range map[string]string{"metric": f.Metric, "source": sourceNumber(f), "flag": f.Flag, "from": f.Start(), "to": f.Stop()} {
		if v != "" {
			q.Set(name, v)
		}
	}
	return explicit(q)
}

func (p ReceiptProps) facts() []ui.Definition {
	e := p.Export
	list := []ui.Definition{{Term: "File", Text: e.File, Code: true}, {Term: "Receipt", Text: e.ID, Code: true}, {Term: "Started", Text: p.moment(e.Started)}}
	if e.Outcome == health.ExportDone {
		list = append(list, ui.Definition{Term: "Finished", Text: p.moment(e.Finished)}, ui.Definition{Term: "SHA-256", Text: e.SHA256, Code: true})
	}
	metric := e.Filter.Metric
	if metric == "" {
		metric = "all metrics"
	}
	list = append(list, ui.Definition{Term: "Rows", Text: format.Count(int(e.Rows))}, ui.Definition{Term: "Bytes", Text: format.Count(int(e.Bytes))},
		ui.Definition{Term: "Metric", Text: metric}, ui.Definition{Term: "Days", Text: days(e.Filter, p.Zone)})
	if e.Filter.Source != 0 {
		list = append(list, ui.Definition{Term: "Source", Text: "no. " + sourceNumber(e.Filter)})
	}
	if e.Filter.Flag != "" {
		list = append(list, ui.Definition{Term: "Flag", Text: flagName(e.Filter.Flag)})
	}
	if e.KeyID != "" {
		list = append(list, ui.Definition{Term: "API key", Text: e.KeyID, Code: true})
	}
	return list
}

func (p ReceiptProps) moment(t time.Time) string {
	at := t.In(p.Zone)
	return format.Date(health.DayOf(at)) + ", " + at.Format("15:04:05") + " " + format.Offset(at)
}

// prove says how the file is compared with the receipt.
func (p ReceiptProps) prove() string {
	if p.Export.Gzip {
		return "Hash and bytes are of the content: gunzip -c " + p.Export.File + " | sha256sum prints the same hash for a complete file."
	}
	return "sha256sum " + p.Export.File + " prints the same hash for a complete file."
}
