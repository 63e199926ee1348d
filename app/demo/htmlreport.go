package demo

import (
	"fmt"
	"html/template"
	"io"
	"strconv"
)

// page is what the HTML template shows.
type page struct {
	Title, Site, Notice, Tool, Record string
	Facts                             [][2]string
	Sections                          []pageSection
}

type pageSection struct {
	Heading    string
	Paragraphs []string
	Scale      *pageScale
	Bars       *pageBars
	Table      *pageTable
}

// pageScale is a scale in units of an SVG that is 600 wide.
type pageScale struct {
	Caption, Label, At string
	Bands              []pageBand
}

type pageBand struct{ Label, X, Middle, Width, Fill string }

type pageBars struct {
	Caption, Zero string
	Height        int
	Items         []pageBar
}

type pageBar struct {
	Label, Text, X, Width, Fill string
	Y, TextY                    int
}

type pageTable struct {
	Caption string
	Head    []pageCell
	Rows    [][]pageCell
}

type pageCell struct {
	Text    string
	Numeric bool
}

// writeHTML writes the report as one self-contained page without scripts.
func writeHTML(w io.Writer, t *template.Template, rep *report) error {
	p := page{Title: rep.title, Site: SiteName, Notice: Notice, Tool: rep.tool, Record: rep.patient.record, Facts: rep.facts()}
	for _, part := range rep.sections {
		v := pageSection{Heading: part.heading, Paragraphs: part.paragraphs}
		if part.scale != nil {
			v.Scale = part.scale.view()
		}
		if part.bars != nil {
			v.Bars = part.bars.view()
		}
		if part.table != nil {
			v.Table = part.table.view()
		}
		p.Sections = append(p.Sections, v)
	}
	if err := t.Execute(w, p); err != nil {
		return fmt.Errorf("writing the HTML report %s: %w", rep.slug, err)
	}
	return nil
}

func reportTemplate() (*template.Template, error) {
	t, err := template.New("report").Parse(reportPage)
	if err != nil {
		return nil, fmt.Errorf("reading the template of HTML reports: %w", err)
	}
	return t, nil
}

const svgWidth = 600.0

func units(v float64) string { return strconv.FormatFloat(v, 'f', 1, 64) }

func (c tint) hex() string { return fmt.Sprintf("#%02x%02x%02x", c.r, c.g, c.b) }

func (sc *scale) view() *pageScale {
	whole := sc.bands[len(sc.bands)-1].upTo
	at := func(v float64) float64 { return v / whole * svgWidth }
	v := &pageScale{Caption: sc.caption, Label: sc.label, At: units(at(sc.value))}
	from := 0.0
	for _, b := range sc.bands {
		v.Bands = append(v.Bands, pageBand{b.label, units(at(from)), units(at((from + b.upTo) / 2)), units(at(b.upTo - from)), b.tint.hex()})
		from = b.upTo
	}
	return v
}

func (b *bars) view() *pageBars {
	const row, labels, values = 22, 120.0, 80.0
	low, high := b.bounds()
	at := func(v float64) float64 { return labels + (v-low)/(high-low)*(svgWidth-labels-values) }
	v := &pageBars{Caption: b.caption, Zero: units(at(0)), Height: row * len(b.items)}
	for i, item := range b.items {
		fill := tint{62, 122, 160}
		if item.value < 0 {
			fill = tint{168, 112, 60}
		}
		from, to := at(min(0, item.value)), at(max(0, item.value))
		v.Items = append(v.Items, pageBar{item.label, item.text, units(from), units(to - from), fill.hex(), row*i + 4, row*i + 16})
	}
	return v
}

func (t *table) view() *pageTable {
	v := &pageTable{Caption: t.caption}
	cells := func(texts []string) []pageCell {
		out := make([]pageCell, len(texts))
		for i, text := range texts {
			out[i] = pageCell{text, t.numeric[i]}
		}
		return out
	}
	v.Head = cells(t.head)
	for _, row := range t.rows {
		v.Rows = append(v.Rows, cells(row))
	}
	return v
}
