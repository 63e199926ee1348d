package ui

import "github.com/a-h/templ"

// HX asks for the htmx attributes of one element. The zero value adds none, and the element stays a plain link, button
// or form. In htmx 4 nothing is inherited: each element carries what it needs.
type HX struct {
	Get       string // URL of a GET; links and filter bars fill it from their own address where it is empty
	Post      string // URL of a POST
	Target    string // CSS selector of what is swapped, for instance "#events"
	Swap      string // swap style, for instance "outerMorph"; empty is htmx's innerHTML
	Select    string // CSS selector that picks a part of the answer
	Trigger   string // trigger; filters in brackets stay unused because evaluation is off
	Include   string // CSS selector of further fields to send
	Indicator string // CSS selector of what shows while waiting
	Sync      string // how overlapping requests are handled, for instance "this:replace"
	Confirm   string // question asked before the request
	PushURL   bool   // put the address into the browser's history
}

// On tells whether any htmx attribute is asked for.
func (h HX) On() bool { return h != HX{} }

// Attrs returns the attributes; nil where none is asked for.
func (h HX) Attrs() templ.Attributes {
	if !h.On() {
		return nil
	}
	attrs := templ.Attributes{}
	for _, pair := range [...]struct{ name, value string }{
		{"hx-get", h.Get}, {"hx-post", h.Post}, {"hx-target", h.Target}, {"hx-swap", h.Swap},
		{"hx-select", h.Select}, {"hx-trigger", h.Trigger}, {"hx-include", h.Include},
		{"hx-indicator", h.Indicator}, {"hx-sync", h.Sync}, {"hx-confirm", h.Confirm},
	} {
		if pair.value != "" {
			attrs[pair.name] = pair.value
		}
	}
	if h.PushURL {
		attrs["hx-push-url"] = "true"
	}
	return attrs
}

// to fills the GET address from a link's own one, where htmx is asked for and names no address itself. An unsafe scheme
// is replaced, as templ does it for the link.
func (h HX) to(href string) HX {
	if h.On() && h.Get == "" && h.Post == "" {
		h.Get = string(templ.URL(href))
	}
	return h
}
