// Package detect tells what format a file of health data has, from its first
// bytes and, for a zip, from its entries. What can't be imported is named
// with what to do about it.
package detect

import (
	"bytes"
	"fmt"
	"unicode/utf8"
)

// Format names a reader, as --format and the import's record do.
type Format string

// The formats that are read.
const (
	FHIRNDJSON  Format = "fhir-ndjson"
	FHIRBundle  Format = "fhir-bundle"
	AppleHealth Format = "apple-health"
	Portal      Format = "portal-ndjson"
	CSV         Format = "csv"
)

// Formats are all of them, in the order of the documentation.
func Formats() []Format { return []Format{FHIRNDJSON, FHIRBundle, AppleHealth, Portal, CSV} }

// ParseFormat reads the name of a format.
func ParseFormat(s string) (Format, error) {
	for _, f := range Formats() {
		if string(f) == s {
			return f, nil
		}
	}
	return "", fmt.Errorf("%q is no format: use fhir-ndjson, fhir-bundle, apple-health, portal-ndjson or csv", s)
}

// PortalFormat is the value of the element "format" in the first line of the portal's own NDJSON.
const PortalFormat = "health-portal-observations"

// HeadSize is how many bytes of a file are enough.
const HeadSize = 64 << 10

// Error says what data looks like that can't be imported. It quotes nothing of it.
type Error struct {
	// Looks completes "it looks like ...", Do says what to do about it.
	Looks, Do string
}

// Error is one sentence, and what is accepted.
func (e *Error) Error() string {
	return "it looks like " + e.Looks + ": " + e.Do + " (accepted are FHIR R4 JSON as NDJSON or Bundle, an Apple Health export, the portal's own NDJSON, and CSV; where this is mistaken, say --format)"
}

func unlike(looks, do string) error { return &Error{looks, do} }

// Head tells the format of what begins with head: HeadSize bytes, or the whole
// where it is shorter, which whole tells. Empty data is FHIR NDJSON without lines.
// The entries of a zip stand at its end: see Zip.
func Head(head []byte, whole bool) (Format, error) {
	if err := encoding(head); err != nil {
		return "", err
	}
	head = bytes.TrimPrefix(head, []byte("\xef\xbb\xbf"))
	text := bytes.TrimLeft(head, " \t\r\n")
	switch {
	case len(text) == 0 && whole:
		return FHIRNDJSON, nil
	case len(text) == 0:
		return "", unlike("blank space", "the first 64 KiB hold nothing; remove them")
	}
	if err := signature(head); err != nil {
		return "", err
	}
	switch text[0] {
	case '<':
		return markup(text, whole)
	case '{':
		return object(text, whole)
	case '[':
		return "", unlike("a JSON array", "write its objects one on each line (jq -c '.[]')")
	}
	return plain(text, whole)
}

// encoding refuses what is not UTF-8 by its byte order mark or its zero bytes.
func encoding(head []byte) error {
	const do = "save it as UTF-8"
	switch {
	case bytes.HasPrefix(head, []byte("\xff\xfe")), bytes.HasPrefix(head, []byte("\xfe\xff")), bytes.HasPrefix(head, []byte("\x00\x00\xfe\xff")):
		return unlike("text in UTF-16 or UTF-32", do)
	case len(head) >= 4 && (head[0] == 0) != (head[1] == 0) && (head[2] == 0) != (head[3] == 0) && (head[0] == 0) == (head[2] == 0):
		return unlike("text in UTF-16", do)
	}
	return nil
}

// signature refuses the kinds of files that begin with bytes of their own.
func signature(head []byte) error {
	const unpack = "unpack it and import what is in it"
	for _, s := range []struct{ begin, looks, do string }{
		{"PK\x03\x04", "a zip", "give it by its file name, because its list of entries stands at its end"},
		{"PK\x05\x06", "an empty zip", "there is nothing in it to import"},
		{"\x1f\x8b", "a file compressed with gzip", "unpack it (gzip -dc FILE | portal import events -)"},
		{"BZh", "a file compressed with bzip2", unpack},
		{"\xfd7zXZ\x00", "a file compressed with xz", unpack},
		{"\x28\xb5\x2f\xfd", "a file compressed with zstd", unpack},
		{"7z\xbc\xaf\x27\x1c", "a 7-Zip archive", unpack},
		{"Rar!", "a RAR archive", unpack},
		{"%PDF", "a PDF", "documents can't be imported as events; genomics reports belong into a report root"},
		{"\xd0\xcf\x11\xe0", "an old Excel or Word file", "save the sheet as CSV (UTF-8)"},
		{"SQLite format 3\x00", "an SQLite database", "export the table as CSV"},
		{"PAR1", "a Parquet file", "export it as CSV or FHIR NDJSON"},
		{"MSH|", "an HL7 version 2 message", "turn it into FHIR R4 first"},
		{"##fileformat=VCF", "a VCF", "variants come in by portal import variants"},
	} {
		if bytes.HasPrefix(head, []byte(s.begin)) {
			return unlike(s.looks, s.do)
		}
	}
	return nil
}

// plain is text that is neither XML nor JSON: a CSV has a delimiter in its first line.
func plain(text []byte, whole bool) (Format, error) {
	for !whole && len(text) > 0 && !utf8.RuneStart(text[len(text)-1]) {
		text = text[:len(text)-1]
	}
	if !whole && len(text) > 0 && text[len(text)-1] >= utf8.RuneSelf {
		text = text[:len(text)-1]
	}
	first, rest, _ := bytes.Cut(text, []byte("\n"))
	switch {
	case bytes.IndexByte(text, 0) >= 0:
		return "", unlike("binary data", "it is no format that the portal knows")
	case resourceLine(rest) != "":
		// The reader tells which lines are damaged.
		return FHIRNDJSON, nil
	case !utf8.Valid(text):
		return "", unlike("text that is not UTF-8", "save it as UTF-8")
	case bytes.ContainsAny(first, ",;\t|"):
		return CSV, nil
	default:
		return "", unlike("plain text", "a CSV file needs a first line that names its columns, with commas, semicolons or tabs between them")
	}
}
