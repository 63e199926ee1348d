package postgres

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// errLiteral says that a value can't stand in a COPY statement.
var errLiteral = errors.New("not a value for a statement")

// literals write values into the text of a COPY statement, which takes no bind
// parameters. Only the types below exist for it; anything else, and every text
// that PostgreSQL can't hold, is an error that the statement must not survive.
type literals struct{ err error }

// of is v as a literal; on an error it is NULL, and err is set.
func (l *literals) of(v any) string {
	text, err := literal(v)
	if err != nil {
		l.err = errors.Join(l.err, err)
		return "NULL"
	}
	return text
}

func literal(v any) (string, error) {
	switch v := v.(type) {
	case int64:
		return strconv.FormatInt(v, 10) + "::bigint", nil
	case string:
		return quoted(v)
	case time.Time:
		if y := v.UTC().Year(); y < 1 || y > 9999 {
			return "", fmt.Errorf("%w: a time outside the years 1 to 9999", errLiteral)
		}
		return "TIMESTAMPTZ '" + v.UTC().Format("2006-01-02 15:04:05.999999") + "+00'", nil
	case *time.Time:
		if v == nil {
			return "NULL::date", nil
		}
		if y := v.Year(); y < 1 || y > 9999 {
			return "", fmt.Errorf("%w: a day outside the years 1 to 9999", errLiteral)
		}
		return "DATE '" + v.Format(time.DateOnly) + "'", nil
	default:
		return "", fmt.Errorf("%w: type %T", errLiteral, v)
	}
}

// quoted is a text as PostgreSQL's quote_literal writes it, which reads the same
// whatever standard_conforming_strings says.
func quoted(s string) (string, error) {
	if strings.IndexByte(s, 0) >= 0 || !utf8.ValidString(s) {
		return "", fmt.Errorf("%w: a text with NUL or broken UTF-8", errLiteral)
	}
	s = strings.ReplaceAll(s, "'", "''")
	if strings.Contains(s, `\`) {
		return " E'" + strings.ReplaceAll(s, `\`, `\\`) + "'", nil
	}
	return "'" + s + "'", nil
}
