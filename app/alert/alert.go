// Package alert tells people at once what can't wait for them to look: as a log
// line, and as JSON to the webhook of the configuration. Whoever sends an alert
// never waits for its receiver.
package alert

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"healthportal/app/access"
)

const (
	// queued is how many alerts wait for a receiver that is slow or away.
	queued = 256
	// timeout bounds one attempt.
	timeout = 5 * time.Second
)

// pauses are the waits before the second and later attempts.
func pauses() []time.Duration {
	return []time.Duration{time.Second, 5 * time.Second, 30 * time.Second, 2 * time.Minute}
}

// Config says where alerts go.
type Config struct {
	// URL is the webhook's address; empty means that alerts are logged only. Its
	// path is often a secret, so that it stands in no log line.
	URL string
	// Origin is the portal's own address, for links.
	Origin string
	// Client sends; nil means one of its own. Redirects are never followed.
	Client *http.Client
	Logger *slog.Logger
	// Now is the clock; nil means time.Now.
	Now func() time.Time
}

// Sender sends alerts. Make it with New and end it with Close; it is safe for
// concurrent use.
type Sender struct {
	cfg     Config
	client  *http.Client
	queue   chan message
	stop    context.CancelFunc
	done    chan struct{}
	dropped atomic.Int64

	mu     sync.Mutex
	closed bool
	recent map[access.AlertKind]quiet
}

// quiet is what a kind's Every holds back.
type quiet struct {
	since time.Time
	held  int
}

// New starts a Sender.
func New(cfg Config) *Sender {
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	client := &http.Client{}
	if cfg.Client != nil {
		*client = *cfg.Client
	}
	client.Timeout = timeout
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	ctx, stop := context.WithCancel(context.Background())
	s := &Sender{cfg: cfg, client: client, queue: make(chan message, queued), stop: stop, done: make(chan struct{}),
		recent: map[access.AlertKind]quiet{}}
	if cfg.URL == "" {
		close(s.done)
		return s
	}
	go s.work(ctx)
	return s
}

// Send logs an alert and queues it for the webhook. It returns at once; an alert
// that finds the queue full, or the sender closed, is logged as dropped.
func (s *Sender) Send(a access.Alert) {
	if a.At.IsZero() {
		a.At = s.cfg.Now()
	}
	a.At = a.At.UTC()
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.due(&a) {
		return
	}
	s.cfg.Logger.Warn("alert", "kind", string(a.Kind), "text", a.Text, "request", a.RequestID)
	if s.cfg.URL == "" {
		return
	}
	if s.closed {
		s.drop(a.Kind, errors.New("the portal is stopping"))
		return
	}
	select {
	case s.queue <- s.message(a):
	default:
		s.drop(a.Kind, errors.New("too many alerts are waiting"))
	}
}

// due reports whether the alert is to be sent now, and counts it where not.
func (s *Sender) due(a *access.Alert) bool {
	if a.Every == 0 {
		return true
	}
	q, known := s.recent[a.Kind]
	if known && a.At.Sub(q.since) < a.Every {
		q.held++
		s.recent[a.Kind] = q
		return false
	}
	if q.held > 0 {
		a.Text = fmt.Sprintf("%s Since the last alert of this kind it happened %d times more.", strings.TrimSpace(a.Text), q.held)
	}
	s.recent[a.Kind] = quiet{since: a.At}
	return true
}

// Dropped counts the alerts that no receiver got.
func (s *Sender) Dropped() int64 { return s.dropped.Load() }

// Close takes no more alerts and waits until those queued are sent, or ctx ends;
// then the rest are dropped and logged.
func (s *Sender) Close(ctx context.Context) error {
	s.mu.Lock()
	if !s.closed {
		s.closed = true
		close(s.queue)
	}
	s.mu.Unlock()
	defer s.stop()
	select {
	case <-s.done:
		return nil
	case <-ctx.Done():
	}
	s.stop()
	<-s.done
	if n := s.Dropped(); n > 0 {
		return fmt.Errorf("%d alerts did not reach ALERT_WEBHOOK_URL; each is in the log", n)
	}
	return nil
}

func (s *Sender) drop(kind access.AlertKind, cause error) {
	s.dropped.Add(1)
	s.cfg.Logger.Error("an alert did not reach the webhook", "kind", string(kind), "error", cause)
}
