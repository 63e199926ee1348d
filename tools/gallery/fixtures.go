package main

import (
	"fmt"
	"math"

	"github.com/a-h/templ"

	"healthportal/views/layout"
	"healthportal/views/ui"
)

// setting is how a page is rendered: its theme, its name, and where links and assets lead.
type setting struct {
	theme, name string
	assets      layout.Assets
	link        func(theme, name string) string
}

// page is one page of the gallery.
type page struct {
	name, title string
	body        func(setting) templ.Component
}

// pages lists the gallery in order.
func pages() []page {
	return []page{
		{"patient", "Patient page", patientPage}, {"list", "List page", listPage},
		{"buttons", "Buttons and badges", shell("Buttons and badges", buttons)},
		{"notices", "Banners and toasts", shell("Banners and toasts", notices)},
		{"tables", "Tables", shell("Tables", tables)}, {"fields", "Fields", shell("Fields", fields)},
		{"states", "Empty, error and loading", shell("Empty, error and loading", states)},
		{"dialog", "Dialog", shell("Dialog", dialogs)}, {"data", "Cards, numbers, metadata", shell("Cards, numbers, metadata", data)},
		{"icons", "Icons", shell("Icons", icons)}, {"signin", "Sign-in", signInPage}, {"error", "Error page", errorPage},
	}
}

func find(name string) (page, bool) {
	for _, p := range pages() {
		if p.name == name {
			return p, true
		}
	}
	return page{}, false
}

// shell puts a set of examples into the page shell.
func shell(title string, content func() templ.Component) func(setting) templ.Component {
	return func(s setting) templ.Component { return examplePage(s.props(title), content()) }
}

func (s setting) props(title string) layout.PageProps {
	return layout.PageProps{
		Title: title, Path: s.link(s.theme, s.name), SiteName: "Example Clinic", Theme: s.theme, Synthetic: true,
		Version: "0.1.0", RequestID: "01JD3Q8K7Z", Assets: s.assets, Nav: s.nav(),
		User: &layout.UserProps{Name: "Dr. Amara Okafor", Roles: []string{"clinician", "analyst"}, CSRF: "gallery"},
	}
}

func (s setting) nav() []layout.NavItem {
	icons := map[string]ui.Icon{
		"patient": ui.IconPulse, "list": ui.IconPatients, "tables": ui.IconTable, "fields": ui.IconSettings, "icons": ui.IconHelix,
		"states": ui.IconCache, "dialog": ui.IconReport, "data": ui.IconChart, "signin": ui.IconKey, "error": ui.IconWarn,
	}
	items := []layout.NavItem{{Label: "Gallery", Href: s.link("", ""), Icon: ui.IconHome}}
	for i, p := range pages() {
		icon := icons[p.name]
		if icon == "" {
			icon = ui.IconVariant
		}
		group := "Components"
		if i < 2 {
			group = "Pages"
		}
		items = append(items, layout.NavItem{Label: p.title, Href: s.link(s.theme, p.name), Icon: icon, Group: group})
	}
	return items
}

func patient(level int) ui.PatientBannerProps {
	return ui.PatientBannerProps{
		Name: "Brandt, Johanna Marie", BirthDate: "4 March 1961", Age: "65 years", Sex: "female", RecordNumber: "EC-0048213",
		Alike: "Brandt, Johanna M., born 19 August 1974, is also a patient here. Compare the birth date.", Level: level,
	}
}

func eventColumns() []ui.Column {
	return []ui.Column{
		{Label: "Time (Europe/Berlin)", Sort: ui.Descending, SortHref: "?sort=time"}, {Label: "Metric", Sort: ui.Unsorted, SortHref: "?sort=metric"},
		{Label: "Value", Numeric: true}, {Label: "Unit"}, {Label: "Flag"}, {Label: "Source", Wide: true},
	}
}

func eventRows() []templ.Component {
	columns := eventColumns()
	var rows []templ.Component
	for i, event := range [][4]string{
		{"Heart rate", "72", "/min", ""}, {"Heart rate", "118", "/min", "high"}, {"Glucose, fasting", "<2.2", "mmol/L", "low"},
		{"Potassium", "4.10", "mmol/L", ""}, {"Sleep", "7 h 12 min", "", ""}, {"Systolic blood pressure", "0", "mmHg", "preliminary"},
	} {
		flag := ui.Cell{Text: event[3], Kind: map[string]ui.Kind{"high": ui.Warn, "low": ui.Bad, "preliminary": ui.Info}[event[3]]}
		value, unit := ui.Cell{Text: event[1]}, ui.Cell{Text: event[2]}
		switch event[0] {
		case "Glucose, fasting":
			unit.Sub = "received as < 39.6 mg/dL"
		case "Systolic blood pressure":
			value.Mark = ui.Mark{Label: "implausible", Why: "outside plausible bounds 40–300 mmHg; shown as received"}
		}
		rows = append(rows, ui.Row(ui.RowProps{Columns: columns, Cells: []ui.Cell{
			{Text: fmt.Sprintf("2026-03-29 %02d:%02d", 14-i, 5+7*i), Header: true},
			{Text: event[0], Href: "?metric"}, value, unit, flag,
			{Text: "Central laboratory, analyser 2", Sub: "received 29 March 2026, 16:40"},
		}}))
	}
	return rows
}

func filters() ui.FilterBarProps {
	return ui.FilterBarProps{
		ID: "filter", Label: "Filter events", Action: "?", ClearHref: "?",
		Fields: []ui.FieldProps{
			{ID: "f-metric", Name: "metric", Label: "Metric", Type: ui.FieldSelect, Value: "heart_rate", Options: []ui.Option{
				{Value: "", Label: "All metrics"}, {Value: "heart_rate", Label: "Heart rate"}, {Value: "sleep", Label: "Sleep"}}},
			{ID: "f-from", Name: "from", Label: "From", Type: ui.FieldDate, Value: "2026-03-01"},
			{ID: "f-to", Name: "to", Label: "To", Type: ui.FieldDate, Value: "2026-03-31"},
			{ID: "f-flag", Name: "flag", Label: "Flag", Type: ui.FieldSelect, Options: []ui.Option{{Value: "", Label: "Any"}, {Value: "high", Label: "High"}}},
		},
		Chips: []ui.Chip{{Label: "Metric: heart rate", RemoveHref: "?a"}, {Label: "1 to 31 March 2026", RemoveHref: "?b"}},
	}
}

func pager() ui.PaginationProps {
	return ui.PaginationProps{
		ID: "pages", Label: "Pages of events", Next: "?after=x", Count: "6 of 10,000+ events", Sizes: []int{50, 100, 200}, Size: 50, Action: "?",
	}
}

// day is one mark of the example chart, in the drawing's own units.
type day struct {
	x, low, mean, high float64
	label              string
}

// days makes a smooth, fixed series, so that screenshots can be compared.
func days() []day {
	var list []day
	for i := range 31 {
		mean := 72 + 6*math.Sin(float64(i)/4) + 3*math.Cos(float64(i))
		list = append(list, day{
			x: 48 + float64(i)*24, mean: 220 - (mean-40)*2.4, low: 220 - (mean-54)*2.4, high: 220 - (mean-18+2*math.Sin(float64(i)*1.7))*2.4,
			label: fmt.Sprintf("%d March: mean %.0f per minute", i+1, mean),
		})
	}
	return list
}

func number(v float64) string { return fmt.Sprintf("%.1f", v) }

// bandPath outlines the area between the lows and highs.
func bandPath(list []day) string {
	path := "M"
	for _, d := range list {
		path += number(d.x) + " " + number(d.high) + " "
	}
	for i := len(list) - 1; i >= 0; i-- {
		path += number(list[i].x) + " " + number(list[i].low) + " "
	}
	return path + "Z"
}

func linePath(list []day) string {
	path := "M"
	for _, d := range list {
		path += number(d.x) + " " + number(d.mean) + " "
	}
	return path
}
