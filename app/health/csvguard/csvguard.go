// Package csvguard writes rows of CSV (RFC 4180, CRLF) whose text cells no
// spreadsheet takes for a formula, and from which every text can be restored.
package csvguard

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// guard goes before a text that a spreadsheet might evaluate.
const guard = '\''

// Cell makes a text safe for a spreadsheet: one that a program might take for a
// formula gets a leading apostrophe, and so does one that begins with an
// apostrophe, so that Original restores each text exactly. Numbers that are
// typed as numbers don't pass through here: -3 stays -3.
func Cell(text string) string {
	if dangerous(text) || strings.HasPrefix(text, string(guard)) {
		return string(guard) + text
	}
	return text
}

// Original is the text that Cell was given: without one leading apostrophe.
func Original(cell string) string { return strings.TrimPrefix(cell, string(guard)) }

// dangerous follows the OWASP list (= + - @ TAB CR LF and the full-width forms),
// and looks behind spaces and invisible characters, which some programs skip.
func dangerous(text string) bool {
	for i, r := range text {
		switch r {
		case '=', '+', '-', '@', '\uFF1D', '\uFF0B', '\uFF0D', '\uFF20', '\u2212', '\uFE62', '\uFE63', '\uFE66', '\uFE6B':
			return true
		case '\t', '\r', '\n':
			return true
		case utf8.RuneError:
			if _, size := utf8.DecodeRuneInString(text[i:]); size == 1 {
				continue // a broken byte, which programs may drop
			}
			return false
		}
		if !unicode.IsSpace(r) && unicode.IsGraphic(r) {
			return false
		}
	}
	return false
}

// AppendRow appends one row with its CRLF to b. Cells are taken as they are:
// guard texts by Cell first. encoding/csv can't write CRLF without changing
// line ends inside cells; this does.
func AppendRow(b []byte, cells ...string) []byte {
	for i, c := range cells {
		if i > 0 {
			b = append(b, ',')
		}
		if !strings.ContainsAny(c, "\",;\r\n\t") && strings.TrimSpace(c) == c {
			b = append(b, c...)
			continue
		}
		b = append(b, '"')
		b = append(b, strings.ReplaceAll(c, `"`, `""`)...)
		b = append(b, '"')
	}
	return append(b, '\r', '\n')
}
