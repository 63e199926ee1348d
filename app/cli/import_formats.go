package cli

import (
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"healthportal/app/intake"
	"healthportal/app/intake/applehealth"
	"healthportal/app/intake/csvfile"
	"healthportal/app/intake/detect"
	"healthportal/app/intake/fhir"
	"healthportal/app/intake/portable"
)

// source opens the reader of the file's format.
func (f *importFile) source(read func(int), rewound func(), csv csvfile.Mapping) (intake.Source, error) {
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
		return f.appleHealth(in)
	case detect.Portal:
		return portable.New(in), nil
	default:
		src, err := csvfile.New(in, csv)
		return src, f.named(err)
	}
}

func (f *importFile) appleHealth(in io.Reader) (intake.Source, error) {
	at, seekable := in.(io.ReaderAt)
	if !f.zipped || !seekable {
		return applehealth.New(in), nil
	}
	src, err := applehealth.OpenZip(at, f.size)
	return src, f.named(err)
}

// csvMapping is what the command line says about a CSV file.
func (c importEventsCommand) csvMapping() (m csvfile.Mapping, err error) {
	if c.Mapping != "" {
		if len(c.Map)+len(c.Set) > 0 {
			return m, errors.New("--mapping says it all: write what --map and --set say into its file")
		}
		text, err := os.ReadFile(c.Mapping)
		if err != nil {
			return m, fmt.Errorf("--mapping: %w", err)
		}
		if m, err = csvfile.ParseMapping(text); err != nil {
			return m, fmt.Errorf("--mapping: %w", err)
		}
	} else if m, err = csvfile.ParsePairs(c.Map, c.Set); err != nil {
		return m, fmt.Errorf("--map, --set: %w", err)
	}
	if c.Zone != "" {
		// "Local" would be this machine's own zone.
		if _, err := time.LoadLocation(c.Zone); err != nil || c.Zone == "Local" {
			return m, errors.New("--zone is not the IANA name of a time zone, such as Europe/Berlin")
		}
		m.Zone = c.Zone
	}
	return m, nil
}
