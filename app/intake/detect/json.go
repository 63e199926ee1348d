package detect

import (
	"bytes"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
)

// top is what the outermost object of a JSON text shows.
type top struct {
	resourceType string
	format       string
	entry        bool // an array of this name
	names        []string
	deep         []string // names of the objects right within
	complete     bool     // the object ended
	line         int      // line breaks that were passed within it
}

// object tells apart what begins with a brace.
func object(text []byte, whole bool) (Format, error) {
	t := look(text)
	switch {
	case t.format == PortalFormat:
		return Portal, nil
	case t.resourceType == "Bundle", t.resourceType == "" && t.entry:
		return FHIRBundle, nil
	case t.resourceType != "" && t.line > 0 && !linewise(text):
		return "", unlike("one FHIR resource over several lines", "put it on one line (jq -c .), or into a Bundle")
	case t.resourceType != "", resourceLine(text) != "":
		return FHIRNDJSON, nil
	case t.openMHealth():
		return "", unlike("Open mHealth JSON", "turn it into FHIR R4 Observations first (Open mHealth to FHIR), one on each line")
	case !t.complete && whole:
		return "", unlike("damaged JSON", "the object at its begin never ends; get it anew")
	case !t.complete:
		return "", unlike("JSON of an unknown kind", "its first 64 KiB show neither FHIR's element resourceType nor the portal's own format; say --format where you know it")
	default:
		return "", unlike("JSON of an unknown kind", "it has neither FHIR's element resourceType nor the portal's own format")
	}
}

// look reads the outermost object as far as the text goes.
func look(text []byte) top {
	var t top
	dec := jsontext.NewDecoder(bytes.NewReader(text), jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true))
	if tok, err := dec.ReadToken(); err != nil || tok.Kind() != '{' {
		return t
	}
	for {
		name, err := dec.ReadToken()
		if err != nil {
			break
		}
		if name.Kind() == '}' {
			t.complete = true
			break
		}
		key := name.String()
		t.names = append(t.names, key)
		if err := t.value(dec, key); err != nil {
			break
		}
	}
	t.line = bytes.Count(text[:dec.InputOffset()], []byte("\n"))
	return t
}

func (t *top) value(dec *jsontext.Decoder, key string) error {
	switch dec.PeekKind() {
	case '"':
		v, err := dec.ReadToken()
		if err != nil {
			return err
		}
		switch key {
		case "resourceType":
			t.resourceType = v.String()
		case "format":
			t.format = v.String()
		}
		return nil
	case '{':
		return t.inner(dec)
	case '[':
		t.entry = t.entry || key == "entry"
	}
	return dec.SkipValue()
}

// inner notes the names of an object within the outermost one.
func (t *top) inner(dec *jsontext.Decoder) error {
	if _, err := dec.ReadToken(); err != nil {
		return err
	}
	for {
		name, err := dec.ReadToken()
		if err != nil || name.Kind() == '}' {
			return err
		}
		t.deep = append(t.deep, name.String())
		if err := dec.SkipValue(); err != nil {
			return err
		}
	}
}

// openMHealth knows data points by their header and bodies by their elements
// (https://www.openmhealth.org/documentation/#/schema-docs/schema-library).
func (t *top) openMHealth() bool {
	const bodies = " effective_time_frame systolic_blood_pressure diastolic_blood_pressure heart_rate body_weight body_height body_temperature" +
		" step_count sleep_duration total_sleep_time blood_glucose oxygen_saturation respiratory_rate minutes_moderate_activity" +
		" physical_activity calories_burned body_fat_percentage body_mass_index "
	for _, name := range t.names {
		if name != "" && !strings.Contains(name, " ") && strings.Contains(bodies, " "+name+" ") {
			return true
		}
	}
	for _, name := range t.deep {
		if name == "schema_id" {
			return true
		}
	}
	return len(t.names) == 1 && t.names[0] == "body"
}

// linewise reports whether a line behind the first begins with an object.
func linewise(text []byte) bool {
	_, rest, _ := bytes.Cut(text, []byte("\n"))
	rest = bytes.TrimLeft(rest, " \t\r\n")
	return len(rest) == 0 || rest[0] == '{'
}

// resourceLine is the resourceType of the first line that is an object with one.
func resourceLine(text []byte) string {
	for line := range bytes.Lines(text) {
		if line = bytes.TrimLeft(line, " \t"); len(line) > 0 && line[0] == '{' {
			if t := look(line); t.resourceType != "" {
				return t.resourceType
			}
		}
	}
	return ""
}
