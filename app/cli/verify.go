package cli

import (
	"fmt"

	"healthportal/app/portal"
)

type verifyCommand struct {
	JSON bool `name:"json" help:"Print every check as JSON."`
}

// Run checks database objects, sample SELECTs and the manifest's paths; any
// problem makes the exit code 1.
func (c verifyCommand) Run(r *run) (err error) {
	p, err := r.open()
	if err != nil {
		return err
	}
	defer closing(p, &err)
	checks, err := p.Verify(r.ctx)
	if err != nil {
		return err
	}
	problems := 0
	for _, check := range checks {
		if check.Problem != "" {
			problems++
		}
	}
	if c.JSON {
		err = r.printJSON(checks)
	} else {
		err = r.printChecks(checks, problems)
	}
	if err == nil && problems > 0 {
		return errReported
	}
	return err
}

func (r *run) printChecks(checks []portal.Check, problems int) error {
	for _, check := range checks {
		line := fmt.Sprintf("ok       %s %s", check.Kind, check.Name)
		if check.Found != "" {
			line += ": " + check.Found
		}
		if check.Problem != "" {
			line = fmt.Sprintf("PROBLEM  %s %s: %s", check.Kind, check.Name, check.Problem)
		}
		fmt.Fprintln(r.Stdout, line) //nolint:errcheck // the last line reports it
	}
	_, err := fmt.Fprintf(r.Stdout, "verify: %d checks, %d problems\n", len(checks), problems)
	return err
}
