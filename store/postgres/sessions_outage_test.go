package postgres_test

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"healthportal/app/access"
	"healthportal/app/session"
	"healthportal/store/embedded"
	"healthportal/store/postgres"
	"healthportal/store/storetest"
)

func discard() *slog.Logger { return slog.New(slog.DiscardHandler) }

func connectTo(t *testing.T, fresh *storetest.DB) *pgx.Conn {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), fresh.SuperuserDSN())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close(context.Background()) })
	return conn
}

// server is a PostgreSQL that the test stops and starts.
type server struct {
	t     *testing.T
	dir   string
	lease *embedded.Lease
}

func newServer(t *testing.T) *server {
	t.Helper()
	parent, err := os.MkdirTemp("", "outage-")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(parent, 0o711); err != nil { // the database's own user must pass
		t.Fatal(err)
	}
	s := &server{t: t, dir: filepath.Join(parent, "data")}
	t.Cleanup(func() {
		s.stop()
		if err := os.RemoveAll(parent); err != nil {
			t.Error(err)
		}
	})
	s.start()
	return s
}

func (s *server) start() {
	s.t.Helper()
	var err error
	if s.lease, err = embedded.Open(s.t.Context(), embedded.Options{DataDir: s.dir}); err != nil {
		s.t.Fatal(err)
	}
}

func (s *server) stop() {
	s.t.Helper()
	if s.lease == nil {
		return
	}
	if err := s.lease.Close(context.Background()); err != nil {
		s.t.Error(err)
	}
	s.lease = nil
}

// Line 22, with PostgreSQL really stopped: who was in stays in, nobody else gets
// in, and what was revoked before stays revoked, then and afterwards.
func TestSessionsWhilePostgresIsStopped(t *testing.T) {
	s := newServer(t)
	if err := postgres.Migrate(t.Context(), s.lease.DSN()); err != nil {
		t.Fatal(err)
	}
	p := startProcess(t, s.lease.DSN(), "")
	db := signInDB{DB: p.db, t: t}
	ada := db.addUser("ada", access.Clinician)
	issue := func() string {
		t.Helper()
		token, err := p.Issue(t.Context(), session.New{UserID: ada.ID})
		if err != nil {
			t.Fatal(err)
		}
		return token
	}
	known, unknown, revoked := issue(), issue(), issue()
	for _, token := range []string{known, revoked, known} {
		if _, err := p.Lookup(t.Context(), token); err != nil {
			t.Fatal(err)
		}
	}
	if err := p.Revoke(t.Context(), revoked); err != nil {
		t.Fatal(err)
	}
	time.Sleep(200 * time.Millisecond) // the news of the end, which bars what was read before
	if _, err := p.Lookup(t.Context(), known); err != nil {
		t.Fatal(err)
	}
	s.stop()
	for range 3 {
		if got, err := p.Lookup(t.Context(), known); err != nil || got.Locked {
			t.Errorf("who was in: %v", err)
		}
		for name, token := range map[string]string{"not known to the cache": unknown, "revoked": revoked} {
			if _, err := p.Lookup(t.Context(), token); err == nil {
				t.Errorf("%s: live without PostgreSQL", name)
			}
		}
	}
	if _, err := p.Issue(t.Context(), session.New{UserID: ada.ID}); !errors.Is(err, session.ErrAway) {
		t.Errorf("somebody signed in: %v", err)
	}
	if err := p.Revoke(t.Context(), known); !errors.Is(err, session.ErrAway) {
		t.Errorf("sign-out says %v, want the failure", err)
	}
	if _, err := p.Lookup(t.Context(), known); err == nil {
		t.Error("still in after signing out without PostgreSQL")
	}
	s.start()
	deadline := time.Now().Add(time.Minute)
	for {
		_, err := p.Lookup(t.Context(), unknown)
		if err == nil {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("PostgreSQL is back, and still: %v", err)
		}
		time.Sleep(20 * time.Millisecond)
	}
	if _, err := p.Lookup(t.Context(), revoked); !errors.Is(err, session.ErrNone) {
		t.Errorf("revoked before the loss: %v, want ErrNone", err)
	}
}
