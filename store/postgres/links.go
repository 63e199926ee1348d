package postgres

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"healthportal/app/access"
	"healthportal/app/health"
	"healthportal/app/people"
)

const revokeUnusedLinks = `UPDATE auth.enrolment SET revoked_at = $2 WHERE user_id = $1 AND used_at IS NULL AND revoked_at IS NULL`

// ReplaceEnrolment stores a link and revokes the user's earlier unused ones. It
// fails with health.ErrNotFound, people.ErrDisabled, and as inAdminTx does.
func (db *DB) ReplaceEnrolment(ctx context.Context, l people.NewLink) error {
	err := db.inAdminTx(ctx, l.By, l.Created, func(tx pgx.Tx) error {
		var disabled bool
		err := tx.QueryRow(ctx, `SELECT disabled_at IS NOT NULL FROM auth.user_account WHERE id = $1 FOR UPDATE`, l.UserID).Scan(&disabled)
		switch {
		case errors.Is(err, pgx.ErrNoRows):
			return health.ErrNotFound
		case err != nil:
			return err
		case disabled:
			return people.ErrDisabled
		}
		if _, err := tx.Exec(ctx, revokeUnusedLinks, l.UserID, l.Created); err != nil {
			return err
		}
		_, err = tx.Exec(ctx, `INSERT INTO auth.enrolment (token_hash, user_id, created_at, expires_at, created_by, handed_as, ends_old)
			VALUES ($1, $2, $3, $4, nullif($5::bigint, 0), $6, $7)`,
			l.TokenHash, l.UserID, l.Created, l.Expires, l.By, string(l.As), l.EndsOld)
		if err != nil {
			return err
		}
		return tellEnrolled(ctx, tx, l.UserID, access.NoticeLink, "An enrolment link was made for your account.", l.By)
	})
	if err != nil {
		return fmt.Errorf("store enrolment link: %w", err)
	}
	return nil
}

// RevokeEnrolment revokes the user's unused links. Where there is none that would
// still work it fails with people.ErrNoLink; else as inAdminTx does.
func (db *DB) RevokeEnrolment(ctx context.Context, by, userID int64, at time.Time) error {
	err := db.inAdminTx(ctx, by, at, func(tx pgx.Tx) error {
		tag, err := tx.Exec(ctx, revokeUnusedLinks+` AND expires_at > $2`, userID, at)
		if err != nil {
			return err
		}
		if tag.RowsAffected() == 0 {
			return people.ErrNoLink
		}
		return tellEnrolled(ctx, tx, userID, access.NoticeLink, "The unused enrolment link of your account was withdrawn.", by)
	})
	if err != nil {
		return fmt.Errorf("revoke enrolment link: %w", err)
	}
	return nil
}
