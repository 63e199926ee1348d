package portable

import (
	"bufio"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"io"

	"healthportal/app/health"
)

// Writer writes a file. Whoever made it calls Close, without which the file has
// no trailer and so counts as cut off.
type Writer struct {
	out  *bufio.Writer
	sum  hash.Hash
	buf  []byte
	rows int64
	last place
	// begun is set once last holds something; person is the last one that a line was about.
	begun  bool
	person health.Identifier
	err    error
}

// ErrOrder says that lines were written out of order, see Compare.
var ErrOrder = errors.New("the rows are not in the order of the format")

// NewWriter returns a writer to w, which it does not close. The header is written
// before the first line.
func NewWriter(w io.Writer) *Writer {
	wr := &Writer{out: bufio.NewWriterSize(w, 1<<16), sum: sha256.New()}
	wr.write([]byte(header))
	return wr
}

func (w *Writer) write(line []byte) {
	if w.err != nil {
		return
	}
	w.sum.Write(line)
	if _, err := w.out.Write(line); err != nil {
		w.err = fmt.Errorf("write NDJSON: %w", err)
	}
}

// Write writes one Observation. Rows come in the order of Compare; it returns
// ErrOrder otherwise, and an error for what a file can't hold. After an error
// nothing more is written.
func (w *Writer) Write(r Row) error {
	if w.err != nil {
		return w.err
	}
	at := place{line: w.buf}
	if w.err = at.set(r); w.err != nil {
		return w.err
	}
	if w.begun && w.last.compare(&at) > 0 || compareIdentifiers(w.person, r.Person) > 0 {
		w.err = ErrOrder
		return w.err
	}
	w.write(at.line)
	// The two lines take turns in the two buffers.
	w.buf, w.last, w.begun = w.last.line, at, true
	w.person = r.Person
	w.rows++
	return w.err
}

// WritePerson writes the line about a person, before their first Observation. It
// fails as Write does.
func (w *Writer) WritePerson(p Person) error {
	if w.err != nil {
		return w.err
	}
	line, err := AppendPerson(nil, p)
	if err != nil {
		w.err = err
		return err
	}
	if w.person != (health.Identifier{}) && compareIdentifiers(w.person, p.Identifier) >= 0 {
		w.err = ErrOrder
		return w.err
	}
	w.person = p.Identifier
	w.write(line)
	w.rows++
	return w.err
}

// Close writes the trailer and returns what it says: the number of rows, which
// are the lines about Observations and persons, and the SHA-256 of everything
// before it.
func (w *Writer) Close() (rows int64, sum [sha256.Size]byte, err error) {
	if w.err != nil {
		return w.rows, sum, w.err
	}
	w.sum.Sum(sum[:0])
	if _, err = w.out.WriteString(Trailer(w.rows, sum)); err == nil {
		err = w.out.Flush()
	}
	if err != nil {
		w.err = fmt.Errorf("write NDJSON: %w", err)
		return w.rows, sum, w.err
	}
	w.err = errors.New("write NDJSON: the file is closed")
	return w.rows, sum, nil
}

// Header is the first line of each file, for exporters that let PostgreSQL print the others.
func Header() string { return header }

// Trailer is the last line of a file with so many rows between it and the header,
// and this SHA-256 of all bytes before it.
func Trailer(rows int64, sum [sha256.Size]byte) string {
	return fmt.Sprintf("{\"rows\":%d,\"sha256\":\"%x\"}\n", rows, sum)
}
