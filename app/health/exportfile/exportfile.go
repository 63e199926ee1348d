// Package exportfile counts and hashes the content of an export on its way, so
// that a complete file can prove that it is one.
package exportfile

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"hash"
	"io"
	"strconv"
)

// Header is the first line of NDJSON.
const Header = `{"format":"health-portal-observations","version":1}` + "\n"

// bufferSize is how much is hashed and passed on at once; rows are short.
const bufferSize = 32 << 10

// Writer passes an export's content on in large pieces. Whoever made it calls
// Flush at the end.
type Writer struct {
	w   io.Writer
	buf []byte
	// hashed is how much of buf the sum has already.
	hashed int
	sum    hash.Hash
	bytes  int64
}

// NewWriter returns a Writer to w.
func NewWriter(w io.Writer) *Writer {
	return &Writer{w: w, sum: sha256.New(), buf: make([]byte, 0, bufferSize)}
}

// Write takes p; an error may be that of an earlier piece.
func (x *Writer) Write(p []byte) (n int, err error) {
	for len(p) > 0 {
		if len(x.buf) == cap(x.buf) {
			if err := x.Flush(); err != nil {
				return n, err
			}
		}
		m := min(len(p), cap(x.buf)-len(x.buf))
		x.buf = append(x.buf, p[:m]...)
		n, p, x.bytes = n+m, p[m:], x.bytes+int64(m)
	}
	return n, nil
}

// Flush passes on what waits.
func (x *Writer) Flush() error {
	x.hash()
	_, err := x.w.Write(x.buf)
	x.buf, x.hashed = x.buf[:0], 0
	if err != nil {
		return fmt.Errorf("write an export: %w", err)
	}
	return nil
}

func (x *Writer) hash() {
	x.sum.Write(x.buf[x.hashed:])
	x.hashed = len(x.buf)
}

// Bytes is how much was written.
func (x *Writer) Bytes() int64 { return x.bytes }

// SHA256 is the hash, in hex, of what was written.
func (x *Writer) SHA256() string {
	x.hash()
	return hex.EncodeToString(x.sum.Sum(nil))
}

// Trailer writes the last line of NDJSON: the number of rows, and the hash of
// all bytes before the line. Call it for a complete export alone.
func (x *Writer) Trailer(rows int64) error {
	_, err := x.Write([]byte(`{"rows":` + strconv.FormatInt(rows, 10) + `,"sha256":"` + x.SHA256() + `"}` + "\n"))
	return err
}

// Proof is what proves an export complete.
type Proof struct {
	Rows  int64
	Bytes int64
	// SHA256 is the hash, in hex, of the whole content, NDJSON's last line included.
	SHA256 string
}

// Proof is that of what was written so far.
func (x *Writer) Proof(rows int64) Proof { return Proof{rows, x.bytes, x.SHA256()} }
