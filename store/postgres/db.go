// Package postgres holds every line of PostgreSQL SQL, one file per aggregate.
// Reads run as hp_app under row security, in one round trip; migrations and
// imports run as hp_owner.
package postgres

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"healthportal/app/access"
	"healthportal/app/health"
)

// DB is the portal's PostgreSQL: a pool for each role that it takes. Its methods
// are safe for concurrent use.
type DB struct {
	// app reads under row security; owner writes; audit only adds to the log;
	// research sees nothing but the views of de-identified data.
	app, owner, audit, research *pgxpool.Pool
	// watching is set while somebody is told of changed sessions.
	watching atomic.Pointer[watching]
}

// Open connects to a migrated database. dsn is a PostgreSQL URL or key=value
// string whose user may SET ROLE to hp_app and hp_owner.
func Open(ctx context.Context, dsn string) (*DB, error) {
	db := &DB{}
	for _, pool := range []struct {
		to   **pgxpool.Pool
		role string
		size int32
	}{{&db.app, "hp_app", 16}, {&db.owner, "hp_owner", 4}, {&db.audit, "hp_audit", 2}, {&db.research, "hp_research", 4}} {
		var err error
		if *pool.to, err = openPool(ctx, dsn, pool.role, pool.size); err != nil {
			db.Close()
			return nil, err
		}
	}
	return db, nil
}

func openPool(ctx context.Context, dsn, role string, size int32) (*pgxpool.Pool, error) {
	cfg, err := pgxpool.ParseConfig(dsn)
	if err != nil {
		return nil, fmt.Errorf("database address: %w", err)
	}
	cfg.MaxConns = size
	cfg.MaxConnIdleTime = 5 * time.Minute
	cfg.ConnConfig.ConnectTimeout = 5 * time.Second
	cfg.ConnConfig.RuntimeParams["application_name"] = "portal"
	cfg.ConnConfig.RuntimeParams["role"] = role
	cfg.ConnConfig.RuntimeParams["timezone"] = "UTC"
	if role == "hp_app" || role == "hp_research" {
		// pgx's statements drift to custom plans, which plan every partition anew.
		cfg.ConnConfig.RuntimeParams["plan_cache_mode"] = "force_generic_plan"
	}
	if role == "hp_audit" {
		// The log is durable whatever the address or the server say otherwise.
		cfg.ConnConfig.RuntimeParams["synchronous_commit"] = "on"
	}
	pool, err := pgxpool.NewWithConfig(ctx, cfg)
	if err != nil {
		return nil, fmt.Errorf("connect to the database: %w", err)
	}
	if err := pool.Ping(ctx); err != nil {
		pool.Close()
		return nil, fmt.Errorf("connect to the database as %s: %w", role, err)
	}
	return pool, nil
}

// Close waits for borrowed connections and closes the pools.
func (db *DB) Close() {
	for _, pool := range []*pgxpool.Pool{db.app, db.owner, db.audit, db.research} {
		if pool != nil {
			pool.Close()
		}
	}
}

// Ping reports whether the database answers.
func (db *DB) Ping(ctx context.Context) error {
	if err := db.app.Ping(ctx); err != nil {
		return fmt.Errorf("database: %w", err)
	}
	return nil
}

// read runs the queued statements in one read-only transaction and one round
// trip, seeing only what scope allows.
func (db *DB) read(ctx context.Context, scope access.Scope, queue func(*pgx.Batch)) error {
	b := &pgx.Batch{}
	b.Queue("begin isolation level repeatable read read only") // the statements see one instant
	b.Queue(holdPartitions)
	b.Queue("select set_config('hp.persons', $1, true), set_config('hp.reports', $2, true)", personList(scope.Persons), reportScope(scope))
	queue(b)
	b.Queue("commit")
	if err := db.app.SendBatch(ctx, b).Close(); err != nil {
		if errors.Is(err, pgx.ErrNoRows) {
			return health.ErrNotFound
		}
		return fmt.Errorf("read: %w", err)
	}
	return nil
}

func personList(ids []health.PersonID) string {
	parts := make([]string, len(ids))
	for i, id := range ids {
		parts[i] = strconv.FormatInt(int64(id), 10)
	}
	return strings.Join(parts, ",")
}

func reportScope(s access.Scope) string {
	if s.AllReports {
		return "all"
	}
	return ""
}

// inOwnerTx runs fn in one transaction as hp_owner.
func (db *DB) inOwnerTx(ctx context.Context, fn func(pgx.Tx) error) error {
	if err := pgx.BeginFunc(ctx, db.owner, fn); err != nil {
		return fmt.Errorf("write: %w", err)
	}
	db.outdate(ctx)
	return nil
}
