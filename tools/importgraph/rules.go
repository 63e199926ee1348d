// Package importgraph holds the checkout to the table "who may import whom"
// of docs/architecture.md. Its tests fail on the first import that breaks it.
package importgraph

import (
	"slices"
	"strings"
)

// rule says what one room may import of ours. A name ending in "/..." means
// the folder and everything below; "*" means everything but the closed rooms.
type rule struct {
	room   string // folder, or folder/... for the tree below too
	mayUse []string
	tests  []string // further rooms that the room's tests may import
	std    bool     // standard library only
}

const everything = "*"

// rules stand from the more particular room to the more general one: the
// first that matches a folder counts.
func rules() []rule {
	stores := []string{"store/..."}
	storetest := []string{"store/storetest"}
	domain := []string{"app/health/...", "app/genomics/...", "app/access/..."}
	plain := []string{"app/access/...", "app/health/..."}
	return []rule{
		{room: "app", mayUse: []string{"app/cli"}},
		{room: "app/cli/...", mayUse: []string{everything}},
		{room: "app/demo/...", mayUse: []string{everything}},
		{room: "app/portal/...", mayUse: []string{everything}},
		{room: "app/config/..."},
		// Scopes carry health.PersonID, so that ids of users and persons don't mix.
		{room: "app/access/...", mayUse: []string{"app/health/..."}},
		{room: "app/health/...", std: true},
		{room: "app/genomics", tests: storetest},
		{room: "app/genomics/...", mayUse: []string{"app/genomics/..."}, tests: storetest},
		{room: "app/intake/careteam", mayUse: []string{"app/health/...", "app/access/...", "app/intake/..."}},
		{room: "app/intake/...", mayUse: []string{"app/health/...", "app/intake/..."}, tests: stores},
		{room: "app/session/...", mayUse: append([]string{"app/session/..."}, plain...), tests: stores},
		{room: "app/passkey/...", mayUse: append([]string{"app/passkey/..."}, plain...), tests: stores},
		{room: "app/people/...", mayUse: append([]string{"app/people/...", "app/passkey", "app/session"}, plain...), tests: stores},
		{room: "app/apikey/...", mayUse: append([]string{"app/apikey/..."}, plain...), tests: stores},
		{room: "app/audit/...", mayUse: append([]string{"app/audit/..."}, plain...), tests: stores},
		{room: "app/alert/...", mayUse: plain},
		{room: "app/jobs/...", mayUse: append([]string{"app/jobs/..."}, plain...), tests: stores},
		{room: "app/keyring/...", mayUse: plain, tests: stores},
		{room: "app/research/...", mayUse: append([]string{"app/keyring"}, plain...), tests: stores},
		{room: "app/web/...", mayUse: append([]string{"app/web/...", "views/...", "app/passkey/...",
			"app/session/...", "app/people/...", "app/apikey/...", "app/audit/...", "app/jobs/...",
			"app/keyring", "app/research", "static"}, domain...), tests: stores},
		{room: "views/...", mayUse: append([]string{"views/...", "static"}, domain...)},
		{room: "static/..."},
		{room: "migrations/...", tests: stores},
		{room: "store/storetest/...", mayUse: append([]string{"store/...", "migrations/..."}, domain...)},
		// Store tests bring real files in through the real readers.
		{room: "store/...", mayUse: append([]string{"store/...", "migrations/...", "app/session/...",
			"app/passkey/...", "app/people", "app/apikey/...", "app/audit/...", "app/jobs/...",
			"app/keyring", "app/research"}, domain...), tests: []string{"app/intake/..."}},
		{room: "tools/...", mayUse: []string{everything, "tools/...", "store/storetest/..."}},
	}
}

// closed are rooms that "everything" leaves out, and why.
func closed() []string {
	return []string{"app", "tools/...", "store/storetest/..."}
}

// never are pairs that "everything" would allow and the direction forbids:
// the composition root stands above nobody but the command line and the demo.
func never() map[string][]string {
	return map[string][]string{
		"app/portal/...": {"app/cli/...", "app/demo/..."},
		"app/demo/...":   {"app/cli/..."},
	}
}

func findRule(dir string) (rule, bool) {
	for _, r := range rules() {
		if within(dir, r.room) {
			return r, true
		}
	}
	return rule{}, false
}

func within(dir, pattern string) bool {
	base, tree := strings.CutSuffix(pattern, "/...")
	return dir == base || tree && strings.HasPrefix(dir, base+"/")
}

func withinAny(dir string, patterns []string) bool {
	return slices.ContainsFunc(patterns, func(p string) bool { return within(dir, p) })
}

// allows says whether code (or a test) in dir may import the folder target.
func (r rule) allows(dir, target string, test bool) bool {
	if target == dir || strings.HasSuffix(r.room, "/...") && within(target, r.room) {
		return true
	}
	if test && (withinAny(target, r.tests) || within(target, "store/storetest/...")) {
		return !pure(r) || withinAny(target, r.tests)
	}
	for _, pattern := range r.mayUse {
		if pattern != everything {
			if within(target, pattern) {
				return true
			}
			continue
		}
		if !withinAny(target, closed()) && !withinAny(target, never()[r.room]) {
			return true
		}
	}
	return false
}

// pure rooms have no database to test against.
func pure(r rule) bool { return len(r.mayUse) == 0 }

// foreign limits third-party modules to the rooms that are built on them.
type foreign struct {
	prefix string
	what   string
	rooms  []string
	tests  bool // tests elsewhere may import it
}

func foreigners() []foreign {
	sqlRooms := []string{"store/...", "tools/..."}
	return []foreign{
		{"github.com/gofiber/", "Fiber", []string{"app/web/...", "app/portal/...", "store/cache/...", "tools/..."}, false},
		{"github.com/jackc/pgx", "the PostgreSQL driver", sqlRooms, true},
		{"modernc.org/sqlite", "the SQLite driver", sqlRooms, true},
		{"database/sql", "database/sql", sqlRooms, true},
		{"github.com/pressly/goose", "the migration library", append([]string{"migrations/..."}, sqlRooms...), true},
	}
}

// forbiddenNames say nothing about what a package is for.
func forbiddenNames() []string {
	return []string{"utils", "util", "common", "helpers", "helper", "misc"}
}
