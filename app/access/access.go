// Package access holds the rules of who may see what: roles, permissions, and
// the scope of persons a request may read. It does no I/O.
package access

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"healthportal/app/health"
)

// Role is one of the six roles of the portal. A user may hold several.
type Role string

// The roles, as stored in auth.user_role and printed by the commands.
const (
	Clinician  Role = "clinician"
	Analyst    Role = "analyst"
	Researcher Role = "researcher"
	Ops        Role = "ops"
	Privacy    Role = "privacy"
	Admin      Role = "admin"
)

// Roles lists every role in the order in which pages and commands show them.
func Roles() []Role {
	return []Role{Clinician, Analyst, Researcher, Ops, Privacy, Admin}
}

// ParseRole returns the role named s, or an error that lists the known ones.
func ParseRole(s string) (Role, error) {
	for _, r := range Roles() {
		if s == string(r) {
			return r, nil
		}
	}
	known := make([]string, 0, len(Roles()))
	for _, r := range Roles() {
		known = append(known, string(r))
	}
	return "", fmt.Errorf("unknown role %q: use one of %s", s, strings.Join(known, ", "))
}

// Words joins roles for people and commands, in the order of Roles.
func Words(roles []Role, sep string) string {
	var words []string
	for _, r := range Roles() {
		if slices.Contains(roles, r) {
			words = append(words, string(r))
		}
	}
	return strings.Join(words, sep)
}

// Permission is what a route asks for. Every route declares exactly one.
type Permission string

// The permissions. Public and SignedIn are granted by state, the others by role.
const (
	// Public routes answer anybody; they carry no health data.
	Public Permission = "public"
	// SignedIn routes answer any live session.
	SignedIn Permission = "signed-in"
	// PatientsRead shows the patients of one's care teams.
	PatientsRead Permission = "patients.read"
	// EventsRead shows the health events of one's care teams' patients.
	EventsRead Permission = "events.read"
	// ReportsRead shows genomics reports: the care teams' for clinicians, all for analysts.
	ReportsRead Permission = "reports.read"
)

// grants is the table "Who may see what" of the product, for what is built.
// Deny is the default: a role that is not listed has nothing.
func grants(r Role) []Permission {
	switch r {
	case Clinician:
		return []Permission{PatientsRead, EventsRead, ReportsRead}
	case Analyst:
		return []Permission{ReportsRead}
	default:
		return nil
	}
}

// ErrDenied says that the principal lacks the permission.
var ErrDenied = errors.New("not permitted")

// Principal is the signed-in user of one request.
type Principal struct {
	UserID int64
	// Name is what the page shows in the corner.
	Name  string
	Roles []Role
}

// Has reports whether the principal holds role r.
func (p Principal) Has(r Role) bool { return slices.Contains(p.Roles, r) }

// Can reports whether any of the principal's roles grants perm.
func (p Principal) Can(perm Permission) bool {
	if perm == Public {
		return true
	}
	if p.UserID == 0 {
		return false
	}
	if perm == SignedIn {
		return true
	}
	for _, r := range p.Roles {
		if slices.Contains(grants(r), perm) {
			return true
		}
	}
	return false
}

// AllReports reports whether the principal reads every genomics report,
// the unassigned ones included (analysts), rather than the care teams' only.
func (p Principal) AllReports() bool { return p.Has(Analyst) }

// Scope is what one statement may read. The stores hand it to PostgreSQL's row
// security, so that a forgotten check shows nothing rather than everything.
// The zero Scope reads nobody's data.
type Scope struct {
	// Persons are the only persons whose rows are visible.
	Persons []health.PersonID
	// AllReports opens every row of analytics.genomics_reports.
	AllReports bool
}

// One returns the scope of a page about a single person.
func One(id health.PersonID) Scope { return Scope{Persons: []health.PersonID{id}} }
