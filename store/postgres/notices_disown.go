package postgres

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"healthportal/app/access"
)

// DisownNotices is for a user who knows nothing of the changes up to and including
// last: the notices count as seen, the user's sessions but keep (a public id) end,
// and every other administrator finds a notice. It returns how many of each.
func (db *DB) DisownNotices(ctx context.Context, userID int64, keep string, last int64, at time.Time) (sessions, told int, err error) {
	err = db.inOwnerTx(ctx, func(tx pgx.Tx) error {
		tag, err := tx.Exec(ctx, `UPDATE auth.notice SET seen_at = $3 WHERE user_id = $1 AND id <= $2 AND seen_at IS NULL`, userID, last, at)
		if err != nil {
			return err
		}
		if tag.RowsAffected() == 0 {
			return nil // told already: a form sent twice
		}
		tag, err = tx.Exec(ctx, `UPDATE auth.session SET ended_at = $3, ended_why = 'the user disowned changes to the account'
			WHERE user_id = $1 AND public_id <> $2 AND ended_at IS NULL`, userID, keep, at)
		if err != nil {
			return err
		}
		sessions = int(tag.RowsAffected())
		rows, err := tx.Query(ctx, `SELECT u.id FROM auth.user_account u JOIN auth.user_role r ON r.user_id = u.id
			WHERE r.role = $2 AND u.disabled_at IS NULL AND u.id <> $1`, userID, string(access.Admin))
		if err != nil {
			return err
		}
		admins, err := pgx.CollectRows(rows, pgx.RowTo[int64])
		if err != nil {
			return err
		}
		for _, admin := range admins {
			if err := tell(ctx, tx, admin, access.NoticeAccount, "This person knows nothing of changes that were made to the own account. Please ask, and look into the audit log.", userID); err != nil {
				return err
			}
		}
		told = len(admins)
		return nil
	})
	if err != nil {
		return 0, 0, fmt.Errorf("disown notices: %w", err)
	}
	return sessions, told, nil
}
