package detect

import (
	"archive/zip"
	"bytes"
	"errors"
	"fmt"
	"io"
	"path"
	"strings"
)

// File tells the format of a file. zipped says that it is a zip, which only an
// Apple Health export may be.
func File(r io.ReaderAt, size int64) (f Format, zipped bool, err error) {
	head := make([]byte, min(size, HeadSize))
	if _, err := r.ReadAt(head, 0); err != nil && !errors.Is(err, io.EOF) {
		return "", false, fmt.Errorf("read its begin: %w", err)
	}
	if IsZip(head) {
		f, err = Zip(r, size)
		return f, true, err
	}
	f, err = Head(head, size <= HeadSize)
	return f, false, err
}

// IsZip reports whether data begins as a zip with entries does.
func IsZip(head []byte) bool { return bytes.HasPrefix(head, []byte("PK\x03\x04")) }

// Zip tells what a zip holds by the names of its entries.
func Zip(r io.ReaderAt, size int64) (Format, error) {
	z, err := zip.NewReader(r, size)
	if err != nil {
		return "", unlike("a damaged or cut off zip", "get it anew")
	}
	for _, e := range z.File {
		if appleExport(e.Name) {
			return AppleHealth, nil
		}
	}
	markup := false
	for _, e := range z.File {
		switch name := strings.ToLower(e.Name); {
		case name == "xl/workbook.xml":
			return "", unlike("an Excel workbook", "save the sheet as CSV (UTF-8)")
		case name == "word/document.xml":
			return "", unlike("a Word document", "events can't be imported from it")
		case strings.HasSuffix(name, ".json"), strings.HasSuffix(name, ".ndjson"), strings.HasSuffix(name, ".csv"):
			return "", unlike("a zip of data files", "unpack it and give the files by name: portal import events FILE...")
		default:
			markup = markup || strings.HasSuffix(name, ".xml") && !strings.HasSuffix(name, "_cda.xml")
		}
	}
	if markup {
		// The reader of exports looks into it.
		return AppleHealth, nil
	}
	return "", unlike("a zip without an Apple Health export", "there is no export.xml in it")
}

// appleExport knows the main file of an export. Its name follows the language
// of the phone, that of its folder does not.
func appleExport(name string) bool {
	folder, file := path.Split(strings.ToLower(name))
	if path.Ext(file) != ".xml" || strings.HasSuffix(file, "_cda.xml") {
		return false
	}
	return file == "export.xml" && strings.Count(folder, "/") <= 1 || folder == "apple_health_export/"
}
