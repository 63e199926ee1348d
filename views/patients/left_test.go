package patients

import (
	"strings"
	"testing"

	"healthportal/app/health"
)

// overlapped is a day of steps of which a part is left out.
func overlapped(d string, sum, left float64, sources ...string) health.DayPoint {
	return health.DayPoint{Day: day(d), N: 5, Used: 5, Min: 10, Mean: 40, Max: 100, Sum: sum, LeftOut: left, LeftSources: sources}
}

func TestWhatSumsLeaveOut(t *testing.T) {
	s := series(health.Total, point("2026-03-01", 1, 2, 3), overlapped("2026-03-02", 8412, 3900, "Anna's iPhone"),
		overlapped("2026-03-03", 100.0/3, 50.0/3, "a", "b", "c", "d", "e"), health.DayPoint{Day: day("2026-03-04"), N: 1})
	p := of(health.Days, "2026-03-01", s)
	f := drawnFigure(p)
	for i, want := range []string{
		"sum 6 /min, 3 observations",
		"sum 8412 /min; 3900 /min of Anna's iPhone left out, because another source measured the same time, 5 observations",
		"sum ≈ 33.3333 /min; ≈ 16.6667 /min of a, b, c and 2 other sources left out, because another source measured the same time, 5 observations",
		"no plain numbers, 1 observation",
	} {
		if got := f.places[i].name; !strings.HasSuffix(got, ": "+want) {
			t.Errorf("day %d: %q, want %q", i+1, got, want)
		}
	}
	html := text(t, Chart(p))
	for _, want := range []string{"Sources measured the same time", "each moment counts once where sources overlap", "Left out", "Of them plain numbers", "3900", "Anna&#39;s iPhone", "Numbers after ≈ are rounded"} {
		if !strings.Contains(html, want) {
			t.Errorf("the chart does not say %q", want)
		}
	}
	one := p.panels(p.Series, false)[0]
	for _, d := range s.Points {
		if cells := one.tableCells(one.props.slots()[0], d); len(cells) != len(one.tableColumns()) {
			t.Errorf("%s has %d cells in %d columns", d.Day, len(cells), len(one.tableColumns()))
		}
	}
	if got := newSpark(s).text; !strings.HasSuffix(got, "; where sources overlap, one counts") {
		t.Errorf("the trend says %q", got)
	}
}

// Where nothing overlaps nothing is said of it.
func TestSumsOfOneSource(t *testing.T) {
	p := of(health.Days, "2026-03-01", series(health.Total, point("2026-03-01", 1, 2, 3)))
	html := text(t, Chart(p))
	for _, not := range []string{"Left out", "left out", "measured the same time"} {
		if strings.Contains(html, not) {
			t.Errorf("the chart says %q", not)
		}
	}
	if !strings.Contains(html, "Of them in the sum") || strings.Contains(newSpark(p.Series[0]).text, "overlap") {
		t.Error("the table or the trend of one source says otherwise")
	}
}
