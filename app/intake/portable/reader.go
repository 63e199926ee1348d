package portable

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"io"
	"strings"

	"healthportal/app/health"
	"healthportal/app/intake"
)

// MaxLine is the longest line that is read, in bytes; longer ones are refused.
const MaxLine = 16 << 20

// ErrIncomplete says that the file is not whole: the trailer is missing or does
// not fit what stands before it. What was read is good in itself.
var ErrIncomplete = errors.New("the file is not complete")

// ErrFormat says that the file is another one than the portal's NDJSON, or of a later version.
var ErrFormat = errors.New("this is no file of the portal's own NDJSON")

// Reader reads one file. It implements intake.Source.
type Reader struct {
	in     *bufio.Reader
	sum    hash.Hash
	long   []byte
	line   int
	panels *intake.Panels
	// metrics are the codes of the catalogue.
	metrics map[string]bool
	// ended is set once the trailer was read and found right.
	ended bool
}

// New returns a reader of r, which it does not close.
func New(r io.Reader) *Reader {
	rd := &Reader{in: bufio.NewReaderSize(r, 1<<20), sum: sha256.New(), metrics: map[string]bool{}}
	for _, m := range health.Catalogue() {
		rd.metrics[m.Code] = true
	}
	rd.panels = intake.NewPanels(rd.next)
	return rd
}

// Format is "portal-ndjson".
func (r *Reader) Format() string { return "portal-ndjson" }

// SHA256 is the digest of the bytes read so far: the file's, once Next returned io.EOF.
func (r *Reader) SHA256() []byte { return r.sum.Sum(nil) }

// Next returns the next line; the values of one external id come as one record,
// with the first one's line. It returns io.EOF only after a trailer that fits,
// ErrIncomplete where there is none, and ErrFormat for another kind of file.
func (r *Reader) Next() (intake.Record, error) { return r.panels.Next() }

// again is what to do about a file that is not complete.
const again = ". Export or copy it again. What was stored stays, and importing the whole file stores nothing twice"

var errTooLong = errors.New("line too long")

func (r *Reader) next() (intake.Record, error) {
	if r.ended {
		return intake.Record{}, io.EOF
	}
	line, err := r.readLine()
	rec := intake.Record{Line: r.line}
	switch {
	case errors.Is(err, errTooLong) && r.line > 1:
		rec.Problems = []string{fmt.Sprintf("the line is longer than %d MiB", MaxLine>>20)}
		return rec, nil
	case errors.Is(err, errTooLong):
		return rec, fmt.Errorf("%w: its first line is not the header %q", ErrFormat, Format)
	case errors.Is(err, io.EOF) && r.line > 0:
		return rec, fmt.Errorf("%w: it ends after %d rows without the closing line that counts them%s", ErrIncomplete, max(0, r.line-1), again)
	case errors.Is(err, io.EOF):
		return rec, fmt.Errorf("%w: it is empty", ErrFormat)
	case err != nil:
		return rec, err
	case r.line == 1:
		r.sum.Write(line)
		if err := checkHeader(line); err != nil {
			return rec, err
		}
		return r.next()
	case bytes.HasPrefix(line, []byte(`{"rows":`)):
		return rec, r.end(line)
	}
	r.sum.Write(line)
	if line = bytes.TrimRight(line, "\r\n"); len(line) == 0 {
		rec.Blank = true
		return rec, nil
	}
	r.read(line, &rec)
	return rec, nil
}

// end checks the trailer and that nothing follows it. A file that proves itself ends with io.EOF.
func (r *Reader) end(line []byte) error {
	var sum [sha256.Size]byte
	r.sum.Sum(sum[:0])
	r.sum.Write(line)
	rows := int64(r.line - 2) // between header and trailer
	said, err := parseTrailer(line)
	switch {
	case err != nil:
		return fmt.Errorf("%w: its closing line, line %d, is damaged after %d rows%s", ErrIncomplete, r.line, rows, again)
	case said != rows:
		return fmt.Errorf("%w: %d rows were read and its closing line says %d%s", ErrIncomplete, rows, said, again)
	case strings.TrimSuffix(string(line), "\n")+"\n" != Trailer(rows, sum):
		return fmt.Errorf("%w: the check sum of its closing line does not fit the %d rows that were read: the file was changed on its way%s",
			ErrIncomplete, rows, again)
	}
	if _, err := r.in.Peek(1); err == nil {
		return fmt.Errorf("%w: something follows the closing line, line %d, after %d rows. Import files one by one", ErrIncomplete, r.line, rows)
	} else if !errors.Is(err, io.EOF) {
		return fmt.Errorf("after line %d: %w", r.line, err)
	}
	r.ended = true
	return io.EOF
}

// readLine returns the next line with its newline; the bytes are valid until the
// next call. Bytes of lines that are too long are summed here, others by the caller.
func (r *Reader) readLine() ([]byte, error) {
	part, err := r.in.ReadSlice('\n')
	if err == nil {
		r.line++
		return part, nil
	}
	r.long = r.long[:0]
	tooLong := false
	for errors.Is(err, bufio.ErrBufferFull) {
		r.keep(part, &tooLong)
		part, err = r.in.ReadSlice('\n')
	}
	switch {
	case err != nil && !errors.Is(err, io.EOF):
		return nil, fmt.Errorf("after line %d: %w", r.line, err)
	case err != nil && len(part) == 0 && len(r.long) == 0 && !tooLong:
		return nil, io.EOF
	}
	r.keep(part, &tooLong)
	r.line++
	if tooLong {
		return nil, errTooLong
	}
	return r.long, nil
}

// keep adds a piece to the long line; once it is too long, to the sum alone.
func (r *Reader) keep(part []byte, tooLong *bool) {
	if *tooLong {
		r.sum.Write(part)
		return
	}
	if r.long = append(r.long, part...); len(r.long) > MaxLine {
		*tooLong = true
		r.sum.Write(r.long)
		r.long = r.long[:0]
	}
}
