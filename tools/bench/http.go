package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"path/filepath"
	"strings"
	"time"

	"github.com/valyala/fasthttp"

	"healthportal/app/access"
	"healthportal/app/demo"
	"healthportal/app/portal"
	"healthportal/app/session"
	"healthportal/app/web"
)

// httpPage measures the first page through the web server: session, patient,
// page and rendering.
func (b *bench) httpPage(ctx context.Context, who subject) error {
	result := Result{
		Name: "page of 50 events, HTTP", Limit: "pgbench, the request's statements in the same round trips", Unit: "requests/s", More: true, Goal: 0.35,
		Note: fmt.Sprintf("%d connections with a session; the load generator shares the processors with the server, as pgbench does", b.opt.clients),
	}
	pairs, err := b.httpPairs(ctx, who)
	var absent *absentError
	switch {
	case errors.As(err, &absent):
		result.NotMeasured = absent.Error()
	case err != nil:
		return err
	}
	result.Pairs = pairs
	b.add(result)
	return nil
}

// absentError says that the portal does not serve what should be measured.
type absentError struct{ why string }

// Error says what the portal answered.
func (e *absentError) Error() string { return e.why }

func (b *bench) httpPairs(ctx context.Context, who subject) ([]Pair, error) {
	statements, err := b.httpStatements(ctx, who)
	if err != nil {
		return nil, err
	}
	dsn, err := b.place.dsn(filled)
	if err != nil {
		return nil, err
	}
	s, err := b.serve(ctx, dsn, "web", who)
	if err != nil {
		return nil, err
	}
	pairs, err := b.httpAgainst(ctx, s, statements)
	return pairs, errors.Join(err, s.close())
}

func (b *bench) httpAgainst(ctx context.Context, s *site, statements side) ([]Pair, error) {
	if _, err := rate(ctx, b.opt.clients, 0, s.get); err != nil { // connect and plan before the first run
		return nil, err
	}
	return alternate(ctx, b.opt.runs, b.underLoad(s.get), statements)
}

// httpStatements asks once through a portal behind the tap, to know the
// request's statements.
func (b *bench) httpStatements(ctx context.Context, who subject) (_ side, err error) {
	t, dsn, err := b.tap(ctx)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, t.close()) }()
	s, err := b.serve(ctx, dsn, "tapped", who)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, s.close()) }()
	if err := s.get(ctx); err != nil {
		return nil, err
	}
	t.take()
	if err := s.get(ctx); err != nil {
		return nil, err
	}
	trips, settings, err := b.understand(ctx, "page of the event table through HTTP", t)
	if err != nil {
		return nil, err
	}
	return b.pgbench(settings, "http", trips)
}

// site is a portal that serves in this process, and a signed-in reader of it.
type site struct {
	portal *portal.Portal
	stop   context.CancelFunc
	served chan error
	client *fasthttp.HostClient
	origin *url.URL
	page   string
	cookie string
}

// serve starts a portal on a free port of the loopback address.
func (b *bench) serve(ctx context.Context, dsn, folder string, who subject) (_ *site, err error) {
	ln, err := portal.Listen(ctx, "127.0.0.1:0")
	if err != nil {
		return nil, err //nolint:wrapcheck // says what and where itself
	}
	manifest := filepath.Join(b.place.dir, folder+"-manifest.yaml")
	if err := demo.WriteManifest(manifest, b.place.dir, demo.SiteName); err != nil {
		return nil, errors.Join(err, ln.Close())
	}
	p, err := b.place.portal(ctx, dsn, folder, manifest, ln.Addr().String())
	if err != nil {
		return nil, errors.Join(err, ln.Close())
	}
	s := &site{portal: p, served: make(chan error, 1), client: &fasthttp.HostClient{
		Addr: ln.Addr().String(), MaxConns: b.opt.clients, ReadTimeout: 30 * time.Second, WriteTimeout: 30 * time.Second,
	}}
	origin, err := url.Parse(p.Config.Origin)
	if err != nil {
		return nil, errors.Join(err, ln.Close(), p.Close())
	}
	s.origin = origin
	query := url.Values{"person": {who.publicID}, "size": {fmt.Sprint(pageSize)}}
	s.page = origin.JoinPath("dashboard", "events").String() + "?" + query.Encode()
	if err := s.signIn(ctx, origin); err != nil {
		return nil, errors.Join(err, ln.Close(), p.Close())
	}
	return s, s.run(ctx, ln)
}

// run serves until close.
func (s *site) run(ctx context.Context, ln net.Listener) error {
	ctx, s.stop = context.WithCancel(context.WithoutCancel(ctx))
	ready := make(chan struct{})
	go func() { s.served <- s.portal.Serve(ctx, ln, func() { close(ready) }) }()
	select {
	case <-ready:
		return nil
	case err := <-s.served:
		s.stop()
		return errors.Join(fmt.Errorf("serve the measured portal: %w", err), s.portal.Close())
	}
}

func (s *site) close() error {
	s.client.CloseIdleConnections()
	s.stop()
	return errors.Join(<-s.served, s.portal.Close())
}

// signIn gives the reader an account, the patients, and a session.
func (s *site) signIn(ctx context.Context, origin *url.URL) error {
	dir, err := s.portal.Directory()
	if err != nil {
		return err //nolint:wrapcheck // says what itself
	}
	name := "bench-" + strings.ToLower(origin.Port())
	user, err := dir.AddUser(ctx, 0, name, "Bench", []access.Role{access.Clinician})
	if err != nil {
		return fmt.Errorf("add the reader: %w", err)
	}
	if _, err := dir.AddToTeam(ctx, team, name); err != nil {
		return fmt.Errorf("add the reader to the team: %w", err)
	}
	token, err := s.portal.Sessions().Issue(ctx, session.New{UserID: user.ID})
	if err != nil {
		return err //nolint:wrapcheck // says what itself
	}
	s.cookie = web.SessionCookie(origin) + "=" + token
	return nil
}

// get asks for the page and insists on all its rows.
func (s *site) get(ctx context.Context) error {
	body, err := s.fetch(ctx, s.page)
	if err != nil {
		return err
	}
	if rows := strings.Count(body, "<tr"); rows < pageSize {
		return &absentError{fmt.Sprintf("the event table shows %d rows, not %d", rows, pageSize)}
	}
	return nil
}

// fetch asks for an address as the signed-in reader.
func (s *site) fetch(ctx context.Context, address string) (string, error) {
	if err := ctx.Err(); err != nil {
		return "", err //nolint:wrapcheck // the caller's own
	}
	req, resp := fasthttp.AcquireRequest(), fasthttp.AcquireResponse()
	defer fasthttp.ReleaseRequest(req)
	defer fasthttp.ReleaseResponse(resp)
	req.SetRequestURI(address)
	req.Header.Set("Cookie", s.cookie)
	if err := s.client.Do(req, resp); err != nil {
		return "", fmt.Errorf("ask for the page: %w", err)
	}
	if code := resp.StatusCode(); code != fasthttp.StatusOK {
		return "", &absentError{fmt.Sprintf("the portal answers %d for %s", code, strings.SplitN(string(req.URI().Path()), "/", 3)[1])}
	}
	return string(resp.Body()), nil
}
