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
	"healthportal/app/research"
	"healthportal/app/web"
	"healthportal/store/cache"
	"healthportal/store/embedded"
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
func (p *Portal) Serve(ctx context.Context, ln net.Listener, ready func()) (err error) {
	server, err := p.server(ctx)
	if err != nil {
		return errors.Join(err, ln.Close())
	}
	stopMetrics, err := p.serveMetrics(ctx, p.aggregates.Counts)
	if err != nil {
		return errors.Join(err, ln.Close())
	}
	defer func() { err = errors.Join(err, stopMetrics()) }()
	following, stopFollowing := context.WithCancel(ctx)
	defer stopFollowing()
	watched := make(chan struct{})
	defer func() { stopFollowing(); <-watched }()
	go func() { defer close(watched); p.supervise(following, superviseEvery) }()
	go p.follow(following, followEvery)
	told := make(chan struct{})
	defer func() { stopFollowing(); <-told }()
	go func() { defer close(told); p.watchSessions(following) }()
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
	m, err := p.Manifest()
	if err != nil {
		return nil, err
	}
	if err := p.adoptZone(ctx, m); err != nil {
		return nil, err
	}
	index, err := p.Mirror(ctx)
	if err != nil {
		return nil, err
	}
	if err := p.cacheSessions(); err != nil {
		return nil, err
	}
	p.aggregates = cache.NewAggregates(p.DB, time.Now)
	keys, err := passkey.New(p.passkeyConfig(), p.DB, p.DB)
	if err != nil {
		return nil, fmt.Errorf("passkeys: %w", err)
	}
	directory, err := p.Directory()
	if err != nil {
		return nil, err
	}
	ring, err := p.Keys(ctx)
	if err != nil {
		return nil, err
	}
	log, err := p.Audit(ctx)
	if err != nil {
		return nil, err
	}
	synthetic, err := p.Synthetic(ctx)
	if err != nil {
		return nil, err
	}
	server, err := web.New(web.Config{
		Origin: p.Config.Origin, SiteName: m.Site.Name, Synthetic: synthetic, Zone: p.zone(m), Version: Version(), Logger: p.Log,
		TrustedProxies: p.Config.TrustedProxies, RateLimit: p.Config.RateLimit,
		ExportCheckRows: p.Config.ExportCheckRows,
	}, web.Deps{
		Sessions: p.Sessions(), Passkeys: keys, Verifier: keys, OwnPasskeys: keys, Notices: p.DB, SessionIssuer: p.Sessions(), OwnSessions: p.Sessions(), Attempts: p.DB,
		Keys: p.APIKeys(), KeyReader: p.APIKeys(), KeyKeeper: p.APIKeys(), Downloads: downloadTokens{ring},
		People: directory, PeopleRights: directory, UserPasskeys: keys, UserSessions: p.Sessions(),
		Teams: p.DB, TeamKeeper: p.DB,
		Patients: p.DB, Series: p.aggregates, Ranges: p.DB, RangeKeeper: p.DB, Home: p.aggregates, NewReports: index, Views: viewIDs{ring}, Events: p.DB, SavedViews: p.DB, Exports: p.DB, Receipts: p.DB,
		Audit: log, AuditLog: p.DB, Lookers: p.DB, Emergencies: p.DB, Reviews: p.DB, Alerts: p.Alerts(),
		Research: research.NewView(p.DB, ring),
		Reports:  index, ReportRights: p.DB, ReportFiles: reportfile.NewFiles(m),
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

// superviseEvery is how often a serving portal looks after its own PostgreSQL.
const superviseEvery = 5 * time.Second

// supervise starts the embedded PostgreSQL again when it has died, for example
// by the system's memory killer. A database of DATABASE_URL is not ours to start.
func (p *Portal) supervise(ctx context.Context, every time.Duration) {
	if p.lease == nil {
		return
	}
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		err := p.alive(ctx)
		if err == nil || ctx.Err() != nil {
			continue
		}
		p.Log.Error("the embedded database does not answer", "error", err)
		lease, err := embedded.Open(ctx, p.embeddedOptions())
		if err != nil {
			p.Log.Error("the embedded database can't be started again", "error", err)
			continue
		}
		old := p.lease
		p.lease = lease
		p.Log.Warn("the embedded database is back", "restarted", lease.Started())
		if err := old.Close(ctx); err != nil {
			p.Log.Warn("the old lease on the embedded database", "error", err)
		}
	}
}

// alive asks the database for an answer within a few seconds.
func (p *Portal) alive(ctx context.Context) error {
	asking, cancel := context.WithTimeout(ctx, 3*time.Second)
	defer cancel()
	return p.DB.Ping(asking)
}
