package audit

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"healthportal/app/access"
)

// Bounds of stored texts, in bytes before escaping. Longer ones are cut, and say so.
const (
	maxText   = 1 << 10
	maxDetail = 16 << 10
)

// escaped begins a text that PostgreSQL could not store as it is.
const escaped = "esc:"

// ErrBadEntry says that an entry can't be recorded: a mistake of the program.
var ErrBadEntry = errors.New("this is not an entry for the audit log")

// storable checks an entry and brings it into the form that is stored and hashed.
func storable(e Entry, now time.Time) (Entry, error) {
	switch {
	case e.Kind == "":
		return e, fmt.Errorf("%w: it has no kind", ErrBadEntry)
	case e.Outcome != Done && e.Outcome != Denied && e.Outcome != Failed:
		return e, fmt.Errorf("%w: %s has the outcome %q", ErrBadEntry, e.Kind, e.Outcome)
	}
	if e.At.IsZero() {
		e.At = now
	}
	e.At = e.At.UTC().Truncate(time.Microsecond)
	if y := e.At.Year(); y < 1970 || y > 9999 {
		return e, fmt.Errorf("%w: %s is of the year %d", ErrBadEntry, e.Kind, y)
	}
	e.Kind = access.Kind(storableText(string(e.Kind)))
	for _, text := range []*string{&e.Roles, &e.SessionID, &e.KeyID, &e.Subject, &e.Route, &e.RequestID, &e.Address} {
		*text = storableText(*text)
	}
	e.Detail = storableDetail(e.Detail)
	return e, nil
}

// storableText bounds a text and escapes what PostgreSQL refuses. The text is
// copied: what the web server handed over may be overwritten after the request.
func storableText(s string) string {
	if len(s) > maxText {
		sum := sha256.Sum256([]byte(s))
		s = fmt.Sprintf("%s [cut: %d bytes, SHA-256 %s]", cutAt(s, maxText), len(s), hex.EncodeToString(sum[:]))
	}
	return escapeText(strings.Clone(s))
}

// storableDetail is storableText for a JSON object, which stays one.
func storableDetail(s string) string {
	if len(s) <= maxDetail {
		return escapeText(strings.Clone(s))
	}
	sum := sha256.Sum256([]byte(s))
	// Marshalling texts and numbers can't fail.
	cut, _ := json.Marshal(map[string]any{"cut": true, "bytes": len(s), "sha256": hex.EncodeToString(sum[:]), "start": cutAt(s, maxText)})
	return string(cut)
}

// cutAt is the start of s, at most n bytes and no half characters.
func cutAt(s string, n int) string {
	for end := n; end > n-utf8.UTFMax; end-- {
		if utf8.RuneStart(s[end]) {
			return s[:end]
		}
	}
	return s[:n]
}

// escapeText makes a text with NUL or broken UTF-8 storable, without loss: it
// becomes "esc:" and the text with \\ for each backslash and \xNN for each such
// byte. A text that begins with "esc:" is escaped as well, so that OriginalText
// is right for each stored text.
func escapeText(s string) string {
	if utf8.ValidString(s) && !strings.Contains(s, "\x00") && !strings.HasPrefix(s, escaped) {
		return s
	}
	var b strings.Builder
	b.WriteString(escaped)
	for i := 0; i < len(s); {
		r, size := utf8.DecodeRuneInString(s[i:])
		switch {
		case r == 0 || r == utf8.RuneError && size == 1:
			fmt.Fprintf(&b, `\x%02x`, s[i])
		case r == '\\':
			b.WriteString(`\\`)
		default:
			b.WriteString(s[i : i+size])
		}
		i += size
	}
	return b.String()
}

// OriginalText is the text that a stored text stands for: itself, but for those
// that had bytes which PostgreSQL can't store.
func OriginalText(stored string) string {
	s, ok := strings.CutPrefix(stored, escaped)
	if !ok {
		return stored
	}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		switch {
		case s[i] != '\\':
			b.WriteByte(s[i])
		case strings.HasPrefix(s[i:], `\\`):
			b.WriteByte('\\')
			i++
		default:
			raw, err := hex.DecodeString(s[min(i+2, len(s)):min(i+4, len(s))])
			if err != nil || len(raw) != 1 || s[i+1] != 'x' {
				return stored // not what escapeText wrote
			}
			b.Write(raw)
			i += 3
		}
	}
	return b.String()
}
