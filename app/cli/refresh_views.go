package cli

import (
	"fmt"
)

type refreshViewsCommand struct{}

// Run catches up the rollup and makes the next partitions.
func (refreshViewsCommand) Run(r *run) (err error) {
	p, err := r.open()
	if err != nil {
		return err
	}
	defer closing(p, &err)
	counts, err := p.RefreshViews(r.ctx)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(r.Stdout, "refresh-views: %d days rebuilt, %d partitions made\n", counts["days"], counts["partitions"])
	return err
}
