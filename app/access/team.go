package access

import (
	"errors"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"healthportal/app/health"
)

// MaxTeamName is the longest name of a care team, in characters.
const MaxTeamName = 100

// Errors of care teams besides health.ErrNotFound.
var (
	// ErrTeamExists says that the name is taken.
	ErrTeamExists = errors.New("a care team of this name exists already")
	// ErrNoMember says that there is no such user or patient.
	ErrNoMember = errors.New("no such user or patient")
	// ErrOverlap says that another membership of the same member covers part of the time.
	ErrOverlap = errors.New("another membership of the same member covers part of this time")
	// ErrPeriod says that a membership would end before it starts.
	ErrPeriod = errors.New("the membership would end before it starts")
)

// TeamName checks and trims the name of a care team.
func TeamName(s string) (string, error) {
	s = strings.TrimSpace(s)
	if s == "" || utf8.RuneCountInString(s) > MaxTeamName || !utf8.ValidString(s) || strings.ContainsFunc(s, unicode.IsControl) {
		return "", errors.New("give the care team a name of 1 to 100 characters without control characters")
	}
	return s, nil
}

// Period is when a membership holds: from From on and until before To. The zero
// From means "from now on", the zero To "without end".
type Period struct{ From, To time.Time }

// Valid reports ErrPeriod where the period ends before it starts.
func (p Period) Valid(now time.Time) error {
	from := p.From
	if from.IsZero() {
		from = now
	}
	if !p.To.IsZero() && p.To.Before(from) {
		return ErrPeriod
	}
	return nil
}

// Team is a care team as lists show it. Members and Patients count those of now.
type Team struct {
	ID                int64
	PublicID, Name    string
	Members, Patients int
}

// Membership is a user's or patient's time in a care team.
type Membership struct {
	// PublicID names the membership in addresses.
	PublicID string
	Period
	// AddedBy is the display name of who added it; empty for commands.
	AddedBy string
	// User and DisplayName are set for users, UserID is the public one.
	UserID, User, DisplayName string
	// RecordNumber is set for patients: all that administrators see of them.
	RecordNumber string
}

// State is "now", "later" or "ended" at a time.
func (m Membership) State(now time.Time) string {
	switch {
	case m.From.After(now):
		return "later"
	case !m.To.IsZero() && !m.To.After(now):
		return "ended"
	default:
		return "now"
	}
}

// Change is what applying a membership did.
type Change string

// The changes.
const (
	ChangeAdded     Change = "added"
	ChangeChanged   Change = "changed"
	ChangeUnchanged Change = "unchanged"
)

// TeamLine is one membership as a file states it: a team and either a user or a
// patient, who is named by record number or by an identifier of a known system.
type TeamLine struct {
	// Line is the line of a CSV or NDJSON file, or the position in a bundle, from 1.
	Line int
	Team string
	// User is a user name; empty for a patient's membership.
	User string
	// RecordNumber or Patient names the patient.
	RecordNumber string
	Patient      health.Identifier
	Period
}
