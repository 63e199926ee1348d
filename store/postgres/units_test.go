package postgres_test

import (
	"fmt"
	"strings"
	"testing"

	"healthportal/app/access"
	"healthportal/app/health"
	"healthportal/app/health/units"
)

// glucose is an Observation line of a blood glucose.
func glucose(at, value, unit string, parts ...string) string {
	quantity := fmt.Sprintf(`"valueQuantity":{"value":%s,"unit":"%s","code":"%s"}`, value, unit, unit)
	return obs("a", at, "", append(parts, `"code":{"coding":[{"system":"http://loinc.org","code":"2345-7"}]}`, quantity)...)
}

func TestUnitsOfStoredValues(t *testing.T) {
	c := newClinic(t)
	file := glucose("2026-03-01T08:00:00Z", "5.40", "mmol/L", `"id":"o1"`, `"referenceRange":[{"low":{"value":3.9,"code":"mmol/L"},"high":{"value":5.8,"code":"mmol/L"}}]`) +
		glucose("2026-03-01T09:00:00Z", "99", "mg/dL", `"id":"o2"`) + glucose("2026-03-01T10:00:00Z", "77", "kg", `"id":"o3"`) +
		glucose("2026-03-01T11:00:00Z", "78", "blorps", `"id":"o4"`)
	wantCounts(t, c.load(file), 4, 0, 0, 0)
	wantCounts(t, c.load(file), 0, 4, 0, 0)

	page := c.page(health.EventFilter{Person: c.person("a")})
	var rows []string
	for _, e := range page.Events {
		r := units.Read(&e.Observation, "mmol/L")
		rows = append(rows, strings.TrimSpace(fmt.Sprintf("%v %s (%s %s): %s %s %s-%s", e.Value, e.Unit, e.OrigValue, e.OrigUnit, r.Value, r.Unit, r.Low, r.High)))
	}
	if got, want := strings.Join(rows, "; "), "78 blorps ( ): 78 blorps -; 77 kg ( ): 77 kg -; 99 mg/dL ( ): 5.50 mmol/L -; 97.2864 mg/dL (5.40 mmol/L): 5.40 mmol/L 3.9-5.8"; got != want {
		t.Errorf("the table has\n%s, want\n%s", got, want)
	}
	day := health.Day{Year: 2026, Month: 3, Dom: 1}
	list, err := c.db.Series(t.Context(), access.One(c.person("a")), c.person("a"), "glucose", days(day, day))
	if err != nil {
		t.Fatal(err)
	}
	used := map[string]int{}
	for _, s := range list {
		used[s.Unit] += s.Points[0].Used
	}
	if len(list) != 3 || used["mg/dL"] != 2 || used["kg"] != 1 || used["blorps"] != 1 {
		t.Errorf("the chart has series with %v values", used)
	}
	c.checkRollup()

	// The source's correction of the unit alone is a new version.
	wantCounts(t, c.load(glucose("2026-03-01T10:00:00Z", "77", "mg/dL", `"id":"o3"`)), 0, 0, 1, 0)
	c.checkRollup()
}
