package applehealth

import (
	"bytes"
	"encoding/xml"
	"errors"

	"healthportal/app/intake"
)

// frame is an open element.
type frame struct {
	name xml.Name
	in   place
}

// place says what the children of an open element are.
type place int

const (
	// passed elements are skipped with all they hold.
	passed place = iota
	inData
	inRecord
	inCorrelation
)

// maxDepth is how deep elements may nest; exports need five.
const maxDepth = 64

// The reasons for which parts of a file other than Records are refused.
const (
	reasonElement = "the element is of a kind that this reader does not know: it was skipped with all it holds"
	reasonText    = "there is text where only elements belong"
)

// token follows one token; rec stays blank where nothing is to be reported.
func (r *Reader) token(t xml.Token, rec *intake.Record) error {
	switch t := t.(type) {
	case xml.StartElement:
		if len(r.open) == 0 {
			return r.root(&t, rec.Line)
		}
		if len(r.open) == maxDepth {
			return &Error{rec.Line, "elements are nested deeper than in any export" + again, ErrNotExport}
		}
		r.open = append(r.open, frame{t.Name, r.element(&t, rec)})
	case xml.EndElement:
		if len(r.open) == 0 || r.open[len(r.open)-1].name != t.Name {
			return &Error{rec.Line, "the XML is damaged: an element is closed that is not open" + again, ErrNotExport}
		}
		r.open = r.open[:len(r.open)-1]
		r.done = len(r.open) == 0
	case xml.CharData:
		r.text(t, rec)
	case xml.Directive:
		return &Error{rec.Line, "the XML is damaged: a declaration stands among the elements" + again, ErrNotExport}
	}
	return nil
}

// root takes the first element, and refuses a second one.
func (r *Reader) root(t *xml.StartElement, line int) error {
	switch {
	case r.done:
		return &Error{line, "the file goes on after the end of its HealthData: import each export on its own", ErrNotExport}
	case t.Name.Local == "ClinicalDocument":
		return notExport(line, errors.New("it is a clinical document (export_cda.xml)"))
	case t.Name.Local != "HealthData" || t.Name.Space != "":
		return notExport(line, errors.New("its first element is not HealthData"))
	}
	r.open = append(r.open, frame{t.Name, inData})
	return nil
}

// element takes a start tag within HealthData and says what its children are.
func (r *Reader) element(t *xml.StartElement, rec *intake.Record) place {
	in := r.open[len(r.open)-1].in
	name := t.Name.Local
	if t.Name.Space != "" {
		name = ""
	}
	switch {
	case in == passed:
		return passed
	case name == "Record" && in != inRecord:
		r.record(t.Attr, rec)
		return inRecord
	case in != inData:
		r.child(name)
		return passed
	}
	switch name {
	case "Correlation":
		return inCorrelation
	case "Me":
		r.me(t.Attr, rec)
	case "ExportDate":
	case "Workout", "ActivitySummary", "ClinicalRecord", "Audiogram", "VisionPrescription":
		r.leftOut[name]++
	default:
		refuse(rec, reasonElement)
	}
	return passed
}

// text refuses what is not white space between the elements that are read.
func (r *Reader) text(t xml.CharData, rec *intake.Record) {
	if len(r.open) > 0 && r.open[len(r.open)-1].in == passed {
		return
	}
	if len(bytes.TrimSpace(t)) > 0 {
		refuse(rec, reasonText)
	}
}

func refuse(rec *intake.Record, reason string) {
	rec.Blank = false
	rec.Problems = append(rec.Problems, reason)
}
