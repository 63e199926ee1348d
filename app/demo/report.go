package demo

import (
	"path"
	"time"

	"healthportal/app/genomics"
)

// report is one document about one patient, before it becomes PDF or HTML.
type report struct {
	patient *patient
	// slug is the file's name without its ending.
	slug, kind, title, tool string
	format                  genomics.Format
	status                  genomics.ReportStatus
	made                    time.Time
	risk                    genomics.Risk
	summary                 string
	// supersedes is the path of the report that this one replaces; empty: none.
	supersedes string
	sections   []section
}

// section is a part of a report; what is empty is left out.
type section struct {
	heading    string
	paragraphs []string
	scale      *scale
	bars       *bars
	table      *table
}

// table has as many columns as head; numeric columns stand to the right.
type table struct {
	caption string
	head    []string
	// widths are shares of the page's width.
	widths  []float64
	numeric []bool
	rows    [][]string
}

// scale shows where a value lies among named bands.
type scale struct {
	caption string
	bands   []band
	value   float64
	// label is the value in words.
	label string
}

// band reaches from the end of the band before it up to this value.
type band struct {
	label string
	upTo  float64
	tint  tint
}

// bars compares values around zero.
type bars struct {
	caption string
	items   []bar
}

type bar struct {
	label string
	value float64
	// text is the value as the table has it.
	text string
}

// tint is a colour, red, green and blue from 0 to 255.
type tint struct{ r, g, b int }

// The tints of bands; text on them is dark.
func tintCalm() tint   { return tint{205, 228, 214} }
func tintPlain() tint  { return tint{222, 230, 238} }
func tintRaised() tint { return tint{250, 226, 180} }
func tintHigh() tint   { return tint{243, 196, 188} }

// name is the file's own name.
func (r *report) name() string { return r.slug + "." + string(r.format) }

// path is relative to the report root: record number, date, name.
func (r *report) path() string {
	return path.Join(r.patient.record, r.made.Format(time.DateOnly), r.name())
}

// facts is the block about patient and document, in pairs of name and value.
func (r *report) facts() [][2]string {
	p := r.patient
	return [][2]string{
		{"Patient", p.family + ", " + p.given},
		{"Record number", p.record},
		{"Date of birth", p.born.String()},
		{"Sex", string(p.sex)},
		{"Report made", r.made.Format("2006-01-02 15:04 -07:00")},
		{"Status", string(r.status)},
		{"Method", r.tool},
		{"Genome build", "GRCh38"},
	}
}

// closing is the section that ends every report.
func closing() section {
	return section{
		heading: "About this document",
		paragraphs: []string{
			"This report was computed by a random generator for demonstrations and tests. The person, the genotypes, " +
				"the weights and the results are invented. Nothing in it may be used to decide about anybody's care.",
			"Genes and drugs carry their real names so that the pages look as they would in a clinic; positions marked " +
				"\"syn\" do not refer to variants of any database.",
		},
	}
}
