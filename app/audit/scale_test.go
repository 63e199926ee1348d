package audit_test

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"math/rand/v2"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"healthportal/app/access"
	"healthportal/app/audit"
	"healthportal/store/embedded"
	"healthportal/store/postgres"
)

// scaleRows is how many entries TestVerifyAtScale writes:
//
//	go test ./app/audit -run TestVerifyAtScale -audit-rows 1000000 -v -timeout 60m
var scaleRows = flag.Int("audit-rows", 2000, "entries for TestVerifyAtScale, 1000 or more")

// site is a PostgreSQL of the test's own that syncs to the disk, as in production.
type site struct {
	tb    testing.TB
	db    *postgres.DB
	dsn   string
	heads string
}

func newSite(tb testing.TB) *site {
	tb.Helper()
	dir, err := os.MkdirTemp("", "audit-scale-")
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o711); err != nil { // the database's own user must pass
		tb.Fatal(err)
	}
	lease, err := embedded.Open(tb.Context(), embedded.Options{DataDir: filepath.Join(dir, "data"), Durable: true})
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := lease.Close(context.Background()); err != nil {
			tb.Error(err)
		}
	})
	if err := postgres.Migrate(tb.Context(), lease.DSN()); err != nil {
		tb.Fatal(err)
	}
	db, err := postgres.Open(tb.Context(), lease.DSN())
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(db.Close)
	return &site{tb, db, lease.DSN(), filepath.Join(dir, "heads")}
}

func (s *site) keys() audit.Keys {
	return audit.Keys{Chain: audit.Key{ID: "chain1", Secret: bytes.Repeat([]byte{1}, 32)}, Head: audit.Key{ID: "head1", Secret: bytes.Repeat([]byte{2}, 32)}}
}

func (s *site) open() *audit.Log {
	s.tb.Helper()
	l, err := audit.Open(s.tb.Context(), audit.Config{Store: s.db, Keys: s.keys(), HeadsDir: s.heads, Host: "scale"})
	if err != nil {
		s.tb.Fatal(err)
	}
	return l
}

// fill appends n entries by that many callers, each of whom waits for each entry.
func (s *site) fill(l *audit.Log, n, callers int) {
	var next atomic.Int64
	var done sync.WaitGroup
	for range callers {
		done.Go(func() {
			for i := next.Add(1); i <= int64(n); i = next.Add(1) {
				err := l.Append(context.Background(), audit.Entry{Kind: access.KindEvents, Outcome: audit.Done, UserID: i % 40, Roles: "clinician",
					SessionID: "5f0e1d2c3b4a59687766554433221100", PersonID: i % 5000, Subject: fmt.Sprint("p", i%5000), Route: "GET /dashboard/events",
					RequestID: fmt.Sprintf("%016x", i), Address: "192.0.2.17", Detail: `{"metric":"heart_rate","rows":50}`})
				if err != nil {
					s.tb.Error(err)
					return
				}
			}
		})
	}
	done.Wait()
}

// BenchmarkAppend measures entries with every answer waiting for the disk.
func BenchmarkAppend(b *testing.B) {
	s := newSite(b)
	for _, callers := range []int{1, 16, 64} {
		b.Run(fmt.Sprint(callers, " callers"), func(b *testing.B) {
			l := s.open()
			b.ResetTimer()
			s.fill(l, b.N, callers)
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "entries/s")
			b.StopTimer()
			if err := l.Close(context.Background()); err != nil {
				b.Error(err)
			}
		})
	}
}

// TestVerifyAtScale writes a long log, verifies it in flat memory, and changes a
// row in each way that there is: the verifier names it every time.
func TestVerifyAtScale(t *testing.T) {
	if testing.Short() {
		t.Skip("left out by -short: starts a PostgreSQL of its own")
	}
	s := newSite(t)
	began := time.Now()
	const chains = 4
	for range chains {
		l := s.open()
		s.fill(l, *scaleRows/chains, 64)
		if err := l.Close(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	t.Logf("%d entries by 64 callers in %.1f s: %.0f entries/s", *scaleRows, time.Since(began).Seconds(), float64(*scaleRows)/time.Since(began).Seconds())
	s.verify("untouched", "")

	conn := s.connect()
	chain, seq := "", int64(*scaleRows/chains/2)
	if err := conn.QueryRow(t.Context(), `SELECT chain FROM audit.entry WHERE seq > 10 ORDER BY chain DESC LIMIT 1`).Scan(&chain); err != nil {
		t.Fatal(err)
	}
	other := seq + 10 + rand.Int64N(seq/2) //nolint:gosec // a place, not a secret
	for _, c := range []struct{ what, sql, want string }{
		{"edited", `UPDATE audit.entry SET person_id = person_id + 1 WHERE chain = $1 AND seq = $2`, fmt.Sprintf("edited %d", seq)},
		{"deleted", `DELETE FROM audit.entry WHERE chain = $1 AND seq = $2`, fmt.Sprintf("deleted %d", seq)},
		{"swapped", fmt.Sprintf(`UPDATE audit.entry SET seq = $2::bigint + %d - seq WHERE chain = $1 AND seq IN ($2, %d)`, other, other), fmt.Sprintf("moved %d, moved %d", seq, other)},
		{"cut off", `DELETE FROM audit.entry WHERE chain = $1 AND seq = (SELECT max(seq) FROM audit.entry WHERE chain = $1) AND $2 > 0`,
			fmt.Sprintf("cut off %d", *scaleRows/chains+2)},
	} {
		s.tampered(conn, func() { s.verify(c.what, c.want) }, c.sql, chain, seq)
	}
}

// connect is a connection of the table's owner.
func (s *site) connect() *pgx.Conn {
	s.tb.Helper()
	u, err := url.Parse(s.dsn)
	if err != nil {
		s.tb.Fatal(err)
	}
	conn, err := pgx.Connect(s.tb.Context(), u.String())
	if err != nil {
		s.tb.Fatal(err)
	}
	s.tb.Cleanup(func() { _ = conn.Close(context.Background()) })
	return conn
}

// tampered runs fn while a statement's change is there, then takes it back.
func (s *site) tampered(conn *pgx.Conn, fn func(), sql string, chain string, seq int64) {
	s.tb.Helper()
	exec := func(sql string, args ...any) {
		s.tb.Helper()
		if _, err := conn.Exec(s.tb.Context(), sql, args...); err != nil {
			s.tb.Fatalf("%s: %v", sql, err)
		}
	}
	exec(`SET ROLE hp_owner`)
	exec(`CREATE TABLE audit.saved AS SELECT * FROM audit.entry WHERE chain = $1`, chain)
	exec(`ALTER TABLE audit.entry DROP CONSTRAINT entry_pkey`) // as whoever swaps numbers would
	exec(sql, chain, seq)
	exec(`ALTER TABLE audit.entry ADD CONSTRAINT entry_pkey PRIMARY KEY (chain, seq)`)
	fn()
	exec(`DELETE FROM audit.entry WHERE chain = $1`, chain)
	exec(`INSERT INTO audit.entry SELECT * FROM audit.saved`)
	exec(`DROP TABLE audit.saved`)
}

// verify verifies and compares the findings; it reports speed and memory.
func (s *site) verify(what, want string) {
	s.tb.Helper()
	stop, peak := make(chan struct{}), make(chan uint64)
	go func() { // the most memory that is in use at any moment
		var most uint64
		var m runtime.MemStats
		for {
			select {
			case <-stop:
				peak <- most
				return
			case <-time.After(50 * time.Millisecond):
				runtime.ReadMemStats(&m)
				most = max(most, m.HeapInuse)
			}
		}
	}()
	rep, err := audit.Verify(s.tb.Context(), audit.VerifyConfig{Reader: s.db, Keys: s.keys(), HeadsDirs: []string{s.heads}})
	close(stop)
	if err != nil {
		s.tb.Fatal(err)
	}
	var got []string
	for _, f := range rep.Findings {
		got = append(got, fmt.Sprintf("%s %d", f.Kind, f.Seq))
	}
	if strings.Join(got, ", ") != want {
		s.tb.Errorf("%s: found %q, want %q", what, got, want)
	}
	s.tb.Logf("%-9s %d rows in %d chains: %q; %.1f s, %.0f rows/s, heap at most %.1f MB", what, rep.Rows, rep.Chains, got,
		rep.Elapsed.Seconds(), float64(rep.Rows)/rep.Elapsed.Seconds(), float64(<-peak)/1e6)
}
