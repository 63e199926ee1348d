package events

import (
	"strings"
	"testing"
	"time"

	"healthportal/app/health"
)

func TestTotalsInWords(t *testing.T) {
	for _, tt := range []struct {
		page health.EventPage
		want string
	}{{health.EventPage{Total: 10_000, AtLeast: true}, "10,000+ events"}, {health.EventPage{Total: 10_000}, "10,000 events"}, {health.EventPage{Total: 1}, "1 event"}, {health.EventPage{}, "0 events"}} {
		if got := total(tt.page); got != tt.want {
			t.Errorf("%q, want %q", got, tt.want)
		}
	}
}

func TestChoices(t *testing.T) {
	p := props()
	p.Page.Sources, p.Page.Flags = []health.EventSource{{ID: 3, Name: "Simon's phone"}}, []string{"H", "weird<i>"}
	if s, f := p.sourceField(), p.flagField(); len(s.Options) != 2 || s.Value != "" || len(f.Options) != 5 || f.Value != "" {
		t.Errorf("%+v %+v", s.Options, f.Options)
	}
	p.Filter.Source, p.Filter.Flag = 3, "H"
	if got := p.href(); got != "/dashboard/events?flag=H&person=abc&source=3" {
		t.Error(got)
	}
	chips := p.chips()
	if len(chips) != 2 || chips[0].Label != "Source: Simon's phone" || chips[0].RemoveHref != "/dashboard/events?flag=H&person=abc" || chips[1].Label != "Flag: H high" || chips[1].RemoveHref != "/dashboard/events?person=abc&source=3" {
		t.Errorf("%+v", chips)
	}
	if text := html(t, Table(p)); strings.Contains(text, "<i>") || !strings.Contains(text, "weird&lt;i&gt;") {
		t.Error("a hostile flag")
	}
	// What is in force stays choosable where the patient has nothing of it.
	p.Filter.Source, p.Filter.Flag = 9, "AA"
	if s, f := p.sourceField(), p.flagField(); len(s.Options) != 3 || s.Options[2].Value != "9" || len(f.Options) != 6 || f.Options[5].Value != "AA" {
		t.Errorf("%+v %+v", s.Options, f.Options)
	}
	for flag, want := range map[string]string{"": "all, and none", "any": "Any", "not-normal": "Any but N normal", "x": "x"} {
		if got := flagName(flag); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

// A receipt leads back to just what was exported.
func TestReceiptOfAChoice(t *testing.T) {
	p := ReceiptProps{Zone: time.UTC, Known: true, Export: health.Export{PersonID: "pub", Filter: health.EventFilter{Source: 3, Flag: "H"}}}
	if got := p.eventsHref(); got != "/dashboard/events?flag=H&person=pub&source=3" {
		t.Error(got)
	}
	if text := html(t, Receipt(p)); !strings.Contains(text, "no. 3") || !strings.Contains(text, "H high") {
		t.Errorf("%s", text)
	}
	p.Export.Filter = health.EventFilter{}
	if got := p.eventsHref(); got != "/dashboard/events?person=pub&view=all" {
		t.Error(got)
	}
}

func TestSavedViewInWords(t *testing.T) {
	p := props()
	if p.View() != "" || strings.Contains(html(t, savedView(p)), "<form") {
		t.Errorf("nothing to save: %q", p.View())
	}
	p.Filter.Flag, p.Filter.Size = "H", 25
	if v := p.View(); v != "flag=H&size=25" {
		t.Error(v)
	}
	p.Saved = "flag=H&size=25"
	if text := html(t, savedView(p)); !strings.Contains(text, "saved view is on") || !strings.Contains(text, "view=all") || !strings.Contains(text, "Forget") || strings.Contains(text, "Save this view") {
		t.Errorf("%s", text)
	}
	if got := p.href("flag"); got != "/dashboard/events?person=abc&size=25" {
		t.Error(got)
	}
	if got := p.href("flag", "size"); got != "/dashboard/events?person=abc&view=all" {
		t.Error(got)
	}
	p.Filter.Flag = "L"
	if text := html(t, savedView(p)); strings.Contains(text, "is on") || !strings.Contains(text, "Open your saved view") || !strings.Contains(text, "Save this view") || !strings.Contains(text, `name="flag" value="L"`) {
		t.Errorf("%s", text)
	}
}
