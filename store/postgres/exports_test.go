package postgres_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"healthportal/app/health"
	"healthportal/app/health/exportfile"
)

func TestReceipts(t *testing.T) {
	c := newClinic(t)
	c.load(obs("a", "2026-03-01T10:00:00Z", "60"))
	user, other := c.user("u", "Team"), c.user("o", "Team")
	ticket := strings.Repeat("7", 32)
	e := health.Export{Ticket: ticket, UserID: user, PersonID: "pub", Format: health.ExportCSV, File: "f.csv", Promised: 7, Gzip: true,
		Filter: health.EventFilter{Person: c.person("a"), Metric: "heart_rate", Source: 7, Flag: health.FlagNotNormal, From: health.Day{Year: 2026, Month: 3, Dom: 1},
			Since: time.Date(2026, 3, 1, 0, 0, 0, 123_456_000, time.UTC), Until: time.Date(2026, 3, 1, 1, 0, 0, 0, time.UTC)}}
	start := func() string {
		id, err := c.db.StartExport(t.Context(), e)
		if err != nil {
			t.Fatal(err)
		}
		return id
	}
	get := func(id string) health.Export {
		t.Helper()
		got, err := c.db.Export(t.Context(), user, id)
		if err != nil {
			t.Fatal(err)
		}
		return got
	}
	id := start()
	if err := c.db.ExportProgress(t.Context(), id, 3, 300); err != nil {
		t.Fatal(err)
	}
	got := get(ticket)
	want := e
	want.ID, want.Rows, want.Bytes, want.Outcome, want.Started, want.LastSeen = id, 3, 300, health.ExportRunning, got.Started, got.LastSeen
	if got != want || time.Since(got.Started) > time.Hour {
		t.Errorf("running: %+v, want %+v", got, want)
	}
	if got.Broken(got.LastSeen.Add(time.Second)) || !got.Broken(got.LastSeen.Add(2*health.ExportStale)) {
		t.Error("signs of life")
	}
	proof := exportfile.Proof{Rows: 7, Bytes: 700, SHA256: strings.Repeat("ab", 32)}
	if err := c.db.FinishExport(t.Context(), id, true, proof); err != nil {
		t.Fatal(err)
	}
	if err := c.db.ExportProgress(t.Context(), id, 1, 1); err != nil {
		t.Fatal(err)
	}
	if err := c.db.FinishExport(t.Context(), id, false, proof); !errors.Is(err, health.ErrNotFound) {
		t.Errorf("a second end: %v", err)
	}
	if got = get(id); got.Rows != 7 || got.Bytes != 700 || got.SHA256 != proof.SHA256 || got.Outcome != health.ExportDone || got.Finished.IsZero() || got.Broken(now()) {
		t.Errorf("done: %+v", got)
	}
	// The ticket leads to the latest try, the id to its own.
	second := start()
	if err := c.db.FinishExport(t.Context(), second, false, exportfile.Proof{Rows: 2, Bytes: 20, SHA256: proof.SHA256}); err != nil {
		t.Fatal(err)
	}
	if got = get(ticket); got.ID != second || got.Outcome != health.ExportFailed || got.SHA256 != "" || got.Rows != 2 || !got.Broken(now()) {
		t.Errorf("the second try: %+v", got)
	}
	if got = get(id); got.ID != id {
		t.Errorf("the first try: %+v", got)
	}
	for name, ask := range map[string]func() error{
		"another's":  func() error { _, err := c.db.Export(t.Context(), other, id); return err },
		"by ticket":  func() error { _, err := c.db.Export(t.Context(), other, ticket); return err },
		"no id":      func() error { _, err := c.db.Export(t.Context(), user, ""); return err },
		"unknown id": func() error { _, err := c.db.Export(t.Context(), user, "x"); return err },
		"never was":  func() error { return c.db.FinishExport(t.Context(), "x", true, proof) },
	} {
		if err := ask(); !errors.Is(err, health.ErrNotFound) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := c.db.FinishExport(t.Context(), start(), true, exportfile.Proof{SHA256: "x"}); err == nil {
		t.Error("an export is done without a hash")
	}
	if n, err := c.db.RemoveReceipts(t.Context(), time.Now().Add(-time.Hour)); err != nil || n != 0 {
		t.Errorf("of an hour ago: %d, %v", n, err)
	}
	running := start()
	c.exec(`UPDATE ops.export SET seen_at = now() - interval '3 days', started_at = now() - interval '5 days',
		finished_at = CASE WHEN outcome = 'running' THEN NULL WHEN public_id = $1 THEN now() - interval '1 day' ELSE now() - interval '3 days' END`, id)
	c.exec(`UPDATE ops.export SET seen_at = now() WHERE public_id = $1`, running)
	// The one that was cut off at its hash runs without a sign of life; the second try ended.
	if n, err := c.db.RemoveReceipts(t.Context(), time.Now().Add(-48*time.Hour)); err != nil || n != 2 {
		t.Errorf("of two days ago: %d, %v; want the second try and the one without a sign of life", n, err)
	}
	if get(id).ID != id || get(running).ID != running {
		t.Error("receipts are gone that are not old")
	}
	c.db.Close()
	if _, err := c.db.RemoveReceipts(t.Context(), time.Now()); err == nil {
		t.Error("receipts are removed without a database")
	}
	if _, err := c.db.Export(t.Context(), user, id); err == nil || errors.Is(err, health.ErrNotFound) {
		t.Errorf("without a database: %v", err)
	}
}
