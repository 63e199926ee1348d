package demo

import (
	"fmt"
	"io"
	"strings"

	"codeberg.org/go-pdf/fpdf"
)

// The page, in millimetres on A4.
const (
	pageMargin = 18.0
	pageWidth  = 210.0 - 2*pageMargin
	pageBottom = 297.0 - 20.0
	lineHeight = 4.8
)

// sheet lays a report out on pages.
type sheet struct {
	pdf *fpdf.Fpdf
	rep *report
	// encode turns UTF-8 into the code page of the core fonts.
	encode func(string) string
	err    error
}

// writePDF writes the report as PDF. The same report gives the same bytes. It
// fails where a text can't be shown with the core fonts, rather than changing it.
func writePDF(w io.Writer, rep *report) error {
	pdf := fpdf.New("P", "mm", "A4", "")
	s := &sheet{pdf: pdf, rep: rep, encode: pdf.UnicodeTranslatorFromDescriptor("")}
	s.setUp()
	pdf.AddPage()
	s.title()
	s.facts()
	for _, part := range rep.sections {
		s.section(part)
	}
	if s.err != nil {
		return s.err
	}
	if err := pdf.Output(w); err != nil {
		return fmt.Errorf("writing the PDF %s: %w", rep.slug, err)
	}
	return nil
}

func (s *sheet) setUp() {
	pdf, made := s.pdf, s.rep.made.UTC()
	pdf.SetCatalogSort(true)
	pdf.SetCreationDate(made)
	pdf.SetModificationDate(made)
	pdf.SetProducer("fpdf", false)
	pdf.SetCreator(s.rep.tool, false)
	pdf.SetAuthor(SiteName, false)
	pdf.SetTitle(s.rep.title, true)
	pdf.SetSubject(Notice, true)
	pdf.SetLang("en")
	pdf.SetMargins(pageMargin, 30, pageMargin)
	pdf.SetAutoPageBreak(true, 297-pageBottom)
	pdf.AliasNbPages("")
	pdf.SetHeaderFunc(s.header)
	pdf.SetFooterFunc(s.footer)
}

// text encodes a text, and fails on runes that the core fonts lack.
func (s *sheet) text(text string) string {
	for _, r := range text {
		if !inCodePage(r) && s.err == nil {
			s.err = fmt.Errorf("the report %s has the character %q, which the core fonts of PDF lack", s.rep.slug, r)
		}
	}
	return s.encode(text)
}

// inCodePage tells whether Windows-1252 has the rune.
func inCodePage(r rune) bool {
	const beyondLatin1 = "€‚ƒ„…†‡ˆ‰Š‹ŒŽ‘’“”•–—˜™š›œžŸ"
	return (r >= ' ' && r <= '~') || (r >= 0xA0 && r <= 0xFF) || strings.ContainsRune(beyondLatin1, r)
}

func (s *sheet) font(style string, points float64) { s.pdf.SetFont("Helvetica", style, points) }

func (s *sheet) ink(c tint)    { s.pdf.SetTextColor(c.r, c.g, c.b) }
func (s *sheet) fill(c tint)   { s.pdf.SetFillColor(c.r, c.g, c.b) }
func (s *sheet) stroke(c tint) { s.pdf.SetDrawColor(c.r, c.g, c.b) }

func inkDark() tint    { return tint{28, 36, 46} }
func inkSoft() tint    { return tint{84, 96, 110} }
func inkAccent() tint  { return tint{20, 74, 110} }
func inkWarning() tint { return tint{150, 32, 26} }
func paperSoft() tint  { return tint{243, 246, 249} }
func ruleColour() tint { return tint{196, 206, 216} }

func (s *sheet) header() {
	pdf := s.pdf
	pdf.SetY(12)
	s.font("B", 9)
	s.ink(inkAccent())
	pdf.CellFormat(pageWidth/2, 6, s.text(SiteName), "", 0, "L", false, 0, "")
	s.ink(inkWarning())
	s.stroke(inkWarning())
	pdf.SetLineWidth(0.4)
	pdf.SetX(pageMargin + pageWidth - 66)
	pdf.CellFormat(66, 6, s.text(Notice), "1", 1, "C", false, 0, "")
	s.stroke(ruleColour())
	pdf.SetLineWidth(0.2)
	pdf.Line(pageMargin, 22, pageMargin+pageWidth, 22)
	pdf.SetY(28)
	s.body()
}

func (s *sheet) footer() {
	pdf := s.pdf
	pdf.SetY(-14)
	s.font("", 8)
	s.ink(inkSoft())
	pdf.CellFormat(pageWidth*0.75, 5, s.text(s.rep.patient.record+" · "+s.rep.title+" · "+Notice), "", 0, "L", false, 0, "")
	pdf.CellFormat(pageWidth*0.25, 5, fmt.Sprintf("Page %d of {nb}", pdf.PageNo()), "", 0, "R", false, 0, "")
}

func (s *sheet) body() {
	s.font("", 9.5)
	s.ink(inkDark())
}

func (s *sheet) title() {
	s.font("B", 19)
	s.ink(inkDark())
	s.pdf.MultiCell(pageWidth, 8, s.text(s.rep.title), "", "L", false)
	s.pdf.Ln(3)
}

// facts draws the block about patient and document, in two columns.
func (s *sheet) facts() {
	pdf := s.pdf
	facts := s.rep.facts()
	half := (len(facts) + 1) / 2
	columns := [2][][2]string{facts[:half], facts[half:]}
	top := pdf.GetY()
	height := max(s.factHeight(columns[0]), s.factHeight(columns[1])) + 5
	s.fill(paperSoft())
	pdf.Rect(pageMargin, top, pageWidth, height, "F")
	for i, column := range columns {
		x := pageMargin + 3 + float64(i)*pageWidth/2
		pdf.SetXY(x, top+2.5)
		for _, f := range column {
			y := pdf.GetY()
			s.font("", 8)
			s.ink(inkSoft())
			pdf.SetXY(x, y)
			pdf.CellFormat(factName, lineHeight, s.text(f[0]), "", 0, "L", false, 0, "")
			s.font("B", 9)
			s.ink(inkDark())
			pdf.SetXY(x+factName, y)
			pdf.MultiCell(factValue, lineHeight, s.text(f[1]), "", "L", false)
		}
	}
	pdf.SetXY(pageMargin, top+height)
	pdf.Ln(4)
}

// The widths of a fact's name and value.
const (
	factName  = 25.0
	factValue = pageWidth/2 - factName - 5
)

func (s *sheet) factHeight(facts [][2]string) float64 {
	s.font("B", 9)
	var lines int
	for _, f := range facts {
		lines += max(1, len(s.pdf.SplitLines([]byte(s.text(f[1])), factValue)))
	}
	return float64(lines) * lineHeight
}

func (s *sheet) section(part section) {
	// A heading stays with at least some of what follows.
	s.keep(26)
	s.font("B", 12)
	s.ink(inkAccent())
	s.pdf.MultiCell(pageWidth, 7, s.text(part.heading), "", "L", false)
	s.body()
	for _, p := range part.paragraphs {
		s.pdf.MultiCell(pageWidth, lineHeight, s.text(p), "", "L", false)
		s.pdf.Ln(1.6)
	}
	if part.scale != nil {
		s.scale(part.scale)
	}
	if part.bars != nil {
		s.bars(part.bars)
	}
	if part.table != nil {
		s.table(part.table)
	}
	s.pdf.Ln(3)
}

// keep begins a new page unless the height is left on this one.
func (s *sheet) keep(height float64) {
	if s.pdf.GetY()+height > pageBottom {
		s.pdf.AddPage()
	}
}
