package web

import (
	"errors"
	"fmt"
	"net/http"

	"healthportal/app/access"
)

// route is one line of the route table.
type route struct {
	method     string
	path       string
	permission access.Permission
	handle     func(*request) error
	// streams routes answer for longer than the deadline; they bound their own reads.
	streams bool
	// audit is what the log records of each request. Every route that needs a role,
	// or that changes something, has one.
	audit access.Kind
	// stepUp routes need a passkey check within session.StepUp.
	stepUp bool
	// prepares routes begin a ceremony: the log has its end.
	prepares bool
	// whileLocked routes answer a locked session too; they show nothing of anybody.
	whileLocked bool
	// quiet routes don't count as activity: pages ask for them by themselves.
	quiet bool
	// ceremony routes take JSON before there is a session: they check the
	// request's origin, but can't ask for a session's CSRF token.
	ceremony bool
}

// RouteDoc describes a route for the documentation and its test.
type RouteDoc struct {
	Method, Path string
	Permission   access.Permission
	// Audit is what the log records; empty for public files and pages.
	Audit access.Kind
	// StepUp says that a fresh passkey check is needed.
	StepUp bool
}

// RouteDocs lists every route that the portal serves.
func RouteDocs() []RouteDoc {
	s := &Server{}
	docs := make([]RouteDoc, 0, len(s.routes()))
	for _, r := range s.routes() {
		docs = append(docs, RouteDoc{r.method, r.path, r.permission, r.audit, r.stepUp})
	}
	return docs
}

// checkRoutes refuses a table in which a route lacks a permission or a handler,
// or stands twice. Deny is the default: such a portal does not start.
func checkRoutes(routes []route) error {
	var errs []error
	seen := map[string]bool{}
	for _, r := range routes {
		name := r.method + " " + r.path
		switch {
		case r.permission == "":
			errs = append(errs, fmt.Errorf("route %s declares no permission", name))
		case r.audit == "" && (needsRole(r.permission) || !safe(r.method)) && !r.prepares:
			errs = append(errs, fmt.Errorf("route %s declares nothing for the audit log", name))
		case r.handle == nil:
			errs = append(errs, fmt.Errorf("route %s has no handler", name))
		case seen[name]:
			errs = append(errs, fmt.Errorf("route %s stands twice", name))
		}
		seen[name] = true
	}
	return errors.Join(errs...)
}

// needsRole reports whether perm is granted by role rather than by state.
func needsRole(perm access.Permission) bool {
	return perm != access.Public && perm != access.SignedIn && perm != access.KeyHolder
}

// safe reports whether method changes nothing on the server.
func safe(method string) bool {
	return method == http.MethodGet || method == http.MethodHead
}
