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
	// ceremony routes take JSON before there is a session: they check the
	// request's origin, but can't ask for a session's CSRF token.
	ceremony bool
}

// RouteDoc describes a route for the documentation and its test.
type RouteDoc struct {
	Method, Path string
	Permission   access.Permission
}

// RouteDocs lists every route that the portal serves.
func RouteDocs() []RouteDoc {
	s := &Server{}
	docs := make([]RouteDoc, 0, len(s.routes()))
	for _, r := range s.routes() {
		docs = append(docs, RouteDoc{r.method, r.path, r.permission})
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
		case r.handle == nil:
			errs = append(errs, fmt.Errorf("route %s has no handler", name))
		case seen[name]:
			errs = append(errs, fmt.Errorf("route %s stands twice", name))
		}
		seen[name] = true
	}
	return errors.Join(errs...)
}

// safe reports whether method changes nothing on the server.
func safe(method string) bool {
	return method == http.MethodGet || method == http.MethodHead
}
