package postgres_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"healthportal/app/intake"
	"healthportal/app/intake/fhir"
)

// content is everything that people see of the imported data, without the
// database's own numbers and clock.
func (c *clinic) content() string {
	c.t.Helper()
	return one[string](c, `
		WITH who AS (SELECT person_id, string_agg(system || '|' || value, ' ' ORDER BY system, value) AS name FROM health.person_identifier GROUP BY person_id)
		SELECT coalesce((SELECT string_agg(x, E'\n' ORDER BY x) FROM (
		  SELECT concat_ws(' ', 'event', w.name, m.code, e.effective_at, e.effective_end, e.local_day, e.value, e.value_text, u.ucum, e.status, e.external_id, e.group_id, e.code,
		    'v' || e.version, e.superseded_at IS NULL) AS x
		  FROM health.event e JOIN who w USING (person_id) JOIN health.metric m ON m.id = e.metric_id LEFT JOIN health.unit u ON u.id = e.unit_id
		  UNION ALL
		  SELECT concat_ws(' ', 'day', w.name, m.code, d.local_day, d.code, d.n, d.n_used, d.value_min, d.value_max)
		  FROM health.event_day d JOIN who w USING (person_id) JOIN health.metric m ON m.id = d.metric_id
		  UNION ALL
		  SELECT concat_ws(' ', 'identity', w.name, i.ext, i.slot, i.version, i.effective_at, i.updated) FROM health.event_identity i JOIN who w USING (person_id)
		  UNION ALL
		  SELECT concat_ws(' ', 'person', w.name, p.record_number, p.family_name, p.birth_date, p.sex) FROM health.person p JOIN who w ON w.person_id = p.id
		) AS parts), '')`)
}

// eventful is a file with corrections, retractions and panels, in which versions
// of one id stand batches apart.
func eventful() []string {
	var lines []string
	for p := range 3 {
		lines = append(lines, strings.TrimSuffix(patient(fmt.Sprintf("p%d", p), fmt.Sprintf("R%d", p), "F", "G", "1980-01-02"), "\n"))
	}
	for i := range 120 {
		at := time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC).Add(time.Duration(i) * 7 * time.Hour / 10).Format(time.RFC3339)
		who := fmt.Sprintf("p%d", i%3)
		var o string
		switch id := fmt.Sprintf(`"id":"o%d"`, i%50); {
		case i%17 == 16:
			o = obs(who, at, "", `"id":"o`+fmt.Sprint(i%50)+`"`, `"status":"entered-in-error"`)
		case i%10 == 3:
			o = strings.ReplaceAll(panel(fmt.Sprintf("panel%d", i%20), at, fmt.Sprint(110+i), "80"), "Patient/a", "Patient/"+who)
		case i%10 == 4:
			o = obs(who, at, fmt.Sprint(60+i%7))
		default:
			o = obs(who, at, fmt.Sprint(60+i%40), id)
		}
		lines = append(lines, strings.TrimSuffix(o, "\n"))
	}
	return lines
}

// An import that was killed and is run again leaves what one run leaves.
func TestInterruptedImportGoesOn(t *testing.T) {
	lines := eventful()
	entries := make([]string, len(lines))
	for i, l := range lines {
		// In the Bundle the Patients stand last.
		entries[(i+len(lines)-3)%len(lines)] = `{"resource":` + l + `}`
	}
	for name, source := range map[string]func() intake.Source{
		"ndjson": func() intake.Source { return fhir.NewReader(strings.NewReader(strings.Join(lines, "\n"))) },
		"bundle": func() intake.Source {
			return fhir.NewBundle(strings.NewReader(`{"resourceType":"Bundle","type":"collection","entry":[` + strings.Join(entries, ",\n") + "]}"))
		},
		"bundle, stream": func() intake.Source {
			return fhir.NewBundle(struct{ io.Reader }{strings.NewReader(`{"resourceType":"Bundle","type":"collection","entry":[` + strings.Join(entries, ",\n") + "]}")})
		},
	} {
		t.Run(name, func(t *testing.T) {
			options := intake.Options{CreatePersons: true, Team: "Team", Now: now, BatchSize: 15}
			whole := newClinic(t)
			once, err := intake.Import(t.Context(), source(), whole.db, options)
			if err != nil || once.Refused != 0 || once.Corrected == 0 || once.NewPersons != 3 {
				t.Fatalf("%s, problems %v, %v", once.Summary(), once.Problems, err)
			}
			want := whole.content()
			if n := strings.Count(want, "event "); n < len(lines)-3 {
				t.Fatalf("only %d events are compared", n)
			}
			for _, after := range []int{1, 3, 6} {
				c := newClinic(t)
				ctx, cancel := context.WithCancel(t.Context())
				batches, stopping := 0, options
				stopping.Progress = func(intake.Report) {
					if batches++; batches == after {
						cancel()
					}
				}
				cut, err := intake.Import(ctx, source(), c.db, stopping)
				cancel()
				if !errors.Is(err, context.Canceled) {
					t.Fatalf("stopped after %d batches: %v", after, err)
				}
				again, err := intake.Import(t.Context(), source(), c.db, options)
				if err != nil {
					t.Fatal(err)
				}
				if c.content() != want {
					t.Errorf("stopped after %d batches, the database differs from that of one run", after)
				}
				if again.Read != once.Read || again.Repeated < cut.Stored+cut.Corrected {
					t.Errorf("stopped after %d batches (%s), then: %s; one run: %s", after, cut.Summary(), again.Summary(), once.Summary())
				}
				c.checkRollup()
			}
		})
	}
}
