package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"
	"text/tabwriter"
)

// Result is one measurement.
type Result struct {
	// Name says what was measured.
	Name string
	// Limit says what stands for the limit.
	Limit string
	// Unit is the unit of both sides: rows/s, requests/s, ms, s.
	Unit string
	// More says that more is better; otherwise less is.
	More bool
	// Goal is what the ratio shall at least be, or at most where less is better; 0: none is set.
	Goal  float64
	Pairs []Pair
	// Note is what the reader must know to read the figures.
	Note string
	// NotMeasured is why there are no figures; empty where there are.
	NotMeasured string
}

// Sheet is all results of a run with the machine that they were taken on.
type Sheet struct {
	// PostgreSQL is the server's version, CPUs the number of processors that the run could use.
	PostgreSQL string   `json:"postgresql"`
	Go         string   `json:"go"`
	System     string   `json:"system"`
	CPUs       int      `json:"cpus"`
	Results    []Result `json:"results"`
}

// MarshalJSON gives the figures beside the runs that they come from.
func (r Result) MarshalJSON() ([]byte, error) {
	better := "less"
	if r.More {
		better = "more"
	}
	doc := struct {
		Name        string  `json:"name"`
		Limit       string  `json:"limit_is"`
		Unit        string  `json:"unit"`
		Better      string  `json:"better"`
		Ours        *Spread `json:"ours,omitempty"`
		Bound       *Spread `json:"limit,omitempty"`
		Ratio       *Spread `json:"ratio,omitempty"`
		Goal        float64 `json:"goal,omitempty"`
		Met         *bool   `json:"met,omitempty"`
		Pairs       []Pair  `json:"runs,omitempty"`
		Note        string  `json:"note,omitempty"`
		NotMeasured string  `json:"not_measured,omitempty"`
	}{Name: r.Name, Limit: r.Limit, Unit: r.Unit, Better: better, Pairs: r.Pairs, Note: r.Note, NotMeasured: r.NotMeasured}
	if r.NotMeasured == "" {
		ours, bound, quotient := r.spreads()
		doc.Ours, doc.Bound, doc.Ratio = &ours, &bound, &quotient
		if r.Goal != 0 {
			met := r.met(quotient)
			doc.Goal, doc.Met = r.Goal, &met
		}
	}
	var text bytes.Buffer
	enc := json.NewEncoder(&text)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(doc); err != nil {
		return nil, fmt.Errorf("result %q: %w", r.Name, err)
	}
	return text.Bytes(), nil
}

// met tells whether the median reaches the goal.
func (r Result) met(ratio Spread) bool {
	if r.More {
		return ratio.Median >= r.Goal
	}
	return ratio.Median <= r.Goal
}

// verdict is the goal and whether it is met, for people.
func (r Result) verdict(ratio Spread) string {
	if r.Goal == 0 {
		return "-"
	}
	sign, word := "<=", "missed"
	if r.More {
		sign = ">="
	}
	if r.met(ratio) {
		word = "met"
	}
	return fmt.Sprintf("%s %g: %s", sign, r.Goal, word)
}

// spreads sums up both sides and their ratio, taken run by run.
func (r Result) spreads() (ours, limit, quotient Spread) {
	return column(r.Pairs, func(p Pair) float64 { return p.Ours }),
		column(r.Pairs, func(p Pair) float64 { return p.Limit }),
		column(r.Pairs, ratio)
}

func (s Sheet) writeJSON(out io.Writer) error {
	enc := json.NewEncoder(out)
	enc.SetIndent("", "  ")
	enc.SetEscapeHTML(false)
	if err := enc.Encode(s); err != nil {
		return fmt.Errorf("write the results: %w", err)
	}
	return nil
}

// writeTable prints the results for people.
func (s Sheet) writeTable(out io.Writer) error {
	var text strings.Builder
	fmt.Fprintf(&text, "PostgreSQL %s, %s, %s, %d processors. Only the ratios mean anything beyond this run.\n\n",
		s.PostgreSQL, s.Go, s.System, s.CPUs)
	w := tabwriter.NewWriter(&text, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "what\tours\tlimit\tratio\tmin-max\tbetter\tgoal\tthe limit is")
	for _, r := range s.Results {
		fmt.Fprintln(w, strings.Join(r.cells(), "\t"))
	}
	if err := w.Flush(); err != nil {
		return fmt.Errorf("write the results: %w", err)
	}
	s.notes(&text)
	if _, err := io.WriteString(out, text.String()); err != nil {
		return fmt.Errorf("write the results: %w", err)
	}
	return nil
}

func (r Result) cells() []string {
	if r.NotMeasured != "" {
		return []string{r.Name, "-", "-", "-", "-", "-", "-", "not measured: " + r.NotMeasured}
	}
	better := "less"
	if r.More {
		better = "more"
	}
	ours, limit, quotient := r.spreads()
	return []string{r.Name, figure(ours.Median) + " " + r.Unit, figure(limit.Median) + " " + r.Unit, figure(quotient.Median),
		figure(quotient.Min) + "-" + figure(quotient.Max), better, r.verdict(quotient), r.Limit}
}

func (s Sheet) notes(text *strings.Builder) {
	first := true
	for _, r := range s.Results {
		if r.Note == "" {
			continue
		}
		if first {
			text.WriteString("\n")
			first = false
		}
		fmt.Fprintf(text, "%s: %s\n", strings.TrimSpace(r.Name), r.Note)
	}
}

// figure writes three significant digits, and all digits before the point.
func figure(v float64) string {
	if v == 0 || math.IsInf(v, 0) || math.IsNaN(v) {
		return strconv.FormatFloat(v, 'g', -1, 64)
	}
	digits := 2 - int(math.Floor(math.Log10(math.Abs(v))))
	return strconv.FormatFloat(v, 'f', min(max(digits, 0), 12), 64)
}
