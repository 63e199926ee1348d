package cli

import (
	"errors"
	"fmt"

	"healthportal/app/intake"
	"healthportal/app/intake/fhir"
)

type importEventsCommand struct {
	File          string `arg:"" help:"FHIR R4 NDJSON file with Patient and Observation resources; - reads standard input."`
	CreatePersons bool   `name:"create-persons" help:"Make a person of each unknown patient instead of refusing the lines."`
	Team          string `help:"Care team that gets the file's patients; made where it does not exist."`
	Synthetic     bool   `help:"Mark the persons that this import creates as made up."`
	JSON          bool   `name:"json" help:"Print the report as JSON."`
}

// Run imports the file. Refused lines are listed on standard error and make the
// exit code 1; everything else is stored.
func (c importEventsCommand) Run(r *run) (err error) {
	in, err := r.openInput(c.File)
	if err != nil {
		return err
	}
	defer in.Close() //nolint:errcheck // read only
	p, err := r.open()
	if err != nil {
		return err
	}
	defer closing(p, &err)
	report, err := c.report(r, func(o intake.Options) (intake.Report, error) {
		return p.ImportEvents(r.ctx, fhir.NewReader(in), o)
	})
	if err != nil {
		return err
	}
	if report.Refused > 0 {
		return errReported
	}
	return nil
}

func (c importEventsCommand) report(r *run, do func(intake.Options) (intake.Report, error)) (intake.Report, error) {
	bar := newProgress(r.Stderr)
	report, err := do(intake.Options{CreatePersons: c.CreatePersons, Team: c.Team, Synthetic: c.Synthetic, Progress: func(at intake.Report) {
		bar.show(at.Summary())
	}})
	bar.done()
	if c.JSON {
		return report, errors.Join(err, r.printJSON(report))
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
	_, err = fmt.Fprintf(r.Stdout, "import events: %s\n", report.Summary())
	return report, err
}
