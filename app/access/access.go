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

// The permissions. Public, SignedIn and KeyHolder are granted by state, the others by role.
const (
	// Public routes answer anybody; they carry no health data.
	Public Permission = "public"
	// SignedIn routes answer any live session, about the user's own account.
	SignedIn Permission = "signed-in"
	// KeyHolder routes answer any live API key, about that key.
	KeyHolder Permission = "key"
	// PatientsRead shows the patients of one's care teams.
	PatientsRead Permission = "patients.read"
	// EventsRead shows the health events of one's care teams' patients.
	EventsRead Permission = "events.read"
	// ReportsRead shows genomics reports: the care teams' for clinicians, all for analysts.
	ReportsRead Permission = "reports.read"
	// LookersRead shows who looked at one's patients.
	LookersRead Permission = "lookers.read"
	// RangesRead shows the general adult ranges and who signed them off.
	RangesRead Permission = "ranges.read"
	// RangesSign signs general adult ranges off, and withdraws that.
	RangesSign Permission = "ranges.sign"
	// BreakGlass opens one patient outside one's care teams in an emergency.
	BreakGlass Permission = "break-glass.use"
	// BreakGlassRead shows the queue of break-glass accesses.
	BreakGlassRead Permission = "break-glass.read"
	// BreakGlassReview decides on break-glass accesses.
	BreakGlassReview Permission = "break-glass.review"
	// AuditRead shows the audit log.
	AuditRead Permission = "audit.read"
	// ResearchRead shows de-identified data of persons with recorded consent.
	ResearchRead Permission = "research.read"
	// UsersManage adds, changes and disables users, their links and sessions.
	UsersManage Permission = "users.manage"
	// TeamsManage keeps care teams, without seeing health data.
	TeamsManage Permission = "teams.manage"
	// KeysManage makes and revokes API keys.
	KeysManage Permission = "keys.manage"
)

// Permissions lists every permission that a role can grant.
func Permissions() []Permission {
	return []Permission{
		PatientsRead, EventsRead, ReportsRead, LookersRead, RangesRead, RangesSign, BreakGlass, BreakGlassRead, BreakGlassReview,
		AuditRead, ResearchRead, UsersManage, TeamsManage, KeysManage,
	}
}

// Scopes lists the permissions that an API key may carry: reading only.
func Scopes() []Permission { return []Permission{PatientsRead, EventsRead, ReportsRead} }

// ParseScope returns the scope named s, or an error that lists the known ones.
func ParseScope(s string) (Permission, error) {
	if slices.Contains(Scopes(), Permission(s)) {
		return Permission(s), nil
	}
	known := make([]string, 0, len(Scopes()))
	for _, p := range Scopes() {
		known = append(known, string(p))
	}
	return "", fmt.Errorf("unknown scope %q: use one of %s", s, strings.Join(known, ", "))
}

// grants is the table "Who may see what" of the product, for what is built.
// Deny is the default: a role that is not listed has nothing.
func grants(r Role) []Permission {
	switch r {
	case Clinician:
		return []Permission{PatientsRead, EventsRead, ReportsRead, LookersRead, RangesRead, RangesSign, BreakGlass}
	case Analyst:
		return []Permission{ReportsRead}
	case Researcher:
		return []Permission{ResearchRead}
	case Privacy:
		return []Permission{AuditRead, BreakGlassRead, BreakGlassReview}
	case Admin:
		return []Permission{AuditRead, BreakGlassRead, UsersManage, TeamsManage, KeysManage}
	default:
		return nil
	}
}

// ErrDenied says that the principal lacks the permission.
var ErrDenied = errors.New("not permitted")

// ErrNoKey says that there is no such live API key: unknown, expired, revoked,
// or of a user who is disabled.
var ErrNoKey = errors.New("no such API key")

// Principal is who asks: the signed-in user of one request, or the holder of an API key.
type Principal struct {
	UserID int64
	// Name is what the page shows in the corner.
	Name string
	// Roles are the user's roles as far as this session uses them.
	Roles []Role
	// SessionID is the public id of the session; empty for API keys.
	SessionID string
	// KeyID is the id of the API key; empty for sessions.
	KeyID string
	// Scopes are what the API key is limited to. They never add to the roles.
	Scopes []Permission
}

// Has reports whether the principal holds role r.
func (p Principal) Has(r Role) bool { return slices.Contains(p.Roles, r) }

// Can reports whether the principal's state or any of its roles grants perm,
// and, for an API key, whether the key's scopes do so too.
func (p Principal) Can(perm Permission) bool {
	switch {
	case perm == Public:
		return true
	case p.UserID == 0:
		return false
	case perm == SignedIn:
		return p.KeyID == ""
	case perm == KeyHolder:
		return p.KeyID != ""
	case p.KeyID != "" && !slices.Contains(p.Scopes, perm):
		return false
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
