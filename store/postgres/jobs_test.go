package postgres_test

import (
	"context"
	"errors"
	"testing"

	"healthportal/app/jobs"
)

func TestJobLock(t *testing.T) {
	c := newClinic(t)
	ctx := t.Context()
	lock, err := c.db.LockJob(ctx, "sync-reports")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.db.LockJob(ctx, "sync-reports"); !errors.Is(err, jobs.ErrHeld) {
		t.Errorf("second hold: %v", err)
	}
	other, err := c.db.LockJob(ctx, "backup")
	if err != nil {
		t.Fatalf("another job: %v", err)
	}
	for _, l := range []jobs.Lock{lock, other} {
		if err := l.Release(ctx); err != nil {
			t.Error(err)
		}
	}
	again, err := c.db.LockJob(ctx, "sync-reports")
	if err != nil {
		t.Fatalf("after release: %v", err)
	}
	// The connection dies, as it does when a process is killed: the name is free.
	c.exec(`SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' AND classid = hashtext('portal job')::bigint::bit(32)::bigint::oid
		AND database = (SELECT oid FROM pg_database WHERE datname = current_database())`)
	for range 100 {
		third, err := c.db.LockJob(ctx, "sync-reports")
		if errors.Is(err, jobs.ErrHeld) {
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		if err := third.Release(ctx); err != nil {
			t.Error(err)
		}
		break
	}
	if err := again.Release(ctx); err == nil {
		t.Error("a hold that was lost was released in silence")
	}
}

func TestJobRecords(t *testing.T) {
	c := newClinic(t)
	boom := errors.New("boom")
	err := jobs.Run(t.Context(), c.db, "sync-reports", func(context.Context) (jobs.Counts, error) { return jobs.Counts{"seen": 3}, nil })
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.db.StartJob(t.Context(), "sync-reports", "host", 1); err != nil { // its process is killed here
		t.Fatal(err)
	}
	if _, err := c.db.StartJob(t.Context(), "backup", "host", 1); err != nil {
		t.Fatal(err)
	}
	if err := jobs.Run(t.Context(), c.db, "sync-reports", func(context.Context) (jobs.Counts, error) { return nil, boom }); !errors.Is(err, boom) {
		t.Fatal(err)
	}
	want := "done 0,abandoned 1,failed 1,backup running 0"
	got := one[string](c, `SELECT string_agg(CASE job WHEN 'backup' THEN 'backup ' ELSE '' END || outcome || ' ' || (error IS NOT NULL)::int, ',' ORDER BY job DESC, id) FROM ops.job_runs`)
	if got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	last, err := c.db.LastJobs(t.Context())
	if err != nil || len(last) != 2 {
		t.Fatalf("%+v, %v", last, err)
	}
	if r := last[0]; r.Job != "backup" || r.Outcome != jobs.Running || !r.FinishedAt.IsZero() || r.Host != "host" || r.PID != 1 {
		t.Errorf("%+v", r)
	}
	if r := last[1]; r.Job != "sync-reports" || r.Outcome != jobs.Failed || r.FinishedAt.Before(r.StartedAt) || r.Error != "boom" || len(r.Counts) != 0 {
		t.Errorf("%+v", r)
	}
}
