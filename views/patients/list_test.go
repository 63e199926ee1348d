package patients

import (
	"bytes"
	"context"
	"strings"
	"testing"
	"time"

	"github.com/a-h/templ"

	"healthportal/app/genomics"
	"healthportal/app/health"
)

func text(t *testing.T, c templ.Component) string {
	t.Helper()
	var b bytes.Buffer
	if err := c.Render(context.Background(), &b); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestListHref(t *testing.T) {
	for want, f := range map[string]health.PatientFilter{
		"/dashboard": {}, "/dashboard?size=25": {Size: 25}, "/dashboard?sort=data": {Sort: health.ByData}, "/dashboard?after=a&team=t": {After: "a", Team: "t", Sort: health.ByName, Size: health.DefaultPageSize},
		"/dashboard?before=x%26y": {Before: "x&y"},
	} {
		if got := ListHref(f, ""); got != want {
			t.Errorf("%+v: %q, want %q", f, got, want)
		}
	}
	f := health.PatientFilter{Text: "Muster", Sort: health.ByFlags}
	if got := ListHref(f, "v.1"); got != "/dashboard?sort=flags&view=v.1" {
		t.Errorf("with a search: %q", got)
	}
}

// Whatever is asked for, what was typed stands in the field alone.
func TestTypedTextStandsInNoAddress(t *testing.T) {
	row := health.PatientRow{Person: health.Person{PublicID: "p1"}}
	p := ListProps{Page: health.PatientPage{Patients: []health.PatientRow{row}, Total: 9, All: 9, Next: true, Previous: true}, View: "k.abc", CSRF: "c",
		Filter: health.PatientFilter{Text: `Zyx"><b>`, Sort: health.ByData, Size: 25, Team: "t1"}, Today: func(health.Person) health.Day { return day("2026-03-29") }}
	html := text(t, List(p))
	if strings.Count(html, "Zyx") != 1 || !strings.Contains(html, `value="Zyx&#34;&gt;&lt;b&gt;"`) {
		t.Errorf("the text stands %d times", strings.Count(html, "Zyx"))
	}
	for _, want := range []string{"after=p1", "before=p1", `name="view" value="k.abc"`, `name="team" value="t1"`, "1 of 9 patients found among the new ones"} {
		if !strings.Contains(html, want) {
			t.Errorf("the page lacks %q", want)
		}
	}
}

func TestEmptyLists(t *testing.T) {
	for want, p := range map[string]ListProps{
		"No patients in your care teams": {},
		"No patient found":               {Page: health.PatientPage{All: 2}, Filter: health.PatientFilter{Text: "x"}},
		"Nothing new":                    {Page: health.PatientPage{All: 2}, Filter: health.PatientFilter{Team: "x"}},
		"No patients here":               {Page: health.PatientPage{All: 2, Total: 2}, Filter: health.PatientFilter{After: "x"}},
	} {
		if got := p.empty(); got.Title != want || got.Text == "" {
			t.Errorf("%+v: %+v", p, got)
		}
		if html := text(t, Table(p)); !strings.Contains(html, want) || strings.Contains(html, "break the glass") {
			t.Errorf("%s: %s", want, html)
		}
	}
}

func TestFlagsCell(t *testing.T) {
	today := day("2026-03-29")
	for want, s := range map[string]health.FlagSummary{
		"|": {}, "HH critically high|Sodium, today": {Flag: "HH", Metric: "Sodium", Day: today, Count: 1},
		"A abnormal|Urea, yesterday, and 1,200 more": {Flag: "A", Metric: "Urea", Day: today.AddDays(-1), Count: 1201},
	} {
		if c := flagsCell(s, today); c.Text+"|"+c.Sub != want {
			t.Errorf("%+v: %q", s, c.Text+"|"+c.Sub)
		}
	}
	if !health.Critical("LL") || health.Critical("L") || health.Critical("") {
		t.Error("which flags are critical")
	}
}

func TestSpark(t *testing.T) {
	for name, tt := range map[string]struct {
		points []health.DayPoint
		line   string
		words  string
	}{
		"one day":  {[]health.DayPoint{point("2026-03-01", 5, 5, 5)}, "", "5 /min, 1 day since 1 Mar 2026"},
		"constant": {[]health.DayPoint{point("2026-03-01", 5, 5, 5), point("2026-03-03", 5, 5, 5)}, "3.0,14.0 117.0,14.0", "5 /min, 2 days since 1 Mar 2026"},
		"gaps in time": {[]health.DayPoint{point("2026-03-01", -1.25, 0, 1), point("2026-03-02", 10, 10, 10), point("2026-03-05", 5, 5, 5.5)}, "3.0,25.0 31.5,3.0 117.0,14.0",
			"-1.25 to 10 /min, 3 days since 1 Mar 2026"},
		"huge": {[]health.DayPoint{point("2026-03-01", 1e300, 1e300, 1e300), point("2026-03-02", 1e301, 1e301, 1e301)}, "3.0,25.0 117.0,3.0", ""},
	} {
		got := newSpark(series(health.Vital, tt.points...))
		if got.line != tt.line || tt.words != "" && got.text != tt.words {
			t.Errorf("%s: %+v", name, got)
		}
	}
	steps := series(health.Total, point("2026-03-01", 0, 2.5, 100), point("2026-03-02", 0, 20, 300))
	if got := newSpark(steps); got.text != "sums of 7.5 to 60 /min, 2 days since 1 Mar 2026" || got.line != "3.0,25.0 117.0,3.0" {
		t.Errorf("totals: %+v", got)
	}
	for v, want := range map[float64]string{0: "0", -1.5: "-1.5", 1234567.25: "1234567.25", 0.1 + 0.2 + 1: "1.3", 88.49557522123894: "about 88.4956", 120000000000000: "120000000000000"} {
		if got := sparkNumber(v); got != want {
			t.Errorf("%v: %q, want %q", v, got, want)
		}
	}
	html := text(t, sparkline(newSpark(series(health.Vital, point("2026-03-01", 5, 5, 5)))))
	if !strings.Contains(html, `aria-hidden="true"`) || strings.Contains(html, "polyline") || !strings.Contains(html, "1 day since") {
		t.Error(html)
	}
}

func TestReportsNote(t *testing.T) {
	three := make([]genomics.Report, 3)
	for want, p := range map[string]ReportsProps{
		"": {List: three, Count: 3}, "The newest 3 of 8 reports": {List: three, Count: 8}, "The newest of more than 10,000 reports": {List: three, Count: genomics.ReportCountLimit + 1},
	} {
		if got := p.note(); got != want {
			t.Errorf("%d: %q", p.Count, got)
		}
	}
}

func TestIndexAge(t *testing.T) {
	at := time.Date(2026, 3, 29, 12, 0, 0, 0, time.UTC)
	for want, a := range map[string]IndexAge{
		"can't be read": {Unreadable: true, AsOf: at}, "never completely": {}, "29 Mar 2026, 12:00 UTC": {AsOf: at, Zone: time.UTC}, "may be behind": {AsOf: at, Zone: time.UTC, Stale: true},
	} {
		if got := a.words(); !strings.Contains(got, want) {
			t.Errorf("%+v: %q", a, got)
		}
	}
}
