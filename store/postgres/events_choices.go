package postgres

import (
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"

	"healthportal/app/health"
)

// byIndexOnly makes PostgreSQL plan for a source or flag of few rows. It plans once for
// all of them, and would read everything of a patient to find ten rows.
const byIndexOnly = `SELECT set_config('enable_seqscan', 'off', true)`

// costlyPage is pageQuery for a source or flag. Up to health.CountLimit matching rows are
// gathered by its index and sorted; where there are more, a page is found soon in the
// order of the table. The one that does not apply is not executed.
func costlyPage(f health.EventFilter) (string, []any) {
	w := newEventWhere(f)
	few := w.sql()
	most := w.arg(health.CountLimit)
	order := w.fromCursor(f)
	limit := w.arg(f.Size + lookBeyond)
	sorted := fmt.Sprintf(" ORDER BY e.effective_at %s, e.id %s LIMIT %s", order, order, limit)
	side := strings.TrimPrefix(w.sql(), few)
	return fmt.Sprintf(`WITH few AS MATERIALIZED (SELECT e.effective_at, e.id FROM health.event e WHERE %[1]s LIMIT %[2]s + 1)
		SELECT %[3]s FROM (
		  SELECT e.* FROM (SELECT * FROM few e WHERE (SELECT count(*) FROM few) <= %[2]s %[4]s %[5]s) n
		  CROSS JOIN LATERAL (SELECT * FROM health.event e WHERE e.person_id = $1 AND e.effective_at = n.effective_at AND e.id = n.id OFFSET 0) e
		  UNION ALL
		  (SELECT * FROM health.event e WHERE %[6]s AND (SELECT count(*) FROM few) > %[2]s %[5]s)) e %[7]s
		ORDER BY e.effective_at %[8]s, e.id %[8]s`, few, most, eventColumns, side, sorted, w.sql(), eventJoins, order), w.args
}

// queueCount counts what no rollup knows, after the query that set the total: the
// rows of a source, flag or instants, one by one and, but for a day at most, only as far
// as health.CountLimit.
func queueCount(b *pgx.Batch, f health.EventFilter, page *health.EventPage) {
	if !f.Costly() && !f.Timed() {
		return
	}
	w := newEventWhere(f)
	sql := `SELECT count(*) FROM health.event e WHERE ` + w.sql()
	if !f.CountsAll() {
		sql = fmt.Sprintf(`SELECT count(*) FROM (SELECT FROM health.event e WHERE %s LIMIT %s) counted`, w.sql(), w.arg(health.CountLimit+1))
	}
	b.Queue(sql, w.args...).QueryRow(func(row pgx.Row) error {
		if err := row.Scan(&page.Total); err != nil {
			return err
		}
		if !f.CountsAll() && page.Total > health.CountLimit {
			page.Total, page.AtLeast = health.CountLimit, true
		}
		return nil
	})
}

// shownOf says that tables show a row of person $1 with the value that a choice
// c has. OFFSET 0 keeps PostgreSQL from reading all rows to answer for all choices at once.
func shownOf(column string) string {
	return `EXISTS (SELECT 1 FROM health.event e WHERE e.person_id = $1 AND e.` + column + ` = c.` + column + `
	  AND e.superseded_at IS NULL AND e.status <> 'entered-in-error' OFFSET 0)`
}

// queueChoices asks for the sources and flags of all rows that tables show of a
// person. event_choice has them, and may have some more.
func queueChoices(b *pgx.Batch, person health.PersonID, page *health.EventPage) {
	const choices = ` FROM (SELECT DISTINCT %[1]s FROM health.event_choice WHERE person_id = $1) c`
	b.Queue(`SELECT s.id, s.name`+fmt.Sprintf(choices, "source_id")+` JOIN health.source s ON s.id = c.source_id
		WHERE `+shownOf("source_id")+` ORDER BY s.name, s.id`, int64(person)).
		Query(func(rows pgx.Rows) (err error) {
			page.Sources, err = pgx.CollectRows(rows, pgx.RowToStructByPos[health.EventSource])
			return err
		})
	b.Queue(`SELECT c.flag`+fmt.Sprintf(choices, "flag")+` WHERE c.flag <> '' AND `+shownOf("flag")+` ORDER BY c.flag`, int64(person)).
		Query(func(rows pgx.Rows) (err error) {
			page.Flags, err = pgx.CollectRows(rows, pgx.RowTo[string])
			return err
		})
}
