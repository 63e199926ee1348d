package ui

import "github.com/a-h/templ"

// EmptyStateProps describes a list without rows.
type EmptyStateProps struct {
	Title  string // what is missing, for instance "No events match"
	Text   string // why, and what to do
	Icon   Icon   // default: an empty tray
	Action templ.Component
}

// ErrorStateProps describes a failure that takes the place of content.
type ErrorStateProps struct {
	Title      string
	What       string // what happened, without internals
	Do         string // what the user can do
	RequestID  string // for the operator
	RetryHref  string
	RetryLabel string // default "Try again"
	Level      int    // heading level, 1 or 2; default 2
}

// SkeletonProps describes a place where content is still loading.
type SkeletonProps struct {
	Label string // said to screen readers, default "Loading"
	Lines int    // default 3
}

// DialogProps describes a dialog. An element with the attribute data-dialog-open and the dialog's id opens it.
type DialogProps struct {
	ID    string
	Title string
	Foot  templ.Component // buttons; a plain Close is drawn where it is nil
}

// DialogOpenerProps describes the button that opens a dialog.
type DialogOpenerProps struct {
	Dialog string // id of the dialog
	Label  string
	Kind   ButtonKind
	Icon   Icon
	Href   string // a page that does the same without scripts; empty: the button needs scripts
}

func (p EmptyStateProps) icon() Icon {
	if p.Icon == "" {
		return IconEmpty
	}
	return p.Icon
}

func (p ErrorStateProps) retry() string {
	if p.RetryLabel == "" {
		return "Try again"
	}
	return p.RetryLabel
}

func (p SkeletonProps) label() string {
	if p.Label == "" {
		return "Loading"
	}
	return p.Label
}

func (p SkeletonProps) lines() int {
	if p.Lines <= 0 {
		return 3
	}
	return p.Lines
}

func openerAttrs(dialog string) templ.Attributes {
	return templ.Attributes{"data-dialog-open": dialog, "aria-haspopup": "dialog"}
}
