package fhir

import (
	"bytes"
	"slices"
	"strings"
	"testing"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"healthportal/app/intake"
)

// FuzzBundle holds the reader to what an ordinary JSON decoder makes of the same
// bytes, and a file to what a stream gives.
func FuzzBundle(f *testing.F) {
	const uuid = "urn:uuid:cd3d3588-94fc-b980-9e94-0390d989d921"
	for _, s := range []string{
		bundleOf("collection", entryOf(patientOf("p1")), entryOf(line("", ""))),
		bundleOf("transaction", entryOf(beat(uuid)), entryOf(patientOf("7"), `"fullUrl":"`+uuid+`",`), entryOf(`{"resourceType":"Claim","item":[{"a":"]}\""}]}`)),
		bundleOf("searchset", entryOf(line("", ""), `"fullUrl":"https://a.example/Observation/o1",`), `{"request":{"method":"DELETE","url":"Observation/1"}}`, `null`),
		bundleOf("history", version("61", "2026-03-01T10:00:00Z"), version("62", "2026-03-02T10:00:00Z"), `{"request":{"method":"DELETE","url":"Observation/o1"}}`),
		`{"entry":[{"resource":{"a":[[]],"resourceType":"Patient","id":"x"}}],"type":"batch","resourceType":"Bundle"}`,
		"\xef\xbb\xbf{\n\"resourceType\":\"Bundle\",\"type\":\"document\",\"entry\":[{}]\n}\n",
		`{"resourceType":"Bundle","type":"collection","entry":[{"resource":`, `{"resourceType":"Bundle"`, "", "[]", "\xff\xfe{\x00",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		file, err := readBundle(strings.NewReader(s))
		streamed, serr := readBundle(stream{strings.NewReader(s)})
		entries, header, ok := plainly(s)
		if err != nil {
			if len(file) > 0 {
				t.Errorf("records were handed over before the file was found to be damaged: %v", err)
			}
			if ok && header.check() == nil {
				t.Errorf("a sound Bundle was refused: %v", err)
			}
			return
		}
		if !ok {
			t.Fatal("what is no JSON was taken")
		}
		if len(file) != entries {
			t.Errorf("%d records of %d entries", len(file), entries)
		}
		if serr == nil && outlineSorted(file) != outlineSorted(streamed) {
			t.Errorf("file: %s\nstream: %s", outlineSorted(file), outlineSorted(streamed))
		}
		lines := 1 + strings.Count(s, "\n")
		for _, rec := range file {
			if rec.Line < 1 || rec.Line > lines {
				t.Errorf("line %d of %d", rec.Line, lines)
			}
			if rec.Person == nil && rec.LeftOut == "" && len(rec.Observations)+len(rec.Problems)+rec.Absent == 0 {
				t.Errorf("the entry of line %d vanished without a reason", rec.Line)
			}
			for i := range rec.Observations {
				if intake.CheckObservation(&rec.Observations[i]) != nil {
					t.Errorf("line %d: an observation that can't be stored", rec.Line)
				}
			}
		}
	})
}

// plainly counts the entries with a decoder that reads the whole.
func plainly(s string) (entries int, h header, ok bool) {
	b := bytes.TrimPrefix([]byte(s), []byte("\xef\xbb\xbf"))
	var whole struct {
		ResourceType jsontext.Value `json:"resourceType"`
		Type         jsontext.Value `json:"type"`
		Entry        jsontext.Value `json:"entry"`
	}
	loose := json.JoinOptions(jsontext.AllowInvalidUTF8(true), jsontext.AllowDuplicateNames(true))
	if json.Unmarshal(b, &whole, loose) != nil {
		return 0, h, false
	}
	var list []jsontext.Value
	if whole.Entry != nil && (whole.Entry.Kind() != '[' || json.Unmarshal(whole.Entry, &list, loose) != nil) {
		return 0, h, false
	}
	_ = json.Unmarshal(whole.ResourceType, &h.resourceType)
	_ = json.Unmarshal(whole.Type, &h.kind)
	// Elements of the Bundle that stand twice are refused.
	var strict struct{}
	if json.Unmarshal(b, &strict, jsontext.AllowInvalidUTF8(true)) != nil {
		h = header{}
	}
	return len(list), h, true
}

func outlineSorted(list []intake.Record) string {
	var parts []string
	for _, rec := range list {
		if len(rec.Problems) == 0 && len(rec.Observations) == 0 && rec.Person == nil && rec.LeftOut == "" {
			parts = append(parts, "absent")
			continue
		}
		parts = append(parts, outline([]intake.Record{rec}))
	}
	slices.Sort(parts)
	return strings.Join(parts, ", ")
}
