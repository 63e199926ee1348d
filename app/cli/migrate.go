package cli

import "fmt"

type migrateCommand struct{}

// Run opens the database, which migrates it.
func (migrateCommand) Run(r *run) (err error) {
	p, err := r.open()
	if err != nil {
		return err
	}
	defer closing(p, &err)
	_, err = fmt.Fprintln(r.Stdout, "The database is up to date.")
	return err
}
