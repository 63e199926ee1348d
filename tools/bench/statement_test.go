package main

import (
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgtype"
)

func TestDecode(t *testing.T) {
	m := pgtype.NewMap()
	encode := func(oid uint32, code int16, v any) []byte {
		t.Helper()
		b, err := m.Encode(oid, code, v, nil)
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	at := time.Date(2026, 3, 29, 1, 2, 3, 4000, time.UTC)
	tests := []struct {
		name  string
		oid   uint32
		code  int16
		value any
		want  string
	}{
		{"bigint", pgtype.Int8OID, pgtype.BinaryFormatCode, int64(-42), "-42"},
		{"integer", pgtype.Int4OID, pgtype.BinaryFormatCode, int32(7), "7"},
		{"text", pgtype.TextOID, pgtype.TextFormatCode, "a b", "a b"},
		{"binary text", pgtype.TextOID, pgtype.BinaryFormatCode, "ä", "ä"},
		{"date", pgtype.DateOID, pgtype.BinaryFormatCode, at, "2026-03-29"},
		{"timestamp", pgtype.TimestamptzOID, pgtype.BinaryFormatCode, at, "2026-03-29 01:02:03.000004Z"},
		{"float", pgtype.Float8OID, pgtype.BinaryFormatCode, 0.1, "0.1"},
		{"boolean", pgtype.BoolOID, pgtype.BinaryFormatCode, true, "t"},
		{"bytes", pgtype.ByteaOID, pgtype.BinaryFormatCode, []byte{1, 255}, `\x01ff`},
		{"array", pgtype.Int8ArrayOID, pgtype.BinaryFormatCode, []int64{1, 2}, "{1,2}"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, got, err := decode(m, tt.oid, tt.code, encode(tt.oid, tt.code, tt.value))
			if err != nil || got != tt.want {
				t.Errorf("decoded %q, error %v; want %q", got, err, tt.want)
			}
		})
	}
}

func TestDecodeBadInput(t *testing.T) {
	m := pgtype.NewMap()
	if _, _, err := decode(m, 999_999, pgtype.BinaryFormatCode, []byte{1}); err == nil {
		t.Error("an unknown type is taken")
	}
	if _, _, err := decode(m, pgtype.Int8OID, pgtype.BinaryFormatCode, []byte{1}); err == nil {
		t.Error("a cut-off number is taken")
	}
}

func TestFormat(t *testing.T) {
	for _, tt := range []struct {
		codes []int16
		i     int
		want  int16
	}{{nil, 3, 0}, {[]int16{1}, 3, 1}, {[]int16{0, 1}, 1, 1}, {[]int16{0, 1}, 0, 0}} {
		if got := format(tt.codes, tt.i); got != tt.want {
			t.Errorf("format(%v, %d) = %d, want %d", tt.codes, tt.i, got, tt.want)
		}
	}
}

func TestWithoutOthers(t *testing.T) {
	trips := [][]statement{
		{{sql: "SELECT a FROM session", columns: 2}},
		{
			{sql: "begin read only"}, {sql: "select set_config('a', 'b', true)", columns: 1}, {sql: "SELECT rows", columns: 9},
			{sql: "SELECT count(*)", columns: 1}, {sql: "WITH x AS (SELECT 1) SELECT 1", columns: 1}, {sql: "commit"},
		},
	}
	got := withoutOthers(trips)
	if len(got) != 1 {
		t.Fatalf("%d round trips, want 1", len(got))
	}
	var list []string
	for _, s := range got[0] {
		list = append(list, s.sql)
	}
	if want := "begin read only; select set_config('a', 'b', true); SELECT rows; commit"; strings.Join(list, "; ") != want {
		t.Errorf("kept %q, want %q", strings.Join(list, "; "), want)
	}
}

func TestExecute(t *testing.T) {
	text := func(s string) *string { return &s }
	for _, tt := range []struct {
		texts []*string
		want  string
	}{
		{nil, "EXECUTE p"},
		{[]*string{text("1"), nil, text("O'Hara"), text("")}, "EXECUTE p ('1', NULL, 'O''Hara', '')"},
	} {
		if got := (statement{texts: tt.texts}).execute("p"); got != tt.want {
			t.Errorf("%s, want %s", got, tt.want)
		}
	}
}

func TestPreparable(t *testing.T) {
	for sql, want := range map[string]bool{
		"select set_config('a', $1, true)": true, "\n\tWITH m AS (SELECT 1) SELECT 2": true, "SELECT 1": true,
		"begin isolation level repeatable read read only": false, "commit": false, "selection": false,
	} {
		if preparable(sql) != want {
			t.Errorf("%q: %t", sql, !want)
		}
	}
}
