// Package csvfile reads health events from CSV, one value per line, streaming. A
// mapping says what the columns mean; without one they have the names of Fields.
// Nothing is guessed: not the zone of a time, not the order of day and month, not
// a decimal comma, not what an unknown column might hold.
package csvfile

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"io"

	"healthportal/app/health"
	"healthportal/app/intake"
)

// Reader reads one file. It implements intake.Source.
type Reader struct {
	in       records
	sum      hash.Hash
	mapping  Mapping
	settings settings
	plan     *plan
	panels   *intake.Panels
	// metrics are the codes of the catalogue, byLOINC leads from LOINC codes to them.
	metrics map[string]bool
	byLOINC map[string]string
	ids     idBook
}

// New returns a reader of r, which it does not close. It fails where the mapping
// is not valid; what is wrong with the file comes from Next.
func New(r io.Reader, m Mapping) (*Reader, error) {
	if err := m.Validate(); err != nil {
		return nil, err
	}
	s, err := m.settings()
	if err != nil {
		return nil, err
	}
	sum := sha256.New()
	rd := &Reader{
		in:  records{in: bufio.NewReaderSize(io.TeeReader(r, sum), 1<<20), delim: s.delim},
		sum: sum, mapping: m, settings: s, metrics: map[string]bool{}, byLOINC: map[string]string{}, ids: newIDBook(),
	}
	for _, m := range health.Catalogue() {
		rd.metrics[m.Code] = true
		for _, code := range m.LOINC {
			rd.byLOINC[code] = m.Code
		}
	}
	rd.panels = intake.NewPanels(rd.next)
	return rd, nil
}

// Format is "csv".
func (r *Reader) Format() string { return "csv" }

// SHA256 is the digest of the bytes read so far: the file's, once Next returned io.EOF.
func (r *Reader) SHA256() []byte { return r.sum.Sum(nil) }

// Notes tells of a last line that may have been cut off, which its cells alone don't show.
func (r *Reader) Notes() []string {
	if r.in.open == 0 {
		return nil
	}
	return []string{fmt.Sprintf("line %d is the last one and no line break ends it: if the file was cut off, its last cell is incomplete", r.in.open)}
}

// Next returns the next line, numbered as in a text editor: line 1 is the header,
// and a record with line breaks in its cells has the number of its first line.
// Lines of one external id that differ in their slots come as one record. It
// returns ErrHeader, ErrEncoding or ErrQuote where the file can't be read on.
func (r *Reader) Next() (intake.Record, error) { return r.panels.Next() }

func (r *Reader) next() (intake.Record, error) {
	if r.plan == nil {
		if err := r.header(); err != nil {
			return intake.Record{}, err
		}
	}
	raw, err := r.in.next()
	rec := intake.Record{Line: r.in.start}
	switch {
	case errors.Is(err, errTooLong):
		rec.Problems = []string{fmt.Sprintf("the line is longer than %d MiB", MaxRecord>>20)}
		return rec, nil
	case err != nil:
		return rec, err
	case len(bytes.Trim(raw, "\r\n")) == 0:
		rec.Blank = true
		return rec, nil
	}
	cells, err := r.in.parse(raw)
	switch {
	case errors.Is(err, errQuotes):
		rec.Problems = []string{err.Error()}
	case err != nil:
		return rec, err
	case len(cells) != r.plan.width:
		rec.Problems = []string{fmt.Sprintf("the line has %d fields and the header %d: a cell with the delimiter in it needs quotes", len(cells), r.plan.width)}
	case empty(cells):
		rec.Blank = true
	default:
		r.read(cells, &rec)
	}
	return rec, nil
}

func empty(cells []string) bool {
	for _, c := range cells {
		if c != "" {
			return false
		}
	}
	return true
}

// header reads the first line.
func (r *Reader) header() error {
	if err := r.begin(); err != nil {
		return err
	}
	raw, err := r.in.next()
	switch {
	case errors.Is(err, io.EOF):
		return headerError("the file is empty; its first line names the columns")
	case errors.Is(err, errTooLong):
		return headerError("the first line is longer than %d MiB", MaxRecord>>20)
	case err != nil:
		return err
	case len(bytes.TrimSpace(raw)) == 0:
		return headerError("the first line is blank; it names the columns")
	case bytes.ContainsRune(bytes.TrimRight(raw, "\r\n"), '\r'):
		return headerError("lines end with CR alone; save the file with LF or CRLF")
	}
	if r.in.delim == 0 {
		if r.in.delim, err = findDelimiter(raw); err != nil {
			return err
		}
	}
	cells, err := r.in.parse(raw)
	if errors.Is(err, errQuotes) {
		return headerError("%s", err)
	}
	if err != nil {
		return err
	}
	r.plan, err = newPlan(cells, r.mapping)
	return err
}

// begin looks at the encoding and takes the byte order mark away.
func (r *Reader) begin() error {
	head, err := r.in.in.Peek(1 << 16)
	if err != nil && !errors.Is(err, io.EOF) {
		return fmt.Errorf("read the header: %w", err)
	}
	if err := sniff(head, err != nil); err != nil {
		return err
	}
	if bytes.HasPrefix(head, []byte(byteOrderMark)) {
		if _, err := r.in.in.Discard(len(byteOrderMark)); err != nil {
			return fmt.Errorf("read the header: %w", err)
		}
	}
	return nil
}
