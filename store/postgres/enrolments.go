package postgres

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"healthportal/app/access"
	"healthportal/app/health"
	"healthportal/app/passkey"
)

// EnrolmentLink returns a link with its user, or health.ErrNotFound.
func (db *DB) EnrolmentLink(ctx context.Context, tokenHash []byte) (passkey.Enrolment, error) {
	e := passkey.Enrolment{TokenHash: tokenHash}
	var used, revoked *time.Time
	err := db.app.QueryRow(ctx, `
		SELECT e.created_at, e.expires_at, e.used_at, e.revoked_at, u.id, u.name, u.display_name, u.handle, u.disabled_at IS NOT NULL
		FROM auth.enrolment e JOIN auth.user_account u ON u.id = e.user_id WHERE e.token_hash = $1`, tokenHash).
		Scan(&e.Created, &e.Expires, &used, &revoked, &e.User.ID, &e.User.Name, &e.User.DisplayName, &e.User.Handle, &e.User.Disabled)
	if errors.Is(err, pgx.ErrNoRows) {
		return passkey.Enrolment{}, health.ErrNotFound
	}
	if err != nil {
		return passkey.Enrolment{}, fmt.Errorf("read enrolment link: %w", err)
	}
	e.Used, e.Revoked = orZero(used), orZero(revoked)
	return e, nil
}

// EnrolPasskey uses the link up and stores the passkey, both or neither. Of two
// callers with one link one wins, the other gets passkey.ErrLinkDead. A
// credential id that is stored already gives passkey.ErrKnown. Where the link
// says so, the user's other passkeys and all sessions end in the same step.
func (db *DB) EnrolPasskey(ctx context.Context, tokenHash []byte, key passkey.Passkey, at time.Time) (int64, error) {
	var id int64
	err := db.inOwnerTx(ctx, func(tx pgx.Tx) error {
		var by int64
		var endsOld bool
		err := tx.QueryRow(ctx, `
			UPDATE auth.enrolment e SET used_at = $3 FROM auth.user_account u
			WHERE e.token_hash = $1 AND e.user_id = $2 AND e.used_at IS NULL AND e.revoked_at IS NULL AND e.expires_at > $3
			  AND u.id = e.user_id AND u.disabled_at IS NULL
			RETURNING coalesce(e.created_by, 0), e.ends_old`, tokenHash, key.UserID, at).Scan(&by, &endsOld)
		if errors.Is(err, pgx.ErrNoRows) {
			return passkey.ErrLinkDead
		}
		if err != nil {
			return err
		}
		if endsOld {
			if err := endOld(ctx, tx, key.UserID, at); err != nil {
				return err
			}
		}
		if err := tellOfEnrolment(ctx, tx, key.UserID, by, at); err != nil {
			return err
		}
		id, _, err = insertPasskey(ctx, tx, key, at)
		return err
	})
	if violates(err, "passkey_credential_id_key") {
		return 0, passkey.ErrKnown
	}
	if err != nil {
		return 0, fmt.Errorf("store passkey: %w", err)
	}
	return id, nil
}

// endOld revokes all passkeys of the user and ends all sessions.
func endOld(ctx context.Context, tx pgx.Tx, userID int64, at time.Time) error {
	if _, err := tx.Exec(ctx, `UPDATE auth.passkey SET revoked_at = $2 WHERE user_id = $1 AND revoked_at IS NULL`, userID, at); err != nil {
		return fmt.Errorf("revoke old passkeys: %w", err)
	}
	_, err := tx.Exec(ctx, `UPDATE auth.session SET ended_at = $2, ended_why = 'a new passkey was enrolled' WHERE user_id = $1 AND ended_at IS NULL`, userID, at)
	if err != nil {
		return fmt.Errorf("end old sessions: %w", err)
	}
	return nil
}

// tellOfEnrolment leaves a notice of a passkey by somebody else's link. The first
// passkey of all begins the account: nothing before it can surprise anybody.
func tellOfEnrolment(ctx context.Context, tx pgx.Tx, userID, by int64, at time.Time) error {
	var first bool
	if err := tx.QueryRow(ctx, `SELECT NOT EXISTS (SELECT FROM auth.passkey WHERE user_id = $1)`, userID).Scan(&first); err != nil {
		return fmt.Errorf("look for earlier passkeys: %w", err)
	}
	if !first {
		return tell(ctx, tx, userID, access.NoticePasskey, "A passkey was added by an enrolment link.", by)
	}
	if _, err := tx.Exec(ctx, `UPDATE auth.notice SET seen_at = $2 WHERE user_id = $1 AND seen_at IS NULL`, userID, at); err != nil {
		return fmt.Errorf("mark early notices as seen: %w", err)
	}
	return nil
}
