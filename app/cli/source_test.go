package cli_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
)

// stepLine is a walk of ten minutes at ten o'clock, as a source counted it.
func stepLine(source string, steps int) string {
	return fmt.Sprintf(`{"resourceType":"Observation","status":"final","meta":{"source":%q},"subject":{"reference":"Patient/a"},`+
		`"effectivePeriod":{"start":"2026-03-01T10:00:00Z","end":"2026-03-01T10:10:00Z"},`+
		`"code":{"coding":[{"system":"http://loinc.org","code":"55423-8"}]},"valueQuantity":{"value":%d,"code":"{steps}"}}`+"\n", source, steps)
}

func TestSourceUsage(t *testing.T) {
	o := &office{t: t}
	o.run("source", "priority").want(t, 2, "id")
	o.run("source", "priority", "phone", "7").want(t, 2, "phone")
	o.run("source", "priority", "1").want(t, 2, "1 to 999", "--default")
	o.run("source", "priority", "1", "7", "--default").want(t, 2, "1 to 999", "--default")
	o.run("source", "priority", "1", "1000").want(t, 2, "1 to 999")
	o.run("source", "priority", "1", "--", "-1").want(t, 2, "1 to 999")
	o.run("source", "list", "--help").want(t, 0, "List the sources")
}

func TestSources(t *testing.T) {
	o := newOffice(t)
	o.run("source", "list").want(t, 0, "ID", "PRIORITY")
	if r := o.run("source", "list", "--json").want(t, 0); strings.TrimSpace(r.out) != "[]" {
		t.Errorf("no sources are %s", r.out)
	}
	o.run("import", "events", o.write("a.ndjson", stepLine("urn:x:phone", 900)+stepLine("urn:x:watch", 800)+stepLine("urn:lab", 5)), "--create-persons").want(t, 0).rows(t, "stored", "3")
	var list []struct {
		ID, Priority int
		Name, Kind   string
		Chosen       bool
	}
	if err := json.Unmarshal([]byte(o.run("source", "list", "--json").want(t, 0).out), &list); err != nil {
		t.Fatal(err)
	}
	if got := fmt.Sprint(list); len(list) != 3 || list[0].Name != "urn:x:watch" || list[0].Priority != 200 || list[0].Kind != "watch" || list[1].Priority != 300 || list[2].Priority != 500 {
		t.Fatalf("listed %s", got)
	}
	counted := func() string { return o.one(`SELECT coalesce(value_counted, value_sum)::text FROM health.event_day`) }
	if counted() != "800" {
		t.Errorf("the day counts %s, want the watch's 800", counted())
	}
	phone := fmt.Sprint(list[1].ID)
	o.run("source", "priority", phone, "150").want(t, 0, "source priority "+phone+": priority 150; 1 days counted anew\n")
	o.run("source", "priority", phone, "150").want(t, 0, "nothing to change")
	if counted() != "900" {
		t.Errorf("the day counts %s, want the phone's 900", counted())
	}
	o.run("source", "list").want(t, 0, "150", "choice", "urn:x:phone")
	o.run("source", "priority", phone, "--default", "--json").want(t, 0, `"before": 150`, `"days": 1`, `"priority": 300`, `"chosen": false`)
	if counted() != "800" {
		t.Errorf("the day counts %s, want the watch's 800 again", counted())
	}
	o.run("source", "priority", "99", "150").want(t, 1, "source 99", "not found")
	for outcome, want := range map[string]string{"done": "3", "failed": "1"} {
		if got := o.one(`SELECT count(*)::text FROM audit.entry WHERE kind = 'source.priority' AND outcome = $1 AND route = 'command source priority'
			AND subject IN ($2, '99') AND strpos(detail, 'urn:') = 0`, outcome, phone); got != want {
			t.Errorf("%s entries %s, want %s", outcome, got, want)
		}
	}
}
