package cli

import (
	"fmt"
	"io"
	"time"

	"healthportal/app/intake"
	"healthportal/app/intake/detect"
	"healthportal/app/intake/fhir"
)

// source opens the reader of the file's format.
func (f *importFile) source(read func(int), rewound func(), csv csvChoices) (intake.Source, error) {
	in, err := f.reading(read, rewound)
	if err != nil {
		return nil, err
	}
	switch f.format {
	case detect.FHIRNDJSON:
		return fhir.NewReader(in), nil
	case detect.FHIRBundle:
		return fhir.NewBundle(in), nil
	case detect.AppleHealth:
		if at, ok := in.(io.ReaderAt); ok && f.zipped {
			return appleZipSource(at, f.size)
		}
		return appleSource(in)
	case detect.Portal:
		return portalSource(in)
	default:
		return csvSource(in, csv)
	}
}

// csvChoices are what the command line says about a CSV file.
type csvChoices struct {
	// Columns are "column=field", as --map gives them.
	Columns []string
	// Mapping is the content of the file of --mapping; nil where there is none.
	Mapping []byte
	// Zone is that of times without one; nil where none was named.
	Zone *time.Location
}

// The readers below are wired in with one line each.

func csvSource(io.Reader, csvChoices) (intake.Source, error) { return nil, noReader(detect.CSV) }

func appleSource(io.Reader) (intake.Source, error) { return nil, noReader(detect.AppleHealth) }

func appleZipSource(io.ReaderAt, int64) (intake.Source, error) {
	return nil, noReader(detect.AppleHealth)
}

func portalSource(io.Reader) (intake.Source, error) { return nil, noReader(detect.Portal) }

func noReader(f detect.Format) error {
	return fmt.Errorf("files of the format %s can't be read by this version", f)
}
