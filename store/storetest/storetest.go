// Package storetest gives each test a migrated PostgreSQL database of its own.
//
// All test binaries of a user share one private cluster in the folder for
// temporary files, run by store/embedded without durability and stopped by the
// last of them. The migrations run once per content into a template database;
// a test gets a clone of it. What killed test runs left is removed by later ones.
package storetest

import (
	"context"
	"fmt"
	"net/url"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

const openLimit = 3 * time.Minute

// DB is one test's database.
type DB struct {
	dsn string
}

// DSN returns the database's address as a postgres URL, with the login that the
// embedded default gives the portal: it may SET ROLE to hp_owner, hp_app and hp_audit.
func (db *DB) DSN() string { return db.dsn }

// SuperuserDSN returns the address with a login that bypasses row security, for
// fixtures and for looking behind the portal's back. Today that is DSN's login;
// a test that needs the right says so by calling this.
func (db *DB) SuperuserDSN() string { return db.dsn }

// Open returns a new database with all migrations applied, dropped when the test
// ends. It fails the test where PostgreSQL is not installed.
func Open(t testing.TB) *DB {
	t.Helper()
	c := connect(t)
	return create(t, c, c.template)
}

// OpenEmpty returns a new database without any migration, for tests of the
// migrations themselves. The cluster-wide roles may exist in it already.
func OpenEmpty(t testing.TB) *DB {
	t.Helper()
	return create(t, connect(t), "")
}

// keeper is this process's hold on the shared cluster; see keep.
var keeper = sync.OnceValues(startKeeper)

func connect(t testing.TB) *cluster {
	t.Helper()
	c, err := keeper()
	if err != nil {
		t.Fatalf("a database for the test: %v", err)
	}
	return c
}

func create(t testing.TB, c *cluster, template string) *DB {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), openLimit)
	defer cancel()
	name := fmt.Sprintf("%s%d_%d", testPrefix, c.id, c.count.Add(1))
	if err := clone(ctx, c.dsn, name, template); err != nil {
		t.Fatalf("a database for the test: %v", err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), openLimit)
		defer cancel()
		err := withConn(ctx, c.dsn, func(conn *pgx.Conn) error { return drop(ctx, conn, name) })
		if err != nil {
			t.Errorf("drop the test's database: %v", err)
		}
	})
	dsn, err := otherDatabase(c.dsn, name)
	if err != nil {
		t.Fatal(err)
	}
	return &DB{dsn: dsn}
}

// otherDatabase is dsn with another database name.
func otherDatabase(dsn, name string) (string, error) {
	u, err := url.Parse(dsn)
	if err != nil {
		return "", fmt.Errorf("database address: %w", err)
	}
	u.Path = "/" + name
	return u.String(), nil
}

func withConn(ctx context.Context, dsn string, use func(*pgx.Conn) error) error {
	conn, err := pgx.Connect(ctx, dsn)
	if err != nil {
		return fmt.Errorf("connect to the test cluster: %w", err)
	}
	defer conn.Close(context.WithoutCancel(ctx)) //nolint:errcheck // nothing is pending
	return use(conn)
}

// A test binary that is started with keeperArg keeps the cluster for another one
// instead of running tests.
func init() {
	if len(os.Args) == 2 && os.Args[1] == keeperArg {
		os.Exit(keep(os.Stdin, os.Stdout))
	}
}
