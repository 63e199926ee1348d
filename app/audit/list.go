package audit

import (
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"time"
	"unicode/utf8"

	"healthportal/app/access"
)

// Sizes of a page of the log.
const (
	// DefaultSize is how many rows a page has where nothing else is said.
	DefaultSize = 50
	// MaxSize is how many it has at most.
	MaxSize = 200
)

// Filter says which rows of the log are meant. The zero value of a field
// filters nothing.
type Filter struct {
	// From and To are instants: rows at or after From and before To. Whoever
	// asks by days turns them into instants in the zone that the page shows.
	From, To time.Time
	Kind     access.Kind
	Outcome  Outcome
	UserID   int64
	PersonID int64
	Subject  string
	// Size is the page's length, 1 to MaxSize; 0 means DefaultSize. Exports ignore it.
	Size int
	// After asks for what is older than a row, Before for what is newer; at most one is set. Exports ignore both.
	After, Before *Cursor
}

// ErrBadFilter says what is wrong with a filter, in words for its user.
var ErrBadFilter = errors.New("this filter of the audit log is not valid")

// Validate refuses a filter that can't be meant, with an error that is ErrBadFilter.
func (f Filter) Validate() error {
	switch {
	case !f.From.IsZero() && !f.To.IsZero() && !f.From.Before(f.To):
		return fmt.Errorf("%w: its end is not after its start", ErrBadFilter)
	case f.Outcome != "" && f.Outcome != Done && f.Outcome != Denied && f.Outcome != Failed:
		return fmt.Errorf("%w: an outcome is done, denied or failed", ErrBadFilter)
	case f.UserID < 0 || f.PersonID < 0:
		return fmt.Errorf("%w: ids are positive", ErrBadFilter)
	case f.Size < 0 || f.Size > MaxSize:
		return fmt.Errorf("%w: a page has 1 to %d rows", ErrBadFilter, MaxSize)
	case f.After != nil && f.Before != nil:
		return fmt.Errorf("%w: it asks for older and newer rows at once", ErrBadFilter)
	}
	return nil
}

// PageSize is Size with its default filled in.
func (f Filter) PageSize() int {
	if f.Size <= 0 {
		return DefaultSize
	}
	return f.Size
}

// Row is an entry as pages and exports show it.
type Row struct {
	Entry
	// Chain and Seq are the entry's place in the log; Seq counts from 1.
	Chain string
	Seq   int64
	// UserName is the display name of UserID as it is now; empty where there is no such user.
	UserName string
}

// Cursor is the place of the row in pages, which go from new to old.
func (r Row) Cursor() *Cursor { return &Cursor{At: r.At, Chain: r.Chain, Seq: r.Seq} }

// Page is a part of the log, newest first.
type Page struct {
	Rows []Row
	// Older and Newer lead to the neighbouring pages; nil where there is none.
	Older, Newer *Cursor
}

// Looker is one time that somebody asked about a patient.
type Looker struct {
	// At is when, in UTC.
	At time.Time
	// UserID and UserName say who; UserName is empty where the user is unknown.
	UserID   int64
	UserName string
	// Roles are the roles in force, joined by "+"; KeyID is set where a program asked.
	Roles, KeyID string
	Kind         access.Kind
	Outcome      Outcome
	// Subject is what was opened, such as a report's id.
	Subject string
	// BreakGlass says that an emergency access of this user to this patient was open then.
	BreakGlass bool
	// Chain and Seq are the entry's place in the log.
	Chain string
	Seq   int64
}

// LookersPage is a part of who looked at a patient, newest first.
type LookersPage struct {
	Lookers []Looker
	// Older leads to the next page; nil where there is none.
	Older *Cursor
}

// Cursor points at a row of the log in the order of its pages.
type Cursor struct {
	At    time.Time
	Chain string
	Seq   int64
}

// ErrBadCursor says that a cursor in a URL was not made by this portal.
var ErrBadCursor = errors.New("this page link is not valid: go back to the first page of the audit log")

// maxChain is the longest chain id, in bytes, that a cursor may carry.
const maxChain = 64

// String is the cursor for a URL. It tells nothing but a time and a place in the log.
func (c Cursor) String() string {
	b := binary.BigEndian.AppendUint64(nil, uint64(c.At.UnixMicro()))
	b = binary.BigEndian.AppendUint64(b, uint64(c.Seq)) //nolint:gosec // the bits of a number
	return base64.RawURLEncoding.EncodeToString(append(b, c.Chain...))
}

// ParseCursor reads what String wrote, else ErrBadCursor.
func ParseCursor(s string) (Cursor, error) {
	if len(s) > base64.RawURLEncoding.EncodedLen(16+maxChain) {
		return Cursor{}, ErrBadCursor
	}
	b, err := base64.RawURLEncoding.Strict().DecodeString(s)
	if err != nil || len(b) <= 16 || base64.RawURLEncoding.EncodeToString(b) != s { // decoding passes over line ends
		return Cursor{}, ErrBadCursor
	}
	c := Cursor{
		At:    time.UnixMicro(int64(binary.BigEndian.Uint64(b))).UTC(), //nolint:gosec // the bits of a number
		Seq:   int64(binary.BigEndian.Uint64(b[8:])),                   //nolint:gosec // the bits of a number
		Chain: string(b[16:]),
	}
	if c.Seq < 1 || c.At.Year() < 1970 || c.At.Year() > 9999 || !validChain(c.Chain) {
		return Cursor{}, ErrBadCursor
	}
	return c, nil
}

// validChain reports whether s may be the id of a chain: short and printable.
func validChain(s string) bool {
	if s == "" || len(s) > maxChain || !utf8.ValidString(s) {
		return false
	}
	for _, r := range s {
		if (r < 'a' || r > 'z') && (r < '0' || r > '9') && r != '-' {
			return false
		}
	}
	return true
}

// The store's methods for these types, which the pages declare as interfaces of
// their own (store/postgres implements them):
//
//	AuditPage(ctx context.Context, f Filter) (Page, error)
//	EachOf(ctx context.Context, f Filter, fn func(Row) error) error
//	Lookers(ctx context.Context, scope access.Scope, person health.PersonID, after *Cursor, size int) (LookersPage, error)
//
// EachOf goes from new to old in one snapshot; an error of fn ends it and is returned.
