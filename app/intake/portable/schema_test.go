package portable

import (
	"encoding/json"
	"os"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"healthportal/app/health"
)

// schema is as much of the published schema as the test looks at.
type schema struct {
	Defs map[string]struct {
		Properties           map[string]any `json:"properties"`
		Required             []string       `json:"required"`
		AdditionalProperties *bool          `json:"additionalProperties"`
		Pattern              string         `json:"pattern"`
	} `json:"$defs"`
}

func readSchema(t *testing.T) schema {
	t.Helper()
	b, err := os.ReadFile("../../../docs/observation_ndjson.schema.json")
	if err != nil {
		t.Fatal(err)
	}
	var s schema
	if err := json.Unmarshal(b, &s); err != nil {
		t.Fatal(err)
	}
	return s
}

// The schema knows the members that the reader knows, and no others.
func TestSchemaMembers(t *testing.T) {
	s := readSchema(t)
	var known []string
	for f := range reflect.TypeFor[line]().Fields() {
		known = append(known, f.Tag.Get("json"))
	}
	described := map[string]bool{}
	for _, def := range []string{"observation", "person"} {
		if more := s.Defs[def].AdditionalProperties; more == nil || *more {
			t.Errorf("%s allows members that the reader refuses", def)
		}
		for name := range s.Defs[def].Properties {
			described[name] = true
			if !slices.Contains(known, name) {
				t.Errorf("the schema's member %s is unknown to the reader", name)
			}
		}
	}
	for _, name := range known {
		if !described[name] {
			t.Errorf("the member %s is not in the schema", name)
		}
	}
}

// What is written fits the schema: known members, all that are required, and times of its pattern.
func TestWrittenLinesFitTheSchema(t *testing.T) {
	s := readSchema(t)
	time := regexp.MustCompile(s.Defs["time"].Pattern)
	fits := func(def string, text []byte) {
		t.Helper()
		var members map[string]any
		if err := json.Unmarshal(text, &members); err != nil {
			t.Fatal(err)
		}
		for name, v := range members {
			if _, ok := s.Defs[def].Properties[name]; !ok {
				t.Errorf("%s: member %s is not in the schema", def, name)
			}
			if text, _ := v.(string); strings.HasPrefix(name, "effective") && !time.MatchString(text) {
				t.Errorf("%s does not fit the schema's pattern", text)
			}
		}
		for _, name := range s.Defs[def].Required {
			if _, ok := members[name]; !ok {
				t.Errorf("%s: member %s is missing in %s", def, name, text)
			}
		}
	}
	for _, r := range generated(300) {
		b, err := AppendRow(nil, r)
		if err != nil {
			t.Fatal(err)
		}
		fits("observation", b)
	}
	b, err := AppendPerson(nil, Person{Identifier: health.Identifier{System: "a", Value: "b"}})
	if err != nil {
		t.Fatal(err)
	}
	fits("person", b)
	fits("header", []byte(Header()))
	fits("trailer", []byte(Trailer(3, [32]byte{})))
}
