package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"

	"healthportal/store/postgres"
)

// record runs call on a store behind the tap, the second time with everything
// prepared, and returns the statements of that time with the session's settings.
func (b *bench) record(ctx context.Context, what string, call func(*postgres.DB) error) (_ [][]statement, _ map[string]string, err error) {
	t, dsn, err := b.tap(ctx)
	if err != nil {
		return nil, nil, err
	}
	defer func() { err = errors.Join(err, t.close()) }()
	db, err := postgres.Open(ctx, dsn)
	if err != nil {
		return nil, nil, fmt.Errorf("open the store: %w", err)
	}
	defer db.Close()
	if err := call(db); err != nil {
		return nil, nil, err
	}
	t.take()
	if err := call(db); err != nil {
		return nil, nil, err
	}
	return b.understand(ctx, what, t)
}

// tap opens a tap and returns the address of the filled database behind it.
func (b *bench) tap(ctx context.Context) (*tap, string, error) {
	server, err := b.place.socketDir()
	if err != nil {
		return nil, "", err
	}
	dir := filepath.Join(b.place.dir, "tap")
	t, err := openTap(ctx, dir, server)
	if err != nil {
		return nil, "", err
	}
	dsn, err := b.place.dsnAt(filled, dir)
	if err != nil {
		return nil, "", errors.Join(err, t.close())
	}
	return t, dsn, nil
}

// understand resolves what the tap recorded and, where asked for, explains it.
func (b *bench) understand(ctx context.Context, what string, t *tap) ([][]statement, map[string]string, error) {
	conn, err := b.place.connect(ctx, filled)
	if err != nil {
		return nil, nil, err
	}
	defer conn.Close(ctx) //nolint:errcheck // nothing is pending
	trips, err := resolve(ctx, conn, t.take())
	if err != nil {
		return nil, nil, err
	}
	if len(trips) == 0 {
		return nil, nil, fmt.Errorf("%s: no statement was seen", what)
	}
	settings := t.settings()
	if b.opt.explain {
		plans, err := explain(ctx, conn, settings, trips)
		if err != nil {
			return nil, nil, fmt.Errorf("%s: %w", what, err)
		}
		fmt.Fprintf(b.errs, "--- %s\n%s", what, plans)
	}
	return trips, settings, nil
}

// pgbench makes the side that runs statements by pgbench.
func (b *bench) pgbench(settings map[string]string, name string, trips [][]statement) (side, error) {
	s, err := newScript(trips)
	if err != nil {
		return nil, err
	}
	dsn, err := b.place.dsn(filled)
	if err != nil {
		return nil, err
	}
	return pgbench{
		program: b.place.programs.pgbench, dsn: dsn, dir: b.place.dir, clients: b.opt.clients, span: b.opt.span, settings: settings,
	}.side(name, s)
}
