package postgres

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"healthportal/app/access"
	"healthportal/app/health"
	"healthportal/app/health/adultrange"
)

// rangeActs is the key of the lock behind which acts on general adult ranges queue up.
const rangeActs = 0x6870_0002

// lastRangeActs are the newest act about each metric, or about one.
const lastRangeActs = `SELECT DISTINCT ON (a.metric) a.metric, a.act, a.digest, a.said, a.user_id, u.display_name, a.acted_at
	FROM health.range_act a JOIN auth.user_account u ON u.id = a.user_id
	WHERE $1 = '' OR a.metric = $1 ORDER BY a.metric, a.id DESC`

// RangeSheet returns this program's general adult ranges, each with the last act about it.
func (db *DB) RangeSheet(ctx context.Context) (adultrange.Sheet, error) {
	rows, err := db.app.Query(ctx, lastRangeActs, "")
	if err != nil {
		return adultrange.Sheet{}, fmt.Errorf("general adult ranges: %w", err)
	}
	acts, err := pgx.CollectRows(rows, scanRangeAct)
	if err != nil {
		return adultrange.Sheet{}, fmt.Errorf("general adult ranges: %w", err)
	}
	return adultrange.NewSheet(acts), nil
}

func scanRangeAct(row pgx.CollectableRow) (adultrange.Act, error) {
	var a adultrange.Act
	err := row.Scan(&a.Metric, &a.Kind, &a.Digest, &a.Said, &a.UserID, &a.By, &a.At)
	a.At = a.At.UTC()
	return a, err
}

// ActOnRange signs the range of a metric off for a clinician, or withdraws its
// sign-off. digest is that of the range that the clinician saw. Refusals are those
// of adultrange.Standing.Permits, access.ErrDenied for somebody who is no
// clinician any more, and health.ErrNotFound for a metric without a range.
func (db *DB) ActOnRange(ctx context.Context, userID int64, metric string, kind adultrange.ActKind, digest string) error {
	r, ok := adultrange.Of(metric)
	if !ok {
		return health.ErrNotFound
	}
	err := pgx.BeginFunc(ctx, db.app, func(tx pgx.Tx) error {
		// Two acts at once queue up here, so that the second sees the first.
		if _, err := tx.Exec(ctx, `SELECT pg_advisory_xact_lock($1)`, rangeActs); err != nil {
			return err
		}
		rows, err := tx.Query(ctx, lastRangeActs, metric)
		if err != nil {
			return err
		}
		last, err := pgx.CollectRows(rows, scanRangeAct)
		if err != nil {
			return err
		}
		standing, _ := adultrange.NewSheet(last).Of(metric)
		if err := standing.Permits(kind, digest); err != nil {
			return err
		}
		_, err = tx.Exec(ctx, `INSERT INTO health.range_act (metric, act, digest, said, user_id) VALUES ($1, $2, $3, $4, $5)`,
			metric, string(kind), digest, r.Metric.Reference, userID)
		return err
	})
	var pgErr *pgconn.PgError
	switch {
	case errors.As(err, &pgErr) && pgErr.Code == "42501": // the policy: no clinician, or disabled
		return fmt.Errorf("%w: only clinicians act on general adult ranges", access.ErrDenied)
	case err != nil:
		return fmt.Errorf("act on a general adult range: %w", err)
	}
	return nil
}

// OutlyingEvents returns the events that may lie outside a general adult range, oldest first.
func (db *DB) OutlyingEvents(ctx context.Context, scope access.Scope, o adultrange.Outlying) ([]health.Event, error) {
	var list []health.Event
	err := db.read(ctx, scope, func(b *pgx.Batch) {
		b.Queue(`SELECT `+eventColumns+` FROM health.event e`+eventJoins+`
			WHERE e.person_id = $1 AND e.metric_id = (SELECT id FROM health.metric WHERE code = $2)
			  AND e.local_day BETWEEN $3::date AND $4::date
			  AND e.effective_at >= ($3::date - 2)::timestamp AT TIME ZONE 'UTC' AND e.effective_at < ($4::date + 2)::timestamp AT TIME ZONE 'UTC'
			  AND e.superseded_at IS NULL AND e.status <> 'entered-in-error'
			  AND coalesce(e.flag, '') = '' AND e.ref_low IS NULL AND e.ref_high IS NULL
			  AND (e.value <= $5 OR e.value >= $6 OR e.value IS NOT NULL AND u.ucum IS DISTINCT FROM $7)
			ORDER BY e.effective_at, e.id`,
			int64(o.Person), o.Metric, dateArg(o.From), dateArg(o.To), o.Low, o.High, o.Unit).
			Query(func(rows pgx.Rows) (err error) {
				list, err = scanEvents(rows)
				return err
			})
	})
	if err != nil {
		return nil, fmt.Errorf("values outside a range: %w", err)
	}
	return list, nil
}
