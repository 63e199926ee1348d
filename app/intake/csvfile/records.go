package csvfile

import (
	"bufio"
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"unicode/utf8"
)

// MaxRecord is the longest record that is read, in bytes.
const MaxRecord = 16 << 20

// ErrQuote says that a quote opens and never closes, so that nobody can say where
// the next line begins.
var ErrQuote = errors.New("a quote never ends")

var (
	errTooLong = errors.New("record too long")
	errQuotes  = errors.New("a quote stands where CSV (RFC 4180) has none: quote the whole cell and write quotes in it twice")
)

// records cuts a file into the raw records of encoding/csv, each with the line
// where it begins. encoding/csv alone would keep a quote that never ends in
// memory to the end of the file.
type records struct {
	in    *bufio.Reader
	delim byte // 0: to be found in the header
	// line is the number of lines read, start where the current record begins.
	line, start int
	// open is the line of a last record that no line break ends; 0 where there is none.
	open   int
	buf    []byte
	parser *csv.Reader
	feed   feed
}

// feed gives the parser one record.
type feed struct{ rest []byte }

// Read returns what is left of the record.
func (f *feed) Read(p []byte) (int, error) {
	if len(f.rest) == 0 {
		return 0, io.EOF
	}
	n := copy(p, f.rest)
	f.rest = f.rest[n:]
	return n, nil
}

// next returns the raw record with its line end; valid until the next call. It
// returns errTooLong for one that was skipped, and ErrQuote and io.EOF at the end.
func (r *records) next() ([]byte, error) {
	r.buf, r.start = r.buf[:0], r.line+1
	q := quotes{delim: r.delim}
	for size := 0; ; {
		part, err := r.in.ReadSlice('\n')
		q.scan(part)
		if size += len(part); size <= MaxRecord {
			r.buf = append(r.buf, part...)
		}
		full := errors.Is(err, bufio.ErrBufferFull)
		ended := errors.Is(err, io.EOF)
		switch {
		case err != nil && !full && !ended:
			return nil, fmt.Errorf("after line %d: %w", r.line, err)
		case ended && size == 0:
			return nil, io.EOF
		case q.open() && (size > MaxRecord || ended):
			return nil, fmt.Errorf("%w: in the record that begins in line %d one is still open at the end of the file or after %d MiB; nothing from there on was read",
				ErrQuote, r.start, MaxRecord>>20)
		case full:
			continue
		}
		r.line++
		if ended {
			r.open = r.start
		}
		if !q.open() {
			return r.record(size)
		}
	}
}

func (r *records) record(size int) ([]byte, error) {
	if size > MaxRecord {
		return nil, errTooLong
	}
	return r.buf, nil
}

// parse splits a raw record into its cells; they are valid until the next call.
func (r *records) parse(raw []byte) ([]string, error) {
	if !utf8.Valid(raw) {
		return nil, notUTF8(raw, r.start+bytes.Count(raw[:firstBad(raw)], []byte{'\n'}))
	}
	if r.parser == nil {
		r.parser = csv.NewReader(&r.feed)
		r.parser.Comma, r.parser.FieldsPerRecord, r.parser.ReuseRecord = rune(r.delim), -1, true
	}
	before := r.parser.InputOffset()
	r.feed.rest = raw
	cells, err := r.parser.Read()
	if err != nil || r.parser.InputOffset()-before != int64(len(raw)) {
		// What is left of the record must not become the next one.
		r.parser = nil
		return nil, errQuotes
	}
	return cells, nil
}

// quotes follows whether a quoted cell is open, by the rules of RFC 4180.
type quotes struct {
	delim byte
	state byte
}

const (
	atStart  = iota // of a cell
	inPlain         // a cell without quotes; quotes in it are an error that the parser finds
	inQuoted        // a cell with quotes
	atQuote         // behind a quote in a quoted cell
)

func (q *quotes) open() bool { return q.state == inQuoted }

// ends reports whether c ends a cell. In a header whose delimiter is yet to be found all three do.
func (q *quotes) ends(c byte) bool {
	return c == '\n' || c == q.delim && q.delim != 0 || q.delim == 0 && (c == ',' || c == ';' || c == '\t')
}

func (q *quotes) scan(part []byte) {
	if len(part) == 0 {
		return
	}
	if q.state != inQuoted && bytes.IndexByte(part, '"') < 0 {
		if q.state = inPlain; q.ends(part[len(part)-1]) {
			q.state = atStart
		}
		return
	}
	for _, c := range part {
		switch {
		case q.state == inQuoted:
			if c == '"' {
				q.state = atQuote
			}
		case c == '"' && (q.state == atStart || q.state == atQuote):
			q.state = inQuoted
		case q.ends(c):
			q.state = atStart
		default:
			q.state = inPlain
		}
	}
}

// findDelimiter finds the delimiter of a header: the only one of , ; and tab in it.
func findDelimiter(header []byte) (byte, error) {
	found := byte(',')
	kinds := 0
	for _, c := range []byte(",;\t") {
		q := quotes{delim: c}
		for i := range header {
			if !q.open() && header[i] == c {
				found = c
				kinds++
				break
			}
			q.scan(header[i : i+1])
		}
	}
	if kinds > 1 {
		return 0, headerError("it holds more than one of comma, semicolon and tab: name the delimiter")
	}
	return found, nil
}
