// Package jobs runs the portal's own work so that each job runs once at a time
// across all hosts, and leaves a record of every run.
package jobs

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"
)

// ErrHeld says that another run of the same job is under way; the commands exit
// with code 3.
var ErrHeld = errors.New("another run of this job is under way")

// Outcome is how a run ended.
type Outcome string

// The outcomes, as stored in ops.job_runs.
const (
	Running   Outcome = "running"
	Done      Outcome = "done"
	Failed    Outcome = "failed"
	Abandoned Outcome = "abandoned"
)

// Counts are what a run reports of its work, by name.
type Counts map[string]int64

// Record is what is kept of one run.
type Record struct {
	ID   int64
	Job  string
	Host string
	PID  int
	// StartedAt and FinishedAt are in UTC; FinishedAt is zero while it runs.
	StartedAt, FinishedAt time.Time
	Outcome               Outcome
	Counts                Counts
	// Error is empty unless the run failed or was abandoned.
	Error string
}

// Lock is the hold on a job's name.
type Lock interface {
	// Release gives the name free. An error says that the hold was lost before.
	Release(ctx context.Context) error
}

// Store keeps the locks and the records.
type Store interface {
	// LockJob takes the job's name for this process, or returns ErrHeld at once.
	LockJob(ctx context.Context, job string) (Lock, error)
	// StartJob records a start and marks earlier runs that never ended as
	// abandoned. Only the holder of the lock calls it.
	StartJob(ctx context.Context, job, host string, pid int) (int64, error)
	// FinishJob records an end.
	FinishJob(ctx context.Context, id int64, outcome Outcome, counts Counts, errText string) error
}

// recordTimeout bounds the record of an end whose own context is over.
const recordTimeout = 10 * time.Second

// Run runs fn under the job's lock and records start, end, counts and error. It
// returns ErrHeld where another run holds the lock, else fn's error. A panic of
// fn is recorded as a failure and goes on.
func Run(ctx context.Context, store Store, job string, fn func(context.Context) (Counts, error)) (err error) {
	lock, err := store.LockJob(ctx, job)
	if err != nil {
		return fmt.Errorf("job %s: %w", job, err)
	}
	defer func() {
		late, cancel := context.WithTimeout(context.WithoutCancel(ctx), recordTimeout)
		defer cancel()
		if rerr := lock.Release(late); rerr != nil {
			err = errors.Join(err, fmt.Errorf("job %s: release the lock: %w", job, rerr))
		}
	}()
	host, err := os.Hostname()
	if err != nil {
		host = "unknown"
	}
	id, err := store.StartJob(ctx, job, host, os.Getpid())
	if err != nil {
		return fmt.Errorf("job %s: record the start: %w", job, err)
	}
	r := ending{store: store, job: job, id: id}
	ended := false
	defer func() {
		if !ended { // fn panicked or called runtime.Goexit
			err = r.finish(ctx, nil, errors.New("the run broke off"))
		}
	}()
	counts, err := fn(ctx)
	ended = true
	return r.finish(ctx, counts, err)
}

// ending writes the end of one run.
type ending struct {
	store Store
	job   string
	id    int64
}

// finish records the end and returns the run's error, with that of recording.
func (r ending) finish(ctx context.Context, counts Counts, runErr error) error {
	late, cancel := context.WithTimeout(context.WithoutCancel(ctx), recordTimeout)
	defer cancel()
	outcome, text := Done, ""
	if runErr != nil {
		outcome, text = Failed, runErr.Error()
	}
	if err := r.store.FinishJob(late, r.id, outcome, counts, text); err != nil {
		return errors.Join(runErr, fmt.Errorf("job %s: record the end: %w", r.job, err))
	}
	return runErr
}
