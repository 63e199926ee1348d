package session

import (
	"context"
	"time"
)

// Store keeps sessions by the hash of their token. Only InsertSession creates a
// row; the others change what is there and has not ended, so that a late write
// can't undo a sign-out. Methods fail with ErrAway where nothing answers.
type Store interface {
	// InsertSession stores a session and the time of its user's sign-in.
	InsertSession(ctx context.Context, s Fresh) error
	// SessionByToken returns the row of a token hash, or health.ErrNotFound.
	SessionByToken(ctx context.Context, tokenHash []byte) (Row, error)
	// TouchSession moves last_seen of a session that is not locked to at.
	TouchSession(ctx context.Context, tokenHash []byte, at time.Time) error
	// LockSession locks a session and returns whose it is, 0 for one that is unknown, locked or ended.
	LockSession(ctx context.Context, tokenHash []byte, at time.Time) (userID int64, err error)
	// VerifySession gives a live session a new token hash, unlocks it and notes the
	// check by one of the user's live passkeys. Else it fails with health.ErrNotFound.
	VerifySession(ctx context.Context, tokenHash, newHash []byte, passkeyID int64, at time.Time) (Row, error)
	// SwitchSession gives a live session a new token hash and a mode, or fails with health.ErrNotFound.
	SwitchSession(ctx context.Context, tokenHash, newHash []byte, research bool, at time.Time) (Row, error)
	// EndSession ends the session of a token or of the one before it, and returns
	// whose it was, 0 for one that is unknown or had ended.
	EndSession(ctx context.Context, tokenHash []byte, why string, at time.Time) (userID int64, err error)
}

// Register lists and ends the sessions of a user, and cleans up.
type Register interface {
	// SessionsOf lists the user's sessions that are live at now, the latest activity first.
	SessionsOf(ctx context.Context, userID int64, now time.Time) ([]Info, error)
	// EndUserSession ends one of the user's live sessions, or fails with health.ErrNotFound.
	EndUserSession(ctx context.Context, userID int64, id, why string, at time.Time) error
	// EndUserSessions ends all live sessions of the user but the one with the
	// public id keep, and returns how many.
	EndUserSessions(ctx context.Context, userID int64, keep, why string, at time.Time) (int, error)
	// RemoveStale deletes ceremonies that expired before now, sessions and links
	// that ended or expired before old, and counts of attempts that no window needs.
	RemoveStale(ctx context.Context, now, old time.Time) (Removed, error)
}
