package ui

import (
	"slices"
	"strconv"

	"github.com/a-h/templ"
)

// FieldType is the sort of input that a field shows.
type FieldType string

// The field types. The zero value is a line of text.
const (
	FieldText     FieldType = ""
	FieldSearch   FieldType = "search"
	FieldEmail    FieldType = "email"
	FieldNumber   FieldType = "number"
	FieldDate     FieldType = "date"
	FieldDateTime FieldType = "datetime-local"
	FieldArea     FieldType = "textarea"
	FieldSelect   FieldType = "select"
	FieldCheckbox FieldType = "checkbox" // one box; Value is what it sends, Checked its state
	FieldChecks   FieldType = "checks"   // a group of boxes under one legend
	FieldRadios   FieldType = "radios"   // a group of radio buttons under one legend
)

// Option is one choice of a select, of radio buttons or of boxes.
type Option struct {
	Value    string
	Label    string
	Hint     string // shown after the label, for instance a count
	Disabled bool
}

// text is the option as a list of choices shows it: "Heart rate (84,372)".
func (o Option) text() string {
	if o.Hint == "" {
		return o.Label
	}
	return o.Label + " (" + o.Hint + ")"
}

// Hidden is a form value that the user doesn't see.
type Hidden struct{ Name, Value string }

// FieldProps describes a labelled input with its hint and error.
type FieldProps struct {
	ID           string // default: Name
	Name         string
	Label        string
	LabelHidden  bool // label for screen readers only
	Type         FieldType
	Value        string   // content; for selects and radios the chosen value
	Values       []string // for checks: the chosen values
	Options      []Option // for select, radios and checks
	Checked      bool     // for checkbox
	Hint         string
	Error        string // what is wrong and how to put it right; marks the field as invalid
	Required     bool
	Disabled     bool
	ReadOnly     bool
	AutoFocus    bool
	Autocomplete string // default "off": health data is no matter for autofill
	InputMode    string
	Placeholder  string
	Min          string
	Max          string
	Step         string
	MaxLength    int
	Rows         int // for textarea; default 4
	HX           HX
	Attrs        templ.Attributes
}

func (p FieldProps) id() string {
	if p.ID != "" {
		return p.ID
	}
	return p.Name
}

func (p FieldProps) optionID(i int) string { return p.id() + "-" + strconv.Itoa(i+1) }

// describedBy lists the ids of hint and error; empty where there is neither.
func (p FieldProps) describedBy() string {
	ids := ""
	if p.Hint != "" {
		ids = p.id() + "-hint"
	}
	if p.Error != "" {
		if ids != "" {
			ids += " "
		}
		ids += p.id() + "-error"
	}
	return ids
}

func (p FieldProps) chosen(value string) bool {
	if p.Type == FieldChecks {
		return slices.Contains(p.Values, value)
	}
	return p.Value == value
}

func (p FieldProps) optionType() string {
	if p.Type == FieldChecks {
		return "checkbox"
	}
	return "radio"
}

// shared are the attributes that every kind of control has.
func (p FieldProps) shared() templ.Attributes {
	attrs := templ.Attributes{"id": p.id(), "name": p.Name}
	for _, pair := range [...]struct {
		name string
		on   bool
	}{
		{"required", p.Required}, {"disabled", p.Disabled}, {"readonly", p.ReadOnly}, {"autofocus", p.AutoFocus},
	} {
		if pair.on {
			attrs[pair.name] = true
		}
	}
	if by := p.describedBy(); by != "" {
		attrs["aria-describedby"] = by
	}
	if p.Error != "" {
		attrs["aria-invalid"] = "true"
	}
	for _, more := range []templ.Attributes{p.HX.Attrs(), p.Attrs} {
		for name, value := range more {
			attrs[name] = value
		}
	}
	return attrs
}

// typed are the attributes of inputs in which one types.
func (p FieldProps) typed() templ.Attributes {
	attrs := p.shared()
	if _, set := attrs["autocomplete"]; !set {
		attrs["autocomplete"] = "off"
	}
	for _, pair := range [...]struct{ name, value string }{
		{"autocomplete", p.Autocomplete}, {"inputmode", p.InputMode}, {"placeholder", p.Placeholder},
		{"min", p.Min}, {"max", p.Max}, {"step", p.Step},
	} {
		if pair.value != "" {
			attrs[pair.name] = pair.value
		}
	}
	if p.MaxLength > 0 {
		attrs["maxlength"] = strconv.Itoa(p.MaxLength)
	}
	return attrs
}

func (p FieldProps) inputType() string {
	if p.Type == FieldText {
		return "text"
	}
	return string(p.Type)
}

func (p FieldProps) areaRows() string {
	if p.Rows > 0 {
		return strconv.Itoa(p.Rows)
	}
	return "4"
}

func (p FieldProps) class() string {
	class := "field"
	if p.Type == FieldCheckbox {
		class += " field-check"
	}
	if p.Error != "" {
		class += " field-invalid"
	}
	return class
}
