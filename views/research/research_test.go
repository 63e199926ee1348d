package research

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/a-h/templ"

	"healthportal/app/health"
)

const hostile = `"><script>alert(1)</script>`

func render(t *testing.T, c templ.Component) string {
	t.Helper()
	var out bytes.Buffer
	if err := c.Render(t.Context(), &out); err != nil {
		t.Fatal(err)
	}
	if strings.Contains(out.String(), "<script>") {
		t.Errorf("a script got through: %s", out.String())
	}
	return out.String()
}

func want(t *testing.T, html string, texts ...string) {
	t.Helper()
	for _, text := range texts {
		if !strings.Contains(html, text) {
			t.Errorf("the page lacks %q:\n%.3000s", text, html)
		}
	}
}

func wantNot(t *testing.T, html string, texts ...string) {
	t.Helper()
	for _, text := range texts {
		if strings.Contains(html, text) {
			t.Errorf("the page holds %q", text)
		}
	}
}

func TestSummary(t *testing.T) {
	withheld := Count{Withheld: true}
	p := SummaryProps{
		Participants: Count{N: 1204},
		Sex:          []Line{{Label: "female", Persons: Count{N: 1190}}, {Label: "male", Persons: withheld}, {Label: "other", Persons: withheld}, {Label: "unknown"}},
		Ages:         []Line{{Label: hostile, Persons: Count{N: 1204}}},
		Metrics:      []Line{{Label: "Heart rate", Persons: Count{N: 5}, Values: Count{N: 99_000}}, {Label: "Sodium", Persons: withheld, Values: withheld}},
		Withheld:     WithheldProps{Texts: Line{Persons: Count{N: 6}, Values: Count{N: 77}}, Units: Line{Persons: withheld, Values: withheld}},
	}
	html := render(t, Summary(p))
	want(t, html, "1,204 participants.", "1,190", "99,000", "fewer than 5", "Text instead of a number", "Unit that is not known", "Code outside the catalogue", "name of the device",
		"never shown here", `href="/research/participants"`, "Withheld are counts under 5")
	if n := strings.Count(html, ">withheld"); n < 4 {
		t.Errorf("%d cells are withheld, want 4", n)
	}
	few := render(t, Summary(SummaryProps{Participants: withheld, Sex: []Line{{Label: "female", Persons: withheld}}}))
	want(t, few, "Their number is withheld", "fewer than 5", "No values to show")
	wantNot(t, few, "No participants yet", "0 participants")
	none := render(t, Summary(SummaryProps{}))
	want(t, none, "0 participants", "No participants yet")
	wantNot(t, none, "by-metric")
	want(t, render(t, Summary(SummaryProps{Participants: Count{N: 1}})), "1 participant.")
}

func TestList(t *testing.T) {
	p := ListProps{Pseudonyms: []string{"paaa", "pbbb"}, Next: true, Previous: true, Size: 25}
	html := render(t, List(p))
	want(t, html, `href="/research/participants/paaa"`, `href="/research/events?participant=pbbb"`, "2 participants on this page",
		"/research/participants?after=pbbb&amp;size=25", "/research/participants?before=paaa&amp;size=25")
	p = ListProps{Pseudonyms: []string{"paaa"}, Size: health.DefaultPageSize}
	html = render(t, ListTable(p))
	want(t, html, "1 participant on this page")
	wantNot(t, html, "after=", "before=", "<h1")
	want(t, render(t, ListTable(ListProps{Next: true, Size: 50})), "No participants here", "First page")
}

func TestParticipant(t *testing.T) {
	p := ParticipantProps{Pseudonym: "paaa", Sex: health.Male, Age: 46, HasAge: true, Metrics: []MetricCount{{Code: "bp&x", Name: hostile, Values: 1204}},
		Withheld: WithheldProps{Codes: Line{Values: Count{N: 3}}}}
	html := render(t, Participant(p))
	want(t, html, "<h1>Participant</h1>", "paaa", "male", "46 years", "1,204", "metric=bp%26x", "Code outside the catalogue")
	for age, words := range map[int]string{1: "1 year", 0: "0 years", 89: "89 years", 90: "90 or older", 91: "90 or older"} {
		p.Age = age
		want(t, render(t, Participant(p)), words)
	}
	p.HasAge, p.Metrics, p.Sex = false, nil, "strange"
	want(t, render(t, Participant(p)), "unknown", "No values to show")
}

func at(s string) time.Time {
	t, err := time.Parse(time.DateTime, s)
	if err != nil {
		panic(err)
	}
	return t
}

func day(s string) health.Day {
	d, err := health.ParseDay(s)
	if err != nil {
		panic(err)
	}
	return d
}

func TestTimeCells(t *testing.T) {
	tests := []struct {
		name      string
		e         Event
		text, sub string
	}{
		{"an instant", Event{Day: day("2025-09-01"), Start: at("2025-09-01 03:30:00")}, "1 Sep 2025, 03:30:00", ""},
		{"a period", Event{Day: day("2025-09-01"), Start: at("2025-09-01 03:30:00"), End: at("2025-09-01 04:00:00")}, "1 Sep 2025, 03:30:00", "to 04:00:00"},
		{"a night", Event{Day: day("2025-09-02"), Start: at("2025-09-01 23:30:00"), End: at("2025-09-02 07:00:00")}, "1 Sep 2025, 23:30:00", "to 2 Sep 2025, 07:00:00; counts for 2 Sep 2025"},
		{"another day", Event{Day: day("2025-09-02"), Start: at("2025-09-01 23:30:00")}, "1 Sep 2025, 23:30:00", "counts for 2 Sep 2025"},
		{"a whole day", Event{Day: day("2025-09-01"), WholeDays: true, Start: at("2025-09-01 00:00:00"), End: at("2025-09-02 00:00:00")}, "1 Sep 2025", "whole day, no time given"},
		{"whole days", Event{Day: day("2025-09-01"), WholeDays: true, Start: at("2025-09-01 00:00:00"), End: at("2025-09-04 00:00:00")}, "1 Sep 2025", "whole days to 3 Sep 2025"},
		{"a whole day without end", Event{Day: day("2025-09-01"), WholeDays: true, Start: at("2025-09-01 00:00:00")}, "1 Sep 2025", "whole day, no time given"},
	}
	for _, tt := range tests {
		if c := timeCell(tt.e); c.Text != tt.text || c.Sub != tt.sub {
			t.Errorf("%s: %q, %q; want %q, %q", tt.name, c.Text, c.Sub, tt.text, tt.sub)
		}
	}
}

func TestEvents(t *testing.T) {
	p := EventsProps{Pseudonym: "paaa", Metric: "heart_rate", From: day("2025-08-01"), To: day("2025-09-30"), Size: 25, Older: "o+/", Newer: "n", Total: 1204,
		Metrics: []MetricCount{{Code: "heart_rate", Name: "Heart rate", Values: 1204}}, Withheld: WithheldProps{Texts: Line{Values: Count{N: 9}}},
		Events: []Event{{Day: day("2025-09-01"), Start: at("2025-09-01 03:30:00"), MetricName: hostile, Value: 0, Comparator: ">=", Unit: "mm[Hg]", LOINC: "8867-4", Flag: "LL", Status: "amended"}}}
	html := render(t, Events(p))
	want(t, html, "<h1>Research values</h1>", "1 of 1,204 values", "Metric: Heart rate", "From 1 Aug 2025", "To 30 Sep 2025", "≥ 0", "mmHg", "LOINC 8867-4", "LL critically low", "amended",
		"after=o%2B%2F", "before=n", `name="participant"`, "From shifted day", `href="/research/participants/paaa"`, "Text instead of a number", "Clear")
	wantNot(t, html, "UTC")
	part := render(t, EventTable(p))
	want(t, part, `id="research-events"`, `data-participant="paaa"`)
	wantNot(t, part, "<h1")
	unlisted := EventsProps{Pseudonym: "paaa", Metric: hostile, Size: 50}
	want(t, render(t, EventTable(unlisted)), "No values match", "0 values")
	want(t, render(t, EventTable(EventsProps{Pseudonym: "paaa", Size: 50})), "No values to show")
	want(t, render(t, EventTable(EventsProps{Pseudonym: "paaa", Size: 50, Total: 3})), "No values on this page")
	want(t, render(t, Choose()), "Choose a participant", `href="/research/participants"`)
}
