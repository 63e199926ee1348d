package ui

import "github.com/a-h/templ"

// Definition is one line of a definition list.
type Definition struct {
	Term    string
	Text    string          // empty text shows as "not stated"
	Content templ.Component // replaces the text
	Code    bool            // an identifier: fixed-width figures, may break anywhere
}

// DefinitionListProps describes metadata as terms and values.
type DefinitionListProps struct {
	Label string // accessible name; empty where a heading stands above
	Items []Definition
	Wide  bool // terms beside values even in narrow columns
}

// CardProps describes a section with a heading.
type CardProps struct {
	ID      string // needed: an address within the page, and the stem of the heading's id
	Title   string
	Level   int             // heading level 2 to 4; default 2
	Note    string          // a quieter line under the heading
	Actions templ.Component // buttons at the end of the heading's line
	Flush   bool            // content reaches the border, for tables
}

// StatProps describes one number with its unit and age.
type StatProps struct {
	Label string
	Value string // already formatted; nothing is rounded here
	Unit  string
	Note  string // for instance how old the value is, and its source
	Kind  Kind   // anything but Neutral adds a sign
	Flag  string // the word beside the sign, for instance "high"; needed with Kind
	Href  string
}

// PageHeadProps describes the heading of a page.
type PageHeadProps struct {
	Title   string // names the page, never a patient
	Lead    string
	Actions templ.Component
	Crumbs  []Crumb
}

// Crumb is one step of the path to a page.
type Crumb struct{ Label, Href string }

// PatientBannerProps identifies the patient on every patient page, fragment and print.
type PatientBannerProps struct {
	Name         string
	BirthDate    string // written out, for instance "4 March 1980"
	Age          string // with its unit, for instance "46 years"
	Sex          string
	RecordNumber string
	Alike        string // warning where another patient's name is alike; empty: none
	Note         string // for instance "Break-glass access until 14:20"
	Href         string // the patient's page; empty on that page itself
	Level        int    // 1 makes the name the page's main heading
	Actions      templ.Component
}
