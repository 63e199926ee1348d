package web

import (
	"encoding/json"
	"fmt"
	"math"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
)

// openAPI reads docs/openapi.yaml.
func openAPI(t *testing.T) map[string]any {
	t.Helper()
	text, err := os.ReadFile("../../docs/openapi.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var doc map[string]any
	if err := yaml.Unmarshal(text, &doc); err != nil {
		t.Fatal(err)
	}
	return doc
}

// at walks down a document; nil where there is nothing.
func at(doc any, path ...string) any {
	for _, name := range path {
		m, ok := doc.(map[string]any)
		if !ok {
			return nil
		}
		doc = m[name]
	}
	return doc
}

func TestOpenAPIDescribesEveryRoute(t *testing.T) {
	doc := openAPI(t)
	described := map[string]bool{}
	parameter := regexp.MustCompile(`\{\w+\}`)
	paths, _ := at(doc, "paths").(map[string]any)
	for path, item := range paths {
		for method, op := range item.(map[string]any) {
			name := strings.ToUpper(method) + " " + parameter.ReplaceAllString(path, ":")
			described[name] = true
			for _, part := range []string{"operationId", "summary", "responses"} {
				if at(op, part) == nil {
					t.Errorf("%s has no %s", name, part)
				}
			}
		}
	}
	named := regexp.MustCompile(`:\w+`)
	n := 0
	for _, r := range RouteDocs() {
		if !apiPath(r.Path) {
			continue
		}
		n++
		name := r.Method + " " + named.ReplaceAllString(r.Path, ":")
		if !described[name] {
			t.Errorf("docs/openapi.yaml lacks %s %s", r.Method, r.Path)
		}
		delete(described, name)
	}
	for name := range described {
		t.Errorf("docs/openapi.yaml describes %s, which the portal does not answer", name)
	}
	if n == 0 {
		t.Error("no route of the API")
	}
}

// Every reference leads somewhere, and every schema is of use.
func TestOpenAPIReferences(t *testing.T) {
	doc := openAPI(t)
	used := map[string]bool{}
	var walk func(v any)
	walk = func(v any) {
		switch v := v.(type) {
		case map[string]any:
			if ref, ok := v["$ref"].(string); ok {
				used[ref] = true
				if at(doc, strings.Split(strings.TrimPrefix(ref, "#/"), "/")...) == nil {
					t.Errorf("%s leads nowhere", ref)
				}
			}
			for _, child := range v {
				walk(child)
			}
		case []any:
			for _, child := range v {
				walk(child)
			}
		}
	}
	walk(doc)
	for _, kind := range []string{"schemas", "responses", "parameters"} {
		all, _ := at(doc, "components", kind).(map[string]any)
		for name := range all {
			if !used["#/components/"+kind+"/"+name] {
				t.Errorf("nothing uses %s %s", kind, name)
			}
		}
	}
}

// holdAgainst holds a JSON body against a schema of docs/openapi.yaml.
func holdAgainst(t *testing.T, schema, body string) {
	t.Helper()
	var v any
	if err := json.Unmarshal([]byte(body), &v); err != nil {
		t.Fatalf("%v: %.300s", err, body)
	}
	c := checker{doc: openAPI(t)}
	c.check(at(c.doc, "components", "schemas", schema), v, schema)
	for _, p := range c.problems {
		t.Errorf("docs/openapi.yaml: %s", p)
	}
}

// checker knows as much of JSON Schema as docs/openapi.yaml uses.
type checker struct {
	doc      map[string]any
	problems []string
}

func (c *checker) fail(format string, args ...any) {
	c.problems = append(c.problems, fmt.Sprintf(format, args...))
}

// resolve follows references.
func (c *checker) resolve(schema any) map[string]any {
	s, ok := schema.(map[string]any)
	if !ok {
		return nil
	}
	if ref, ok := s["$ref"].(string); ok {
		return c.resolve(at(c.doc, strings.Split(strings.TrimPrefix(ref, "#/"), "/")...))
	}
	return s
}

// check notes what of v the schema forbids, and returns the properties that the schema knows.
func (c *checker) check(schema, v any, where string) (known []string) {
	s := c.resolve(schema)
	if s == nil {
		c.fail("%s: no schema", where)
		return nil
	}
	for key := range s {
		if !slices.Contains([]string{"type", "description", "properties", "required", "additionalProperties", "unevaluatedProperties",
			"items", "enum", "pattern", "format", "minimum", "allOf", "oneOf"}, key) {
			c.fail("%s: the test does not know %q", where, key)
		}
	}
	if types := typesOf(s["type"]); len(types) > 0 && !slices.Contains(types, typeOf(v)) && (typeOf(v) != "integer" || !slices.Contains(types, "number")) {
		c.fail("%s: %s where %v is described", where, typeOf(v), types)
		return nil
	}
	if enum, ok := s["enum"].([]any); ok && !slices.Contains(enum, v) {
		c.fail("%s: %v is none of %v", where, v, enum)
	}
	if pattern, ok := s["pattern"].(string); ok && !regexp.MustCompile(pattern).MatchString(fmt.Sprint(v)) {
		c.fail("%s: %v does not match %s", where, v, pattern)
	}
	all, _ := s["allOf"].([]any)
	for _, part := range all {
		known = append(known, c.check(part, v, where)...)
	}
	c.oneOf(s, v, where)
	if list, ok := v.([]any); ok {
		for i, item := range list {
			c.check(s["items"], item, fmt.Sprintf("%s[%d]", where, i))
		}
	}
	if object, ok := v.(map[string]any); ok {
		known = append(known, c.object(s, object, known, where)...)
	}
	return known
}

func (c *checker) oneOf(s map[string]any, v any, where string) {
	choices, ok := s["oneOf"].([]any)
	if !ok {
		return
	}
	fits := 0
	for _, choice := range choices {
		try := checker{doc: c.doc}
		try.check(choice, v, where)
		if len(try.problems) == 0 {
			fits++
		}
	}
	if fits != 1 {
		c.fail("%s: %d of the choices fit", where, fits)
	}
}

func (c *checker) object(s, object map[string]any, inherited []string, where string) (known []string) {
	properties, _ := s["properties"].(map[string]any)
	required, _ := s["required"].([]any)
	for _, name := range required {
		if _, ok := object[name.(string)]; !ok {
			c.fail("%s lacks %s", where, name)
		}
	}
	closed := s["additionalProperties"] == false || s["unevaluatedProperties"] == false
	for name, value := range object {
		if property, ok := properties[name]; ok {
			known = append(known, name)
			c.check(property, value, where+"."+name)
		} else if closed && !slices.Contains(inherited, name) {
			c.fail("%s.%s is not described", where, name)
		}
	}
	return known
}

func typesOf(v any) []string {
	switch v := v.(type) {
	case string:
		return []string{v}
	case []any:
		var types []string
		for _, t := range v {
			types = append(types, fmt.Sprint(t))
		}
		return types
	default:
		return nil
	}
}

func typeOf(v any) string {
	switch v := v.(type) {
	case nil:
		return "null"
	case bool:
		return "boolean"
	case string:
		return "string"
	case float64:
		if v == math.Trunc(v) {
			return "integer"
		}
		return "number"
	case []any:
		return "array"
	default:
		return "object"
	}
}

// The checker itself finds what it should.
func TestOpenAPICheckerFindsFaults(t *testing.T) {
	good := `{"type":"about:blank","title":"Not Found","status":404,"detail":"x","instance":"y"}`
	holdAgainst(t, "Problem", good)
	for name, body := range map[string]string{
		"missing":    strings.Replace(good, `"status":404,`, "", 1),
		"wrong type": strings.Replace(good, "404", `"404"`, 1),
		"unknown":    strings.Replace(good, `"status"`, `"more":1,"status"`, 1),
		"fraction":   strings.Replace(good, "404", "404.5", 1),
		"null":       strings.Replace(good, `"x"`, "null", 1),
	} {
		var v any
		if err := json.Unmarshal([]byte(body), &v); err != nil {
			t.Fatal(err)
		}
		c := checker{doc: openAPI(t)}
		if c.check(at(c.doc, "components", "schemas", "Problem"), v, "Problem"); len(c.problems) == 0 {
			t.Errorf("%s was not found", name)
		}
	}
	c := checker{doc: openAPI(t)}
	c.check(at(c.doc, "components", "schemas", "Scope"), "users.manage", "Scope")
	c.check(at(c.doc, "components", "schemas", "Key", "properties", "id"), "hp_x", "id")
	c.check(at(c.doc, "components", "schemas", "ReportFields", "properties", "risk"), 7.0, "risk")
	if len(c.problems) != 3 {
		t.Errorf("found %q", c.problems)
	}
}
