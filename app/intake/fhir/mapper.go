package fhir

import (
	"errors"
	"fmt"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"healthportal/app/health"
	"healthportal/app/intake"
)

// mapper turns resources into what is imported of them, the same way for lines
// and for entries of a Bundle.
type mapper struct {
	metrics map[string]health.Metric // of the catalogue, by LOINC code
	unit    string                   // what reasons call the piece that is read: line, resource
	// resolve turns a literal reference into the identifier of a patient; nil means PatientIdentifier.
	resolve func(ref string) (health.Identifier, error)
	// last is the resource that was decoded last; the next one takes its place.
	last *resource
	// room is where Observations go: one by one they would cost an allocation each.
	room []health.Observation
}

func newMapper() mapper {
	metrics := map[string]health.Metric{}
	for _, m := range health.Catalogue() {
		for _, code := range m.LOINC {
			metrics[code] = m
		}
	}
	return mapper{metrics: metrics, unit: "line", last: &resource{}}
}

// read fills rec from a line that is not blank.
func (r *mapper) read(line []byte, rec *intake.Record) {
	if line[0] != '{' {
		rec.Problems = []string{"the line is not a JSON object"}
		return
	}
	res, kind, problem := r.decode(line)
	switch {
	case problem != "":
		rec.Problems = []string{problem}
	case kind == typeObservation:
		r.observation(res, rec)
	case kind == typePatient:
		r.patient(res, rec)
	default:
		leaveOut(kind, rec)
	}
}

// The resource types that are imported, and the one that holds others.
const (
	typeObservation = "Observation"
	typePatient     = "Patient"
	typeBundle      = "Bundle"
)

// leaveOut counts a resource of a type that is not imported. What is no type of
// FHIR R4 is refused: it may be an Observation with a slip of the pen.
func leaveOut(kind string, rec *intake.Record) {
	switch {
	case kind == "":
		rec.Problems = []string{"the element resourceType is missing"}
	case kind == typeBundle:
		rec.Problems = []string{"a Bundle within another file is not read: import it as a file of its own"}
	case !isType(kind):
		rec.Problems = []string{"the resourceType is not one of FHIR R4"}
	default:
		rec.LeftOut = kind
	}
}

func isType(kind string) bool {
	return kind != "" && !strings.Contains(kind, " ") && strings.Contains(resourceTypes, " "+kind+" ")
}

// decode reads one resource, strictly. Only those that are imported are decoded
// whole; kind is the resourceType, empty where there is none. res is valid until
// the next call; what its elements point to stays.
func (r *mapper) decode(b []byte) (res *resource, kind, problem string) {
	res = r.last
	*res = resource{}
	err := json.Unmarshal(b, res)
	if err == nil {
		return res, res.ResourceType, ""
	}
	var semantic *json.SemanticError
	if !errors.As(err, &semantic) {
		return nil, "", r.damage(err)
	}
	// Elements of other resources may be of other types.
	var head struct {
		ResourceType jsontext.Value `json:"resourceType"`
	}
	if err := json.Unmarshal(b, &head); err != nil {
		return nil, "", r.damage(err)
	}
	if head.ResourceType != nil && json.Unmarshal(head.ResourceType, &kind) != nil {
		return nil, "", "the element resourceType is not a text"
	}
	if kind != typeObservation && kind != typePatient {
		return nil, kind, ""
	}
	return nil, "", fmt.Sprintf("the element %s is of the wrong type", semantic.JSONPointer)
}

// damage words a syntax error without quoting anything.
func (r *mapper) damage(err error) string {
	var syntax *jsontext.SyntacticError
	switch {
	case errors.Is(err, jsontext.ErrDuplicateName):
		return "damaged JSON: an element stands twice in one object"
	case errors.As(err, &syntax):
		return fmt.Sprintf("damaged JSON at byte %d of the %s", syntax.ByteOffset+1, r.unit)
	default:
		return "the " + r.unit + " can't be read as JSON"
	}
}
