package web

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"runtime/debug"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/gofiber/fiber/v2"

	"healthportal/app/access"
	"healthportal/app/session"
)

// SessionCookie is the name of the session cookie for an origin: on https it
// carries the __Host- prefix, which browsers bind to the host and to Secure.
func SessionCookie(origin *url.URL) string {
	if origin.Scheme == "https" {
		return "__Host-hp_session"
	}
	return "hp_session"
}

// outermost runs around every request, known or not: request id, headers, host
// check, recovery and the log line.
func (s *Server) outermost(c *fiber.Ctx) (err error) {
	began := time.Now()
	c.Locals(keyRequestID, newRequestID())
	c.Set(fiber.HeaderXRequestID, requestID(c))
	s.setSecurityHeaders(c)
	defer func() {
		if what := recover(); what != nil {
			// The panic's value may quote data; its type and the stack say where.
			s.cfg.Logger.Error("panic", "request", requestID(c), "type", fmt.Sprintf("%T", what), "stack", string(debug.Stack()))
			err = errPanic
		}
		if err != nil {
			err = s.answerError(c, err)
		}
		s.cfg.Logger.Info("request", "request", requestID(c), "method", c.Method(), "route", routePattern(c),
			"status", c.Response().StatusCode(), "ms", time.Since(began).Milliseconds())
	}()
	if done, err := s.wrongHost(c); done {
		return err
	}
	if c.Get(fiber.HeaderContentEncoding) != "" {
		// Inflating a body would pass by the body limit.
		return newError(fiber.StatusUnsupportedMediaType, "Compressed requests are not accepted", "Send the body without Content-Encoding.")
	}
	return c.Next()
}

// routePattern names the route without what it was asked for: paths may carry identifiers.
func routePattern(c *fiber.Ctx) string {
	if r := c.Route(); r != nil && r.Path != "/" {
		return r.Path
	}
	if c.Path() == "/" {
		return "/"
	}
	return "unknown"
}

// wrongHost sends readers who came by another name (127.0.0.1 for localhost) to
// the configured origin, where their passkeys and cookies live.
func (s *Server) wrongHost(c *fiber.Ctx) (bool, error) {
	host := string(c.Request().Header.Host())
	if strings.EqualFold(host, s.origin.Host) || machinePath(c.Path()) {
		return false, nil
	}
	if !safe(c.Method()) {
		return true, newError(fiber.StatusMisdirectedRequest, "This address is not the portal's", "Open "+s.cfg.Origin+" instead.")
	}
	return true, c.Redirect(s.cfg.Origin+string(c.Request().URI().RequestURI()), fiber.StatusTemporaryRedirect)
}

// machinePath reports whether load balancers and monitors ask for path, by whatever address they reach.
func machinePath(path string) bool { return path == "/healthz" || path == "/readyz" }

// serve wraps a route's handler: deadline, origin, session, permission.
func (s *Server) serve(rt route) fiber.Handler {
	return func(c *fiber.Ctx) error {
		ctx, cancel := s.base, context.CancelFunc(func() {})
		if !rt.streams {
			ctx, cancel = context.WithTimeout(s.base, requestDeadline)
		}
		defer cancel()
		c.SetUserContext(ctx)
		r := &request{c: c, s: s, ctx: ctx, route: rt}
		c.Locals(keyRequest, r)
		return r.record(r.answer())
	}
}

// answer runs the checks of the route, then its handler.
func (r *request) answer() error {
	if err := r.s.checkOrigin(r.c); err != nil {
		return err
	}
	if err := checkText(r.c); err != nil {
		return err
	}
	if err := r.s.limits.before(r); err != nil {
		return err
	}
	if r.route.permission != access.Public {
		if err := r.admit(); err != nil {
			return err
		}
	}
	if err := r.checkToken(); err != nil {
		return err
	}
	return r.route.handle(r)
}

// admit finds who asks and checks what the route demands of them.
func (r *request) admit() error {
	if err := r.identify(); err != nil {
		return err
	}
	if err := r.s.limits.after(r); err != nil {
		return err
	}
	if r.session.Locked && !r.route.whileLocked {
		return errLocked
	}
	if !r.principal().Can(r.route.permission) {
		return fmt.Errorf("%w: %s", access.ErrDenied, r.route.permission)
	}
	if r.route.stepUp && r.now().Sub(r.session.Verified) >= session.StepUp {
		return errStepUp
	}
	return nil
}

// identify finds the session of the cookie; on the API's paths the key, and
// never a cookie, because other sites could make a browser send that.
func (r *request) identify() error {
	if apiPath(r.c.Path()) {
		return r.identifyKey()
	}
	token := r.c.Cookies(SessionCookie(r.s.origin))
	if token == "" {
		return errSignedOut
	}
	lookup := r.s.deps.Sessions.Lookup
	if r.route.quiet {
		lookup = r.s.deps.Sessions.Peek
	}
	found, err := lookup(r.ctx, token)
	if errors.Is(err, session.ErrNone) {
		return fmt.Errorf("%w: the cookie names no live session", errSignedOut)
	}
	if err != nil {
		return fmt.Errorf("look up the session: %w", err)
	}
	r.session = found
	return nil
}

func (r *request) identifyKey() error {
	scheme, key, _ := strings.Cut(r.c.Get(fiber.HeaderAuthorization), " ")
	if !strings.EqualFold(scheme, "Bearer") || key == "" {
		return errNoKey
	}
	who, err := r.s.deps.Keys.Authenticate(r.ctx, strings.TrimSpace(key))
	if errors.Is(err, access.ErrNoKey) {
		return fmt.Errorf("%w: %w", errNoKey, err)
	}
	if err != nil {
		return fmt.Errorf("look up the API key: %w", err)
	}
	r.session = session.Session{Principal: who}
	return nil
}

// checkOrigin refuses unsafe requests that another site caused, as
// net/http.CrossOriginProtection does, but against the configured origin.
func (s *Server) checkOrigin(c *fiber.Ctx) error {
	if safe(c.Method()) {
		return nil
	}
	site, origin := c.Get("Sec-Fetch-Site"), c.Get(fiber.HeaderOrigin)
	switch {
	case site != "" && site != "same-origin":
		return errCrossSite
	case origin != "" && origin != s.cfg.Origin:
		return errCrossSite
	case site == "" && origin == "":
		return errCrossSite
	default:
		return nil
	}
}

// checkText refuses query parameters that no text can hold: the stores would
// answer them as if they were broken. Fields of forms are their handlers' to
// refuse, beside the field.
func checkText(c *fiber.Ctx) error {
	for name, value := range c.Context().QueryArgs().All() {
		if !isText(name) || !isText(value) {
			return newError(fiber.StatusBadRequest, "The address can't be used: it holds characters that no text has", "Go back and follow a link of the page.")
		}
	}
	return nil
}

func isText(b []byte) bool { return bytes.IndexByte(b, 0) < 0 && utf8.Valid(b) }

// checkToken compares the CSRF token of unsafe requests with the session's.
func (r *request) checkToken() error {
	if safe(r.c.Method()) || r.route.ceremony {
		return nil
	}
	got := r.c.Get("X-CSRF-Token")
	if got == "" {
		got = r.form("csrf")
	}
	want := r.csrf()
	if want == "" || subtle.ConstantTimeCompare([]byte(got), []byte(want)) != 1 {
		return errCrossSite
	}
	return nil
}

func newRequestID() string {
	var b [8]byte
	if _, err := rand.Read(b[:]); err != nil {
		slog.Error("random numbers failed", "error", err) // crypto/rand never returns an error since Go 1.24
	}
	return hex.EncodeToString(b[:])
}
