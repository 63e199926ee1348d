package main

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strings"

	"github.com/jackc/pgx/v5"
)

// executed makes the side that runs a request's statements by EXECUTE, with
// generic plans and nothing around them, in the round trips of the store. It
// insists on rows rows. The caller closes the connection.
func (b *bench) executed(ctx context.Context, settings map[string]string, trips [][]statement, rows int) (side, *pgx.Conn, error) {
	conn, err := b.place.connect(ctx, filled)
	if err != nil {
		return nil, nil, err
	}
	scripts, err := prepare(ctx, conn, settings, trips)
	if err != nil {
		return nil, nil, errors.Join(err, conn.Close(ctx))
	}
	call := func(ctx context.Context) error {
		most := 0
		for _, script := range scripts {
			results, err := conn.PgConn().Exec(ctx, script).ReadAll()
			if err != nil {
				return fmt.Errorf("execute the recorded statements: %w", err)
			}
			for _, r := range results {
				most = max(most, len(r.Rows))
			}
		}
		if most < rows {
			return fmt.Errorf("the recorded statements give %d rows, want %d", most, rows)
		}
		return nil
	}
	return b.oneByOne(call), conn, nil
}

// prepare prepares what can be, and returns what each round trip sends.
func prepare(ctx context.Context, conn *pgx.Conn, settings map[string]string, trips [][]statement) ([]string, error) {
	for name, value := range sessionSettings(settings) {
		if _, err := conn.Exec(ctx, "SELECT set_config($1, $2, false)", name, value); err != nil {
			return nil, fmt.Errorf("set %s: %w", name, err)
		}
	}
	if _, err := conn.Exec(ctx, "SET plan_cache_mode = force_generic_plan"); err != nil {
		return nil, fmt.Errorf("ask for generic plans: %w", err)
	}
	scripts := make([]string, 0, len(trips))
	n := 0
	for _, trip := range trips {
		var list []string
		for _, s := range trip {
			if !preparable(s.sql) {
				list = append(list, s.sql)
				continue
			}
			n++
			name := fmt.Sprintf("bench_%d", n)
			if _, err := conn.Exec(ctx, "PREPARE "+name+" AS "+s.sql, pgx.QueryExecModeSimpleProtocol); err != nil {
				return nil, fmt.Errorf("prepare a recorded statement: %w", err)
			}
			list = append(list, s.execute(name))
		}
		scripts = append(scripts, strings.Join(list, ";"))
	}
	return scripts, nil
}

// preparable tells what PREPARE takes from what opens and ends a transaction.
func preparable(sql string) bool {
	return regexp.MustCompile(`(?i)^\s*(select|with)\b`).MatchString(sql)
}
