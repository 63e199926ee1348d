package postgres

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"healthportal/app/health"
	"healthportal/app/session"
)

// snapshotSQL is session.Snapshot's text of the statement that it stands in.
const snapshotSQL = `extract(epoch from pg_postmaster_start_time())::text || '|' || pg_current_snapshot()::text`

// sessionRow selects what scanSession reads of the sessions s.
const sessionRow = `
	SELECT s.public_id, s.user_id, u.display_name, ARRAY(SELECT role FROM auth.user_role r WHERE r.user_id = u.id ORDER BY role),
	  u.disabled_at IS NOT NULL, k.revoked_at IS NOT NULL, coalesce(s.passkey_id, 0), s.csrf, s.research,
	  s.created_at, s.last_seen, s.expires_at, s.verified_at, s.locked_at, s.ended_at, ` + snapshotSQL + `
	FROM %s s JOIN auth.user_account u ON u.id = s.user_id LEFT JOIN auth.passkey k ON k.id = s.passkey_id`

func scanSession(row pgx.Row) (session.Row, error) {
	var r session.Row
	var roles []string
	var locked, ended *time.Time
	var snapshot string
	err := row.Scan(&r.ID, &r.UserID, &r.DisplayName, &roles, &r.Disabled, &r.PasskeyRevoked, &r.PasskeyID, &r.CSRF, &r.Research,
		&r.Created, &r.LastSeen, &r.Expires, &r.Verified, &locked, &ended, &snapshot)
	if errors.Is(err, pgx.ErrNoRows) {
		return session.Row{}, health.ErrNotFound
	}
	if err != nil {
		return session.Row{}, away(err)
	}
	r.Roles, r.Locked, r.Ended = rolesOf(roles), orZero(locked), orZero(ended)
	r.Snapshot, err = session.ParseSnapshot(snapshot)
	return r, err
}

// away marks an error as session.ErrAway where PostgreSQL gave no answer to the
// statement, rather than an answer that we don't like.
func away(err error) error {
	var answer *pgconn.PgError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &answer) && !strings.HasPrefix(answer.Code, "57P") && !strings.HasPrefix(answer.Code, "53"):
		return err
	case errors.Is(err, context.Canceled):
		return err
	default:
		return fmt.Errorf("%w: %w", session.ErrAway, err)
	}
}

// InsertSession stores a session and the time of its user's sign-in.
func (db *DB) InsertSession(ctx context.Context, s session.Fresh) error {
	var address *netip.Addr
	if a, err := netip.ParseAddr(s.Address); err == nil {
		a = a.WithZone("")
		address = &a
	}
	_, err := db.app.Exec(ctx, `
		WITH u AS (UPDATE auth.user_account SET last_sign_in = $5 WHERE id = $2)
		INSERT INTO auth.session (token_hash, user_id, passkey_id, csrf, created_at, last_seen, verified_at, expires_at, browser, address)
		VALUES ($1, $2, nullif($3::bigint, 0), $4, $5, $5, $5, $6, $7, $8)`,
		s.TokenHash, s.UserID, s.PasskeyID, s.CSRF, s.Created, s.Expires, s.Browser, address)
	if err != nil {
		return fmt.Errorf("store session: %w", away(err))
	}
	return nil
}

// SessionByToken returns a session with its user as the user is now, or health.ErrNotFound.
func (db *DB) SessionByToken(ctx context.Context, tokenHash []byte) (session.Row, error) {
	r, err := scanSession(db.app.QueryRow(ctx, fmt.Sprintf(sessionRow, "auth.session")+` WHERE s.token_hash = $1`, tokenHash))
	if err != nil {
		return session.Row{}, fmt.Errorf("read session: %w", err)
	}
	return r, nil
}

// TouchSession moves last_seen of a session forward to at, unless the session has
// ended, was locked, or has been idle for so long that it is.
func (db *DB) TouchSession(ctx context.Context, tokenHash []byte, at time.Time) error {
	_, err := db.app.Exec(ctx, `UPDATE auth.session SET last_seen = $2 WHERE token_hash = $1 AND ended_at IS NULL AND locked_at IS NULL
		AND last_seen < $2 AND last_seen > $2::timestamptz - $3::interval`, tokenHash, at, session.Idle)
	if err != nil {
		return fmt.Errorf("touch session: %w", away(err))
	}
	return nil
}

// LockSession locks a session and returns whose it is; one that is unknown,
// locked or ended stays as it is.
func (db *DB) LockSession(ctx context.Context, tokenHash []byte, at time.Time) (int64, error) {
	user, err := db.sessionUser(ctx, `UPDATE auth.session SET locked_at = $2
		WHERE token_hash = $1 AND ended_at IS NULL AND locked_at IS NULL RETURNING user_id`, tokenHash, at)
	if err != nil {
		return 0, fmt.Errorf("lock session: %w", err)
	}
	return user, nil
}

// sessionUser runs a statement that returns the user of the session it changed, 0 for none.
func (db *DB) sessionUser(ctx context.Context, sql string, args ...any) (int64, error) {
	var user int64
	err := db.app.QueryRow(ctx, sql, args...).Scan(&user)
	if err != nil && !errors.Is(err, pgx.ErrNoRows) {
		return 0, away(err)
	}
	return user, nil
}

// changeSession runs set on a session that is live at $3 and returns its row, or
// health.ErrNotFound. $1 is the token hash, $2 the new one, $4 what set needs.
func (db *DB) changeSession(ctx context.Context, set string, args ...any) (session.Row, error) {
	return scanSession(db.app.QueryRow(ctx, `WITH changed AS (UPDATE auth.session SET token_hash = $2, token_before = token_hash, `+set+`
		  AND token_hash = $1 AND ended_at IS NULL AND expires_at > $3
		  AND EXISTS (SELECT FROM auth.user_account u WHERE u.id = user_id AND u.disabled_at IS NULL)
		  AND NOT EXISTS (SELECT FROM auth.passkey k WHERE k.id = passkey_id AND k.revoked_at IS NOT NULL)
		RETURNING *)`+fmt.Sprintf(sessionRow, "changed"), args...))
}

// VerifySession notes a passkey check: new token hash, unlocked, verified at the
// given instant. It fails with health.ErrNotFound where the session is not live
// or the passkey is not a live one of its user.
func (db *DB) VerifySession(ctx context.Context, tokenHash, newHash []byte, passkeyID int64, at time.Time) (session.Row, error) {
	r, err := db.changeSession(ctx, `verified_at = $3, last_seen = greatest(last_seen, $3), locked_at = NULL
		WHERE EXISTS (SELECT FROM auth.passkey v WHERE v.id = $4 AND v.user_id = session.user_id AND v.revoked_at IS NULL)`,
		tokenHash, newHash, at, passkeyID)
	if err != nil {
		return session.Row{}, fmt.Errorf("verify session: %w", err)
	}
	return r, nil
}

// SwitchSession gives a live session a new token hash and a mode. It fails with
// health.ErrNotFound where the session is not live.
func (db *DB) SwitchSession(ctx context.Context, tokenHash, newHash []byte, research bool, at time.Time) (session.Row, error) {
	r, err := db.changeSession(ctx, `research = $4 WHERE locked_at IS NULL`, tokenHash, newHash, at, research)
	if err != nil {
		return session.Row{}, fmt.Errorf("switch session: %w", err)
	}
	return r, nil
}

// EndSession ends a session and returns whose it was; one that is unknown or
// ended stays as it is. The token before the latest rotation will do: a check of
// the passkey must not save the session from a sign-out that was under way.
func (db *DB) EndSession(ctx context.Context, tokenHash []byte, why string, at time.Time) (int64, error) {
	user, err := db.sessionUser(ctx, `UPDATE auth.session SET ended_at = $2, ended_why = $3
		WHERE (token_hash = $1 OR token_before = $1) AND ended_at IS NULL RETURNING user_id`, tokenHash, at, why)
	if err != nil {
		return 0, fmt.Errorf("end session: %w", err)
	}
	return user, nil
}

// Snapshot is what a statement of this instant sees.
func (db *DB) Snapshot(ctx context.Context) (session.Snapshot, error) {
	var text string
	if err := db.app.QueryRow(ctx, `SELECT `+snapshotSQL).Scan(&text); err != nil {
		return session.Snapshot{}, fmt.Errorf("snapshot: %w", away(err))
	}
	return session.ParseSnapshot(text) //nolint:wrapcheck // says what itself
}
