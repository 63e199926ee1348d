package postgres

import (
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"healthportal/app/access"
	"healthportal/app/health"
)

// GuardCTE and Guarded are the parts that hold SQL to csvguard; Literal is the
// encoder of values.
func GuardCTE() string              { return guardCTE() }
func Guarded(x string) string       { return guarded(x) }
func Literal(v any) (string, error) { return literal(v) }

// ExportQuery is the query that an export copies.
func ExportQuery(f health.EventFilter, format health.ExportFormat) (string, error) {
	return exportQuery(f, format)
}

// ExplainExport returns the plan of an export, as executed.
func (db *DB) ExplainExport(t *testing.T, scope access.Scope, f health.EventFilter, format health.ExportFormat) string {
	t.Helper()
	sql, err := exportQuery(f, format)
	if err != nil {
		t.Fatal(err)
	}
	var plan []string
	err = pgx.BeginFunc(t.Context(), db.app, func(tx pgx.Tx) error {
		if _, err := tx.Exec(t.Context(), exportSettings, personList(scope.Persons)); err != nil {
			return err
		}
		rows, err := tx.Query(t.Context(), "EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF) "+sql)
		if err != nil {
			return err
		}
		plan, err = pgx.CollectRows(rows, pgx.RowTo[string])
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return strings.Join(plan, "\n")
}
