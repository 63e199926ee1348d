package postgres

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5"

	"healthportal/app/session"
)

// SessionWatcher hears what session caches must know.
type SessionWatcher interface {
	// Connected says that every change after at will be told.
	Connected(at session.Snapshot)
	// Changed says that a user's sessions, roles or passkeys changed, not later than at.
	Changed(userID int64, at session.Snapshot)
	// Outdated says that this process changed something: whatever was read before at counts no more.
	Outdated(at session.Snapshot)
	// Lost says that changes are no longer told.
	Lost()
}

// watching is who is being told of changes, and how to begin anew.
type watching struct {
	w     SessionWatcher
	again context.CancelFunc
}

// outdate tells who watches sessions in this process that it changed something,
// so that its own next request needn't wait for the news.
func (db *DB) outdate(ctx context.Context) {
	listening := db.watching.Load()
	if listening == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), listenPatience)
	defer cancel()
	at, err := db.Snapshot(ctx)
	if err != nil {
		listening.w.Lost()
		listening.again()
		return
	}
	listening.w.Outdated(at)
}

const (
	// listenBeat is how often a silent connection is asked for a sign of life, and
	// listenPatience how long that may take: until then a dead one goes unnoticed.
	listenBeat     = 10 * time.Second
	listenPatience = 3 * time.Second
	// listenRetry is how long to wait before connecting again, at first.
	listenRetry, listenRetryMost = 100 * time.Millisecond, 2 * time.Second
)

// WatchSessions tells w of changes until ctx ends. It listens on a connection of
// its own and makes a new one as often as needed. failed hears of each loss.
func (db *DB) WatchSessions(ctx context.Context, w SessionWatcher, failed func(error)) {
	wait := listenRetry
	for ctx.Err() == nil {
		began := time.Now()
		err := db.listen(ctx, w)
		w.Lost()
		if ctx.Err() != nil {
			return
		}
		failed(err)
		if time.Since(began) > listenBeat {
			wait = listenRetry
		}
		select {
		case <-ctx.Done():
		case <-time.After(wait):
		}
		wait = min(2*wait, listenRetryMost)
	}
}

// listen tells w of changes until the connection fails or ctx ends.
func (db *DB) listen(ctx context.Context, w SessionWatcher) error {
	ctx, again := context.WithCancel(ctx)
	defer again()
	cfg := db.app.Config().ConnConfig
	cfg.RuntimeParams["application_name"] = "portal sessions"
	conn, err := pgx.ConnectConfig(ctx, cfg)
	if err != nil {
		return fmt.Errorf("listen for changed sessions: %w", err)
	}
	defer conn.Close(context.WithoutCancel(ctx)) //nolint:errcheck // nothing is lost with it
	if _, err := conn.Exec(ctx, "LISTEN hp_sessions"); err != nil {
		return fmt.Errorf("listen for changed sessions: %w", err)
	}
	at, err := snapshotOf(ctx, conn)
	if err != nil {
		return err
	}
	db.watching.Store(&watching{w, again})
	defer db.watching.Store(nil)
	w.Connected(at)
	for {
		if err := hear(ctx, conn, w); err != nil {
			return fmt.Errorf("listen for changed sessions: %w", err)
		}
	}
}

// hear waits for one change, or for the time of a sign of life.
func hear(ctx context.Context, conn *pgx.Conn, w SessionWatcher) error {
	waiting, cancel := context.WithTimeout(ctx, listenBeat)
	defer cancel()
	news, err := conn.WaitForNotification(waiting)
	if err != nil && (ctx.Err() != nil || !errors.Is(err, context.DeadlineExceeded)) {
		return err
	}
	at, snapErr := snapshotOf(ctx, conn)
	if snapErr != nil || news == nil {
		return snapErr
	}
	user, err := strconv.ParseInt(news.Payload, 10, 64)
	if err != nil {
		w.Connected(at) // news that nobody understands may be about anybody
		return nil
	}
	w.Changed(user, at)
	return nil
}

func snapshotOf(ctx context.Context, conn *pgx.Conn) (session.Snapshot, error) {
	ctx, cancel := context.WithTimeout(ctx, listenPatience)
	defer cancel()
	var text string
	if err := conn.QueryRow(ctx, `SELECT `+snapshotSQL).Scan(&text); err != nil {
		return session.Snapshot{}, fmt.Errorf("snapshot: %w", err)
	}
	return session.ParseSnapshot(text) //nolint:wrapcheck // says what itself
}
