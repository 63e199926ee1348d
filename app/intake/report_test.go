package intake

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
)

// tellingSource has something to say about the whole file.
type tellingSource struct{ fakeSource }

func (*tellingSource) Format() string                { return "fhir-bundle" }
func (*tellingSource) Notes() []string               { return []string{"one page"} }
func (*tellingSource) LeftOutCounts() map[string]int { return map[string]int{"Claim": 2, "Workout": 3} }

func TestWhatWasLeftOut(t *testing.T) {
	src := &tellingSource{fakeSource{records: []Record{{Line: 1, LeftOut: "Claim"}, beats(2, "a", 60), {Line: 3, LeftOut: "Claim"}}}}
	r, err := Import(t.Context(), src, newStore(), Options{Now: clock, CreatePersons: true})
	if err != nil || !maps.Equal(r.LeftOut, map[string]int{"Claim": 4, "Workout": 3}) || r.LeftOutTotal() != 7 {
		t.Errorf("left out %v, %v", r.LeftOut, err)
	}
	if r.Lines != 3 || r.Read != 1 || r.Refused != 0 || !slices.Equal(r.Notes, []string{"one page"}) {
		t.Errorf("%s, notes %v", r.Summary(), r.Notes)
	}
	if got := r.Summary(); !strings.Contains(got, "3 entries") || !strings.Contains(got, "7 of other kinds left out") {
		t.Error(got)
	}
	r = Report{}
	r.end(src) // a source that counts all by itself
	if r.LeftOut["Workout"] != 3 {
		t.Errorf("left out %v", r.LeftOut)
	}
}

func TestUnits(t *testing.T) {
	for format, want := range map[string]string{"fhir-ndjson": "lines", "csv": "lines", "fhir-bundle": "entries", "apple-health": "elements"} {
		r := Report{Format: format}
		if r.Unit() != want || !strings.Contains(r.Summary(), "0 "+want) {
			t.Errorf("%s: %s", format, r.Summary())
		}
	}
}

func TestReasonsAreCountedTogether(t *testing.T) {
	var r Report
	for i, reason := range []string{"damaged JSON at byte 12 of the line", "damaged JSON at byte 7 of the line", "component 2: no value", "component 11: no value", "the line is longer than 16 MiB"} {
		r.refuse(i, reason)
	}
	want := map[string]int{"damaged JSON at byte … of the line": 2, "component …: no value": 2, "the line is longer than 16 MiB": 1}
	if !maps.Equal(r.Reasons, want) {
		t.Errorf("got %v", r.Reasons)
	}
	for i := range maxReasons + 5 {
		r.refuse(i, fmt.Sprintf("reason %d", i))
	}
	if len(r.Reasons) != maxReasons+1 || r.Reasons[otherReasons] != 8 {
		t.Errorf("%d reasons, %d others", len(r.Reasons), r.Reasons[otherReasons])
	}
	sum := 0
	for _, n := range r.Reasons {
		sum += n
	}
	if sum != r.Refused {
		t.Errorf("the reasons add up to %d, refused are %d", sum, r.Refused)
	}
}

// A file that is read more than once meets its problems in another order.
func TestProblemsAreInLineOrder(t *testing.T) {
	src := &fakeSource{records: []Record{{Line: 9, Problems: []string{"a"}}, {Line: 2, Problems: []string{"b", "c"}}}}
	r, err := Import(t.Context(), src, newStore(), Options{})
	if err != nil || fmt.Sprint(r.Problems) != "[line 2: b line 2: c line 9: a]" {
		t.Errorf("%v, %v", r.Problems, err)
	}
	if r, _ = Import(t.Context(), &fakeSource{}, newStore(), Options{}); r.Problems == nil {
		t.Error("no problems are null in JSON")
	}
}
