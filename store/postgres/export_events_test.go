package postgres

import (
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"healthportal/app/access"
	"healthportal/app/health"
)

// ExplainPage returns the plan of a page's rows, as executed.
func (db *DB) ExplainPage(t *testing.T, scope access.Scope, f health.EventFilter) string {
	t.Helper()
	if err := f.Validate(); err != nil {
		t.Fatal(err)
	}
	sql, args := pageQuery(f)
	var plan []string
	err := db.read(t.Context(), scope, func(b *pgx.Batch) {
		if f.Costly() {
			b.Queue(byIndexOnly)
		}
		b.Queue("EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF) "+sql, args...).Query(func(rows pgx.Rows) error {
			var err error
			plan, err = pgx.CollectRows(rows, pgx.RowTo[string])
			return err
		})
	})
	if err != nil {
		t.Fatal(err)
	}
	return strings.Join(plan, "\n")
}

// LookBeyond and MarkTorn are how groups at a page's border are known.
const LookBeyond = lookBeyond

func MarkTorn(events, ahead []health.Event) { markTorn(events, ahead, nil) }
