package portal

import (
	"context"
	"time"

	"healthportal/app/session"
	"healthportal/store/cache"
)

// servedSessions are the sessions of a serving portal, with the cache in front.
// The zero value is that of commands, which ask the database.
type servedSessions struct {
	service *session.Service
	cached  *session.Cached
	cache   *cache.Sessions
}

func (s servedSessions) close() error {
	if s.cache == nil {
		return nil
	}
	return s.cache.Close()
}

// Sessions is the service that issues, looks up and ends sessions. Everything in
// one process shares it, so that the cache hears of every change.
func (p *Portal) Sessions() *session.Service {
	if p.sessions.service != nil {
		return p.sessions.service
	}
	return session.NewService(p.DB, p.DB, time.Now)
}

// cacheSessions puts the cache in front of the sessions: in Redis where the
// configuration names one.
func (p *Portal) cacheSessions() error {
	kept, err := cache.Open(p.Config.RedisURL, time.Now, p.Log)
	if err != nil {
		return err
	}
	cached := session.NewCached(p.DB, p.DB, p.DB, kept, time.Now)
	p.sessions = servedSessions{session.NewService(cached, cached, time.Now), cached, kept}
	return nil
}

// watchSessions tells the cache of changes that any process makes, until ctx ends.
// While it can't, every request reads its session from the database.
func (p *Portal) watchSessions(ctx context.Context) {
	p.DB.WatchSessions(ctx, p.sessions.cached, func(err error) {
		p.Log.Warn("changed sessions are not heard of; the cache is passed by", "error", err)
	})
}
