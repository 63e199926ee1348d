package ui

import "github.com/a-h/templ"

// ButtonKind is how much weight a button has. A view has at most one Primary.
type ButtonKind string

// The kinds of button. The zero value is Secondary.
const (
	Secondary ButtonKind = ""
	Primary   ButtonKind = "primary"
	Quiet     ButtonKind = "quiet"
	Danger    ButtonKind = "danger"
)

// ButtonProps describes a button.
type ButtonProps struct {
	Label    string
	Kind     ButtonKind
	Type     string // "button" (default), "submit" or "reset"
	Icon     Icon   // drawn before the label
	IconOnly bool   // the label becomes the accessible name and tooltip; needs Icon
	ID       string
	Name     string
	Value    string
	Form     string // id of a form that the button stands outside of
	Disabled bool
	HX       HX
	Attrs    templ.Attributes // further attributes from code, never from data
}

// LinkProps describes a link that looks like a button.
type LinkProps struct {
	Label    string
	Href     string // unsafe schemes such as javascript: are replaced by templ
	Kind     ButtonKind
	Icon     Icon
	IconOnly bool
	ID       string
	Download bool // the answer is saved, not shown
	External bool // opens elsewhere: no referrer, marked as leading out
	HX       HX   // GET address taken from Href
	Attrs    templ.Attributes
}

// leadsOn reports whether the icon is an arrow to what comes next, which stands behind its words.
func (p LinkProps) leadsOn() bool { return p.Icon == IconNext && !p.IconOnly }

func (p ButtonProps) kind() string {
	if p.Type == "" {
		return "button"
	}
	return p.Type
}

func buttonClass(kind ButtonKind, iconOnly bool) string {
	class := "button"
	switch kind {
	case Primary, Quiet, Danger:
		class += " button-" + string(kind)
	}
	if iconOnly {
		class += " button-icon"
	}
	return class
}
