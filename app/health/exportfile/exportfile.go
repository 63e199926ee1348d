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

// Writer passes an export's content on.
type Writer struct {
	w     io.Writer
	sum   hash.Hash
	bytes int64
}

// NewWriter returns a Writer to w.
func NewWriter(w io.Writer) *Writer { return &Writer{w: w, sum: sha256.New()} }

// Write passes p on.
func (x *Writer) Write(p []byte) (int, error) {
	n, err := x.w.Write(p)
	x.sum.Write(p[:n])
	x.bytes += int64(n)
	if err != nil {
		return n, fmt.Errorf("write an export: %w", err)
	}
	return n, nil
}

// Bytes is how much was written.
func (x *Writer) Bytes() int64 { return x.bytes }

// SHA256 is the hash, in hex, of what was written.
func (x *Writer) SHA256() string { return hex.EncodeToString(x.sum.Sum(nil)) }

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
