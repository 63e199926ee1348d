package detect

import (
	"bytes"
	"encoding/xml"
	"io"
)

// markup tells XML apart by its root element.
func markup(text []byte, whole bool) (Format, error) {
	root, err := rootOf(text)
	if err != nil {
		if whole {
			return "", unlike("XML without a root element", "there is nothing in it to import; FHIR comes as JSON")
		}
		return "", unlike("XML", "its root element is not found in the first 64 KiB")
	}
	const cda = "urn:hl7-org:v3"
	switch {
	case root.Local == "HealthData":
		return AppleHealth, nil
	case root.Space == "http://hl7.org/fhir":
		return "", unlike("FHIR in XML", "get it as JSON, which every FHIR server gives (Accept: application/fhir+json)")
	case root.Space == cda || root.Local == "ClinicalDocument":
		return "", unlike("a clinical document (CDA)", "of an Apple Health export take export.xml or the zip; others turn into FHIR R4 first")
	case root.Local == "html", root.Local == "HTML":
		return "", unlike("a web page", "a download may have ended at a sign-in page; get the data itself")
	case root.Local == "gpx":
		return "", unlike("a GPS route", "routes can't be imported")
	default:
		return "", unlike("XML of an unknown kind", "its root element is not HealthData of Apple Health")
	}
}

// rootOf is the name of the first element.
func rootOf(text []byte) (xml.Name, error) {
	dec := xml.NewDecoder(bytes.NewReader(text))
	dec.Strict = false
	// Only names are read, which are ASCII in every encoding that gets here.
	dec.CharsetReader = func(_ string, in io.Reader) (io.Reader, error) { return in, nil }
	for {
		tok, err := dec.RawToken()
		if err != nil {
			return xml.Name{}, err
		}
		el, ok := tok.(xml.StartElement)
		if !ok {
			continue
		}
		name := el.Name
		for _, a := range el.Attr {
			// RawToken leaves prefixes as they are.
			if (a.Name.Space == "" && a.Name.Local == "xmlns" && name.Space == "") || (a.Name.Space == "xmlns" && a.Name.Local == name.Space) {
				return xml.Name{Space: a.Value, Local: name.Local}, nil
			}
		}
		if name.Space != "" {
			return xml.Name{Local: name.Local}, nil
		}
		return name, nil
	}
}
