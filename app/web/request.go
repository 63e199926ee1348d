package web

import (
	"context"
	"net/url"
	"strings"
	"time"

	"github.com/gofiber/fiber/v2"

	"healthportal/app/access"
	"healthportal/app/audit"
	"healthportal/app/session"
)

// request is one request on its way through a handler.
type request struct {
	c       *fiber.Ctx
	s       *Server
	ctx     context.Context
	session session.Session
	route   route
	// entry is what the handler says for the audit log; record adds the rest.
	entry audit.Entry
	notes map[string]any
	// patientID is the public id of the patient whom the answer shows; empty where it shows no single one.
	patientID string
	// glass is the emergency access by which the request sees its patient.
	glass emergency
}

// The keys of what middleware leaves on the fiber context.
type localKey int

const (
	keyRequestID localKey = iota
	keyRequest
)

// principal is who asks; the zero Principal on public routes.
func (r *request) principal() access.Principal { return r.session.Principal }

// csrf is the session's token for forms.
func (r *request) csrf() string { return r.session.CSRF }

// id is the request id that the answer, the log and the error page share.
func (r *request) id() string { return requestID(r.c) }

// now is the time by the server's clock.
func (r *request) now() time.Time { return r.s.cfg.Now() }

// zone is the site's time zone.
func (r *request) zone() *time.Location { return r.s.cfg.Zone }

// query returns the query parameter name, without surrounding space.
func (r *request) query(name string) string { return strings.TrimSpace(r.c.Query(name)) }

// param returns the path parameter name.
func (r *request) param(name string) string { return r.c.Params(name) }

// fragment reports whether htmx asks for a part of the page. It chooses the
// form of an answer, never what may be seen.
func (r *request) fragment() bool { return wantsFragment(r.c) }

// form returns the first value of a field of an urlencoded body, and never one
// of the address.
func (r *request) form(name string) string { return string(r.c.Context().PostArgs().Peek(name)) }

// redirect answers with 303 See Other to a local path.
func (r *request) redirect(path string) error {
	if r.c.Get("HX-Request") == "true" {
		r.c.Set("HX-Redirect", path)
		return r.c.SendStatus(fiber.StatusNoContent)
	}
	return r.c.Redirect(path, fiber.StatusSeeOther)
}

func wantsFragment(c *fiber.Ctx) bool {
	return c.Get("HX-Request") == "true" && c.Get("HX-Request-Type") != "full" && c.Get("HX-History-Restore-Request") != "true"
}

// wantsProblem reports whether the client speaks JSON rather than HTML.
func wantsProblem(c *fiber.Ctx) bool {
	return apiPath(c.Path()) || strings.HasPrefix(c.Get(fiber.HeaderContentType), fiber.MIMEApplicationJSON) ||
		c.Accepts(fiber.MIMETextHTML, fiber.MIMEApplicationJSON, mimeProblem) != fiber.MIMETextHTML
}

// apiPath reports whether programs use the path, with keys instead of cookies.
func apiPath(path string) bool { return strings.HasPrefix(path, "/v1/") }

func requestID(c *fiber.Ctx) string {
	id, ok := c.Locals(keyRequestID).(string)
	if !ok {
		return ""
	}
	return id
}

// LocalPath returns next when it is a path of this site, else fallback: never
// another host, scheme, user or control character.
func LocalPath(next, fallback string) string {
	if !strings.HasPrefix(next, "/") || strings.HasPrefix(next, "//") || strings.ContainsAny(next, "\\\x7f") {
		return fallback
	}
	for _, b := range []byte(next) {
		if b < 0x20 {
			return fallback
		}
	}
	u, err := url.Parse(next)
	if err != nil || u.Scheme != "" || u.Host != "" || u.User != nil || strings.HasPrefix(u.Path, "//") || strings.ContainsAny(u.Path, "\\\t\r\n") {
		return fallback
	}
	return u.RequestURI()
}
