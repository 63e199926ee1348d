package postgres

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"

	"healthportal/app/genomics"
	"healthportal/app/health"
)

// ReadIndex reads the report index from one snapshot: it calls begin with its
// state, then each for every report changed after the number that begin
// answers, in order of change. Errors of begin and each end it.
func (db *DB) ReadIndex(ctx context.Context, begin func(genomics.IndexState) (int64, error), each func(genomics.Report) error) error {
	opts := pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly}
	err := pgx.BeginTxFunc(ctx, db.owner, opts, func(tx pgx.Tx) error {
		var st genomics.IndexState
		err := tx.QueryRow(ctx, `SELECT coalesce((SELECT value FROM ops.setting WHERE name = 'database_id'), ''),
			coalesce(max(change_no), 0), count(*) FROM analytics.genomics_reports`).Scan(&st.Epoch, &st.LastChange, &st.Rows)
		if err != nil {
			return err
		}
		if st.Roots, err = reportRoots(ctx, tx); err != nil {
			return err
		}
		after, err := begin(st)
		if err != nil {
			return err
		}
		rows, err := tx.Query(ctx, `SELECT `+reportColumns+` FROM analytics.genomics_reports WHERE change_no > $1 ORDER BY change_no`, after)
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			r, err := scanReport(rows)
			if err != nil {
				return err
			}
			if err := each(r); err != nil {
				return err
			}
		}
		return rows.Err()
	})
	if err != nil {
		return fmt.Errorf("read the report index: %w", err)
	}
	return nil
}

// ReportPersons returns the persons who have reports, in order of id, with what
// lists show of them.
func (db *DB) ReportPersons(ctx context.Context) ([]health.Person, error) {
	rows, err := db.owner.Query(ctx, `SELECT `+personColumns+` FROM health.person p
		WHERE EXISTS (SELECT 1 FROM analytics.genomics_reports r WHERE r.person_id = p.id) ORDER BY p.id`)
	if err != nil {
		return nil, fmt.Errorf("persons with reports: %w", err)
	}
	list, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (health.Person, error) {
		var s personScan
		err := row.Scan(s.targets()...)
		return s.person(), err
	})
	if err != nil {
		return nil, fmt.Errorf("persons with reports: %w", err)
	}
	return list, nil
}
