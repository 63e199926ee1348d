package cli

import (
	"errors"
	"fmt"
	"path/filepath"
	"strings"

	"healthportal/app/intake/careteam"
)

type importCareTeamsCommand struct {
	File   string `arg:"" help:"CSV with the columns team,user,record_number,from,to, or FHIR R4 JSON; - reads standard input."`
	Format string `help:"csv or fhir; by the file name where left out (.csv, .json, .ndjson)."`
	DryRun bool   `name:"dry-run" help:"Report what would happen and change nothing."`
	JSON   bool   `name:"json" help:"Print the report as JSON."`
}

// Run imports the file. Refused lines are listed on standard error and make the
// exit code 1; everything else is stored.
func (c importCareTeamsCommand) Run(r *run) (err error) {
	format, err := c.format()
	if err != nil {
		return usageError{err}
	}
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
	report, err := p.ImportCareTeams(r.ctx, in, careteam.Options{Format: format, DryRun: c.DryRun})
	if c.JSON {
		err = errors.Join(err, r.printJSON(report))
	} else if perr := c.print(r, report, err); perr != nil {
		return perr
	}
	if err != nil {
		return err
	}
	if report.Refused > 0 {
		return errReported
	}
	return nil
}

func (c importCareTeamsCommand) print(r *run, report careteam.Report, failed error) error {
	for _, p := range report.Problems {
		fmt.Fprintln(r.Stderr, p)
	}
	for _, team := range report.NewTeams {
		fmt.Fprintf(r.Stderr, "new care team: %s\n", team)
	}
	if failed != nil {
		return nil
	}
	mode := ""
	if c.DryRun {
		mode = " (dry run, nothing was stored)"
	}
	_, err := fmt.Fprintf(r.Stdout, "import care-teams%s: %s\n", mode, report.Summary())
	return err
}

func (c importCareTeamsCommand) format() (careteam.Format, error) {
	switch name := strings.ToLower(c.Format); {
	case name == string(careteam.CSV), name == string(careteam.FHIR):
		return careteam.Format(name), nil
	case name != "":
		return "", fmt.Errorf("--format %q: use csv or fhir", c.Format)
	}
	switch strings.ToLower(filepath.Ext(c.File)) {
	case ".csv":
		return careteam.CSV, nil
	case ".json", ".ndjson":
		return careteam.FHIR, nil
	default:
		return "", fmt.Errorf("%s: its name does not tell the format; give --format csv or --format fhir", c.File)
	}
}
