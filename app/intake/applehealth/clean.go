package applehealth

import (
	"bytes"
	"errors"
	"io"
	"unicode/utf8"
)

// mark stands for what XML does not allow: control characters, NUL, bytes that
// are no UTF-8. It is a noncharacter, which no text should hold, so that a
// damaged attribute is known by it and only its Record is refused. Real exports
// carry such characters (U+000B in app names).
const mark = "\U0010FFFF"

// maxElement is the longest start tag, text or comment in bytes, so that a
// damaged file can't fill the memory.
const maxElement = 1 << 20

const chunk = 64 << 10

var errElement = errors.New("element too long")

// cleaner hands on r with each forbidden byte replaced by mark, and stops where
// more than maxElement bytes went by since the last token.
type cleaner struct {
	r io.Reader
	// buf begins with rest bytes of a character that the last chunk cut in two.
	buf  []byte
	rest int
	// ready is what can be handed on: a part of buf, or mended.
	ready, mended []byte
	read, token   int64
	err           error
}

func newCleaner(r io.Reader) *cleaner {
	return &cleaner{r: r, buf: make([]byte, chunk)}
}

// Read implements io.Reader.
func (c *cleaner) Read(p []byte) (int, error) {
	for len(c.ready) == 0 {
		if c.err != nil {
			return 0, c.err
		}
		c.fill()
	}
	n := copy(p, c.ready)
	c.ready = c.ready[n:]
	return n, nil
}

// tokenBegins lets the next maxElement bytes through.
func (c *cleaner) tokenBegins() { c.token = c.read }

// broken is the error that ended the reading before the end of the file, or nil.
func (c *cleaner) broken() error {
	if errors.Is(c.err, io.EOF) {
		return nil
	}
	return c.err
}

func (c *cleaner) fill() {
	if c.read-c.token > maxElement {
		c.err = errElement
		return
	}
	tail := c.buf[len(c.buf)-c.rest:]
	if c.rest > 0 {
		copy(c.buf[:cap(c.buf)], tail)
	}
	c.buf = c.buf[:cap(c.buf)]
	n, err := c.r.Read(c.buf[c.rest:])
	c.read += int64(n)
	c.err = err
	c.buf = c.buf[:c.rest+n]
	c.rest = 0
	if err == nil {
		c.rest = cut(c.buf)
	}
	whole := c.buf[:len(c.buf)-c.rest]
	if allowed(whole) {
		c.ready = whole
		return
	}
	c.mend(whole)
}

// cut is the length of an unfinished character at the end of b.
func cut(b []byte) int {
	for n := 1; n < utf8.UTFMax && n <= len(b); n++ {
		if tail := b[len(b)-n:]; utf8.RuneStart(tail[0]) {
			if utf8.FullRune(tail) {
				return 0
			}
			return n
		}
	}
	return 0
}

// allowed reports whether b is text that XML 1.0 allows (production 2, Char).
func allowed(b []byte) bool {
	for _, c := range b {
		if c < ' ' && c != '\n' && c != '\t' && c != '\r' {
			return false
		}
	}
	return utf8.Valid(b) && !bytes.Contains(b, []byte("\uFFFE")) && !bytes.Contains(b, []byte("\uFFFF"))
}

func (c *cleaner) mend(b []byte) {
	c.mended = c.mended[:0]
	for len(b) > 0 {
		char, n := utf8.DecodeRune(b)
		control := char < ' ' && char != '\n' && char != '\t' && char != '\r'
		if control || (char == utf8.RuneError && n == 1) || char == 0xFFFE || char == 0xFFFF {
			c.mended = append(c.mended, mark...)
		} else {
			c.mended = append(c.mended, b[:n]...)
		}
		b = b[n:]
	}
	c.ready = c.mended
}
