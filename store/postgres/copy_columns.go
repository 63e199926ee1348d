package postgres

import (
	"fmt"
	"strings"
	"sync"
	"unicode"

	"healthportal/app/health"
)

// guardCTE holds the pattern of csvguard.Cell, which is long: PostgreSQL then
// reads it once.
func guardCTE() string {
	return "WITH guard AS MATERIALIZED (SELECT '" + guardPattern() + "'::text AS pattern)"
}

// guardPattern matches what csvguard takes for a formula, or for a guarded text:
// an apostrophe at the start, or a dangerous character behind nothing but
// spaces and what Go's tables call invisible. It is put together once: looking at
// all of Unicode takes longer than a small export.
var guardPattern = sync.OnceValue(func() string {
	var skipped strings.Builder
	hidden := func(r rune) bool { return unicode.IsSpace(r) || !unicode.IsGraphic(r) }
	for r := rune(1); r <= unicode.MaxRune; r++ {
		if surrogate(r) || !hidden(r) {
			continue
		}
		first := r
		for r < unicode.MaxRune && hidden(r+1) && !surrogate(r+1) {
			r++
		}
		fmt.Fprintf(&skipped, `\U%08X-\U%08X`, first, r)
	}
	const danger = `=+@\u2212\uFF1D\uFF0B\uFF0D\uFF20\uFE62\uFE63\uFE66\uFE6B\t\r\n-`
	return `^(''|[` + skipped.String() + `]*[` + danger + `])`
})

// surrogate reports whether r is half of a UTF-16 pair, which no text holds.
func surrogate(r rune) bool { return r >= 0xD800 && r <= 0xDFFF }

// guarded is csvguard.Cell of a text. Most texts begin with a letter or digit,
// which is told without the pattern.
func guarded(x string) string {
	return fmt.Sprintf(`CASE WHEN ascii(%[1]s) BETWEEN 48 AND 57 OR ascii(%[1]s) BETWEEN 65 AND 126 THEN %[1]s
		WHEN %[1]s ~ (SELECT pattern FROM guard) THEN '''' || %[1]s ELSE %[1]s END`, x)
}

// guardedNumber is guarded, but leaves plain numbers as they are: -3.5 is no formula.
func guardedNumber(x string) string {
	return fmt.Sprintf(`CASE WHEN %[1]s ~ '^-[0-9]+([.][0-9]+)?([eE][-+]?[0-9]+)?$' THEN %[1]s ELSE %[2]s END`, x, guarded(x))
}

// isoTime is a time as RFC 3339 in the transaction's zone, with the digits that
// it has. Offsets of the time before time zones have seconds, which stay.
func isoTime(x string) string { return `btrim(to_json(` + x + `)::text, '"')` }

// csvCell is the expression of one column of health.ExportColumns.
func csvCell(name string) string {
	switch name {
	case "person":
		return "p.public_id"
	case "effective":
		return isoTime("e.effective_at")
	case "effective_end":
		return isoTime("e.effective_end")
	case "source_offset_minutes":
		return "e.tz_offset_min"
	case "whole_days":
		return "CASE WHEN e.whole_days THEN 'true' ELSE 'false' END"
	case "comparator": // a check holds it to four values
		return "e.comparator"
	case "orig_value":
		return guardedNumber("e.orig_value")
	case "local_day", "value", "ref_low", "ref_high", "version":
		return "e." + name
	}
	source := map[string]string{"record_number": "p.record_number", "metric": "m.code", "metric_name": "m.name", "unit": "u.ucum",
		"text": "e.value_text", "source": "s.name", "device": "d.name", "group": "e.group_id"}[name]
	if source == "" {
		source = "e." + name
	}
	return guarded(source)
}

// csvSelect is the select list of a CSV export, and the names of its text columns.
func csvSelect() (list string, texts []string) {
	var parts []string
	for _, c := range health.ExportColumns() {
		name := `"` + c.Name + `"`
		parts = append(parts, csvCell(c.Name)+" AS "+name)
		if c.Text {
			texts = append(texts, name)
		}
	}
	return strings.Join(parts, ",\n  "), texts
}
