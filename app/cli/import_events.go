package cli

import (
	"errors"
	"fmt"
	"strings"

	"healthportal/app/health"
	"healthportal/app/intake"
	"healthportal/app/intake/csvfile"
	"healthportal/app/intake/detect"
	"healthportal/app/portal"
)

type importEventsCommand struct {
	Files         []string `arg:"" name:"file" help:"FHIR R4 NDJSON or Bundle, Apple Health export (xml or zip), portal NDJSON or CSV; - reads standard input. Each file is an import of its own."`
	Format        string   `help:"fhir-ndjson, fhir-bundle, apple-health, portal-ndjson or csv; told by the file's first bytes where left out."`
	Person        string   `help:"Whose the values are that name nobody: a record number, or system|value of an identifier."`
	Zone          string   `help:"IANA time zone of a CSV file's times that have none."`
	Map           []string `sep:"none" help:"CSV column and the field that it holds, as column=field, or column=- to leave it out; repeatable."`
	Set           []string `sep:"none" help:"Field that has one value in all lines of a CSV file, as field=value; repeatable."`
	Mapping       string   `help:"File with the mapping of a CSV file's columns."`
	CreatePersons bool     `name:"create-persons" help:"Make a person of each unknown patient instead of refusing the lines."`
	Team          string   `help:"Care team that gets the file's patients; made where it does not exist."`
	Synthetic     bool     `help:"Mark the persons that this import creates as made up."`
	JSON          bool     `name:"json" help:"Print each file's report as a JSON document."`
}

// Run imports the files in the order given, once each of them was found to be of
// a known format. Refused lines are listed on standard error and make the exit
// code 1; everything else is stored. A file that can't be taken as a whole stops
// the command.
func (c importEventsCommand) Run(r *run) (err error) {
	person, csv, err := c.choices()
	if err != nil {
		return usageError{err}
	}
	files, err := r.openImports(c.Files, detect.Format(c.Format))
	defer func() {
		for _, f := range files {
			f.close()
		}
	}()
	if err != nil {
		return err
	}
	for _, f := range files {
		if err := c.fits(f); err != nil {
			return usageError{fmt.Errorf("%s: %w", f.name, err)}
		}
	}
	p, err := r.open()
	if err != nil {
		return err
	}
	defer closing(p, &err)
	refused := 0
	for i, f := range files {
		report, err := c.one(r, p, f, person, csv)
		if err != nil {
			return c.stopped(err, files, i)
		}
		refused += report.Refused
	}
	if refused > 0 {
		return errReported
	}
	return nil
}

// stopped says which file it was and which were not begun, where there are several.
func (c importEventsCommand) stopped(err error, files []*importFile, i int) error {
	if len(files) == 1 {
		return err
	}
	if rest := len(files) - i - 1; rest > 0 {
		return fmt.Errorf("%s: %w; %d of the %d files not begun", files[i].name, err, rest, len(files))
	}
	return fmt.Errorf("%s: %w", files[i].name, err)
}

// choices reads the flags whose values have a form.
func (c importEventsCommand) choices() (person health.Identifier, csv csvfile.Mapping, err error) {
	if c.Format != "" {
		if _, err := detect.ParseFormat(c.Format); err != nil {
			return person, csv, fmt.Errorf("--format: %w", err)
		}
	}
	if person, err = parsePerson(c.Person); err != nil {
		return person, csv, err
	}
	csv, err = c.csvMapping()
	return person, csv, err
}

// parsePerson reads "system|value" of an identifier, or a record number.
func parsePerson(s string) (health.Identifier, error) {
	system, value, both := strings.Cut(s, "|")
	switch {
	case s == "":
		return health.Identifier{}, nil
	case !both:
		return health.Identifier{System: health.SystemRecordNumber, Value: s}, nil
	case system == "" || value == "":
		return health.Identifier{}, errors.New("--person: give a record number, or system|value of an identifier")
	default:
		return health.Identifier{System: system, Value: value}, nil
	}
}

// fits refuses flags that a file's format has no use for, and those that are missing.
func (c importEventsCommand) fits(f *importFile) error {
	switch {
	case f.format != detect.CSV && (c.Zone != "" || len(c.Map)+len(c.Set) > 0 || c.Mapping != ""):
		return fmt.Errorf("--zone, --map, --set and --mapping are for CSV, and the file is %s", f.format)
	case f.format == detect.AppleHealth && c.Person == "":
		return errors.New("an Apple Health export does not say whose it is: name the person with --person")
	default:
		return nil
	}
}

// one imports a file and tells what came of it.
func (c importEventsCommand) one(r *run, p *portal.Portal, f *importFile, person health.Identifier, csv csvfile.Mapping) (intake.Report, error) {
	bar := &importProgress{bar: newProgress(r.Stderr), total: f.size}
	src, err := f.source(bar.read, bar.rewound, csv)
	if err != nil {
		return intake.Report{}, err
	}
	report, err := p.ImportEvents(r.ctx, src, intake.Options{
		Person: person, CreatePersons: c.CreatePersons, Team: c.Team, Synthetic: c.Synthetic, Progress: bar.report,
	})
	bar.done()
	if c.JSON {
		return report, errors.Join(err, r.printJSON(fileReport{f.name, report}))
	}
	for _, problem := range report.Problems {
		fmt.Fprintln(r.Stderr, problem)
	}
	if n := report.Omitted(); n > 0 {
		fmt.Fprintf(r.Stderr, "and %d more\n", n)
	}
	if err != nil && report.Lines > 0 {
		return report, fmt.Errorf("%w; stored before: %s", err, report.Summary())
	}
	if err != nil {
		return report, err
	}
	return report, writeReport(r.Stdout, f.name, &report)
}

// fileReport is a report with the file that it is about.
type fileReport struct {
	File string `json:"file"`
	intake.Report
}
