package cache

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"

	redisstore "github.com/gofiber/storage/redis/v3"
	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/maintnotifications"

	"healthportal/app/session"
)

const (
	keyPrefix = "hp:session:"
	// farLife is how long Redis keeps an entry.
	farLife = time.Minute
	// farPatience bounds each call, farRest is how long Redis is left alone after one failed.
	farPatience = 150 * time.Millisecond
	farRest     = 5 * time.Second
)

// remote keeps entries in Redis. Its failures are logged once and look like an empty cache.
type remote struct {
	store *redisstore.Storage
	log   *slog.Logger
	now   func() time.Time
	rest  atomic.Int64 // until when Redis is left alone, in Unix nanoseconds; 0: it answers
}

func newRemote(url string, log *slog.Logger, now func() time.Time) (*remote, error) {
	o, err := redis.ParseURL(url)
	if err != nil {
		return nil, errors.New("not an address of Redis; write redis://host:6379/0, rediss:// for TLS, or unix:///path/to/socket") // the cause may quote the password
	}
	o.DialTimeout, o.ReadTimeout, o.WriteTimeout, o.PoolTimeout = farPatience, farPatience, farPatience, farPatience
	o.ContextTimeoutEnabled, o.MaxRetries, o.DialerRetries = true, -1, 1
	o.DisableIdentity = true
	o.MaintNotificationsConfig = &maintnotifications.Config{Mode: maintnotifications.ModeDisabled}
	redis.SetLogger(silent{}) // what fails is told by remote, once
	return &remote{store: redisstore.NewFromConnection(redis.NewClient(o)), log: log, now: now}, nil
}

type silent struct{}

// Printf says nothing.
func (silent) Printf(context.Context, string, ...any) {}

func key(tokenHash []byte) string { return keyPrefix + hex.EncodeToString(tokenHash) }

func (r *remote) get(ctx context.Context, tokenHash []byte) (e session.Entry, ok bool) {
	r.try(ctx, func(ctx context.Context) error {
		value, err := r.store.GetWithContext(ctx, key(tokenHash))
		if err != nil || len(value) == 0 {
			return err
		}
		e, err = decode(value)
		if ok = err == nil; !ok {
			r.log.Warn("the session cache holds an entry that can't be read")
		}
		return nil
	})
	return e, ok
}

func (r *remote) put(ctx context.Context, tokenHash []byte, e session.Entry) {
	left := farLife - r.now().Sub(e.Read)
	if left < time.Second {
		return
	}
	r.try(ctx, func(ctx context.Context) error {
		value, err := encode(e)
		if err != nil {
			return err
		}
		return r.store.SetWithContext(ctx, key(tokenHash), value, min(left, farLife))
	})
}

func (r *remote) drop(ctx context.Context, tokenHash []byte) {
	r.try(ctx, func(ctx context.Context) error { return r.store.DeleteWithContext(ctx, key(tokenHash)) })
}

// try runs one call, unless Redis failed a moment ago. The caller's own end of
// patience is no failure of Redis, and does not stop a write.
func (r *remote) try(ctx context.Context, call func(context.Context) error) {
	now, rest := r.now().UnixNano(), r.rest.Load()
	if now < rest {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), farPatience)
	defer cancel()
	err := call(ctx)
	switch {
	case err != nil:
		if r.rest.Swap(now+int64(farRest)) == 0 {
			r.log.Warn("the session cache in Redis does not answer; sessions are read from PostgreSQL", "error", err)
		}
	case rest != 0 && r.rest.CompareAndSwap(rest, 0):
		r.log.Info("the session cache in Redis answers again")
	}
}

func (r *remote) ping(ctx context.Context) error {
	if err := r.store.Conn().Ping(ctx).Err(); err != nil {
		return fmt.Errorf("redis: %w", err)
	}
	return nil
}

func (r *remote) close() error {
	if err := r.store.Close(); err != nil {
		return fmt.Errorf("close redis: %w", err)
	}
	return nil
}
