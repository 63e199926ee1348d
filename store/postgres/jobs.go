package postgres

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"healthportal/app/jobs"
)

// jobLock is an advisory lock on a connection of its own, so that PostgreSQL
// frees it when the process dies.
type jobLock struct {
	conn *pgxpool.Conn
	job  string
}

// LockJob takes the job's advisory lock, or returns jobs.ErrHeld at once.
func (db *DB) LockJob(ctx context.Context, job string) (jobs.Lock, error) {
	conn, err := db.owner.Acquire(ctx)
	if err != nil {
		return nil, fmt.Errorf("lock job: %w", err)
	}
	var got bool
	if err := conn.QueryRow(ctx, `SELECT pg_try_advisory_lock(hashtext('portal job'), hashtext($1))`, job).Scan(&got); err != nil {
		conn.Release()
		return nil, fmt.Errorf("lock job: %w", err)
	}
	if !got {
		conn.Release()
		return nil, jobs.ErrHeld
	}
	return &jobLock{conn: conn, job: job}, nil
}

// Release gives the lock free. It fails when the connection, and the lock with
// it, was lost before.
func (l *jobLock) Release(ctx context.Context) error {
	defer l.conn.Release()
	var held bool
	err := l.conn.QueryRow(ctx, `SELECT pg_advisory_unlock(hashtext('portal job'), hashtext($1))`, l.job).Scan(&held)
	if err == nil && !held {
		err = errors.New("it was not held any more")
	}
	if err != nil {
		// Whatever this connection still holds must not go back into the pool.
		return errors.Join(err, l.conn.Conn().Close(ctx))
	}
	return nil
}

// StartJob records a start; runs of the job that never ended become abandoned.
func (db *DB) StartJob(ctx context.Context, job, host string, pid int) (int64, error) {
	var id int64
	err := db.inOwnerTx(ctx, func(tx pgx.Tx) error {
		_, err := tx.Exec(ctx, `UPDATE ops.job_runs SET outcome = 'abandoned', finished_at = now(), error = 'the process ended without recording it'
			WHERE job = $1 AND outcome = 'running'`, job)
		if err != nil {
			return err
		}
		return tx.QueryRow(ctx, `INSERT INTO ops.job_runs (job, host, pid) VALUES ($1, $2, $3) RETURNING id`, job, host, pid).Scan(&id)
	})
	if err != nil {
		return 0, fmt.Errorf("start job: %w", err)
	}
	return id, nil
}

// FinishJob records the end of a run.
func (db *DB) FinishJob(ctx context.Context, id int64, outcome jobs.Outcome, counts jobs.Counts, errText string) error {
	if counts == nil {
		counts = jobs.Counts{}
	}
	var text *string
	if errText != "" {
		text = &errText
	}
	return db.inOwnerTx(ctx, func(tx pgx.Tx) error {
		_, err := tx.Exec(ctx, `UPDATE ops.job_runs SET outcome = $2, counts = $3, error = $4, finished_at = now() WHERE id = $1`,
			id, string(outcome), counts, text)
		return err
	})
}

// LastJobs returns the newest run of each job, in order of name.
func (db *DB) LastJobs(ctx context.Context) ([]jobs.Record, error) {
	rows, err := db.app.Query(ctx, `SELECT DISTINCT ON (job) id, job, host, pid, started_at, finished_at, outcome, counts, coalesce(error, '')
		FROM ops.job_runs ORDER BY job, started_at DESC, id DESC`)
	if err != nil {
		return nil, fmt.Errorf("job runs: %w", err)
	}
	list, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (jobs.Record, error) {
		var r jobs.Record
		var end *time.Time
		err := row.Scan(&r.ID, &r.Job, &r.Host, &r.PID, &r.StartedAt, &end, &r.Outcome, &r.Counts, &r.Error)
		r.StartedAt = r.StartedAt.UTC()
		if end != nil {
			r.FinishedAt = end.UTC()
		}
		return r, err
	})
	if err != nil {
		return nil, fmt.Errorf("job runs: %w", err)
	}
	return list, nil
}
