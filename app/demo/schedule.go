package demo

import (
	"fmt"
	"time"

	"healthportal/app/genomics"
	"healthportal/app/health"
)

// writer fills a report in; edition counts the amendments.
type writer func(r *report, d *dice, edition int)

func ofTrait(t trait) writer {
	return func(r *report, d *dice, edition int) { polygenic(r, t, d, edition) }
}

// order is a report to be made: when, as what.
type order struct {
	write  writer
	format genomics.Format
	// months before the clinic's today, and the day of that month.
	months, dom int
	// amended orders a second edition two months later, or status another one than final.
	amended bool
	status  genomics.ReportStatus
}

// orders lists what is made for the patient with the given number.
func orders(p *patient, number int, today health.Day) []order {
	const pdf, html = genomics.PDF, genomics.HTML
	even := number%2 == 0
	either := func(a, b genomics.Format) genomics.Format {
		if even {
			return a
		}
		return b
	}
	if p.isChild(today) {
		return []order{
			{write: carrier, format: html, months: 5, dom: 12},
			{write: quality, format: pdf, months: 5, dom: 9},
		}
	}
	out := []order{
		{write: quality, format: html, months: 11 - number%4, dom: 3 + number},
		{write: ofTrait(coronary()), format: pdf, months: 9 - number%5, dom: 5 + number, amended: number%5 == 1},
		{write: pharmacogenomics, format: either(pdf, html), months: 3 + number%6, dom: 8 + number, amended: number == 4},
	}
	if p.team == Cardiology {
		out = append(out, order{write: cardiomyopathy, format: pdf, months: 1 + number%8, dom: 2 + number, status: panelStatus(number)})
	}
	switch {
	case p.age(today) < 50:
		out = append(out, order{write: carrier, format: either(html, pdf), months: 2 + number%7, dom: 4 + number})
	default:
		out = append(out, order{write: ofTrait(diabetes()), format: either(html, pdf), months: 2 + number%7, dom: 6 + number})
	}
	switch p.sex {
	case health.Female:
		out = append(out, order{write: ofTrait(breastCancer()), format: pdf, months: 4, dom: 1 + number})
	case health.Male:
		out = append(out, order{write: ofTrait(prostateCancer()), format: either(html, pdf), months: 4, dom: 1 + number})
	}
	if p.body.fibrillates {
		out = append(out, order{write: ofTrait(fibrillation()), format: html, months: 1, dom: 17})
	}
	return out
}

// panelStatus makes one panel withdrawn and one preliminary.
func panelStatus(number int) genomics.ReportStatus {
	switch number {
	case 3:
		return genomics.Withdrawn
	case 6:
		return genomics.Preliminary
	default:
		return genomics.Final
	}
}

// reports makes every report of the clinic, those for unknown patients last.
func (c *Clinic) reports() ([]*report, error) {
	loc, err := time.LoadLocation(SiteZone)
	if err != nil {
		return nil, fmt.Errorf("loading the clinic's time zone: %w", err)
	}
	d := newDice(c.seed)
	var out []*report
	for i := range c.patients {
		p := &c.patients[i]
		for _, o := range orders(p, i+1, c.today) {
			first := c.make(p, o, d, loc)
			out = append(out, first)
			if o.amended {
				out = append(out, c.amend(first, o, d, loc))
			}
		}
	}
	for i, p := range strangers() {
		o := order{write: ofTrait(coronary()), format: genomics.PDF, months: 2, dom: 11 + i}
		if i > 0 {
			o.write, o.format = pharmacogenomics, genomics.HTML
		}
		out = append(out, c.make(&p, o, d, loc))
	}
	return out, nil
}

// strangers are people whose record numbers the clinic does not know.
func strangers() []patient {
	return []patient{
		{record: "SYN-900001", given: "Ester", family: "Okänd", sex: health.Female, born: day(1971, 1, 9)},
		{record: "SYN-900002", given: "Paul", family: "Unbekannt", sex: health.Male, born: day(1988, 10, 2)},
	}
}

func (c *Clinic) make(p *patient, o order, d *dice, loc *time.Location) *report {
	r := &report{patient: p, format: o.format, status: o.status, made: c.made(o, loc)}
	if r.status == "" {
		r.status = genomics.Final
	}
	o.write(r, d, 0)
	if r.status == genomics.Withdrawn {
		r.sections = append([]section{{heading: "Withdrawn", paragraphs: []string{
			"This report was withdrawn: the sample was mixed up with another one. Do not use it."}}}, r.sections...)
	}
	return r
}

// made is the time of a report, before the clinic's today.
func (c *Clinic) made(o order, loc *time.Location) time.Time {
	m := c.today.AddMonths(-o.months)
	return time.Date(m.Year, m.Month, o.dom, 9+o.dom%8, 7*o.dom%60, 0, 0, loc)
}

// amend makes the second edition of a report, which says what it replaces.
func (c *Clinic) amend(first *report, o order, d *dice, loc *time.Location) *report {
	o.months -= 2
	r := &report{patient: first.patient, format: o.format, status: genomics.Amended, made: c.made(o, loc), supersedes: first.path()}
	o.write(r, d, 1)
	r.sections = append([]section{{heading: "Amended", paragraphs: []string{fmt.Sprintf(
		"This report replaces the one of %s: the sample was sequenced again after a change of the laboratory kit.",
		first.made.Format(time.DateOnly))}}}, r.sections...)
	return r
}
