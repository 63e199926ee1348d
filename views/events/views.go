package events

import (
	"net/url"

	"healthportal/views/ui"
)

// ViewAll is the value of the parameter view that shows all events although the
// reader has a saved view.
const ViewAll = "all"

// The addresses that keep a view and forget it.
const (
	SaveViewPath   = Path + "/view"
	ForgetViewPath = SaveViewPath + "/forget"
)

// Href is the address of a patient's events, which opens the reader's saved view.
func Href(publicID string) string { return Path + "?" + url.Values{"person": {publicID}}.Encode() }

// explicit is the table's address for parameters, which shows just what they say,
// whatever view the reader has saved.
func explicit(q url.Values) string {
	if len(q) == 1 {
		q.Set("view", ViewAll)
	}
	return Path + "?" + q.Encode()
}

// View is what a saved view keeps: the parameters without the patient and the place in
// the list; empty where nothing is chosen.
func (p Props) View() string {
	q := p.query()
	q.Del("person")
	return q.Encode()
}

// savedOn reports whether the page shows the saved view.
func (p Props) savedOn() bool { return p.Saved != "" && !p.SavedBroken && p.View() == p.Saved }

// showsAll reports whether the reader looks at everything.
func (p Props) showsAll() bool { return p.View() == "" }

func (p Props) allHref() string {
	return Path + "?" + url.Values{"person": {p.Person.PublicID}, "view": {ViewAll}}.Encode()
}

// viewFields are the fields of a form about the view in force.
func (p Props) viewFields() []ui.Hidden {
	var fields []ui.Hidden
	q := p.query()
	for _, name := range append([]string{"person", "unit", "size"}, filters()...) {
		if v := q.Get(name); v != "" {
			fields = append(fields, ui.Hidden{Name: name, Value: v})
		}
	}
	return fields
}

// withHref loads an address of the table in place.
func withHref(href string) ui.HX {
	h := hx()
	h.Get = href
	return h
}
