package csvguard

import (
	"bytes"
	"encoding/csv"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"
)

func TestCell(t *testing.T) {
	tests := map[string]string{
		"":            "",
		"plain":       "plain",
		"a=b":         "a=b",
		"a -1":        "a -1",
		"=1+1":        "'=1+1",
		"+1":          "'+1",
		"-1":          "'-1",
		"@SUM(A1)":    "'@SUM(A1)",
		"\t=1":        "'\t=1",
		"\r=1":        "'\r=1",
		"\nx":         "'\nx",
		"\tx":         "'\tx",
		"\uff1d1":     "'\uff1d1",
		"\uff0b1":     "'\uff0b1",
		"\uff0d1":     "'\uff0d1",
		"\uff20x":     "'\uff20x",
		"\u22121":     "'\u22121",
		"  =1":        "'  =1",
		"\u00a0=1":    "'\u00a0=1",
		"\ufeff=1":    "'\ufeff=1",
		"\u200b@x":    "'\u200b@x",
		"\x00=1":      "'\x00=1",
		"\xff=1":      "'\xff=1",
		"\ufffd=1":    "\ufffd=1",
		"'quoted":     "''quoted",
		"'=1":         "''=1",
		"\"=1\"":      "\"=1\"",
		"GET /x?a=-1": "GET /x?a=-1",
	}
	for in, want := range tests {
		if got := Cell(in); got != want {
			t.Errorf("Cell(%q) = %q, want %q", in, got, want)
		}
		if got := Original(Cell(in)); got != in {
			t.Errorf("%q came back as %q", in, got)
		}
	}
}

func TestAppendRow(t *testing.T) {
	tests := []struct {
		cells []string
		want  string
	}{
		{[]string{"a", "b"}, "a,b\r\n"},
		{[]string{"", ""}, ",\r\n"},
		{[]string{`say "x"`, "a,b", "1;2"}, "\"say \"\"x\"\"\",\"a,b\",\"1;2\"\r\n"},
		{[]string{"one\ntwo", "one\r\ntwo", "\r"}, "\"one\ntwo\",\"one\r\ntwo\",\"\r\"\r\n"},
		{[]string{" x", "x "}, "\" x\",\"x \"\r\n"},
	}
	for _, c := range tests {
		if got := string(AppendRow(nil, c.cells...)); got != c.want {
			t.Errorf("%q became %q, want %q", c.cells, got, c.want)
		}
	}
	if got := string(AppendRow([]byte("x"), "y")); got != "xy\r\n" {
		t.Errorf("appended %q", got)
	}
}

// Whatever the text, it comes back, begins with nothing dangerous, and stays one cell.
func FuzzCell(f *testing.F) {
	for _, s := range []string{"", "=1", "'x", "\t", "\uff1d", "\ufeff=x", "a\"b,c\r\n", "\xff\xfe-", "  @"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		cell := Cell(s)
		if Original(cell) != s {
			t.Errorf("%q came back as %q", s, Original(cell))
		}
		if trimmed := strings.TrimLeft(cell, " \u00a0"); trimmed != "" && strings.ContainsRune("=+-@\t\r\uff1d\uff0b\uff0d\uff20", first(trimmed)) {
			t.Errorf("%q became %q", s, cell)
		}
		if strings.Contains(s, "\r") {
			return // the reader of encoding/csv changes CRLF inside cells
		}
		rows, err := csv.NewReader(bytes.NewReader(AppendRow(nil, "left", cell, "right"))).ReadAll()
		if err != nil || len(rows) != 1 || !slices.Equal(rows[0], []string{"left", cell, "right"}) {
			t.Errorf("%q was read as %q, %v", cell, rows, err)
		}
	})
}

func first(s string) rune {
	r, _ := utf8.DecodeRuneInString(s)
	return r
}
