package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"math"
	"strings"
	"testing"
)

func sample() Sheet {
	return Sheet{PostgreSQL: "15.1", Go: "go1.26", System: "linux/amd64", CPUs: 2, Results: []Result{
		{Name: "import", Limit: `psql \copy`, Unit: "rows/s", More: true, Goal: 0.5, Pairs: []Pair{{20_000, 200_000}, {30_000, 200_000}, {10_000, 200_000}}},
		{Name: "  indented", Limit: "find", Unit: "ms", Goal: 1.5, Pairs: []Pair{{3, 2}}, Note: "read <this>"},
		{Name: "page", Limit: "pgbench", Unit: "requests/s", NotMeasured: "the portal answers 404"},
	}}
}

func TestWriteTable(t *testing.T) {
	var out bytes.Buffer
	if err := sample().writeTable(&out); err != nil {
		t.Fatal(err)
	}
	want := `PostgreSQL 15.1, go1.26, linux/amd64, 2 processors. Only the ratios mean anything beyond this run.

what        ours          limit          ratio  min-max       better  goal            the limit is
import      20000 rows/s  200000 rows/s  0.100  0.0500-0.150  more    >= 0.5: missed  psql \copy
  indented  3.00 ms       2.00 ms        1.50   1.50-1.50     less    <= 1.5: met     find
page        -             -              -      -             -       -               not measured: the portal answers 404

indented: read <this>
`
	if got := out.String(); got != want {
		t.Errorf("table:\n%s\nwant:\n%s", got, want)
	}
}

// The median decides, not the best run.
func TestVerdict(t *testing.T) {
	for _, tt := range []struct {
		r    Result
		want string
	}{
		{Result{Pairs: []Pair{{1, 1}}}, "-"},
		{Result{More: true, Goal: 0.9, Pairs: []Pair{{9, 10}}}, ">= 0.9: met"},
		{Result{More: true, Goal: 0.9, Pairs: []Pair{{10, 10}, {8, 10}, {8, 10}}}, ">= 0.9: missed"},
		{Result{Goal: 1.1, Pairs: []Pair{{11, 10}, {20, 10}, {10, 10}}}, "<= 1.1: met"},
		{Result{Goal: 1.1, Pairs: []Pair{{12, 10}}}, "<= 1.1: missed"},
	} {
		_, _, quotient := tt.r.spreads()
		if got := tt.r.verdict(quotient); got != tt.want {
			t.Errorf("%+v: %q, want %q", tt.r, got, tt.want)
		}
	}
}

func TestWriteTableWithoutNotes(t *testing.T) {
	var out bytes.Buffer
	if err := (Sheet{}).writeTable(&out); err != nil {
		t.Fatal(err)
	}
	if lines := strings.Count(out.String(), "\n"); lines != 3 {
		t.Errorf("an empty table has %d lines:\n%s", lines, out.String())
	}
}

func TestWriteJSON(t *testing.T) {
	var out bytes.Buffer
	if err := sample().writeJSON(&out); err != nil {
		t.Fatal(err)
	}
	var doc struct {
		PostgreSQL string
		CPUs       int
		Results    []struct {
			Name, Unit, Better, Note string
			LimitIs                  string `json:"limit_is"`
			NotMeasured              string `json:"not_measured"`
			Goal                     float64
			Met                      *bool
			Ours, Limit, Ratio       *Spread
			Runs                     []Pair
		}
	}
	if err := json.Unmarshal(out.Bytes(), &doc); err != nil {
		t.Fatal(err)
	}
	if doc.PostgreSQL != "15.1" || doc.CPUs != 2 || len(doc.Results) != 3 {
		t.Fatalf("document %+v", doc)
	}
	first := doc.Results[0]
	if first.Better != "more" || first.LimitIs != `psql \copy` || len(first.Runs) != 3 || *first.Ratio != (Spread{0.1, 0.05, 0.15}) {
		t.Errorf("first result %+v, ratio %v", first, first.Ratio)
	}
	if first.Goal != 0.5 || first.Met == nil || *first.Met || doc.Results[1].Met == nil || !*doc.Results[1].Met || doc.Results[2].Met != nil {
		t.Errorf("goals: %+v", doc.Results)
	}
	if doc.Results[1].Better != "less" || doc.Results[1].Note != "read <this>" {
		t.Errorf("second result %+v", doc.Results[1])
	}
	last := doc.Results[2]
	if last.NotMeasured == "" || last.Ours != nil || last.Limit != nil || last.Ratio != nil || last.Runs != nil {
		t.Errorf("a result without figures shows some: %+v", last)
	}
	if !strings.Contains(out.String(), "read <this>") {
		t.Error("text is escaped for HTML")
	}
}

// full is a disk without space.
type full struct{}

// Write fails.
func (full) Write([]byte) (int, error) { return 0, errors.New("no space left") }

func TestWritingFails(t *testing.T) {
	if err := sample().writeTable(full{}); err == nil {
		t.Error("the table's error is lost")
	}
	if err := sample().writeJSON(full{}); err == nil {
		t.Error("the document's error is lost")
	}
}

func TestFigure(t *testing.T) {
	tests := []struct {
		value float64
		want  string
	}{
		{0, "0"}, {1, "1.00"}, {1.3846, "1.38"}, {13.846, "13.8"}, {138.46, "138"}, {1384.6, "1385"}, {1234567, "1234567"},
		{0.0884, "0.0884"}, {0.00012345, "0.000123"}, {-2.5, "-2.50"}, {math.Inf(1), "+Inf"}, {1e-20, "0.000000000000"},
	}
	for _, tt := range tests {
		if got := figure(tt.value); got != tt.want {
			t.Errorf("figure(%v) = %q, want %q", tt.value, got, tt.want)
		}
	}
}
