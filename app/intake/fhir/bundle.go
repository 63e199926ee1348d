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

// maxWaiting is how many Observations of a Bundle that can be read only once
// may wait for the end of it, because no Patient of theirs stood before them.
const maxWaiting = 20_000

// BundleReader reads one FHIR R4 Bundle, entry by entry. It implements intake.Source.
//
// A file is read twice: first whole, for its syntax, its references and the order
// of its entries, so that nothing of a damaged one is handed over; then again for
// what it holds, and a third time where Observations stand before Patients. What
// can't be read again (standard input) is read once; there Observations without a
// Patient before them wait for the end, and more than maxWaiting stop the reading.
//
// Memory is bounded by the largest resource, the number of Patients, and, in a
// history Bundle, the number of resources; not by the number of entries.
type BundleReader struct {
	file  io.ReadSeeker // nil where there is one reading only
	start int64         // where the Bundle begins in file
	once  io.Reader
	sum   hash.Hash
	first []byte // the digest of the first reading

	scan    *scan
	begun   bool
	stage   stage
	late    bool    // a Patient stands behind an Observation
	entries int     // of this reading
	waiting []entry // of a single reading
	weight  int     // of those that waited, in bytes
	bundle
}

// stage is what a reading is for.
type stage int

const (
	taking    stage = iota // everything
	patients               // Patients only, in a Bundle where they stand late
	following              // everything else of such a Bundle
	over
)

// NewBundle returns a reader of r, which it does not close. Where r is a file
// (an io.ReadSeeker that can seek), it is read more than once.
func NewBundle(r io.Reader) *BundleReader {
	b := &BundleReader{once: r, bundle: newBundle()}
	if file, ok := r.(io.ReadSeeker); ok {
		if at, err := file.Seek(0, io.SeekCurrent); err == nil {
			b.file, b.start = file, at
		}
	}
	return b
}

// Format is "fhir-bundle".
func (b *BundleReader) Format() string { return "fhir-bundle" }

// SHA256 is the digest of the bytes read so far: the file's, once Next returned io.EOF.
func (b *BundleReader) SHA256() []byte {
	if b.sum == nil {
		return sha256.New().Sum(nil)
	}
	return b.sum.Sum(nil)
}

// Notes are what whoever imports the Bundle should know of it as a whole.
func (b *BundleReader) Notes() []string {
	if b.scan != nil && b.scan.header.next {
		return []string{"the Bundle is one page of a search and names a next page: what is on the others is not in this file"}
	}
	return nil
}

// Next returns the next entry, or io.EOF. Any other error is for the Bundle as a
// whole; where it was read before, as files are, nothing was handed over then.
func (b *BundleReader) Next() (intake.Record, error) {
	if !b.begun {
		b.begun = true
		if err := b.prepare(); err != nil {
			return intake.Record{}, err
		}
	}
	for {
		rec, err := b.step()
		if errors.Is(err, errEndOfEntries) {
			rec, err = b.turn()
		}
		if err != nil || !rec.Blank {
			return rec, err
		}
	}
}

// prepare reads a file for the first time.
func (b *BundleReader) prepare() error {
	if b.file == nil {
		return b.rewind()
	}
	if err := b.rewind(); err != nil {
		return err
	}
	for seen := false; ; {
		e, err := b.entry()
		if errors.Is(err, errEndOfEntries) {
			break
		}
		if err != nil {
			return err
		}
		if h := b.scan.header; h.kinded && h.kind != "history" {
			b.history = nil // only there do versions have to be compared
		}
		b.late = b.late || seen && e.kind == typePatient
		seen = seen || e.kind == typeObservation
		if err := b.learn(&e, b.entries); err != nil {
			return err
		}
	}
	if err := b.scan.header.check(); err != nil {
		return err
	}
	if b.scan.header.kind != "history" {
		b.history = nil
	}
	b.first = b.SHA256()
	if b.late {
		b.stage = patients
	}
	return b.rewind()
}

// rewind begins a reading.
func (b *BundleReader) rewind() error {
	if b.file != nil {
		if _, err := b.file.Seek(b.start, io.SeekStart); err != nil {
			return fmt.Errorf("read the file again: %w", err)
		}
	}
	b.sum, b.entries = sha256.New(), 0
	in := bufio.NewReaderSize(io.TeeReader(b.once, b.sum), 64<<10)
	head, err := in.Peek(4)
	if err != nil && !errors.Is(err, io.EOF) {
		return fmt.Errorf("read the file: %w", err)
	}
	switch {
	case bytes.HasPrefix(head, []byte("\xef\xbb\xbf")):
		_, err = in.Discard(3)
	case bytes.HasPrefix(head, []byte("\xff\xfe")), bytes.HasPrefix(head, []byte("\xfe\xff")), bytes.IndexByte(head, 0) >= 0:
		return errors.New("the file is not UTF-8, as FHIR JSON is, but looks like UTF-16: save it as UTF-8")
	}
	if err != nil && !errors.Is(err, io.EOF) {
		return fmt.Errorf("read the file: %w", err)
	}
	b.scan = newScan(in)
	return nil
}

// entry reads the next entry.
func (b *BundleReader) entry() (entry, error) {
	if err := b.scan.toEntry(); err != nil {
		return entry{}, err
	}
	if b.file == nil && b.entries == 0 {
		if err := b.scan.header.early(); err != nil {
			return entry{}, err
		}
	}
	b.entries++
	return b.scan.entry()
}

// step reads one entry of the current reading; what it is not for comes blank.
func (b *BundleReader) step() (intake.Record, error) {
	blank := intake.Record{Blank: true}
	if b.stage == over {
		return blank, errEndOfEntries
	}
	e, err := b.entry()
	if err != nil {
		return blank, err
	}
	patient := e.kind == typePatient
	if b.stage == patients && !patient || b.stage == following && patient {
		return blank, nil
	}
	rec := b.record(&e, b.entries)
	if b.file == nil && b.unmet {
		return blank, b.hold(e)
	}
	return rec, nil
}

// hold lets an Observation of a single reading wait whose Patient may follow.
func (b *BundleReader) hold(e entry) error {
	b.weight += len(e.body)
	if len(b.waiting) == maxWaiting || b.weight > maxToken {
		return fmt.Errorf("line %d: too many Observations stand before or without their Patients, and standard input can't be read twice: import the Bundle by its file name", e.line)
	}
	b.waiting = append(b.waiting, e)
	return nil
}

// turn ends a reading: the next one begins, or what waited is handed over.
func (b *BundleReader) turn() (intake.Record, error) {
	blank := intake.Record{Blank: true}
	switch {
	case b.stage == patients:
		b.stage = following
		return blank, b.rewind()
	case b.stage != over:
		if err := b.close(); err != nil {
			return blank, err
		}
		b.stage = over
	}
	if len(b.waiting) == 0 {
		return blank, io.EOF
	}
	e := b.waiting[0]
	b.waiting = b.waiting[1:]
	return b.record(&e, 0), nil
}

// close checks the end of the last reading.
func (b *BundleReader) close() error {
	if b.file == nil {
		return b.scan.header.check()
	}
	if !bytes.Equal(b.first, b.SHA256()) {
		return errors.New("the file changed while it was read: import it again")
	}
	return nil
}
