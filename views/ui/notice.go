package ui

import "github.com/a-h/templ"

// BadgeProps describes a short status word.
type BadgeProps struct {
	Label string
	Kind  Kind
	Title string // longer explanation, shown as a tooltip and read aloud after the label
}

// BannerProps describes a notice across the page or a section.
type BannerProps struct {
	Kind   Kind
	Title  string
	Text   string
	Alert  bool            // read at once by screen readers; for problems that block work
	Action templ.Component // a link or button at the end, or nil
}

// ToastProps describes a short-lived notice in the corner; it stays until dismissed.
type ToastProps struct {
	ID   string
	Kind Kind
	Text string
}

func bannerRole(alert bool) string {
	if alert {
		return "alert"
	}
	return "note"
}
