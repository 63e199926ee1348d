package postgres_test

import (
	"fmt"
	"strings"
	"testing"
)

// noted is what is noted of a person's rows beside the rollup, without the clock.
const noted = `
	SELECT concat_ws('; ',
	  (SELECT string_agg(concat_ws(' ', 'choice', s.name, c.flag), ', ' ORDER BY s.name, c.flag) FROM health.event_choice c JOIN health.source s ON s.id = c.source_id),
	  (SELECT string_agg(concat_ws(' ', 'source', s.name, p.n), ', ' ORDER BY s.name) FROM health.person_source p JOIN health.source s ON s.id = p.source_id),
	  (SELECT string_agg('news', ', ') FROM health.person_news WHERE data_no > 0))`

// Whether rows go straight into the partitions or through the table, the same is
// noted of them: triggers of the table see the one and not the other.
func TestEachWayIntoTheTableIsNoted(t *testing.T) {
	var lines strings.Builder
	lines.WriteString(patient("a", "R1", "F", "G", "1980-01-02"))
	for i := range 6 {
		lines.WriteString(obs("a", fmt.Sprintf("2026-03-0%dT10:00:00Z", i+1), fmt.Sprint(60+i), fmt.Sprintf(`"id":"o%d"`, i),
			fmt.Sprintf(`"meta":{"source":"urn:lab-%d"}`, i%2), fmt.Sprintf(`"interpretation":[{"coding":[{"code":%q}]}]`, []string{"H", "N", "LL"}[i%3])))
	}
	straight := newClinic(t)
	straight.load(lines.String())
	want := one[string](straight, noted)

	through := newClinic(t)
	through.load(lines.String())
	through.exec(`DELETE FROM health.event_choice`)
	through.exec(`DELETE FROM health.person_source`)
	through.exec(`DELETE FROM health.person_news`)
	through.exec(`CREATE TEMP TABLE kept AS SELECT * FROM health.event`)
	through.exec(`DELETE FROM health.event`)
	through.exec(`INSERT INTO health.event SELECT * FROM kept`)
	if got := one[string](through, noted); got != want || strings.Count(want, "choice") != 6 || strings.Count(want, "source") != 2 || !strings.Contains(want, "news") {
		t.Errorf("straight:\n%s\nthrough the table:\n%s", want, got)
	}
}
