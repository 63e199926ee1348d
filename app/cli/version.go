package cli

import (
	"fmt"

	"healthportal/app/portal"
)

type versionCommand struct{}

// Run prints the version.
func (versionCommand) Run(r *run) error {
	_, err := fmt.Fprintln(r.Stdout, "portal", portal.Version())
	return err
}
