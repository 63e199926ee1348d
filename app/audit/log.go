package audit

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"time"
)

// Bounds of the log's work.
const (
	// maxGroup is how many entries one commit takes at most.
	maxGroup = 512
	// groupTimeout bounds one commit, in which nobody gets an answer.
	groupTimeout = 10 * time.Second
)

// Errors of appending, besides ErrBadEntry.
var (
	// ErrClosed says that the log takes no entries any more.
	ErrClosed = errors.New("the audit log is closed")
	// ErrUncertain says that nobody knows whether entries were stored: the
	// connection was lost during the commit. Stores return it, wrapped.
	ErrUncertain = errors.New("it is not known whether the entries were stored")
)

// Store is where entries go.
type Store interface {
	// InsertEntries stores all entries in one commit or none. The error is
	// ErrUncertain where that may have happened or not; any other error means
	// that nothing was stored.
	InsertEntries(ctx context.Context, list []StoredEntry) error
	// ChainHeads returns the last entry of each chain.
	ChainHeads(ctx context.Context) ([]Head, error)
	// ChainStarts calls fn with each access.KindChainStart entry, by chain and
	// number. The entry is valid during the call only.
	ChainStarts(ctx context.Context, fn func(*StoredEntry) error) error
}

// Config is what a log works with.
type Config struct {
	Store Store
	Keys  Keys
	// HeadsDir is the folder of head files; it is made where missing, for its owner alone.
	HeadsDir string
	// Host names the machine in the chain's first entry.
	Host string
	// Now is the clock; nil means time.Now.
	Now func() time.Time
	// Logger takes what operators should know; nil drops it.
	Logger *slog.Logger
}

// Log appends entries to one chain. It is safe for concurrent use.
type Log struct {
	cfg   Config
	queue chan waiter
	// shutting guards closed and the queue's end against appends under way.
	shutting sync.RWMutex
	closed   bool
	work     context.Context
	stop     context.CancelFunc
	done     chan struct{}
	endErr   error // of the writer's end; read it after done

	// The writer's own: nobody else touches them.
	chain     *chain
	uncertain []Tail
}

// waiter is an entry on its way and who waits for it.
type waiter struct {
	entry  Entry
	answer chan error
}

// Open starts a chain and returns the log. Its first entry has been written
// when Open returns. Close the log after use.
func Open(ctx context.Context, cfg Config) (*Log, error) {
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	if err := cfg.Keys.validate(); err != nil {
		return nil, err
	}
	if err := prepareDir(cfg.HeadsDir); err != nil {
		return nil, err
	}
	l := &Log{cfg: cfg, queue: make(chan waiter, maxGroup), done: make(chan struct{})}
	l.work, l.stop = context.WithCancel(context.WithoutCancel(ctx))
	if err := l.write(ctx, nil); err != nil {
		l.stop()
		if l.chain != nil {
			err = errors.Join(err, l.chain.file.close())
		}
		return nil, fmt.Errorf("start the audit log: %w", err)
	}
	go l.run()
	return l, nil
}

func prepareDir(dir string) error {
	err := os.MkdirAll(dir, 0o700)
	if err == nil {
		err = os.Chmod(dir, 0o700) //nolint:gosec // a folder needs x
	}
	if err != nil {
		return fmt.Errorf("prepare the folder of the audit log's heads: %w", err)
	}
	return nil
}

// Append returns once the entry is stored for good and covered by a signed head,
// or with why it isn't. Where ctx ends first, the entry may be stored all the same.
func (l *Log) Append(ctx context.Context, e Entry) error {
	e, err := storable(e, l.cfg.Now())
	if err != nil {
		return err
	}
	w := waiter{entry: e, answer: make(chan error, 1)}
	if err := l.enqueue(ctx, w); err != nil {
		return err
	}
	select {
	case err := <-w.answer:
		return err
	case <-ctx.Done():
		return fmt.Errorf("wait for the audit log: %w", ctx.Err())
	}
}

func (l *Log) enqueue(ctx context.Context, w waiter) error {
	l.shutting.RLock()
	defer l.shutting.RUnlock()
	if l.closed {
		return ErrClosed
	}
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("wait for the audit log: %w", err)
	}
	select {
	case l.queue <- w:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("wait for the audit log: %w", ctx.Err())
	}
}

// Close takes no further entries, writes those that wait and the chain's last
// one. Where ctx ends first, the rest is given up and ctx's error returned.
func (l *Log) Close(ctx context.Context) error {
	l.shutting.Lock()
	if !l.closed {
		l.closed = true
		close(l.queue)
	}
	l.shutting.Unlock()
	defer l.stop()
	select {
	case <-l.done:
		return l.endErr
	case <-ctx.Done():
		l.stop()
		<-l.done // soon: every step of the writer ends with its context
		return fmt.Errorf("close the audit log: %w", ctx.Err())
	}
}

// run writes group after group. While one commits, the next collects in the queue.
func (l *Log) run() {
	defer close(l.done)
	group := make([]waiter, 0, maxGroup)
	entries := make([]Entry, 0, maxGroup)
	for w := range l.queue {
		group = l.collect(append(group[:0], w))
		entries = entries[:0]
		for _, w := range group {
			entries = append(entries, w.entry)
		}
		err := l.write(l.work, entries)
		if err != nil {
			l.cfg.Logger.Error("entries of the audit log were not written; what they record is not answered", "entries", len(group), "error", err)
			err = fmt.Errorf("append to the audit log: %w", err)
		}
		for _, w := range group {
			w.answer <- err
		}
	}
	l.endErr = l.end()
}

// collect adds what waits already, without waiting for more.
func (l *Log) collect(group []waiter) []waiter {
	for len(group) < maxGroup {
		select {
		case w, ok := <-l.queue:
			if !ok {
				return group
			}
			group = append(group, w)
		default:
			return group
		}
	}
	return group
}
