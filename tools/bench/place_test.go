package main

import (
	"bytes"
	"context"
	"errors"
	"net/url"
	"os"
	"strings"
	"testing"

	"healthportal/app/genomics/reportsync"
	"healthportal/app/health"
	"healthportal/app/portal"
	"healthportal/store/postgres"
)

// opened is a bench with a running database, closed at the test's end.
func opened(t *testing.T, opt options) (*bench, *bytes.Buffer) {
	t.Helper()
	temporary(t)
	p, err := openPlace(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := p.close(); err != nil {
			t.Error(err)
		}
	})
	var errs bytes.Buffer
	return &bench{opt: opt, place: p, errs: &errs}, &errs
}

// wants fails the test unless err says what.
func wants(t *testing.T, what string, err error) {
	t.Helper()
	if err == nil || !strings.Contains(err.Error(), what) {
		t.Errorf("error %v, want %q", err, what)
	}
}

// TestFaults goes through what can be wrong with the data of a run.
func TestFaults(t *testing.T) {
	b, _ := opened(t, options{events: 60, files: 100, runs: 1, clients: 1, depth: 10, span: minSpan})
	if err := b.prepare(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Run("database", func(t *testing.T) { databaseFaults(t, b) })
	t.Run("no events", func(t *testing.T) { noEvents(t, b) })
	t.Run("rows", func(t *testing.T) { rowFaults(t, b) })
	t.Run("reports", func(t *testing.T) { reportFaults(t, b) })
}

func databaseFaults(t *testing.T, b *bench) {
	ctx := t.Context()
	wants(t, "CREATE DATABASE", b.place.create(ctx, "x", "no such template"))
	wants(t, "CREATE DATABASE", b.place.create(ctx, migrated, "template0"))
	if err := b.place.drop(ctx, "never made"); err != nil {
		t.Errorf("dropping what is not there: %v", err)
	}
	if _, err := b.place.connect(ctx, "no such database"); err == nil {
		t.Error("connected to a database that does not exist")
	}
	wants(t, "no such database", b.withStore(ctx, "no such database", func(*postgres.DB) error { return nil }))
	if _, err := b.place.portal(ctx, "nonsense", "x", "missing.yaml", "127.0.0.1:1"); err == nil {
		t.Error("a portal opened on nonsense")
	}
	dsn, err := b.place.dsnAt("a b", "/some where")
	if err != nil {
		t.Fatal(err)
	}
	u, err := url.Parse(dsn)
	if err != nil || u.Path != "/a b" || u.Query().Get("host") != "/some where" {
		t.Errorf("address %q, error %v", dsn, err)
	}
	if info, err := os.Stat(b.place.dir); err != nil || info.Mode().Perm() != 0o711 {
		t.Errorf("the run's folder: %v, %v; want mode 0711", info, err)
	}
	sheet, err := b.place.describe(ctx)
	if err != nil || sheet.PostgreSQL == "" || sheet.CPUs < 1 {
		t.Errorf("sheet %+v, error %v", sheet, err)
	}
}

func noEvents(t *testing.T, b *bench) {
	if err := b.place.create(t.Context(), filled, peopled); err != nil {
		t.Fatal(err)
	}
	wants(t, "no patient has events; raise -events", b.pages(t.Context()))
	wants(t, "no patient has events; raise -events", b.series(t.Context()))
}

func rowFaults(t *testing.T, b *bench) {
	ctx := t.Context()
	err := b.withStore(ctx, filled, func(db *postgres.DB) error {
		rows, err := importFile(ctx, db, formatFHIR, "", b.place.eventsFile())
		if err != nil || rows < 60 {
			t.Errorf("%d rows imported, error %v; want those of 60 lines", rows, err)
		}
		if _, err := importFile(ctx, db, formatFHIR, "", b.place.dir+"/missing"); err == nil {
			t.Error("imported a missing file")
		}
		damaged := b.place.dir + "/damaged.ndjson"
		if err := os.WriteFile(damaged, []byte("{\n"), 0o600); err != nil {
			return err
		}
		_, err = importFile(ctx, db, formatFHIR, "", damaged)
		wants(t, "1 lines refused", err)
		who, err := b.subject(ctx)
		if err != nil {
			return err
		}
		wants(t, "a page of 200 events holds", fullPage(ctx, db, health.EventFilter{Person: who.id, Size: 200}))
		c := &contest{format: formatFHIR, rows: rows + 1}
		if _, err := b.psql(ctx, filled, `\copy (SELECT * FROM health.event) TO `+literal(b.copyFile(c))+` (FORMAT csv)`); err != nil {
			return err
		}
		_, err = b.copyOnce(ctx, c, true)
		wants(t, `\copy stored`, err)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	wants(t, "two pages need 100; raise -events", b.pages(ctx))
	_, err = b.psql(ctx, filled, "SELECT nonsense")
	wants(t, "nonsense", err)
	_, _, err = b.record(ctx, "nothing", func(*postgres.DB) error { return nil })
	wants(t, "no statement was seen", err)
	broken := func(*postgres.DB) error { return context.Canceled }
	_, _, err = b.record(ctx, "broken", broken)
	wants(t, "canceled", err)
}

// reportFaults lets the index differ from what was written.
func reportFaults(t *testing.T, b *bench) {
	ctx := t.Context()
	if err := b.reports(ctx); err != nil {
		t.Fatal(err)
	}
	wants(t, "found something else than was written", b.withIndex(ctx, 7, func(p *portal.Portal) error {
		if _, err := p.SyncReports(ctx, reportsync.Options{}); err != nil {
			return err
		}
		_, _, err := b.syncTwice(ctx, p, 0) // the first run is none
		return err
	}))
	if err := os.RemoveAll(b.place.share()); err != nil {
		t.Fatal(err)
	}
	wants(t, "index", b.withIndex(ctx, 8, func(p *portal.Portal) error {
		_, _, err := b.syncTwice(ctx, p, 0)
		return err
	}))
	wants(t, "unable to open", b.withIndex(ctx, 9, func(p *portal.Portal) error {
		missing, err := openBare(p.Config.DataDir) // the mirror was not made yet
		if err != nil {
			return err
		}
		return errors.Join(missing.page(ctx), missing.close())
	}))
	wants(t, "the mirror's file holds 0 reports", b.withIndex(ctx, 10, func(p *portal.Portal) error {
		if _, err := p.Mirror(ctx); err != nil {
			return err
		}
		empty, err := openBare(p.Config.DataDir)
		if err != nil {
			return err
		}
		return errors.Join(empty.page(ctx), empty.close())
	}))
}
