// Package session issues, looks up, locks, rotates and ends the server-side
// sessions of people who signed in. The database row is the authority; the
// browser holds a random token of which only the hash is stored.
package session

import (
	"errors"
	"slices"
	"time"

	"healthportal/app/access"
)

const (
	// Idle is how long a session stays open without activity; then it is locked
	// until a passkey check. It may lock up to TouchEvery early, never late.
	Idle = 15 * time.Minute
	// StepUp is how long a passkey check opens sensitive acts.
	StepUp = 5 * time.Minute
	// Absolute is how long a session lives at most.
	Absolute = 12 * time.Hour
	// TouchEvery is how often activity is written down.
	TouchEvery = time.Minute
	// Keep is how long ended sessions and dead links stay for those who ask what happened.
	Keep = 30 * 24 * time.Hour
)

// Why sessions ended, as auth.session.ended_why says it. Others may say more.
const (
	WhySignOut = "signed out"
	WhyOwner   = "ended by the owner"
	WhyAdmin   = "ended by an administrator"
)

var (
	// ErrNone says that there is no live session: none at all, ended, too old, or
	// of a user or passkey that is disabled by now. Locked sessions are live.
	ErrNone = errors.New("no session")
	// ErrAway says that the store did not answer, so that nothing is known. Stores
	// wrap it; an answer of any kind, also a refusal, is not ErrAway.
	ErrAway = errors.New("the session store does not answer")
)

// New is a sign-in that is about to get a session.
type New struct {
	UserID, PasskeyID int64
	// Browser names the browser in words: BrowserWords(User-Agent).
	Browser string
	// Address is the network address of the browser; one that can't be parsed is left out.
	Address string
}

// Fresh is a session about to be stored.
type Fresh struct {
	New
	TokenHash []byte
	CSRF      string
	Created   time.Time
	Expires   time.Time
}

// Row is a session as stored, joined with its user as the user is now.
type Row struct {
	// ID is the public id.
	ID          string
	UserID      int64
	DisplayName string
	Roles       []access.Role
	// Disabled is the user's present state.
	Disabled bool
	// PasskeyRevoked is the present state of the passkey that signed in.
	PasskeyRevoked bool
	PasskeyID      int64
	CSRF           string
	// Research is the chosen mode, which counts for those with a choice only.
	Research bool
	Created  time.Time
	LastSeen time.Time
	Expires  time.Time
	Verified time.Time
	// Locked and Ended are the zero time while the session has not been locked or ended.
	Locked time.Time
	Ended  time.Time
	// Snapshot is what the statement that read the row could see.
	Snapshot Snapshot
}

// live reports whether the session exists at now, locked or not.
func (r Row) live(now time.Time) bool {
	return r.Ended.IsZero() && !r.Disabled && !r.PasskeyRevoked && now.Before(r.Expires)
}

// locked reports whether the session answers no data at now.
func (r Row) locked(now time.Time) bool {
	return !r.Locked.IsZero() || !now.Before(r.LastSeen.Add(Idle))
}

// Session is a live session, which may be locked.
type Session struct {
	// Principal has the roles that this session uses: those of a researcher, or all others.
	Principal access.Principal
	// ID is the public id, for lists and for the audit log.
	ID string
	// Verified is the time of the latest passkey check.
	Verified time.Time
	// Locked sessions answer no data until a passkey check.
	Locked bool
	// Research says that this session shows de-identified data only; CanSwitch
	// that the user holds other roles beside researcher and may choose.
	Research, CanSwitch bool
	// CSRF is the token that forms and scripts of this session send along.
	CSRF string
	// PasskeyID is the passkey that signed in.
	PasskeyID int64
	// Created is the time of sign-in.
	Created time.Time
	// LastSeen is the latest activity known, up to TouchEvery old.
	LastSeen time.Time
	// Ends is when the session ends whatever happens.
	Ends time.Time
}

// session is what the row means at now.
func (r Row) session(now time.Time) Session {
	s := Session{ID: r.ID, Verified: r.Verified, Locked: r.locked(now), CSRF: r.CSRF, PasskeyID: r.PasskeyID,
		Created: r.Created, LastSeen: r.LastSeen, Ends: r.Expires}
	s.Principal = access.Principal{UserID: r.UserID, Name: r.DisplayName, SessionID: r.ID}
	s.Principal.Roles, s.Research, s.CanSwitch = usedRoles(r.Roles, r.Research)
	return s
}

// usedRoles parts the roles of research from all others: a session shows
// de-identified data or identified data, never both.
func usedRoles(held []access.Role, wanted bool) (used []access.Role, research, canSwitch bool) {
	if !slices.Contains(held, access.Researcher) {
		return held, false, false
	}
	others := slices.DeleteFunc(slices.Clone(held), func(r access.Role) bool { return r == access.Researcher })
	if wanted || len(others) == 0 {
		return []access.Role{access.Researcher}, true, len(others) > 0
	}
	return others, false, true
}

// Info is a live session in the list of its owner or of an administrator.
type Info struct {
	// ID is the public id.
	ID string
	// Created, LastSeen, Verified and Ends are instants in UTC.
	Created, LastSeen, Verified, Ends time.Time
	// Browser and Address are of the sign-in; empty where unknown.
	Browser, Address string
	// Passkey is the name of the passkey that signed in; empty where it has none.
	Passkey string
	// Locked sessions wait for a passkey check.
	Locked bool
}

// Removed counts what a clean-up deleted.
type Removed struct {
	Sessions   int64 `json:"sessions"`
	Ceremonies int64 `json:"ceremonies"`
	Enrolments int64 `json:"enrolments"`
	Attempts   int64 `json:"attempts"`
}
