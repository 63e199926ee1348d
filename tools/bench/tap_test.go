package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"healthportal/store/storetest"
)

// short makes a folder whose name leaves room for a socket's.
func short(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "tap")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	return dir
}

func TestTapRecordsRoundTrips(t *testing.T) {
	cfg, err := pgx.ParseConfig(storetest.Open(t).DSN())
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(short(t), "t")
	tapped, err := openTap(t.Context(), dir, cfg.Host)
	if err != nil {
		t.Fatal(err)
	}
	cfg.Host = dir
	cfg.RuntimeParams["timezone"] = "UTC"
	conn, err := pgx.ConnectConfig(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	for range 2 { // the second time without a word of preparing
		batch := &pgx.Batch{}
		batch.Queue("begin read only")
		batch.Queue("select $1::text, $2::bigint, $3::date", "a", 7, nil)
		batch.Queue("commit")
		if err := conn.SendBatch(t.Context(), batch).Close(); err != nil {
			t.Fatal(err)
		}
		var got int
		if err := conn.QueryRow(t.Context(), "select $1::int + 1", 4).Scan(&got); err != nil || got != 5 {
			t.Fatalf("answer %d, error %v", got, err)
		}
		trips := tapped.take()
		if len(trips) != 2 || len(trips[0]) != 3 || len(trips[1]) != 1 {
			t.Fatalf("recorded %+v, want one round trip of three statements and one of one", trips)
		}
		list, err := resolve(t.Context(), conn, trips)
		if err != nil {
			t.Fatal(err)
		}
		s := list[0][1]
		if s.sql != "select $1::text, $2::bigint, $3::date" || s.columns != 3 || *s.texts[0] != "a" || *s.texts[1] != "7" || s.texts[2] != nil {
			t.Errorf("statement %+v", s)
		}
		tapped.take() // what resolve asked
	}
	if got := tapped.settings()["timezone"]; got != "UTC" {
		t.Errorf("the client's time zone is %q", got)
	}
	if err := conn.Close(t.Context()); err != nil {
		t.Error(err)
	}
	if err := tapped.close(); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(dir); !os.IsNotExist(err) {
		t.Errorf("the tap's folder is still there: %v", err)
	}
}

func TestTapEndsItsClients(t *testing.T) {
	cfg, err := pgx.ParseConfig(storetest.Open(t).DSN())
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(short(t), "t")
	tapped, err := openTap(t.Context(), dir, cfg.Host)
	if err != nil {
		t.Fatal(err)
	}
	cfg.Host = dir
	conn, err := pgx.ConnectConfig(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	if err := tapped.close(); err != nil {
		t.Fatal(err)
	}
	if err := conn.Ping(t.Context()); err == nil {
		t.Error("the closed tap still answers")
	}
	conn.Close(t.Context()) //nolint:errcheck // it is dead
}

func TestTapWithoutServer(t *testing.T) {
	base := short(t)
	dir := filepath.Join(base, "t")
	tapped, err := openTap(t.Context(), dir, filepath.Join(base, "nobody"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := pgx.Connect(t.Context(), "user=x sslmode=disable host="+dir); err == nil {
		t.Error("a tap without a server takes clients")
	}
	if _, err := openTap(t.Context(), dir, base); err == nil {
		t.Error("two taps share a folder")
	}
	if err := tapped.close(); err != nil {
		t.Error(err)
	}
	if _, err := openTap(t.Context(), filepath.Join(base, strings.Repeat("x", 120)), base); err == nil || !strings.Contains(err.Error(), "TMPDIR") {
		t.Errorf("a folder with too long a name: %v", err)
	}
}
