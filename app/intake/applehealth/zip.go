package applehealth

import (
	"archive/zip"
	"cmp"
	"crypto/sha256"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
)

// What is looked at in a zip: exports hold one or two XML files and thousands
// of routes and recordings.
const (
	maxEntryName  = 1 << 10
	maxCandidates = 64
)

// ErrZip is wrapped where a zip can't be opened or holds no export.
var ErrZip = errors.New("the zip holds no export that can be read")

// OpenZip returns a reader of the export in a zip of size bytes: the largest
// XML file whose root is HealthData, whatever it and its folder are called in
// the phone's language. ra has to stay open until Next returned an error.
//
// The export is unpacked once here to compare its checksum, which stands at its
// end: a flipped bit can make one good number of another, and none of them may
// be stored. The digest, SHA256, is that of the whole zip, read here as well.
func OpenZip(ra io.ReaderAt, size int64) (*Reader, error) {
	archive, err := zip.NewReader(ra, size)
	switch {
	case err == nil, errors.Is(err, zip.ErrInsecurePath):
		// Names are never used as paths.
	case errors.Is(err, zip.ErrFormat), errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return nil, zipError("this is no zip, or one that was cut off or damaged: copy or export it again", err)
	default:
		return nil, zipError("the zip can't be read: try again, or copy it to another disk", err)
	}
	entry, err := findExport(archive.File)
	if err != nil {
		return nil, err
	}
	if err := verify(entry); err != nil {
		return nil, zipError("the export in the zip is cut or damaged, and nothing of it was read: copy or export it again", err)
	}
	sum := sha256.New()
	n, err := io.Copy(sum, io.NewSectionReader(ra, 0, size))
	if err != nil || n != size {
		return nil, zipError("the zip can't be read to its end", errors.Join(err, io.ErrUnexpectedEOF))
	}
	content, err := entry.Open()
	if err != nil {
		return nil, zipError("the export in the zip can't be opened", err)
	}
	r := New(content)
	r.closer, r.whole = content, sum.Sum(nil)
	return r, nil
}

// verify unpacks an entry to its end, where archive/zip compares the checksum.
func verify(f *zip.File) error {
	content, err := f.Open()
	if err != nil {
		return fmt.Errorf("open an entry: %w", err)
	}
	defer content.Close()                                   //nolint:errcheck // read only
	if _, err := io.Copy(io.Discard, content); err != nil { //nolint:gosec // any size: nothing is kept
		return fmt.Errorf("unpack an entry: %w", err)
	}
	return nil
}

// zipError keeps the causes and words them without names of entries.
func zipError(words string, causes ...error) error {
	return &Error{0, words, errors.Join(append(causes, ErrZip)...)}
}

// findExport looks at the content of the XML files, the largest first. Their
// names decide nothing but whether they are looked at.
func findExport(files []*zip.File) (*zip.File, error) {
	var candidates []*zip.File
	for _, f := range files {
		name := strings.ToLower(f.Name)
		if strings.HasSuffix(name, ".xml") && len(name) <= maxEntryName {
			candidates = append(candidates, f)
		}
	}
	slices.SortStableFunc(candidates, func(a, b *zip.File) int { return cmp.Compare(b.UncompressedSize64, a.UncompressedSize64) })
	var failed []error
	for _, f := range candidates[:min(len(candidates), maxCandidates)] {
		ok, err := isExport(f)
		if ok {
			return f, nil
		}
		if err != nil {
			failed = append(failed, err)
		}
	}
	switch {
	case len(failed) > 0:
		return nil, zipError(fmt.Sprintf("the zip holds no export that can be read: %d of its %d XML files can't be opened. "+
			"It is damaged, encrypted or packed in an uncommon way: export it again", len(failed), len(candidates)), failed...)
	case len(candidates) == 0:
		return nil, zipError("the zip holds no XML file: choose the zip that the Health app made, or its export.xml")
	default:
		return nil, zipError("the zip holds no Apple Health export: none of its XML files begins with HealthData " +
			"(export_cda.xml is not it); choose the zip that the Health app made, or its export.xml")
	}
}

// errEncrypted: archive/zip would take the cipher text for content.
var errEncrypted = errors.New("the entry is encrypted")

func isExport(f *zip.File) (ok bool, err error) {
	if f.Flags&1 != 0 {
		return false, errEncrypted
	}
	content, err := f.Open()
	if err != nil {
		return false, fmt.Errorf("open an entry: %w", err)
	}
	defer content.Close() //nolint:errcheck // read only
	r := New(content)
	if err := r.begin(); err != nil {
		if errors.Is(err, ErrNotExport) {
			return false, nil
		}
		return false, err
	}
	t, err := r.dec.RawToken()
	if err != nil {
		return false, r.ended(err, r.line())
	}
	start, ok := t.(xml.StartElement)
	return ok && start.Name == xml.Name{Local: "HealthData"}, nil
}
