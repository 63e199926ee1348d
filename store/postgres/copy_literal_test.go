package postgres_test

import (
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"healthportal/app/health"
	"healthportal/store/postgres"
)

func TestLiterals(t *testing.T) {
	day := time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)
	far := time.Date(10000, 3, 1, 0, 0, 0, 0, time.UTC)
	var none *time.Time
	for _, c := range []struct {
		in   any
		want string
	}{
		{int64(-7), "-7::bigint"}, {"", "''"}, {"it's", "'it''s'"}, {`a\'b`, ` E'a\\''b'`}, {"$1; --", "'$1; --'"}, {"{}\n", "'{}\n'"},
		{&day, "DATE '2026-03-01'"}, {none, "NULL::date"},
		{day.Add(time.Hour + 1500*time.Microsecond), "TIMESTAMPTZ '2026-03-01 01:00:00.0015+00'"}, {day.In(time.FixedZone("", 3600)), "TIMESTAMPTZ '2026-03-01 00:00:00+00'"},
	} {
		if got, err := postgres.Literal(c.in); err != nil || got != c.want {
			t.Errorf("%v became %q, %v; want %q", c.in, got, err, c.want)
		}
	}
	for _, in := range []any{"a\x00", "\xff", 1.5, 3, []byte("x"), nil, true, &far, far} {
		if got, err := postgres.Literal(in); err == nil {
			t.Errorf("%v became %q", in, got)
		}
	}
	if _, err := postgres.ExportQuery(health.EventFilter{Metric: "x\x00y"}, health.ExportCSV); err == nil {
		t.Error("a statement was made of a text that can't be")
	}
}

// PostgreSQL reads each literal as the text that it was made of, whatever the session's settings are.
func TestLiteralsAsPostgreSQLReadsThem(t *testing.T) {
	c := newClinic(t)
	for _, conforming := range []string{"on", "off"} {
		c.exec(`SET standard_conforming_strings = ` + conforming)
		for _, text := range append(odd(), `\''; DROP TABLE health.event; --`, `E'\x'`, `\\'`, "$$", "U&'\\0041'", "''''", `'\`) {
			literal, err := postgres.Literal(text)
			if err != nil {
				t.Fatal(err)
			}
			var got string
			if err := c.conn.QueryRow(t.Context(), "SELECT "+literal+"::text").Scan(&got); err != nil || got != text {
				t.Errorf("%q was read as %q, %v", text, got, err)
			}
		}
	}
}

// unquote reads a literal by PostgreSQL's rules; ok is false where it would end early.
func unquote(s string) (text string, ok bool) {
	s, escapes := strings.CutPrefix(s, " E")
	if len(s) < 2 || s[0] != '\'' || s[len(s)-1] != '\'' {
		return "", false
	}
	var b strings.Builder
	for s = s[1 : len(s)-1]; s != ""; s = s[1:] {
		switch {
		case s[0] == '\'' || escapes && s[0] == '\\':
			if len(s) < 2 || s[1] != s[0] {
				return "", false
			}
			s = s[1:]
		case s[0] == '\\':
			return "", false // read otherwise where standard_conforming_strings is off
		}
		b.WriteByte(s[0])
	}
	return b.String(), true
}

func FuzzLiteral(f *testing.F) {
	for _, s := range append(odd(), `\'`, `'; --`, "\x00", "\xff", `''\\''`) {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		literal, err := postgres.Literal(s)
		if (err == nil) != (utf8.ValidString(s) && !strings.Contains(s, "\x00")) {
			t.Fatalf("%q: %v", s, err)
		}
		if err != nil {
			return
		}
		if got, ok := unquote(literal); !ok || got != s {
			t.Errorf("%q became %s, read as %q", s, literal, got)
		}
	})
}
