package web

import (
	"fmt"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"github.com/gofiber/fiber/v2"
	lru "github.com/hashicorp/golang-lru/v2"
	"golang.org/x/time/rate"
)

const (
	// limitedAskers is how many addresses, users and keys are remembered at once.
	limitedAskers = 20_000
	// limitBurst is how many seconds' worth of requests may come at once.
	limitBurst = 10
	// attemptWindow is the window of counted attempts to sign in.
	attemptWindow = 5 * time.Minute
	// houseShare is how many people's allowance an address with sessions has.
	houseShare = 20
	// maxAttempts and maxFailures bound the ceremonies of one address within the
	// window. A hospital may stand behind one address, so that only failures are few.
	maxAttempts, maxFailures = 600, 30
)

// limits bounds the requests per address, user and key of this process.
type limits struct {
	perSecond rate.Limit
	askers    *lru.Cache[string, *rate.Limiter]
}

func newLimits(perSecond int) (*limits, error) {
	askers, err := lru.New[string, *rate.Limiter](limitedAskers)
	if err != nil {
		return nil, fmt.Errorf("rate limits: %w", err)
	}
	return &limits{rate.Limit(perSecond), askers}, nil
}

// allow takes one request from the asker's allowance.
func (l *limits) allow(asker string, share int, at time.Time) bool {
	if limiter, ok := l.askers.Get(asker); ok {
		return limiter.AllowN(at, 1)
	}
	limiter := rate.NewLimiter(l.perSecond*rate.Limit(share), int(l.perSecond)*share*limitBurst)
	if earlier, ok, _ := l.askers.PeekOrAdd(asker, limiter); ok {
		limiter = earlier
	}
	return limiter.AllowN(at, 1)
}

// before bounds an address until it is known who asks. Ceremonies are counted
// across processes as well; where that can't be done nobody signs in.
func (l *limits) before(r *request) error {
	asker, share := "address "+r.network(), 1
	if r.knownAsker() {
		// Many people with sessions of their own may share one address.
		asker, share = "house "+r.network(), houseShare
	}
	if !l.allow(asker, share, r.now()) {
		return errTooMany
	}
	if !r.route.ceremony {
		return nil
	}
	if err := r.attempts("tries ", 1, maxAttempts); err != nil {
		return err
	}
	return r.attempts("failures ", 0, maxFailures)
}

// after bounds a user or key.
func (l *limits) after(r *request) error {
	p := r.principal()
	asker := "user " + strconv.FormatInt(p.UserID, 10)
	if p.KeyID != "" {
		asker = "key " + p.KeyID
	}
	if !l.allow(asker, 1, r.now()) {
		return errTooMany
	}
	return nil
}

// attempts adds n to the address's count under name and refuses beyond most.
func (r *request) attempts(name string, n, most int) error {
	count, err := r.s.deps.Attempts.CountAttempt(r.ctx, name+r.network(), n, attemptWindow)
	if err != nil {
		return fmt.Errorf("count attempts to sign in: %w", err)
	}
	if count > most {
		return errTooMany
	}
	return nil
}

// address is the client's network address. X-Forwarded-For counts only as far
// as trusted proxies wrote it: from the right, up to the first other address.
func (r *request) address() string {
	addr := parseAddr(r.c.Context().RemoteIP().String())
	hops := strings.Split(r.c.Get(fiber.HeaderXForwardedFor), ",")
	for i := len(hops) - 1; i >= 0 && r.s.trusted(addr); i-- {
		next := parseAddr(strings.TrimSpace(hops[i]))
		if !next.IsValid() {
			break
		}
		addr = next
	}
	if !addr.IsValid() {
		return "unknown"
	}
	return addr.String()
}

// network is the address as limits count it: a household or host has a whole
// /64 of IPv6 to choose from.
func (r *request) network() string {
	addr, err := netip.ParseAddr(r.address())
	if err != nil {
		return "unknown"
	}
	if addr.Is6() {
		if p, err := addr.Prefix(64); err == nil {
			return p.String()
		}
	}
	return addr.String()
}

func parseAddr(s string) netip.Addr {
	addr, err := netip.ParseAddr(s)
	if err != nil {
		return netip.Addr{}
	}
	return addr.Unmap().WithZone("")
}

func (s *Server) trusted(addr netip.Addr) bool {
	for _, network := range s.cfg.TrustedProxies {
		if network.Contains(addr) {
			return true
		}
	}
	return false
}
