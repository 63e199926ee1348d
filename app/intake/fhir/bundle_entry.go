package fhir

import (
	"bytes"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// entry is one entry of a Bundle, before it is decoded.
type entry struct {
	line    int // where it begins
	fullURL string
	request request
	// modified is when the source changed the resource, as far as the response says.
	modified string
	// kind is the resourceType. There is a resource where given is true, and body is its
	// JSON, except where that is too long to be read.
	kind    string
	given   bool
	body    []byte
	problem string
}

type request struct {
	Method string `json:"method"`
	URL    string `json:"url"`
}

// entry reads the entry that comes next.
func (s *scan) entry() (entry, error) {
	first := s.peek()
	e := entry{line: s.line}
	if first != '{' {
		e.problem = "the entry is not a JSON object"
		_, err := s.skip()
		return e, err
	}
	if _, err := s.token(); err != nil {
		return e, err
	}
	seen := map[string]bool{}
	for s.peek() != '}' {
		t, err := s.token()
		if err != nil {
			return e, err
		}
		name := t.String()
		switch name {
		case "resource", "fullUrl", "request", "response":
			if seen[name] {
				e.problem = "the element " + name + " of the entry stands twice"
			}
			seen[name] = true
		}
		if err := s.entryElement(name, &e); err != nil {
			return e, err
		}
	}
	_, err := s.token()
	return e, err
}

func (s *scan) entryElement(name string, e *entry) error {
	var into any
	switch name {
	case "resource":
		return s.resource(e)
	case "fullUrl":
		into = &e.fullURL
	case "request":
		into = &e.request
	case "response":
		var response struct {
			LastModified string `json:"lastModified"`
		}
		err := s.decoded(name, e, &response)
		e.modified = response.LastModified
		return err
	default:
		_, err := s.skip()
		return err
	}
	return s.decoded(name, e, into)
}

func (s *scan) decoded(name string, e *entry, into any) error {
	v, long, err := s.value()
	if err != nil {
		return err
	}
	if long || json.Unmarshal(v, into) != nil {
		e.problem = "the element " + name + " of the entry can't be read"
	}
	return nil
}

// resource keeps the JSON of a Patient or an Observation, and of others the type.
func (s *scan) resource(e *entry) error {
	e.given = true
	if s.peek() != '{' {
		e.problem = "the resource of the entry is not a JSON object"
		_, err := s.skip()
		return err
	}
	s.in.left = MaxLine
	v, err := s.dec.ReadValue()
	if isTooLong(err) {
		if e.kind, err = s.skip(); e.kind == typeObservation || e.kind == typePatient {
			e.problem = tooLong("resource")
		}
		return err
	}
	if err != nil {
		return s.explain(err)
	}
	s.count(v)
	if e.kind = quickType(v); e.kind != typeObservation && e.kind != typePatient {
		return nil
	}
	if len(v) > MaxLine {
		e.problem = tooLong("resource")
		return nil
	}
	e.body = append([]byte(nil), v...)
	return nil
}

// quickType is the resourceType of an object, which usually is its first element.
func quickType(v []byte) string {
	s := newScan(bytes.NewReader(v[:min(len(v), 256)]))
	if t, err := s.token(); err != nil || t.Kind() != '{' {
		return ""
	}
	if t, err := s.token(); err == nil && t.String() == "resourceType" {
		if t, err := s.token(); err == nil && t.Kind() == '"' {
			return t.String()
		}
	}
	s = newScan(bytes.NewReader(v))
	kind, err := s.skip()
	if err != nil {
		return ""
	}
	return kind
}

// place is what a fullUrl says of an entry: the server, type and id of one that
// names a resource on a server, or the UUID of one that stands for itself.
type place struct{ base, kind, id, uuid string }

// placeOf reads a fullUrl. Others than the two kinds give nothing.
func placeOf(fullURL string) place {
	if uuid, ok := strings.CutPrefix(fullURL, "urn:uuid:"); ok {
		if isUUID(uuid) {
			return place{uuid: uuid}
		}
		return place{}
	}
	if !strings.HasPrefix(fullURL, "http://") && !strings.HasPrefix(fullURL, "https://") {
		return place{}
	}
	fullURL, _, _ = strings.Cut(fullURL, "/_history/")
	parts := strings.Split(fullURL, "/")
	n := len(parts)
	if n < 5 || !isType(parts[n-2]) || parts[n-1] == "" {
		return place{}
	}
	return place{base: strings.Join(parts[:n-2], "/"), kind: parts[n-2], id: parts[n-1]}
}

// isUUID tells a UUID that can be an identity from placeholders such as "1" or the nil UUID.
func isUUID(s string) bool {
	if len(s) != 36 || strings.Trim(s, "0-") == "" {
		return false
	}
	for i, c := range []byte(s) {
		dash := i == 8 || i == 13 || i == 18 || i == 23
		hex := c >= '0' && c <= '9' || c >= 'a' && c <= 'f' || c >= 'A' && c <= 'F'
		if dash != (c == '-') || !dash && !hex {
			return false
		}
	}
	return true
}

// head is what orders the versions of a resource.
type head struct {
	ID   string `json:"id"`
	Meta struct {
		LastUpdated string `json:"lastUpdated"`
	} `json:"meta"`
}

func (e *entry) head() head {
	var h head
	if e.body == nil || json.Unmarshal(e.body, &h, jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true)) != nil {
		return head{}
	}
	return h
}

// updated is when the source changed the resource; the zero time where it doesn't say.
func (e *entry) updated() time.Time {
	return lastUpdated(firstOf(e.head().Meta.LastUpdated, e.modified))
}
