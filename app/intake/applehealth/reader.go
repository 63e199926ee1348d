// Package applehealth reads the exports of Apple Health (export.xml, or the zip
// that holds it) element by element, in constant memory. A Record that can't be
// taken is reported with its line and a reason that holds no names and no
// values; elements that are no Observations are counted by kind.
package applehealth

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/xml"
	"errors"
	"fmt"
	"hash"
	"io"

	"healthportal/app/intake"
)

// Reader reads one export. It implements intake.Source; each of its records is
// one element, and Line is the line on which that element begins.
type Reader struct {
	file   io.Reader
	closer io.Closer
	// sum digests what is read; whole is the digest of a zip, known beforehand.
	sum   hash.Hash
	whole []byte

	clean *cleaner
	dec   *xml.Decoder
	// before is the number of line breaks before the root element.
	before int
	open   []frame
	done   bool
	err    error

	kinds   map[string]kind
	units   map[string]string
	nights  nights
	leftOut map[string]int
}

// New returns a reader of the XML in r, which it does not close.
func New(r io.Reader) *Reader {
	sum := sha256.New()
	return &Reader{file: io.TeeReader(r, sum), sum: sum, kinds: kinds(), units: map[string]string{}, leftOut: map[string]int{}}
}

// Format is "apple-health".
func (r *Reader) Format() string { return "apple-health" }

// SHA256 is the digest of the file: of the XML read so far, which is all of it
// once Next returned io.EOF; or of the whole zip, at any time.
func (r *Reader) SHA256() []byte {
	if r.whole != nil {
		return bytes.Clone(r.whole)
	}
	return r.sum.Sum(nil)
}

// Next returns the next Record, Me or refused element. After an error other
// than io.EOF nothing more can be read; the error says on which line and why.
func (r *Reader) Next() (intake.Record, error) {
	if r.err != nil {
		return intake.Record{}, r.err
	}
	rec, err := r.next()
	if err != nil {
		r.err = err
		if r.closer != nil {
			if cerr := r.closer.Close(); cerr != nil && errors.Is(err, io.EOF) {
				r.err = fmt.Errorf("close the export: %w", cerr)
			}
		}
		return intake.Record{}, r.err
	}
	return rec, nil
}

func (r *Reader) next() (intake.Record, error) {
	if r.dec == nil {
		if err := r.begin(); err != nil {
			return intake.Record{}, err
		}
	}
	for {
		line := r.line()
		r.clean.tokenBegins()
		t, err := r.dec.RawToken()
		if err != nil {
			return intake.Record{}, r.ended(err, line)
		}
		rec := intake.Record{Line: line, Blank: true}
		if err := r.token(t, &rec); err != nil {
			return intake.Record{}, err
		}
		if !rec.Blank {
			return rec, nil
		}
	}
}

// begin reads up to the root element.
func (r *Reader) begin() error {
	head := make([]byte, 4)
	n, err := io.ReadFull(r.file, head)
	if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
		return stopped(1, "the file can't be read", err)
	}
	if err := sniff(head[:n]); err != nil {
		return notExport(1, err)
	}
	r.clean = newCleaner(io.MultiReader(bytes.NewReader(head[:n]), r.file))
	in := bufio.NewReaderSize(r.clean, chunk)
	p := prolog{in: in}
	if err := p.skip(); err != nil {
		if broken := r.clean.broken(); broken != nil && !errors.Is(broken, errElement) {
			return stopped(p.line, "the file can't be read further", broken)
		}
		return notExport(p.line, err)
	}
	r.before = p.line - 1
	r.dec = xml.NewDecoder(in)
	return nil
}

// line is the line on which the next token begins.
func (r *Reader) line() int {
	line, _ := r.dec.InputPos()
	return r.before + line
}
