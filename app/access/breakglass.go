package access

import (
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"healthportal/app/health"
)

// The rules of emergency access.
const (
	// BreakGlassTime is how long the glass stays broken.
	BreakGlassTime = 60 * time.Minute
	// BreakGlassFinds is how many patients a user may look for within BreakGlassWindow.
	BreakGlassFinds  = 10
	BreakGlassWindow = 10 * time.Minute
	// MinReason and MaxReason bound the reason, in characters.
	MinReason, MaxReason = 10, 1000
	// MaxNote is the longest note of a review, in characters.
	MaxNote = 1000
)

// Errors of emergency access besides health.ErrNotFound.
var (
	// ErrGlassMember says that the user sees the patient anyway.
	ErrGlassMember = errors.New("the patient is in the user's care teams")
	// ErrGlassOwn says that nobody reviews an access of their own.
	ErrGlassOwn = errors.New("nobody reviews an access of their own")
	// ErrGlassDecided says that the review has its outcome, which stays.
	ErrGlassDecided = errors.New("this access has been reviewed already")
	// ErrGlassRunning says that the access has not ended, so that more may be viewed.
	ErrGlassRunning = errors.New("this access has not ended yet")
)

// GlassOutcome is what a review came to.
type GlassOutcome string

// The outcomes, as stored in auth.break_glass.
const (
	Justified    GlassOutcome = "justified"
	NotJustified GlassOutcome = "not justified"
)

// ParseGlassOutcome returns the outcome named s.
func ParseGlassOutcome(s string) (GlassOutcome, error) {
	switch o := GlassOutcome(s); o {
	case Justified, NotJustified:
		return o, nil
	default:
		return "", errors.New("choose justified or not justified")
	}
}

// ErrGlassReason says that a reason is too short, too long, or no text.
var ErrGlassReason = fmt.Errorf("a reason has %d to %d characters", MinReason, MaxReason)

// GlassReason trims and checks the reason of an emergency access; ErrGlassReason
// says that it is none.
func GlassReason(s string) (string, error) {
	s = strings.TrimSpace(s)
	if letters(s) < MinReason || utf8.RuneCountInString(s) > MaxReason || !plainText(s) {
		return "", ErrGlassReason
	}
	return s, nil
}

// Errors of a review's note.
var (
	// ErrGlassNote says that it is too long, or no text.
	ErrGlassNote = fmt.Errorf("a note has at most %d characters", MaxNote)
	// ErrGlassNoteMissing says that an access that was not justified needs one.
	ErrGlassNoteMissing = fmt.Errorf("an access that was not justified needs a note of at least %d characters", MinReason)
)

// GlassNote trims and checks the note of a review; an access that was not
// justified needs one. It fails with ErrGlassNote or ErrGlassNoteMissing.
func GlassNote(s string, o GlassOutcome) (string, error) {
	s = strings.TrimSpace(s)
	if utf8.RuneCountInString(s) > MaxNote || !plainText(s) {
		return "", ErrGlassNote
	}
	if o == NotJustified && letters(s) < MinReason {
		return "", ErrGlassNoteMissing
	}
	return s, nil
}

// letters counts what can be read: spaces alone are no reason.
func letters(s string) (n int) {
	for _, r := range s {
		if unicode.IsLetter(r) || unicode.IsDigit(r) {
			n++
		}
	}
	return n
}

// plainText reports whether s is text that can be stored and shown, with line breaks.
func plainText(s string) bool {
	return utf8.ValidString(s) && !strings.ContainsFunc(s, func(r rune) bool {
		return unicode.IsControl(r) && r != '\n' && r != '\r' && r != '\t'
	})
}

// GlassMatch is the one patient whom a record number and a birth date found.
type GlassMatch struct {
	ID health.PersonID
	// PublicID leads to the patient's page.
	PublicID string
	// Member says that the patient is open to the user already.
	Member bool
}

// Emergency is one time that somebody broke the glass. Times are in UTC.
type Emergency struct {
	ID int64
	// PublicID names it in addresses.
	PublicID string
	UserID   int64
	UserName string
	Person   health.PersonID
	// PersonPublicID leads to the patient's page; RecordNumber is all that a reviewer sees of the patient.
	PersonPublicID, RecordNumber string
	Reason                       string
	Started, Expires             time.Time
	// Ended is when the user ended it early; else zero.
	Ended time.Time
	// Reviewed is zero until somebody has decided.
	Reviewed   time.Time
	ReviewedBy string
	Outcome    GlassOutcome
	Note       string
	// Entries counts what the audit log has of the user and the patient in that time.
	Entries int
}

// Until is when the access ended or will end.
func (e Emergency) Until() time.Time {
	if !e.Ended.IsZero() {
		return e.Ended
	}
	return e.Expires
}

// Running reports whether the patient is open by it at a time.
func (e Emergency) Running(now time.Time) bool { return now.Before(e.Until()) }

// EmergencyPage is a part of the review queue: those without a decision, oldest
// first, and then, newest first, those with one.
type EmergencyPage struct {
	Waiting, Decided []Emergency
	// More says that older decided ones follow.
	More bool
}

// UserRef names a user in a list of choices.
type UserRef struct {
	ID int64
	// PublicID names the user in addresses.
	PublicID string
	// Name is the display name.
	Name string
}

// PatientRef is what those who review the log see of a patient.
type PatientRef struct {
	ID health.PersonID
	// PublicID names the patient in addresses; RecordNumber is empty where there is none.
	PublicID, RecordNumber string
}
