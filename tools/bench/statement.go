package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"
)

// statement is a recorded statement that can be run again.
type statement struct {
	sql string
	// values are the parameters as Go values, texts the same as PostgreSQL reads
	// them; a nil text is NULL.
	values []any
	texts  []*string
	// columns is the number of columns of its result.
	columns int
}

// resolve turns recorded round trips into statements. The types of the
// parameters are the server's answer.
func resolve(ctx context.Context, conn *pgx.Conn, trips [][]bound) ([][]statement, error) {
	out := make([][]statement, 0, len(trips))
	for _, trip := range trips {
		var list []statement
		for _, b := range trip {
			s, err := resolveOne(ctx, conn, b)
			if err != nil {
				return nil, err
			}
			list = append(list, s)
		}
		out = append(out, list)
	}
	return out, nil
}

func resolveOne(ctx context.Context, conn *pgx.Conn, b bound) (statement, error) {
	desc, err := conn.Prepare(ctx, "", b.sql)
	if err != nil {
		return statement{}, fmt.Errorf("describe a recorded statement: %w", err)
	}
	if len(desc.ParamOIDs) != len(b.params) {
		return statement{}, fmt.Errorf("a recorded statement has %d parameters, the server knows %d", len(b.params), len(desc.ParamOIDs))
	}
	s := statement{sql: b.sql, columns: len(desc.Fields)}
	for i, raw := range b.params {
		if raw == nil {
			s.values, s.texts = append(s.values, nil), append(s.texts, nil)
			continue
		}
		value, text, err := decode(conn.TypeMap(), desc.ParamOIDs[i], format(b.formats, i), raw)
		if err != nil {
			return statement{}, err
		}
		s.values, s.texts = append(s.values, value), append(s.texts, &text)
	}
	return s, nil
}

// format is the format code of the i-th parameter: one code may stand for all.
func format(codes []int16, i int) int16 {
	switch len(codes) {
	case 0:
		return pgtype.TextFormatCode
	case 1:
		return codes[0]
	default:
		return codes[i]
	}
}

// decode returns a parameter as a Go value and as text.
func decode(m *pgtype.Map, oid uint32, code int16, raw []byte) (value any, text string, err error) {
	if code == pgtype.TextFormatCode {
		return string(raw), string(raw), nil
	}
	t, ok := m.TypeForOID(oid)
	if !ok {
		return nil, "", fmt.Errorf("a parameter has the unknown type %d", oid)
	}
	value, err = t.Codec.DecodeValue(m, oid, code, raw)
	if err != nil {
		return nil, "", fmt.Errorf("read a parameter of type %s: %w", t.Name, err)
	}
	written, err := m.Encode(oid, pgtype.TextFormatCode, value, nil)
	if err != nil {
		return nil, "", fmt.Errorf("write a parameter of type %s as text: %w", t.Name, err)
	}
	return value, string(written), nil
}

// widest is the statement with the most columns: of a page's statements the one
// that fetches its rows.
func widest(trips [][]statement) (trip, index int) {
	most := -1
	for i, list := range trips {
		for j, s := range list {
			if s.columns > most {
				most, trip, index = s.columns, i, j
			}
		}
	}
	return trip, index
}

// withoutOthers keeps, of the round trip with the widest statement, what opens
// and ends the transaction, what sets its scope, and that statement.
func withoutOthers(trips [][]statement) [][]statement {
	at, keep := widest(trips)
	var list []statement
	for j, s := range trips[at] {
		if j == keep || !reads(s.sql) {
			list = append(list, s)
		}
	}
	return [][]statement{list}
}

// reads reports whether the statement asks for data rather than steer the transaction.
func reads(sql string) bool {
	return preparable(sql) && !strings.Contains(sql, "set_config(")
}

// explain says how PostgreSQL executes the statements, in their own transaction
// and with their own session settings.
func explain(ctx context.Context, conn *pgx.Conn, settings map[string]string, trips [][]statement) (string, error) {
	for name, value := range sessionSettings(settings) {
		if _, err := conn.Exec(ctx, "SELECT set_config($1, $2, false)", name, value); err != nil {
			return "", fmt.Errorf("set %s: %w", name, err)
		}
	}
	var out strings.Builder
	for _, trip := range trips {
		for _, s := range trip {
			if !reads(s.sql) {
				if _, err := conn.Exec(ctx, s.sql, s.values...); err != nil {
					return "", fmt.Errorf("run a recorded statement: %w", err)
				}
				continue
			}
			plan, err := planOf(ctx, conn, s)
			if err != nil {
				return "", err
			}
			fmt.Fprintf(&out, "%s\n  %s\n", strings.TrimSpace(s.sql), strings.Join(plan, "\n  "))
		}
	}
	return out.String(), nil
}

// execute is the SQL that executes the statement, prepared under a name.
func (s statement) execute(name string) string {
	literals := make([]string, len(s.texts))
	for i, text := range s.texts {
		literals[i] = "NULL"
		if text != nil {
			literals[i] = "'" + strings.ReplaceAll(*text, "'", "''") + "'"
		}
	}
	if len(literals) == 0 {
		return "EXECUTE " + name
	}
	return "EXECUTE " + name + " (" + strings.Join(literals, ", ") + ")"
}

// planOf explains a statement as a prepared one, which it is in the store.
func planOf(ctx context.Context, conn *pgx.Conn, s statement) ([]string, error) {
	if _, err := conn.Exec(ctx, "PREPARE measured AS "+s.sql, pgx.QueryExecModeSimpleProtocol); err != nil {
		return nil, fmt.Errorf("explain: %w", err)
	}
	execute := s.execute("measured")
	var plan []string
	for range 2 { // the first execution plans, as the first request of a connection does
		rows, err := conn.Query(ctx, "EXPLAIN (ANALYZE, BUFFERS, COSTS OFF) "+execute, pgx.QueryExecModeSimpleProtocol)
		if err != nil {
			return nil, fmt.Errorf("explain: %w", err)
		}
		if plan, err = pgx.CollectRows(rows, pgx.RowTo[string]); err != nil {
			return nil, fmt.Errorf("explain: %w", err)
		}
	}
	if _, err := conn.Exec(ctx, "DEALLOCATE measured"); err != nil {
		return nil, fmt.Errorf("explain: %w", err)
	}
	return plan, nil
}
