package portal

import (
	"context"
	"errors"
	"fmt"
	"net"
	"time"

	"healthportal/app/genomics/reportfile"
	"healthportal/app/health"
	"healthportal/app/passkey"
	"healthportal/app/web"
)

// drainTimeout is how long requests under way may take at the end.
const drainTimeout = 15 * time.Second

// Listen takes the portal's address. Do it before long work, so that a taken
// port is known at once.
func Listen(ctx context.Context, addr string) (net.Listener, error) {
	ln, err := (&net.ListenConfig{}).Listen(ctx, "tcp", addr)
	if err != nil {
		return nil, fmt.Errorf("can't listen on %s: %w; end what uses the port or set PORTAL_ADDR and PORTAL_ORIGIN to another one", addr, err)
	}
	return ln, nil
}

// Serve answers on ln until ctx ends, then lets requests under way finish.
// ready is called once requests are answered.
func (p *Portal) Serve(ctx context.Context, ln net.Listener, ready func()) error {
	server, err := p.server(ctx)
	if err != nil {
		return errors.Join(err, ln.Close())
	}
	following, stopFollowing := context.WithCancel(ctx)
	defer stopFollowing()
	go p.follow(following, followEvery)
	done := make(chan error, 1)
	go func() { done <- server.Serve(ln) }()
	p.Log.Info("serving", "address", ln.Addr().String(), "origin", p.Config.Origin, "version", Version())
	ready()
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
		p.Log.Info("stopping")
	}
	drain, cancel := context.WithTimeout(context.WithoutCancel(ctx), drainTimeout)
	defer cancel()
	return errors.Join(server.Shutdown(drain), <-done)
}

func (p *Portal) server(ctx context.Context) (*web.Server, error) {
	m, err := p.Manifest(ctx)
	if err != nil {
		return nil, err
	}
	index, err := p.Mirror(ctx)
	if err != nil {
		return nil, err
	}
	keys, err := passkey.New(p.passkeyConfig(), p.DB)
	if err != nil {
		return nil, fmt.Errorf("passkeys: %w", err)
	}
	synthetic, err := p.Synthetic(ctx)
	if err != nil {
		return nil, err
	}
	server, err := web.New(web.Config{
		Origin: p.Config.Origin, SiteName: m.Site.Name, Synthetic: synthetic, Zone: p.zone(m), Version: Version(), Logger: p.Log,
	}, web.Deps{
		Sessions: p.Sessions(), Passkeys: keys, SessionIssuer: p.Sessions(),
		Patients: p.DB, Series: p.DB, Events: p.DB,
		Reports: index, ReportRights: p.DB, ReportFiles: reportfile.NewFiles(m),
		Checks: []web.Check{
			{Name: "postgres", Ping: p.DB.Ping},
			{Name: "mirror", Ping: index.Ping},
		},
	})
	if err != nil {
		return nil, fmt.Errorf("web server: %w", err)
	}
	return server, nil
}

// followEvery is how often a serving portal looks for changes of the index that
// another host's sync-reports made.
const followEvery = time.Minute

// follow keeps the mirror up to date until ctx ends. The mirror stays as it was
// when the database does not answer.
func (p *Portal) follow(ctx context.Context, every time.Duration) {
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		if err := p.mirror.Follow(ctx, p.DB); err != nil && ctx.Err() == nil {
			p.Log.Warn("the report mirror could not follow the index", "error", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// Synthetic reports whether the demo filled this database.
func (p *Portal) Synthetic(ctx context.Context) (bool, error) {
	_, err := p.DB.Setting(ctx, SettingDemo)
	if errors.Is(err, health.ErrNotFound) {
		return false, nil
	}
	return err == nil, err
}
