package postgres_test

import (
	"bytes"
	"fmt"
	"healthportal/app/access"
	"healthportal/app/health"
	"testing"
	"time"
)

// Whoever began to read before rows moved from the default partition to their
// month's own finds them: the move waits until everybody has read.
func TestRowsAreReadWhileTheyMove(t *testing.T) {
	c := newRounds(t)
	a := c.person("a")
	scope := access.One(a)
	for i, reader := range []struct {
		name string
		// table is one that the reader asks before it looks for events.
		table string
		rows  func() (int, error)
	}{
		{"latest values", "health.data_stamp", func() (int, error) {
			n := 0
			list, err := c.db.PersonMetrics(t.Context(), scope, a)
			for _, m := range list {
				n += m.Count
			}
			return n, err
		}},
		{"export", "health.person", func() (int, error) {
			var b bytes.Buffer
			day := health.Day{Year: 2041, Month: time.May, Dom: 15}
			n, err := c.db.ExportEvents(t.Context(), scope, health.EventFilter{Person: a, From: day, To: day}, health.ExportCSV, &b, nil)
			return int(n), err
		}},
	} {
		t.Run(reader.name, func(t *testing.T) {
			c.exec(etl, int64(a), fmt.Sprintf("%d-05-15T10:00:00Z", 2040+i), 60) // newer than all that is there
			if _, err := c.db.RebuildDirty(t.Context()); err != nil {
				t.Fatal(err)
			}
			want, err := reader.rows()
			if err != nil {
				t.Fatal(err)
			}
			held, err := c.conn.Begin(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if _, err := held.Exec(t.Context(), `LOCK TABLE `+reader.table); err != nil {
				t.Fatal(err)
			}
			type answer struct {
				rows int
				err  error
			}
			came, moved := make(chan answer, 1), make(chan error, 1)
			go func() {
				n, err := reader.rows()
				came <- answer{n, err}
			}()
			waiters := func(n int) bool {
				var got int
				if err := held.QueryRow(t.Context(), `SELECT count(DISTINCT pid) FROM pg_locks WHERE NOT granted`).Scan(&got); err != nil {
					t.Fatal(err)
				}
				return got >= n
			}
			for !waiters(1) { // the reader has its instant
				time.Sleep(time.Millisecond)
			}
			go func() {
				_, err := c.db.EmptyDefaultPartition(t.Context())
				moved <- err
			}()
			for done := false; !done && !waiters(2); time.Sleep(time.Millisecond) { // moved, or waiting for the reader
				select {
				case err := <-moved:
					moved <- err
					done = true
				default:
				}
			}
			if err := held.Commit(t.Context()); err != nil {
				t.Fatal(err)
			}
			if got := <-came; got.err != nil || got.rows != want {
				t.Errorf("%d rows, %v; there are %d", got.rows, got.err, want)
			}
			if err := <-moved; err != nil {
				t.Error(err)
			}
			if n := one[int](c, `SELECT count(*) FROM health.event_default`); n != 0 {
				t.Errorf("%d rows still wait in the default partition", n)
			}
		})
	}
}
