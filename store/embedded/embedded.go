// Package embedded runs a private PostgreSQL for a portal without DATABASE_URL:
// it finds the server's binaries on the machine, creates a cluster in the data
// folder, and shares one server among all portal processes of that folder.
//
// Every process holds a shared file lock, its lease. The first lease starts the
// server, later ones attach, the last one stops it. A server that outlived a
// killed portal is adopted by the next lease. The server listens on a Unix
// socket in a private folder only, never on TCP, and logs no statements.
// Unix systems only.
package embedded

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/gofrs/flock"
)

const (
	userName     = "portal"
	databaseName = "portal"
	socketPort   = "5432" // names the socket file; there is no TCP port

	lockRetry = 15 * time.Millisecond
	lockWait  = 2 * time.Minute
)

// Options say where the cluster lives and how it runs.
type Options struct {
	// DataDir is the portal's data folder (PORTAL_DATA); the cluster is its child "postgres".
	DataDir string
	// Durable keeps committed data through a crash of the machine. False is for tests only.
	Durable bool
	// Logger receives starts, stops and adoptions; nil discards them.
	Logger *slog.Logger
	// BinDir is the only folder searched for the server's binaries; empty searches PATH and the usual places.
	BinDir string
}

// Lease is one process's share in the running server. Its methods are safe for
// concurrent use.
type Lease struct {
	cluster *cluster
	share   *flock.Flock
	running postmaster
	started bool

	mu     sync.Mutex
	closed bool
}

// Open takes a lease on the cluster in opts.DataDir and returns when its server
// answers: it creates the cluster, starts the server or adopts a running one as
// needed. It waits for other processes that are starting or stopping the same
// cluster, at most two minutes or as long as ctx allows. Errors wrap one of this
// package's Err values.
func Open(ctx context.Context, opts Options) (_ *Lease, err error) {
	c, err := newCluster(opts)
	if err != nil {
		return nil, err
	}
	guard, err := c.lock(ctx)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, guard.Unlock()) }()

	share := flock.New(c.leaseFile(), flock.SetPermissions(0o600))
	if ok, err := share.TryRLock(); err != nil {
		return nil, fmt.Errorf("%w: can't take a lease on %s: %w", ErrDataDir, c.leaseFile(), with(err, share.Unlock()))
	} else if !ok {
		// Only a holder of the start lock, which is us, takes it exclusively.
		return nil, with(fmt.Errorf("%w: a program other than the portal holds %s; end it", ErrLocked, c.leaseFile()), share.Unlock())
	}
	running, started, err := c.ensure(ctx)
	if err != nil {
		return nil, errors.Join(err, share.Unlock())
	}
	return &Lease{cluster: c, share: share, running: running, started: started}, nil
}

// DSN returns the address of the database "portal" as a postgres URL: a Unix
// socket, no password. The user is the cluster's superuser.
func (l *Lease) DSN() string { return dsn(l.running.socketDir, databaseName) }

// Started reports whether this lease started the server; false means that it
// attached to a running one.
func (l *Lease) Started() bool { return l.started }

// Close gives the lease back. The last lease stops the server: its clients are
// disconnected, committed work is kept. Further calls do nothing. An error wraps
// ErrLocked (the lease is given back, the server may be left to the next lease)
// or ErrStop (the server is told to stop, but still busy when ctx ended).
func (l *Lease) Close(ctx context.Context) (err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return nil
	}
	l.closed = true
	guard, err := l.cluster.lock(ctx)
	if err != nil {
		return errors.Join(err, l.share.Unlock())
	}
	defer func() { err = errors.Join(err, guard.Unlock()) }()
	if err := l.share.Unlock(); err != nil {
		return fmt.Errorf("give back the lease on %s: %w", l.cluster.leaseFile(), err)
	}
	last := flock.New(l.cluster.leaseFile(), flock.SetPermissions(0o600))
	alone, err := last.TryLock()
	if err != nil {
		return fmt.Errorf("look for other leases on %s: %w", l.cluster.leaseFile(), err)
	}
	if !alone {
		return last.Unlock()
	}
	return errors.Join(l.cluster.stop(ctx), last.Unlock())
}

// lock takes the lock under which the cluster is created, started and stopped.
func (c *cluster) lock(ctx context.Context) (*flock.Flock, error) {
	guard := flock.New(c.startFile(), flock.SetPermissions(0o600))
	ok, err := guard.TryLock()
	if err == nil && !ok {
		c.log.InfoContext(ctx, "waiting for another portal process that starts or stops the embedded database")
		waiting, cancel := context.WithTimeout(ctx, lockWait)
		defer cancel()
		ok, err = guard.TryLockContext(waiting, lockRetry)
	}
	switch {
	case ok:
		return guard, nil
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled):
		return nil, fmt.Errorf("%w: another portal process is starting or stopping the embedded database in %s; wait for it and try again: %w",
			ErrLocked, c.root, with(err, guard.Unlock()))
	default:
		return nil, fmt.Errorf("%w: can't lock %s; make %s writable for this user or set PORTAL_DATA to another folder: %w",
			ErrDataDir, c.startFile(), c.root, with(err, guard.Unlock()))
	}
}

// dsn spells the address of a database behind the socket in dir.
func dsn(dir, database string) string {
	q := url.Values{"host": {dir}, "port": {socketPort}, "sslmode": {"disable"}}
	query := strings.ReplaceAll(q.Encode(), "+", "%20") // libpq takes a plus sign literally
	u := url.URL{Scheme: "postgres", User: url.User(userName), Path: "/" + database, RawQuery: query}
	return u.String()
}

func (c *cluster) leaseFile() string { return filepath.Join(c.root, "postgres.lease") }
func (c *cluster) startFile() string { return filepath.Join(c.root, "postgres.start") }
func (c *cluster) logFile() string   { return filepath.Join(c.root, "postgres.log") }
func (c *cluster) dataDir() string   { return filepath.Join(c.root, "postgres") }
