package jobs

import (
	"context"
	"errors"
	"maps"
	"strings"
	"testing"
	"time"
)

// memory keeps one job's lock and records.
type memory struct {
	held     bool
	released int
	started  int
	outcome  Outcome
	counts   Counts
	text     string
	deadline bool
	fail     map[string]error
}

func (m *memory) LockJob(context.Context, string) (Lock, error) {
	if m.held {
		return nil, ErrHeld
	}
	if err := m.fail["lock"]; err != nil {
		return nil, err
	}
	m.held = true
	return m, nil
}

func (m *memory) Release(ctx context.Context) error {
	m.held = false
	m.released++
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return m.fail["release"]
}

func (m *memory) StartJob(_ context.Context, job, host string, pid int) (int64, error) {
	if job == "" || host == "" || pid == 0 {
		return 0, errors.New("incomplete")
	}
	m.started++
	return 7, m.fail["start"]
}

func (m *memory) FinishJob(ctx context.Context, id int64, o Outcome, c Counts, text string) error {
	if id != 7 || ctx.Err() != nil {
		return errors.New("finish of another run, or under an ended context")
	}
	_, m.deadline = ctx.Deadline()
	m.outcome, m.counts, m.text = o, c, text
	return m.fail["finish"]
}

func TestRun(t *testing.T) {
	boom := errors.New("boom")
	for name, c := range map[string]struct {
		fail    map[string]error
		run     error
		want    error
		outcome Outcome
	}{
		"done":               {nil, nil, nil, Done},
		"failed":             {nil, boom, boom, Failed},
		"lock fails":         {map[string]error{"lock": boom}, nil, boom, ""},
		"start fails":        {map[string]error{"start": boom}, nil, boom, ""},
		"end not recorded":   {map[string]error{"finish": boom}, nil, boom, Done},
		"lock lost meantime": {map[string]error{"release": boom}, nil, boom, Done},
	} {
		t.Run(name, func(t *testing.T) {
			m := &memory{fail: c.fail}
			ran := false
			err := Run(t.Context(), m, "sync-reports", func(context.Context) (Counts, error) {
				ran = true
				if !m.held {
					t.Error("runs without the lock")
				}
				return Counts{"seen": 3}, c.run
			})
			if !errors.Is(err, c.want) || m.outcome != c.outcome {
				t.Errorf("error %v, outcome %q", err, m.outcome)
			}
			if ran != (c.fail["lock"] == nil && c.fail["start"] == nil) {
				t.Errorf("ran %v", ran)
			}
			if ran && !maps.Equal(m.counts, Counts{"seen": 3}) {
				t.Errorf("counts %v", m.counts)
			}
			if m.held {
				t.Error("the lock is still held")
			}
			if (m.text != "") != (c.run != nil) {
				t.Errorf("text %q", m.text)
			}
		})
	}
}

func TestHeld(t *testing.T) {
	m := &memory{held: true}
	err := Run(t.Context(), m, "backup", func(context.Context) (Counts, error) {
		t.Error("ran beside another")
		return nil, nil
	})
	if !errors.Is(err, ErrHeld) || !strings.Contains(err.Error(), "backup") {
		t.Errorf("got %v", err)
	}
	if m.released != 0 || m.started != 0 {
		t.Error("another run's lock or record was touched")
	}
}

func TestInterruptedRunIsRecorded(t *testing.T) {
	m := &memory{}
	ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
	defer cancel()
	err := Run(ctx, m, "sync-reports", func(ctx context.Context) (Counts, error) {
		<-ctx.Done()
		return nil, ctx.Err()
	})
	if !errors.Is(err, context.DeadlineExceeded) || m.outcome != Failed || !m.deadline || m.released != 1 {
		t.Errorf("error %v, %+v", err, m)
	}
}

func TestPanicIsRecorded(t *testing.T) {
	m := &memory{}
	defer func() {
		if r := recover(); r != "ouch" {
			t.Errorf("recovered %v", r)
		}
		if m.outcome != Failed || m.released != 1 || m.text == "" {
			t.Errorf("%+v", m)
		}
	}()
	_ = Run(t.Context(), m, "sync-reports", func(context.Context) (Counts, error) { panic("ouch") })
}
