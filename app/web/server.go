// Package web is the portal's HTTP side: one visible route table, middleware,
// rendering, one error classifier, and one file per page or action. It declares
// the small interfaces that it needs of the stores and services.
package web

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"time"

	"github.com/gofiber/fiber/v2"
	"github.com/valyala/fasthttp"

	"healthportal/static"
)

// The limits of the HTTP server.
const (
	requestDeadline = 10 * time.Second
	readTimeout     = 15 * time.Second
	idleTimeout     = 75 * time.Second
	// A reader that takes nothing for this long is cut off.
	writeStall = 30 * time.Second
	bodyLimit  = 1 << 20
	headerSize = 16 << 10
	// Longer answers are written in pieces of this size, each within writeStall.
	writePiece = 32 << 10
)

// DefaultRateLimit is generous for people and programs and far below what harms.
const DefaultRateLimit = 50

// Config is what the server needs to know about the site.
type Config struct {
	// Origin is the public origin, scheme and host, for example https://portal.example.
	// Links, cookies and same-origin checks come from it, never from a request header.
	Origin string
	// SiteName is shown on every page.
	SiteName string
	// Synthetic says that all data is made up; every page then says so.
	Synthetic bool
	// Zone is the site's time zone, used where a person has none.
	Zone *time.Location
	// Version is the program's version for the footer.
	Version string
	Logger  *slog.Logger
	// TrustedProxies are the networks whose X-Forwarded-For is believed.
	TrustedProxies []netip.Prefix
	// RateLimit is how many requests per second an address, user or key may make
	// for long; 0 means DefaultRateLimit.
	RateLimit int
	// ExportCheckRows is how many rows may be exported without a fresh passkey
	// check; everything of a patient never is.
	ExportCheckRows int
	// Now is the clock; nil means time.Now.
	Now func() time.Time
}

// Server serves the route table. Make it with New.
type Server struct {
	cfg    Config
	origin *url.URL
	deps   Deps
	assets *static.Assets
	limits *limits
	// exports holds a token for each export of health events under way.
	exports chan struct{}
	app     *fiber.App
	base    context.Context
	stop    context.CancelFunc
}

// New builds the server. It fails when a route has no permission, so that
// nothing is ever served by default.
func New(cfg Config, deps Deps) (*Server, error) {
	origin, err := url.Parse(cfg.Origin)
	if err != nil || origin.Host == "" {
		return nil, fmt.Errorf("origin %q is not a URL with a host", cfg.Origin)
	}
	assets, err := static.New()
	if err != nil {
		return nil, fmt.Errorf("static files: %w", err)
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.RateLimit == 0 {
		cfg.RateLimit = DefaultRateLimit
	}
	limits, err := newLimits(cfg.RateLimit)
	if err != nil {
		return nil, err
	}
	base, stop := context.WithCancel(context.Background())
	s := &Server{cfg: cfg, origin: origin, deps: deps, assets: assets, limits: limits, exports: make(chan struct{}, maxExports), base: base, stop: stop}
	if err := checkRoutes(s.routes()); err != nil {
		stop()
		return nil, err
	}
	s.app = fiber.New(fiber.Config{
		Immutable:                    true,
		StrictRouting:                true,
		CaseSensitive:                true,
		DisableStartupMessage:        true,
		DisablePreParseMultipartForm: true,
		BodyLimit:                    bodyLimit,
		ReadBufferSize:               headerSize,
		ReadTimeout:                  readTimeout,
		IdleTimeout:                  idleTimeout,
		ErrorHandler:                 s.answerError,
	})
	// Parse errors would otherwise echo part of the header, cookies included.
	s.app.Server().SecureErrorLogMessage = true
	s.app.Server().NoDefaultServerHeader = true
	s.app.Server().Logger = quietLogger{cfg.Logger}
	s.app.Server().Handler = s.knownMethods(s.app.Server().Handler)
	s.app.Use(s.outermost)
	for _, r := range s.routes() {
		s.app.Add(r.method, r.path, s.serve(r))
		if r.method == http.MethodGet {
			s.app.Add(http.MethodHead, r.path, s.serve(r))
		}
	}
	return s, nil
}

// Serve answers requests on ln until Shutdown.
func (s *Server) Serve(ln net.Listener) error {
	// A Shutdown that comes before the listener is known can't close it.
	stop := context.AfterFunc(s.base, func() { _ = ln.Close() })
	defer stop()
	if err := s.app.Listener(stallListener{ln, writeStall}); err != nil {
		return fmt.Errorf("serve: %w", err)
	}
	return nil
}

// knownMethods keeps requests of unheard-of methods from Fiber, which would
// answer them by itself, without the headers that every answer carries.
func (s *Server) knownMethods(next fasthttp.RequestHandler) fasthttp.RequestHandler {
	return func(rc *fasthttp.RequestCtx) {
		if slices.Contains(fiber.DefaultMethods, string(rc.Method())) {
			next(rc)
			return
		}
		c := s.app.AcquireCtx(rc)
		defer s.app.ReleaseCtx(c)
		if err := s.answerError(c, fiber.ErrMethodNotAllowed); err != nil {
			s.cfg.Logger.Error("the error page failed", "request", requestID(c), "error", err)
		}
	}
}

// Shutdown stops taking requests and waits for those under way until ctx ends.
func (s *Server) Shutdown(ctx context.Context) error {
	defer s.stop()
	err := s.app.ShutdownWithContext(ctx)
	if err != nil && !errors.Is(err, context.DeadlineExceeded) && !errors.Is(err, net.ErrClosed) {
		return fmt.Errorf("stop the server: %w", err)
	}
	return nil
}

// Test answers one request without a listener.
func (s *Server) Test(req *http.Request) (*http.Response, error) {
	return s.app.Test(req, -1)
}

// stallListener gives each connection a write deadline that every piece of an
// answer renews: a long download may take its time, a stalled one may not.
type stallListener struct {
	net.Listener
	stall time.Duration
}

// Accept waits for the next connection.
func (l stallListener) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return stallConn{conn, l.stall}, nil
}

type stallConn struct {
	net.Conn
	stall time.Duration
}

// Write writes p, each piece of it within the stall.
func (c stallConn) Write(p []byte) (written int, err error) {
	for {
		if err := c.SetWriteDeadline(time.Now().Add(c.stall)); err != nil {
			return written, fmt.Errorf("write deadline: %w", err)
		}
		n, err := c.Conn.Write(p[written:min(len(p), written+writePiece)])
		written += n
		if err != nil || written == len(p) {
			return written, err
		}
	}
}

// quietLogger takes fasthttp's own complaints about connections: they may quote
// bytes of a request, so only the fact is logged.
type quietLogger struct{ log *slog.Logger }

// Printf notes that a connection failed, without its text.
func (q quietLogger) Printf(string, ...any) {
	q.log.Debug("connection error")
}
