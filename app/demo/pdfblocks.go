package demo

// scale draws named bands with a marker at the value.
func (s *sheet) scale(sc *scale) {
	pdf := s.pdf
	s.keep(30)
	s.caption(sc.caption)
	top := pdf.GetY() + 8
	whole := sc.bands[len(sc.bands)-1].upTo
	s.stroke(ruleColour())
	pdf.SetLineWidth(0.2)
	from := 0.0
	for _, b := range sc.bands {
		x, width := pageMargin+from/whole*pageWidth, (b.upTo-from)/whole*pageWidth
		s.fill(b.tint)
		pdf.Rect(x, top, width, 7, "FD")
		s.font("", 7)
		s.ink(inkDark())
		label := s.text(b.label)
		if pdf.GetStringWidth(label)+1 > width {
			// Too narrow for its name: the name stands below.
			pdf.SetXY(min(x+width/2-15, pageMargin+pageWidth-30), top+7.5)
			pdf.CellFormat(30, 4, label, "", 0, "C", false, 0, "")
		} else {
			pdf.SetXY(x, top)
			pdf.CellFormat(width, 7, label, "", 0, "C", false, 0, "")
		}
		from = b.upTo
	}
	s.marker(pageMargin+sc.value/whole*pageWidth, top, sc.label)
	pdf.SetXY(pageMargin, top+13)
}

// marker points at x from above and carries a label.
func (s *sheet) marker(x, top float64, label string) {
	pdf := s.pdf
	s.fill(inkDark())
	pdf.MoveTo(x, top+1)
	pdf.LineTo(x-1.8, top-2.4)
	pdf.LineTo(x+1.8, top-2.4)
	pdf.ClosePath()
	pdf.DrawPath("F")
	s.font("B", 9)
	s.ink(inkDark())
	left := min(max(x-25, pageMargin), pageMargin+pageWidth-50)
	align := "C"
	switch left {
	case pageMargin:
		align = "L"
	case pageMargin + pageWidth - 50:
		align = "R"
	}
	pdf.SetXY(left, top-7)
	pdf.CellFormat(50, 4.4, s.text(label), "", 0, align, false, 0, "")
}

func (s *sheet) caption(text string) {
	s.font("I", 8)
	s.ink(inkSoft())
	s.pdf.MultiCell(pageWidth, lineHeight, s.text(text), "", "L", false)
}

// bars draws values to both sides of zero, or from zero where none is negative.
func (s *sheet) bars(b *bars) {
	const row, labels, values = 4.1, 26.0, 18.0
	pdf := s.pdf
	s.keep(row*float64(len(b.items)) + 10)
	s.caption(b.caption)
	low, high := b.bounds()
	width := pageWidth - labels - values
	at := func(v float64) float64 { return pageMargin + labels + (v-low)/(high-low)*width }
	top := pdf.GetY() + 1
	for i, item := range b.items {
		y := top + row*float64(i)
		s.font("", 7.5)
		s.ink(inkDark())
		pdf.SetXY(pageMargin, y)
		pdf.CellFormat(labels, row, s.text(item.label), "", 0, "L", false, 0, "")
		s.fill(tint{62, 122, 160})
		if item.value < 0 {
			s.fill(tint{168, 112, 60})
		}
		from, to := at(min(0, item.value)), at(max(0, item.value))
		pdf.Rect(from, y+0.7, to-from, row-1.4, "F")
		pdf.SetXY(pageMargin+labels+width, y)
		pdf.CellFormat(values, row, s.text(item.text), "", 0, "R", false, 0, "")
	}
	s.stroke(inkSoft())
	pdf.SetLineWidth(0.2)
	pdf.Line(at(0), top, at(0), top+row*float64(len(b.items)))
	pdf.SetXY(pageMargin, top+row*float64(len(b.items))+2)
}

// bounds are the ends of the axis; zero is always among them.
func (b *bars) bounds() (low, high float64) {
	for _, item := range b.items {
		low, high = min(low, item.value), max(high, item.value)
	}
	if low == high {
		high = low + 1
	}
	return low, high
}

// table draws rows that may run over several pages, each with the heading.
func (s *sheet) table(t *table) {
	s.keep(24)
	s.caption(t.caption)
	s.pdf.Ln(0.6)
	s.tableHead(t)
	for i, row := range t.rows {
		cells, height := s.cells(t, row, "")
		if s.pdf.GetY()+height > pageBottom {
			s.pdf.AddPage()
			s.tableHead(t)
		}
		shade := paperSoft()
		if i%2 == 0 {
			shade = tint{255, 255, 255}
		}
		s.row(t, cells, "", height, shade)
	}
	s.pdf.SetX(pageMargin)
}

func (s *sheet) tableHead(t *table) {
	cells, height := s.cells(t, t.head, "B")
	s.row(t, cells, "B", height, tint{222, 230, 238})
}

// cells breaks the texts of a row into lines, and tells its height.
func (s *sheet) cells(t *table, row []string, style string) (cells [][][]byte, height float64) {
	s.font(style, 8)
	lines := 1
	for i, text := range row {
		split := s.pdf.SplitLines([]byte(s.text(text)), t.widths[i]*pageWidth-3)
		cells = append(cells, split)
		lines = max(lines, len(split))
	}
	return cells, float64(lines)*4 + 1.2
}

func (s *sheet) row(t *table, cells [][][]byte, style string, height float64, shade tint) {
	pdf := s.pdf
	s.font(style, 8)
	s.ink(inkDark())
	x, y := pageMargin, pdf.GetY()
	s.fill(shade)
	pdf.Rect(x, y, pageWidth, height, "F")
	for i, lines := range cells {
		align, gap := "L", 0.0
		if t.numeric[i] {
			// Numbers keep away from the column to their right.
			align, gap = "R", 2
		}
		width := t.widths[i] * pageWidth
		for n, line := range lines {
			pdf.SetXY(x, y+0.6+4*float64(n))
			pdf.CellFormat(width-gap, 4, string(line), "", 0, align, false, 0, "")
		}
		x += width
	}
	s.stroke(ruleColour())
	pdf.SetLineWidth(0.1)
	pdf.Line(pageMargin, y+height, pageMargin+pageWidth, y+height)
	pdf.SetXY(pageMargin, y+height)
}
