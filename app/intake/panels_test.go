package intake

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"healthportal/app/health"
)

// part is a line of one value of an external id.
func part(line int, person, id, slot string) Record {
	return beats(line, person, float64(line), withID(id), func(o *health.Observation) { o.Slot = slot })
}

// joined reads all records through Panels and describes them: "1:2" is line 1 with two values.
func joined(t *testing.T, src *fakeSource) (list []Record, shape string, err error) {
	t.Helper()
	p := NewPanels(src.Next)
	var parts []string
	for {
		rec, err := p.Next()
		if err != nil {
			if _, again := p.Next(); !errors.Is(again, err) {
				t.Errorf("the end came as %v, then as %v", err, again)
			}
			return list, strings.Join(parts, " "), err
		}
		list = append(list, rec)
		parts = append(parts, fmt.Sprintf("%d:%d", rec.Line, len(rec.Observations)))
	}
}

func TestPanels(t *testing.T) {
	tests := []struct {
		name    string
		records []Record
		want    string
	}{
		{"nothing", nil, ""},
		{"one panel", []Record{part(1, "a", "x", "s"), part(2, "a", "x", "d")}, "1:2"},
		{"the observation itself and its parts", []Record{part(1, "a", "x", ""), part(2, "a", "x", "s"), part(3, "a", "x", "d")}, "1:3"},
		{"no ids", []Record{beats(1, "a", 1), beats(2, "a", 2)}, "1:1 2:1"},
		{"two ids", []Record{part(1, "a", "x", "s"), part(2, "a", "y", "s")}, "1:1 2:1"},
		{"two persons", []Record{part(1, "a", "x", "s"), part(2, "b", "x", "d")}, "1:1 2:1"},
		{"the same slot again is a new version", []Record{part(1, "a", "x", "s"), part(2, "a", "x", "d"), part(3, "a", "x", "s"), part(4, "a", "x", "d")}, "1:2 3:2"},
		{"without slots", []Record{part(1, "a", "x", ""), part(2, "a", "x", "")}, "1:1 2:1"},
		{"a damaged line between", []Record{part(1, "a", "x", "s"), {Line: 2, Problems: []string{"p"}}, part(3, "a", "x", "d")}, "1:1 2:0 3:1"},
		{"a person line between", []Record{part(1, "a", "x", "s"), person(2, health.Person{}, "a"), part(3, "a", "x", "d")}, "1:1 2:0 3:1"},
		{"a value refused beside", []Record{part(1, "a", "x", "s"), func() Record { r := part(2, "a", "x", "d"); r.Problems = []string{"p"}; return r }()}, "1:1 2:1"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, got, err := joined(t, &fakeSource{records: tt.records})
			if got != tt.want || !errors.Is(err, io.EOF) {
				t.Errorf("got %q, want %q; %v", got, tt.want, err)
			}
		})
	}
}

func TestPanelsKeepAnErrorBehindTheirValues(t *testing.T) {
	broken := errors.New("disk on fire")
	_, got, err := joined(t, &fakeSource{records: []Record{part(1, "a", "x", "s"), part(2, "a", "x", "d")}, err: broken})
	if got != "1:2" || !errors.Is(err, broken) {
		t.Errorf("%q, %v", got, err)
	}
}

func TestPanelsAreBounded(t *testing.T) {
	src := &fakeSource{}
	for i := range MaxPanel + 3 {
		src.records = append(src.records, part(i+1, "a", "x", fmt.Sprint(i)))
	}
	src.records = append(src.records, part(5000, "a", "y", "s"), part(5001, "a", "y", "d"))
	list, _, _ := joined(t, src)
	refused := 0
	for _, rec := range list {
		for _, p := range rec.Problems {
			if !strings.Contains(p, "1,000 values") || len(rec.Observations) > 0 {
				t.Errorf("line %d: %q", rec.Line, p)
			}
			refused++
		}
	}
	if len(list[0].Observations) != MaxPanel || refused != 3 || len(list[len(list)-1].Observations) != 2 {
		t.Errorf("%d values, %d refused, %d records", len(list[0].Observations), refused, len(list))
	}
}
