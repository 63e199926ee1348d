package intake

import (
	"errors"
	"strings"

	"healthportal/app/health"
)

// The lengths, in bytes, that the store can hold and index.
const (
	// MaxIdentifier bounds ids, sources, devices and each half of a person's identifier.
	MaxIdentifier = 500
	// MaxName bounds a person's names.
	MaxName = 500
	// MaxCode bounds codes, units and flags.
	MaxCode = 300
	// MaxText bounds values that are texts, and names of codes.
	MaxText = 64 << 10
)

var (
	errNUL  = errors.New("holds the character NUL, which can't be stored")
	errLong = errors.New("is longer than can be stored")
)

// CheckText refuses texts that the store can't hold as they are. The error
// begins with a verb: put what the text is before it.
func CheckText(limit int, texts ...string) error {
	for _, t := range texts {
		if strings.IndexByte(t, 0) >= 0 {
			return errNUL
		}
		if len(t) > limit {
			return errLong
		}
	}
	return nil
}

// CheckIdentifier refuses a person's identifier that the store can't hold.
func CheckIdentifier(id health.Identifier) error {
	if err := CheckText(MaxIdentifier, id.System, id.Value); err != nil {
		return errors.New("the person's identifier " + err.Error())
	}
	return nil
}

// CheckObservation refuses an Observation that could not be stored as it is. The
// error quotes nothing of it.
func CheckObservation(o *health.Observation) error {
	for _, c := range []struct {
		what  string
		limit int
		texts []string
	}{
		{"the code", MaxCode, []string{o.Metric, o.CodeSystem, o.Code}},
		{"the unit", MaxCode, []string{o.Unit, o.OrigUnit}},
		{"the name of the code", MaxText, []string{o.MetricName}},
		{"the value", MaxText, []string{o.ValueText, o.OrigValue}},
		{"the id", MaxIdentifier, []string{o.ExternalID, o.Group}},
		{"the component's code", MaxCode * 3, []string{o.Slot}},
		{"the source or device", MaxIdentifier, []string{o.Source, o.Device}},
		{"the interpretation", MaxCode, []string{o.Flag}},
	} {
		if err := CheckText(c.limit, c.texts...); err != nil {
			return errors.New(c.what + " " + err.Error())
		}
	}
	return nil
}

// ShortSystem abbreviates the code systems that everybody knows, for metrics
// outside the catalogue ("loinc:72514-3"); others stay URIs.
func ShortSystem(system string) string {
	switch system {
	case health.SystemLOINC:
		return "loinc"
	case SystemSNOMED:
		return "snomed"
	case "":
		return "code"
	default:
		return system
	}
}

// SystemSNOMED is the code system of SNOMED CT in FHIR.
const SystemSNOMED = "http://snomed.info/sct"
