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
		if cause := recover(); cause != nil {
			// The panic's value may quote data; its type and the stack say where.
			s.cfg.Logger.Error("panic", "request", requestID(c), "type", fmt.Sprintf("%T", cause), "stack", string(debug.Stack()))
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
		r := &request{c: c, s: s, ctx: ctx}
		c.Locals(keyRequest, r)
		if err := s.checkOrigin(c); err != nil {
			return err
		}
		if err := checkText(c); err != nil {
			return err
		}
		if rt.permission != access.Public {
			if err := s.admit(r, rt.permission); err != nil {
				return err
			}
		}
		if err := r.checkToken(rt); err != nil {
			return err
		}
		return rt.handle(r)
	}
}

// admit finds the session and checks the permission.
func (s *Server) admit(r *request, perm access.Permission) error {
	token := r.c.Cookies(SessionCookie(s.origin))
	if token == "" {
		return errSignedOut
	}
	found, err := s.deps.Sessions.Lookup(r.ctx, token)
	if errors.Is(err, session.ErrNone) {
		return errSignedOut
	}
	if err != nil {
		return fmt.Errorf("look up the session: %w", err)
	}
	r.session = found
	if !found.Principal.Can(perm) {
		return fmt.Errorf("%w: %s", access.ErrDenied, perm)
	}
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
// answer them as if they were broken.
func checkText(c *fiber.Ctx) error {
	for name, value := range c.Context().QueryArgs().All() {
		for _, text := range [][]byte{name, value} {
			if bytes.IndexByte(text, 0) >= 0 || !utf8.Valid(text) {
				return newError(fiber.StatusBadRequest, "The address can't be used: it holds characters that no text has", "Go back and follow a link of the page.")
			}
		}
	}
	return nil
}

// checkToken compares the CSRF token of unsafe requests with the session's.
func (r *request) checkToken(rt route) error {
	if safe(r.c.Method()) || rt.ceremony {
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
