package postgres

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"healthportal/app/health"
	"healthportal/app/research"
)

// quietError is a database's error without its words, which may quote a person's
// data: what researchers cause must not write that into the log.
type quietError struct{ *pgconn.PgError }

// Error names the kind of the error alone.
func (e quietError) Error() string { return "database: SQLSTATE " + e.Code }

// Unwrap returns the error itself.
func (e quietError) Unwrap() error { return e.PgError }

func quiet(err error) error {
	var pg *pgconn.PgError
	if errors.As(err, &pg) {
		return quietError{pg}
	}
	return err
}

const researchPersons = `SELECT person_id, sex, age_years FROM research.participant`

// ResearchPersons returns the persons who consent to research.
func (db *DB) ResearchPersons(ctx context.Context) ([]research.Person, error) {
	rows, err := db.research.Query(ctx, researchPersons)
	if err != nil {
		return nil, fmt.Errorf("read participants: %w", quiet(err))
	}
	list, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (research.Person, error) { return scanResearchPerson(row) })
	if err != nil {
		return nil, fmt.Errorf("read participants: %w", quiet(err))
	}
	return list, nil
}

// ResearchPerson returns a person who consents to research, or health.ErrNotFound.
func (db *DB) ResearchPerson(ctx context.Context, id health.PersonID) (research.Person, error) {
	p, err := scanResearchPerson(db.research.QueryRow(ctx, researchPersons+` WHERE person_id = $1`, int64(id)))
	if errors.Is(err, pgx.ErrNoRows) {
		return p, fmt.Errorf("participant: %w", health.ErrNotFound)
	}
	if err != nil {
		return p, fmt.Errorf("read participant: %w", quiet(err))
	}
	return p, nil
}

func scanResearchPerson(row pgx.Row) (research.Person, error) {
	var p research.Person
	var age *int
	if err := row.Scan(&p.ID, &p.Sex, &age); err != nil {
		return research.Person{}, err
	}
	if age != nil {
		p.Age, p.HasAge = *age, true
	}
	return p, nil
}

// onePerson limits a statement to one person, or to none in particular for the id 0.
func onePerson(id health.PersonID) (where string, args []any) {
	if id == 0 {
		return "", nil
	}
	return " WHERE person_id = $1", []any{int64(id)}
}

// ResearchMetrics counts shown values by metric: of one person, or of all for the id 0.
func (db *DB) ResearchMetrics(ctx context.Context, id health.PersonID) ([]research.MetricCount, error) {
	where, args := onePerson(id)
	rows, err := db.research.Query(ctx, `SELECT metric, metric_name, count(*), sum(n)::bigint FROM
		(SELECT metric, metric_name, person_id, count(*) AS n FROM research.event`+where+` GROUP BY 1, 2, 3) t GROUP BY 1, 2`, args...)
	if err != nil {
		return nil, fmt.Errorf("count metrics for research: %w", quiet(err))
	}
	list, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (research.MetricCount, error) {
		var m research.MetricCount
		err := row.Scan(&m.Code, &m.Name, &m.Persons, &m.Values)
		return m, err
	})
	if err != nil {
		return nil, fmt.Errorf("count metrics for research: %w", quiet(err))
	}
	return list, nil
}

// ResearchWithheld counts values that are left out: of one person, or of all for the id 0.
func (db *DB) ResearchWithheld(ctx context.Context, id health.PersonID) (research.Withheld, error) {
	where, args := onePerson(id)
	var w research.Withheld
	err := db.research.QueryRow(ctx, `SELECT coalesce(sum(codes), 0)::bigint, count(*) FILTER (WHERE codes > 0), coalesce(sum(texts), 0)::bigint,
		  count(*) FILTER (WHERE texts > 0), coalesce(sum(units), 0)::bigint, count(*) FILTER (WHERE units > 0),
		  coalesce(sum(devices), 0)::bigint, count(*) FILTER (WHERE devices > 0) FROM research.withheld`+where, args...).
		Scan(&w.Codes.Values, &w.Codes.Persons, &w.Texts.Values, &w.Texts.Persons, &w.Units.Values, &w.Units.Persons, &w.Devices.Values, &w.Devices.Persons)
	if err != nil {
		return research.Withheld{}, fmt.Errorf("count what is withheld from research: %w", quiet(err))
	}
	return w, nil
}

// researchWhere has all conditions of a query but the cursor's.
func researchWhere(q research.RowQuery) eventWhere {
	var w eventWhere
	w.add("e.person_id = " + w.arg(int64(q.Person)))
	if q.Metric != "" {
		w.add("e.metric = " + w.arg(q.Metric))
	}
	// Beside local_day stand the bounds of effective_at that follow from it, because they choose the partitions.
	if !q.From.IsZero() {
		p := w.arg(dateArg(q.From))
		w.add("e.local_day >= " + p + "::date AND e.effective_at >= (" + p + "::date - 2)::timestamp AT TIME ZONE 'UTC'")
	}
	if !q.To.IsZero() {
		p := w.arg(dateArg(q.To))
		w.add("e.local_day <= " + p + "::date AND e.effective_at < (" + p + "::date + 2)::timestamp AT TIME ZONE 'UTC'")
	}
	return w
}

// beyondEvent is eventWhere.beyond for the view, whose id has another name.
func beyondEvent(w *eventWhere, c health.Cursor, op string) {
	at, id := w.arg(c.At), w.arg(c.ID)
	w.add(fmt.Sprintf("(e.effective_at, e.event_id) %s (%s, %s) AND e.effective_at %c= %s", op, at, id, op[0], at))
}

// ResearchRows returns one page of a person's rows, newest first, of one instant.
func (db *DB) ResearchRows(ctx context.Context, q research.RowQuery) (research.Rows, error) {
	var page research.Rows
	var beyond bool // rows on the cursor's other side
	b := &pgx.Batch{}
	b.Queue("begin isolation level repeatable read read only")
	b.Queue("lock table research.event in access share mode") // holdPartitions through the view, which is all that this role sees
	sql, args := researchPage(q)
	b.Queue(sql, args...).Query(func(rows pgx.Rows) (err error) {
		page.Rows, err = pgx.CollectRows(rows, scanResearchRow)
		return err
	})
	all := researchWhere(q)
	b.Queue(`SELECT count(*) FROM research.event e WHERE `+all.sql(), all.args...).QueryRow(func(row pgx.Row) error { return row.Scan(&page.Total) })
	if c, op := otherSide(health.EventFilter{After: q.After, Before: q.Before}); c != nil {
		other := researchWhere(q)
		beyondEvent(&other, *c, op)
		b.Queue(`SELECT EXISTS (SELECT 1 FROM research.event e WHERE `+other.sql()+`)`, other.args...).QueryRow(func(row pgx.Row) error { return row.Scan(&beyond) })
	}
	b.Queue("commit")
	if err := db.research.SendBatch(ctx, b).Close(); err != nil {
		return research.Rows{}, fmt.Errorf("read events for research: %w", quiet(err))
	}
	more := len(page.Rows) > q.Size
	page.Rows = page.Rows[:min(len(page.Rows), q.Size)]
	page.Older, page.Newer = more, beyond
	if q.Before != nil {
		slices.Reverse(page.Rows)
		page.Older, page.Newer = beyond, more
	}
	return page, nil
}

// researchPage is the query of a page's rows, one more than fit, from the cursor outwards.
func researchPage(q research.RowQuery) (string, []any) {
	w, order := researchWhere(q), "DESC"
	switch {
	case q.After != nil:
		beyondEvent(&w, *q.After, "<")
	case q.Before != nil:
		beyondEvent(&w, *q.Before, ">")
		order = "ASC"
	}
	limit := w.arg(q.Size + 1)
	return fmt.Sprintf(`SELECT e.event_id, e.effective_at, e.local_day, e.local_at, e.local_end, e.whole_days, e.metric, e.metric_name, e.value,
		  coalesce(e.comparator, ''), coalesce(e.unit, ''), coalesce(e.loinc, ''), coalesce(e.flag, ''), e.status
		FROM research.event e WHERE %s ORDER BY e.effective_at %s, e.event_id %s LIMIT %s`, w.sql(), order, order, limit), w.args
}

func scanResearchRow(row pgx.CollectableRow) (research.Row, error) {
	var r research.Row
	var day time.Time
	var end *time.Time
	err := row.Scan(&r.ID, &r.At, &day, &r.Start, &end, &r.WholeDays, &r.Metric, &r.MetricName, &r.Value,
		&r.Comparator, &r.Unit, &r.LOINC, &r.Flag, &r.Status)
	r.At, r.Day, r.End = r.At.UTC(), health.DayOf(day), orZero(end)
	return r, err
}

// ConsentOfSynthetic records the consent to research of most synthetic persons,
// whom nobody can ask; every eighth stays without, so that a demo shows the difference.
func (db *DB) ConsentOfSynthetic(ctx context.Context) error {
	_, err := db.owner.Exec(ctx, `UPDATE health.person p SET research_consent = n.at % 8 <> 0, updated_at = now()
		FROM (SELECT id, row_number() OVER (ORDER BY id) AS at FROM health.person WHERE synthetic) n WHERE n.id = p.id`)
	if err != nil {
		return fmt.Errorf("record consent of synthetic persons: %w", err)
	}
	return nil
}
