package research

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"healthportal/app/health"
)

// told writes cells as readers see them: counts, and x for what is withheld.
func told(cells ...Count) string {
	parts := make([]string, len(cells))
	for i, c := range cells {
		parts[i] = fmt.Sprint(c.N)
		if c.Withheld {
			parts[i] = "x"
		}
	}
	return strings.Join(parts, " ")
}

func TestPartition(t *testing.T) {
	tests := []struct {
		name   string
		counts []int
		want   string
		ok     bool
	}{
		{"nobody", []int{0, 0}, "0 0", true},
		{"no categories", nil, "", true},
		{"all large", []int{5, 6, 7}, "5 6 7", true},
		{"five is shown", []int{5, 5}, "5 5", true},
		{"four takes the next along", []int{4, 9, 12}, "x x 12", true},
		{"one takes the next along", []int{30, 1, 12}, "30 x x", true},
		{"the last takes the first along", []int{8, 9, 3}, "x 9 x", true},
		{"zeros are about nobody and hide nothing", []int{10, 0, 3, 0, 20}, "10 0 x 0 x", true},
		{"two small ones that add up to enough", []int{4, 1, 20}, "x x 20", true},
		{"two small ones that add up to too little", []int{2, 2, 20, 30}, "x x x 30", true},
		{"two that can only be four and four", []int{4, 4, 20}, "x x x", true},
		{"four and four with one between", []int{4, 9, 4}, "x x x", true},
		{"one and one", []int{1, 1, 20}, "x x x", true},
		{"three small ones", []int{1, 2, 3, 20}, "x x x 20", true},
		{"five in two", []int{4, 1}, "x x", true},
		{"few in all", []int{2, 2, 0}, "x x 0", false},
		{"one in all", []int{1, 0, 0}, "x 0 0", false},
		{"nobody but four and four", []int{4, 4, 0}, "x x 0", false},
		{"one in each", []int{1, 1, 1, 1, 1}, "x x x x x", false},
		{"four in each", []int{4, 4, 4}, "x x x", false},
	}
	for _, tt := range tests {
		before := slices.Clone(tt.counts)
		cells, ok := partition(tt.counts)
		if got := told(cells...); got != tt.want || ok != tt.ok {
			t.Errorf("%s: %v gives %q, %v; want %q, %v", tt.name, tt.counts, got, ok, tt.want, tt.ok)
		}
		if !slices.Equal(before, tt.counts) {
			t.Errorf("%s: the counts were changed", tt.name)
		}
	}
}

// What is withheld can't be had back by subtraction: whatever a table of four
// categories shows beside its total, at least two distributions show the same, for
// readers who know this program.
func TestPartitionHidesFromSubtraction(t *testing.T) {
	looks := map[string][][]int{}
	const most = 16 // complete for what the total leaves over up to that
	for n := range most * most * most * most {
		counts := []int{n % most, n / most % most, n / most / most % most, n / most / most / most}
		cells, ok := partition(counts)
		if !ok {
			continue
		}
		total, left := 0, 0
		for i, c := range cells {
			total += counts[i]
			if c.Withheld {
				left += counts[i]
			}
		}
		checkCells(t, counts, cells)
		if shown := told(cells...) + " = " + fmt.Sprint(total); left > 0 && left <= most && len(looks[shown]) < 2 {
			looks[shown] = append(looks[shown], counts)
		}
	}
	for shown, tables := range looks {
		if len(tables) < 2 {
			t.Errorf("%q can only be %v", shown, tables)
		}
	}
}

func checkCells(t *testing.T, counts []int, cells []Count) {
	t.Helper()
	hidden := 0
	for i, c := range cells {
		if c.Withheld {
			hidden++
		} else if c.N != counts[i] || c.N > 0 && c.N < FewerThan {
			t.Fatalf("%v: cell %d shows %d", counts, i, c.N)
		}
		if c.Withheld && c.N != 0 {
			t.Fatalf("%v: a withheld cell carries its count", counts)
		}
	}
	if hidden == 1 {
		t.Fatalf("%v: the total stands beside one withheld cell", counts)
	}
}

func TestBands(t *testing.T) {
	tests := map[int]string{0: "under 18", 17: "under 18", 18: "18–29", 29: "18–29", 30: "30–39", 39: "30–39", 40: "40–49", 79: "70–79", 80: "80–89", 89: "80–89", 90: "90 or older"}
	for age, want := range tests {
		if got := band(Person{Age: age, HasAge: true}); got != want {
			t.Errorf("age %d is in %q, want %q", age, got, want)
		}
	}
	if got := band(Person{Age: 40}); got != "unknown" {
		t.Errorf("no age is in %q", got)
	}
}

func cells(list []Cell) string {
	var parts []string
	for _, c := range list {
		parts = append(parts, c.Label+" "+told(c.Count))
	}
	return strings.Join(parts, ", ")
}

func TestSummary(t *testing.T) {
	s := cohort(12)
	s.persons[0].Sex, s.persons[1].Sex = health.Male, "something else"
	s.persons[2].Age, s.persons[3].Age, s.persons[4].Age, s.persons[5].HasAge = 90, 17, 35, false
	s.metrics = []MetricCount{{"sodium", "Sodium", 4, 900}, {"steps", "Steps", 5, 6}, {"heart_rate", "Heart rate", 12, 70}}
	s.withheld = Withheld{Codes: Left{9, 4}, Texts: Left{9, 5}, Units: Left{0, 0}, Devices: Left{70, 12}}
	got, err := NewView(s, pocket(1)).Summary(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if got.Participants != (Count{N: 12}) {
		t.Errorf("participants %v", got.Participants)
	}
	if want := "female x, male x, other 0, unknown x"; cells(got.Sex) != want {
		t.Errorf("sex: %s, want %s", cells(got.Sex), want)
	}
	if want := "under 18 x, 18–29 0, 30–39 x, 40–49 x, 50–59 0, 60–69 0, 70–79 0, 80–89 0, 90 or older x, unknown x"; cells(got.Ages) != want {
		t.Errorf("ages: %s", cells(got.Ages))
	}
	for i, want := range []MetricCell{{"heart_rate", "Heart rate", Count{N: 12}, Count{N: 70}}, {"steps", "Steps", Count{N: 5}, Count{N: 6}},
		{"sodium", "Sodium", Count{Withheld: true}, Count{Withheld: true}}} {
		if got.Metrics[i] != want {
			t.Errorf("metric %d: %+v, want %+v", i, got.Metrics[i], want)
		}
	}
	left := WithheldSummary{LeftCell{Count{Withheld: true}, Count{Withheld: true}}, LeftCell{Count{N: 9}, Count{N: 5}}, LeftCell{}, LeftCell{Count{N: 70}, Count{N: 12}}}
	if got.Withheld != left {
		t.Errorf("withheld %+v", got.Withheld)
	}
}

func TestSummaryOfFew(t *testing.T) {
	got, err := NewView(cohort(4), pocket(1)).Summary(t.Context())
	if err != nil || !got.Participants.Withheld {
		t.Fatalf("four participants: %+v, %v", got.Participants, err)
	}
	for _, c := range append(got.Sex, got.Ages...) {
		if !c.Withheld || c.N != 0 {
			t.Errorf("%s shows %+v of four participants", c.Label, c.Count)
		}
	}
	for _, m := range got.Metrics {
		if !m.Persons.Withheld || !m.Values.Withheld {
			t.Errorf("%+v", m)
		}
	}
	if got, err := NewView(cohort(5), pocket(1)).Summary(t.Context()); err != nil || got.Participants != (Count{N: 5}) {
		t.Errorf("five participants: %+v, %v", got.Participants, err)
	}
	if got, err := NewView(&shelf{}, pocket(1)).Summary(t.Context()); err != nil || got.Participants != (Count{}) || len(got.Metrics) != 0 {
		t.Errorf("nobody: %+v, %v", got, err)
	}
}

func TestSummaryFails(t *testing.T) {
	for _, method := range []string{"persons", "metrics", "withheld"} {
		s := cohort(6)
		s.fails = []string{method}
		if _, err := NewView(s, pocket(1)).Summary(t.Context()); !errors.Is(err, errStore) {
			t.Errorf("%s: %v", method, err)
		}
	}
}
