package settings

import (
	"strings"
	"testing"
	"time"

	"healthportal/app/health/adultrange"
)

func someRanges() RangesProps {
	at := time.Date(2026, 3, 28, 14, 5, 0, 0, time.UTC)
	act := func(metric string, kind adultrange.ActKind) adultrange.Act {
		r, _ := adultrange.Of(metric)
		return adultrange.Act{Metric: metric, Kind: kind, Digest: r.Digest(), Said: r.Metric.Reference, By: "Dr <Eve>", At: at}
	}
	changed, bare := act("sodium", adultrange.SignOff), act("glucose", adultrange.SignOff)
	changed.Digest, changed.Said = "another", "130–150 mmol/L"
	bare.Digest = "another"
	return RangesProps{Zone: time.UTC, CSRF: "tok", Sheet: adultrange.NewSheet([]adultrange.Act{act("potassium", adultrange.SignOff), act("hdl", adultrange.Withdraw), changed, bare})}
}

func TestRangesPage(t *testing.T) {
	root, source := drawn(t, Ranges(someRanges()))
	wantWords(t, source, "General adult ranges", "Vital signs and body", "Activity and sleep", "Laboratory", "3.5–5.0 mmol/L", "below 120 mmHg", "96 % or more",
		"men: up to 102 cm", "women: up to 88 cm", "18 years and older", "60–100 /min at rest", "70–99 mg/dL fasting", "150 min or more a week", "420–540 min a night", "36.1–38.0 °C",
		"Marks nothing: values are parts of a night, the range is of the whole.", "no value says whether it was taken fasting", "KDIGO 2012",
		"by Dr &lt;Eve&gt; on 28 Mar 2026, 14:05", "withdrawn by Dr &lt;Eve&gt;", "Changed since", "when it was: 130–150 mmol/L", "Times are in the zone UTC", `<span class="nowrap">2823-3,</span>`, `<span class="visually-hidden"> Sodium</span>`)
	if strings.Contains(source, "style=") || strings.Contains(source, "<Eve>") {
		t.Error("hostile text or style in the markup")
	}
	for metric, want := range map[string][2]int{ // forms that sign off, forms that withdraw
		"potassium": {0, 1}, "hdl": {1, 0}, "sodium": {1, 1}, "egfr": {1, 0}, "heart_rate": {0, 0}, "exercise_time": {0, 0}, "sleep_duration": {0, 0}, "glucose": {0, 1},
	} {
		for i, act := range []string{"sign-off", "withdraw"} {
			if got := len(having(root, "form", "action", "/settings/ranges/"+metric+"/"+act)); got != want[i] {
				t.Errorf("%s has %d forms to %s, want %d", metric, got, act, want[i])
			}
		}
		if len(having(root, "tr", "id", "range-"+metric)) != 1 {
			t.Errorf("%s has no place", metric)
		}
	}
	potassium, _ := adultrange.Of("potassium")
	forms := len(having(root, "form", "method", "post"))
	if len(having(root, "input", "value", potassium.Digest())) != 1 || len(having(root, "input", "value", "tok")) != forms || len(having(root, "form", "data-step-up", "")) != forms {
		t.Error("the forms don't send what they must")
	}
	ids := map[string]bool{}
	for n := range root.Descendants() {
		for _, a := range n.Attr {
			if a.Key == "id" {
				if ids[a.Val] {
					t.Errorf("id %s stands twice", a.Val)
				}
				ids[a.Val] = true
			}
		}
	}
}

func TestRangesSayWhatHappened(t *testing.T) {
	p := someRanges()
	for done, want := range map[string]string{"signed-off": "Range signed off.", "withdrawn": "Sign-off withdrawn.", "": "", "<b>": ""} {
		p.Done = done
		_, source := drawn(t, RangeList(p))
		if shown := strings.Contains(source, "banner kind-good"); shown != (want != "") || !strings.Contains(source, want) {
			t.Errorf("done %q: a banner: %v", done, shown)
		}
	}
	p.Done, p.Problem = "signed-off", "Nothing was done."
	_, source := drawn(t, RangeList(p))
	wantWords(t, source, "Nothing was done.", "banner kind-bad")
	if strings.Contains(source, "banner kind-good") || strings.Contains(source, "<h1") {
		t.Error("a refusal says that it was done, or the fragment has a heading of its own")
	}
}
