package cli

import (
	"healthportal/app/portal"
)

type serveCommand struct{}

// Run serves until the process is told to stop.
func (serveCommand) Run(r *run) (err error) {
	ln, err := portal.Listen(r.ctx, r.cfg.Addr)
	if err != nil {
		return err
	}
	p, err := r.open()
	if err != nil {
		ln.Close() //nolint:errcheck // nothing was served
		return err
	}
	defer closing(p, &err)
	return p.Serve(r.ctx, ln, func() {})
}
