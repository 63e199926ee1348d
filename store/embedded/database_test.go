package embedded

import (
	"errors"
	"testing"

	"github.com/jackc/pgx/v5"
	"golang.org/x/sync/errgroup"
)

// A server that outlived a killed portal may still be making the database when
// the next portal wants it made.
func TestDatabaseMadeTwiceAtOnce(t *testing.T) {
	lease := open(t, Options{DataDir: dataDir(t)})
	cfg, err := pgx.ParseConfig(lease.DSN())
	if err != nil {
		t.Fatal(err)
	}
	for range 3 {
		err := withConn(t.Context(), cfg.Host, "postgres", func(conn *pgx.Conn) error {
			_, err := conn.Exec(t.Context(), "DROP DATABASE "+databaseName)
			return err
		})
		var g errgroup.Group
		for range 3 {
			g.Go(func() error { return (&cluster{}).ensureDatabase(t.Context(), cfg.Host) })
		}
		if err := errors.Join(err, g.Wait()); err != nil {
			t.Fatal(err)
		}
	}
}
