package migrations

import (
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"slices"
	"strings"
	"testing"

	_ "modernc.org/sqlite" // the engine of the mirror
)

// mirrorHashes are the digests of the mirror's schema by version. A mirror of
// another version is built anew; one of the same version must have this schema.
func mirrorHashes() map[int]string {
	return map[int]string{1: "3b9d3940da84c5ee3dd8561e7deab8a1a6a7560fe6d45cd58f2d3c8d06fe36a6"}
}

func TestMirrorVersionGoesUpWithItsSchema(t *testing.T) {
	sum := sha256.Sum256([]byte(Mirror()))
	if got := hex.EncodeToString(sum[:]); got != mirrorHashes()[MirrorVersion] {
		t.Errorf("the schema of version %d is now %s: raise MirrorVersion and add the new digest here, or mirrors in the field keep the old tables", MirrorVersion, got)
	}
}

// openMirror applies the mirror's schema to an empty database.
func openMirror(t *testing.T) *sql.DB {
	t.Helper()
	db, err := sql.Open("sqlite", ":memory:")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	db.SetMaxOpenConns(1) // each connection would have a memory of its own
	if _, err := db.ExecContext(t.Context(), Mirror()); err != nil {
		t.Fatalf("the schema is not SQL that SQLite takes: %v", err)
	}
	return db
}

func names(t *testing.T, db *sql.DB, query string, args ...any) []string {
	t.Helper()
	rows, err := db.QueryContext(t.Context(), query, args...)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close() //nolint:errcheck // Err below tells
	var list []string
	for rows.Next() {
		var name string
		if err := rows.Scan(&name); err != nil {
			t.Fatal(err)
		}
		list = append(list, name)
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return list
}

func TestMirrorSchema(t *testing.T) {
	db := openMirror(t)
	tables := names(t, db, `SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name`)
	if want := []string{"meta", "person", "report", "root"}; !slices.Equal(tables, want) {
		t.Errorf("tables %v, want %v", tables, want)
	}
	// A strict table refuses a word where a number belongs: no value is bent to fit.
	for _, table := range tables {
		if got := names(t, db, `SELECT strict FROM pragma_table_list WHERE name = ?`, table); !slices.Equal(got, []string{"1"}) {
			t.Errorf("table %s is not strict: %v", table, got)
		}
	}
	if _, err := db.ExecContext(t.Context(), `INSERT INTO root VALUES ('r', 'yesterday', '')`); err == nil {
		t.Error("a time that is a word was taken")
	}
	if _, err := db.ExecContext(t.Context(), Mirror()); err == nil {
		t.Error("the schema was made twice: a mirror would not notice that it is there")
	}
}

// The list and its filters stand on indexes: a search as you type must not sort the whole index.
func TestMirrorIndexesServeTheList(t *testing.T) {
	db := openMirror(t)
	for query, index := range map[string]string{
		`SELECT id FROM report ORDER BY sort_at DESC, id DESC LIMIT 50`:                                "report_sort",
		`SELECT id FROM report WHERE (sort_at, id) < (1, 'a') ORDER BY sort_at DESC, id DESC LIMIT 50`: "report_sort",
		`SELECT id FROM report WHERE person_id = 7 ORDER BY sort_at DESC, id DESC LIMIT 50`:            "report_person",
		`SELECT id FROM report WHERE person_id IS NULL ORDER BY sort_at DESC, id DESC LIMIT 50`:        "report_person",
		`SELECT DISTINCT kind FROM report ORDER BY kind`:                                               "report_kind",
		`SELECT id FROM report WHERE (sort_at, id) > (1, 'a') ORDER BY sort_at, id LIMIT 50`:           "report_sort",
	} {
		if text := plan(t, db, query); !strings.Contains(text, index) || strings.Contains(text, "TEMP B-TREE") {
			t.Errorf("%s\n is answered by %s", query, text)
		}
	}
}

// plan is how SQLite answers the query.
func plan(t *testing.T, db *sql.DB, query string) string {
	t.Helper()
	rows, err := db.QueryContext(t.Context(), `EXPLAIN QUERY PLAN `+query)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close() //nolint:errcheck // Err below tells
	var steps []string
	for rows.Next() {
		var id, parent, unused int
		var detail string
		if err := rows.Scan(&id, &parent, &unused, &detail); err != nil {
			t.Fatal(err)
		}
		steps = append(steps, detail)
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return strings.Join(steps, "; ")
}
