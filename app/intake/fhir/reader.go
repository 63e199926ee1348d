// Package fhir reads FHIR R4 Observation and Patient resources from NDJSON, one
// resource per line, and from Bundles, streaming. A line or entry that can't be
// read is reported with its line and a reason that holds no names and no values;
// the next ones are read. Resources of other types are counted by type.
package fhir

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"io"

	"healthportal/app/intake"
)

// MaxLine is the longest line that is read, in bytes; longer ones are refused.
const MaxLine = 16 << 20

// Reader reads one file. It implements intake.Source.
type Reader struct {
	in   *bufio.Reader
	sum  hash.Hash
	line int
	// long is the buffer of lines that don't fit into in's.
	long []byte
	mapper
}

// NewReader returns a reader of r, which it does not close.
func NewReader(r io.Reader) *Reader {
	sum := sha256.New()
	return &Reader{in: bufio.NewReaderSize(io.TeeReader(r, sum), 1<<20), sum: sum, mapper: newMapper()}
}

// Format is "fhir-ndjson".
func (r *Reader) Format() string { return "fhir-ndjson" }

// SHA256 is the digest of the bytes read so far: the file's, once Next returned io.EOF.
func (r *Reader) SHA256() []byte { return r.sum.Sum(nil) }

var errTooLong = errors.New("too long")

func tooLong(what string) string {
	return fmt.Sprintf("the %s is longer than %d MiB", what, MaxLine>>20)
}

// Next reads one line. The last line needs no newline; CRLF and a byte order
// mark at the start are accepted.
func (r *Reader) Next() (intake.Record, error) {
	line, err := r.readLine()
	rec := intake.Record{Line: r.line}
	switch {
	case errors.Is(err, errTooLong):
		rec.Problems = []string{tooLong("line")}
		return rec, nil
	case err != nil:
		return rec, err
	}
	if r.line == 1 {
		line = bytes.TrimPrefix(line, []byte("\xef\xbb\xbf"))
	}
	line = bytes.Trim(line, " \t\r")
	if len(line) == 0 {
		rec.Blank = true
		return rec, nil
	}
	r.read(line, &rec)
	return rec, nil
}

// readLine returns the next line without its newline; the bytes are valid until the next call.
func (r *Reader) readLine() ([]byte, error) {
	part, err := r.in.ReadSlice('\n')
	if err == nil {
		r.line++
		return part[:len(part)-1], nil
	}
	r.long = r.long[:0]
	tooLong := false
	for errors.Is(err, bufio.ErrBufferFull) {
		if tooLong = tooLong || len(r.long)+len(part) > MaxLine; !tooLong {
			r.long = append(r.long, part...)
		}
		part, err = r.in.ReadSlice('\n')
	}
	switch {
	case err == nil:
		part = part[:len(part)-1]
	case !errors.Is(err, io.EOF):
		return nil, fmt.Errorf("after line %d: %w", r.line, err)
	case len(part) == 0 && len(r.long) == 0 && !tooLong:
		return nil, io.EOF
	}
	r.line++
	if tooLong || len(r.long)+len(part) > MaxLine {
		return nil, errTooLong
	}
	r.long = append(r.long, part...)
	return r.long, nil
}
