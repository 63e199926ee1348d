package postgres

import (
	"fmt"
	"slices"

	"github.com/jackc/pgx/v5"

	"healthportal/app/health"
)

// maxSleepNear is how many rows of sleep around a page's are read. A page of 200 of
// them spans about a week of nights, or half a year of nights of one row.
const maxSleepNear = 5000

// queueNights asks for the rows of sleep near those of the page, which tell whether a
// night is whole on it: whatever the filter, as far as a night can reach.
func queueNights(b *pgx.Batch, f health.EventFilter, page *health.EventPage) {
	// No stage has a flag, and a page of another metric has no stages.
	if f.Flag != "" || f.Metric != "" && !sleeps(f.Metric) {
		return
	}
	sql, args := pageQuery(f)
	w := eventWhere{args: args}
	codes := w.arg(health.SleepMetrics())
	w.add("e.person_id = " + w.arg(int64(f.Person)))
	w.chooseRows(health.EventFilter{Source: f.Source}) // a night has one source
	w.add("e.metric_id = ANY (ARRAY(SELECT id FROM health.metric WHERE code = ANY (" + codes + ")))")
	reach := fmt.Sprintf("interval '%d seconds'", int((health.LongestNight + health.NightGap).Seconds()))
	w.add("e.effective_at >= (SELECT min(effective_at) FROM sleep) - " + reach)
	w.add("e.effective_at <= (SELECT max(effective_at) FROM sleep) + " + reach)
	sql = fmt.Sprintf(`WITH sleep AS MATERIALIZED (SELECT p.effective_at FROM (%s) p WHERE p.metric = ANY (%s))
		SELECT %s FROM (SELECT * FROM health.event e WHERE %s LIMIT %s) e %s`, sql, codes, eventColumns, w.sql(), w.arg(maxSleepNear+1), eventJoins)
	b.Queue(sql, w.args...).Query(func(r pgx.Rows) (err error) {
		page.SleepNear, err = scanEvents(r)
		page.SleepCut = len(page.SleepNear) > maxSleepNear
		return err
	})
}

func sleeps(metric string) bool { return slices.Contains(health.SleepMetrics(), metric) }
