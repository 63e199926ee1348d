package ui

import "strconv"

// Chip is one filter in force, with the address of the same view without it.
type Chip struct {
	Label      string
	RemoveHref string
}

// FilterBarProps describes the form above a list. It is a GET form, so that each view has an address; searches for
// names set Post, so that names stay out of addresses.
type FilterBarProps struct {
	ID         string
	Label      string // accessible name, for instance "Filter events"
	Action     string
	Post       bool
	CSRF       string // needed with Post
	Fields     []FieldProps
	Hidden     []Hidden
	Chips      []Chip
	ApplyLabel string // default "Apply"
	ClearHref  string // link that drops all filters; empty: no such link
	HX         HX     // address taken from Action
}

func (p FilterBarProps) method() string {
	if p.Post {
		return "post"
	}
	return "get"
}

func (p FilterBarProps) apply() string {
	if p.ApplyLabel == "" {
		return "Apply"
	}
	return p.ApplyLabel
}

func (p FilterBarProps) hx() HX {
	if p.HX.On() && p.Post && p.HX.Post == "" && p.HX.Get == "" {
		p.HX.Post = p.Action
	}
	return p.HX.to(p.Action)
}

// PaginationProps describes the foot of a keyset-paged list.
type PaginationProps struct {
	ID       string // needed: focus returns to the same control after a swap
	Label    string // accessible name, for instance "Pages of events"
	Previous string // address, empty on the first page
	Next     string // address, empty on the last page
	Count    string // honest text, for instance "50 of 10,000+ events"
	Sizes    []int  // page sizes to choose from; none: no choice
	Size     int    // the size in force
	SizeName string // query name of the size, default "size"
	Action   string // address of the list for the size form
	Hidden   []Hidden
	HX       HX // address taken from each link and from Action
}

func (p PaginationProps) sizeField() FieldProps {
	name := p.SizeName
	if name == "" {
		name = "size"
	}
	field := FieldProps{
		ID: p.ID + "-size", Name: name, Label: "Rows per page", Type: FieldSelect, Value: strconv.Itoa(p.Size),
	}
	for _, size := range p.Sizes {
		text := strconv.Itoa(size)
		field.Options = append(field.Options, Option{Value: text, Label: text})
	}
	return field
}
