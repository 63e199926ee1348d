package cli

import "fmt"

type cleanupSessionsCommand struct{}

// Run deletes what nobody can use any more.
func (cleanupSessionsCommand) Run(r *run) (err error) {
	p, err := r.open()
	if err != nil {
		return err
	}
	defer closing(p, &err)
	counts, err := p.CleanupSessions(r.ctx)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(r.Stdout, "cleanup-sessions: %d sessions, %d ceremonies, %d enrolment links, %d receipts of exports deleted\n",
		counts["sessions"], counts["ceremonies"], counts["enrolments"], counts["receipts"])
	return err
}
