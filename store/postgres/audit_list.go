package postgres

import (
	"context"
	"fmt"
	"slices"

	"github.com/jackc/pgx/v5"

	"healthportal/app/access"
	"healthportal/app/audit"
	"healthportal/app/health"
)

// auditWhere collects the conditions of a query of the log.
type auditWhere struct{ eventWhere }

// newAuditWhere has all conditions but the cursor's. The plain comparisons
// let PostgreSQL use the indexes that leave rows without an id out.
func newAuditWhere(f audit.Filter) auditWhere {
	var w auditWhere
	w.add("true")
	if !f.From.IsZero() {
		w.add("e.at >= " + w.arg(f.From))
	}
	if !f.To.IsZero() {
		w.add("e.at < " + w.arg(f.To))
	}
	if f.Kind != "" {
		w.add("e.kind = " + w.arg(string(f.Kind)))
	}
	if f.Outcome != "" {
		w.add("e.outcome = " + w.arg(string(f.Outcome)))
	}
	if f.Outcome == audit.Denied || f.Outcome == audit.Failed {
		w.add("e.outcome <> 'done'")
	}
	if f.UserID != 0 {
		w.add("e.user_id <> 0 AND e.user_id = " + w.arg(f.UserID))
	}
	if f.PersonID != 0 {
		w.add("e.person_id <> 0 AND e.person_id = " + w.arg(f.PersonID))
	}
	if f.Subject != "" {
		w.add("e.subject <> '' AND e.subject = " + w.arg(f.Subject))
	}
	return w
}

// past narrows to the rows on one side of a cursor. The plain bound on at is
// what the index can be searched by under row security.
func (w *auditWhere) past(c audit.Cursor, op string) {
	at, chain, seq := w.arg(c.At), w.arg(c.Chain), w.arg(c.Seq)
	w.add(fmt.Sprintf("(e.at, e.chain, e.seq) %s (%s, %s, %s) AND e.at %c= %s", op, at, chain, seq, op[0], at))
}

// auditUserName is looked up row by row, so that rows stay in the order of the index.
const auditUserName = `coalesce((SELECT u.display_name FROM auth.user_account u WHERE u.id = e.user_id), '')`

const auditColumnsOfRows = `e.chain, e.seq, e.at, e.kind, e.outcome, e.user_id, ` + auditUserName + `, e.roles, e.session_id,
	e.key_id, e.person_id, e.subject, e.route, e.request_id, e.address, e.detail`

// auditQuery asks for rows by time, in the given direction; limit 0 means all.
func auditQuery(columns string, w auditWhere, order string, limit int) (string, []any) {
	sql := fmt.Sprintf("SELECT %s FROM audit.entry e WHERE %s ORDER BY e.at %s, e.chain %s, e.seq %s", columns, w.sql(), order, order, order)
	if limit > 0 {
		sql += " LIMIT " + w.arg(limit)
	}
	return sql, w.args
}

func scanAuditRow(row pgx.CollectableRow) (audit.Row, error) {
	var r audit.Row
	err := row.Scan(&r.Chain, &r.Seq, &r.At, &r.Kind, &r.Outcome, &r.UserID, &r.UserName, &r.Roles, &r.SessionID, &r.KeyID,
		&r.PersonID, &r.Subject, &r.Route, &r.RequestID, &r.Address, &r.Detail)
	r.At = r.At.UTC()
	return r, err
}

// asReviewer opens the whole log to the transaction. Plans are made for the
// values at hand: a kind may be every row or one of a million.
const asReviewer = `select set_config('hp.audit', 'all', true), set_config('plan_cache_mode', 'force_custom_plan', true)`

// reviewAudit begins a read-only transaction of somebody who reviews the whole
// log; the caller has checked access.AuditRead.
func reviewAudit(b *pgx.Batch) {
	b.Queue("begin isolation level repeatable read read only")
	b.Queue(asReviewer)
}

// AuditPage returns one page of the whole log, newest first.
func (db *DB) AuditPage(ctx context.Context, f audit.Filter) (audit.Page, error) {
	if err := f.Validate(); err != nil {
		return audit.Page{}, err
	}
	w, order, size := newAuditWhere(f), "DESC", f.PageSize()
	other := newAuditWhere(f) // the cursor's other side, its own row included
	switch {
	case f.After != nil:
		w.past(*f.After, "<")
		other.past(*f.After, ">=")
	case f.Before != nil:
		w.past(*f.Before, ">")
		other.past(*f.Before, "<=")
		order = "ASC"
	}
	var rows []audit.Row
	var beyond bool
	b := &pgx.Batch{}
	reviewAudit(b)
	sql, args := auditQuery(auditColumnsOfRows, w, order, size+1)
	b.Queue(sql, args...).Query(func(r pgx.Rows) (err error) {
		rows, err = pgx.CollectRows(r, scanAuditRow)
		return err
	})
	if f.After != nil || f.Before != nil {
		b.Queue("SELECT EXISTS (SELECT FROM audit.entry e WHERE "+other.sql()+")", other.args...).
			QueryRow(func(r pgx.Row) error { return r.Scan(&beyond) })
	}
	b.Queue("commit")
	if err := db.app.SendBatch(ctx, b).Close(); err != nil {
		return audit.Page{}, fmt.Errorf("page of the audit log: %w", err)
	}
	more := len(rows) > size
	rows = rows[:min(len(rows), size)]
	if f.Before != nil {
		slices.Reverse(rows)
		more, beyond = beyond, more
	}
	return auditPage(rows, f, more, beyond), nil
}

// auditPage adds the cursors: older and newer say whether there are such rows.
// An empty page leads back to where it came from.
func auditPage(rows []audit.Row, f audit.Filter, older, newer bool) audit.Page {
	page := audit.Page{Rows: rows}
	switch n := len(rows); {
	case n > 0 && older:
		page.Older = rows[n-1].Cursor()
	case n == 0 && older && f.Before != nil:
		page.Older = &audit.Cursor{At: f.Before.At, Chain: f.Before.Chain, Seq: f.Before.Seq + 1}
	}
	switch n := len(rows); {
	case n > 0 && newer:
		page.Newer = rows[0].Cursor()
	case n == 0 && newer && f.After != nil:
		page.Newer = &audit.Cursor{At: f.After.At, Chain: f.After.Chain, Seq: max(1, f.After.Seq-1)}
	}
	return page
}

// EachOf calls fn with each row that the filter means, newest first, as they
// stand at one instant; Size and cursors are ignored. It holds one row at a
// time. An error of fn ends it and is returned.
func (db *DB) EachOf(ctx context.Context, f audit.Filter, fn func(audit.Row) error) error {
	f.Size, f.After, f.Before = 0, nil, nil
	if err := f.Validate(); err != nil {
		return err
	}
	err := pgx.BeginTxFunc(ctx, db.app, pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly}, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, asReviewer); err != nil {
			return err
		}
		sql, args := auditQuery(auditColumnsOfRows, newAuditWhere(f), "DESC", 0)
		rows, err := tx.Query(ctx, sql, args...)
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			row, err := scanAuditRow(rows)
			if err != nil {
				return err
			}
			if err := fn(row); err != nil {
				return err
			}
		}
		return rows.Err()
	})
	if err != nil {
		return fmt.Errorf("export of the audit log: %w", err)
	}
	return nil
}

const lookerColumns = `e.chain, e.seq, e.at, e.user_id, ` + auditUserName + `, e.roles, e.key_id, e.kind, e.outcome,
	CASE WHEN e.kind = '` + string(access.KindResearch) + `' THEN '' ELSE e.subject END,
	EXISTS (SELECT FROM auth.break_glass b WHERE b.user_id = e.user_id AND b.person_id = e.person_id
	  AND e.at >= b.started_at AND e.at < least(b.ended_at, b.expires_at))`

// Lookers returns a page of who asked about a patient, newest first, to those
// whose scope holds the patient; size is bounded as for pages of the log. A
// researcher's pseudonym of the patient stays out.
func (db *DB) Lookers(ctx context.Context, scope access.Scope, person health.PersonID, after *audit.Cursor, size int) (audit.LookersPage, error) {
	f := audit.Filter{PersonID: int64(person), After: after, Size: size}
	if err := f.Validate(); err != nil {
		return audit.LookersPage{}, err
	}
	if person == 0 {
		return audit.LookersPage{}, nil // the rows of nobody in particular are not a patient's
	}
	size = f.PageSize()
	w := newAuditWhere(f)
	if after != nil {
		w.past(*after, "<")
	}
	sql, args := auditQuery(lookerColumns, w, "DESC", size+1)
	var page audit.LookersPage
	err := db.read(ctx, scope, func(b *pgx.Batch) {
		b.Queue(sql, args...).Query(func(r pgx.Rows) (err error) {
			page.Lookers, err = pgx.CollectRows(r, scanLooker)
			return err
		})
	})
	if err != nil {
		return audit.LookersPage{}, fmt.Errorf("who looked at a patient: %w", err)
	}
	if len(page.Lookers) > size {
		page.Lookers = page.Lookers[:size]
		last := page.Lookers[size-1]
		page.Older = &audit.Cursor{At: last.At, Chain: last.Chain, Seq: last.Seq}
	}
	return page, nil
}

func scanLooker(row pgx.CollectableRow) (audit.Looker, error) {
	var l audit.Looker
	err := row.Scan(&l.Chain, &l.Seq, &l.At, &l.UserID, &l.UserName, &l.Roles, &l.KeyID, &l.Kind, &l.Outcome, &l.Subject, &l.BreakGlass)
	l.At = l.At.UTC()
	return l, err
}
