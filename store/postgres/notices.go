package postgres

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"healthportal/app/access"
)

// tell leaves a notice for a user of what somebody else, or a command (by 0),
// did to the account. What one does oneself needs no notice.
func tell(ctx context.Context, tx pgx.Tx, userID int64, kind access.NoticeKind, what string, by int64) error {
	if by == userID {
		return nil
	}
	_, err := tx.Exec(ctx, `INSERT INTO auth.notice (user_id, kind, what, by_user) VALUES ($1, $2, $3, nullif($4::bigint, 0))`,
		userID, string(kind), what, by)
	if err != nil {
		return fmt.Errorf("leave a notice: %w", err)
	}
	return nil
}

// UnseenNotices returns what the user has not been shown yet, oldest first.
func (db *DB) UnseenNotices(ctx context.Context, userID int64) ([]access.Notice, error) {
	rows, err := db.app.Query(ctx, `SELECT n.id, n.kind, n.what, coalesce(u.display_name, ''), n.created_at
		FROM auth.notice n LEFT JOIN auth.user_account u ON u.id = n.by_user
		WHERE n.user_id = $1 AND n.seen_at IS NULL ORDER BY n.id`, userID)
	if err != nil {
		return nil, fmt.Errorf("read notices: %w", err)
	}
	list, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (access.Notice, error) {
		var n access.Notice
		err := row.Scan(&n.ID, &n.Kind, &n.What, &n.By, &n.At)
		return n, err
	})
	if err != nil {
		return nil, fmt.Errorf("read notices: %w", err)
	}
	return list, nil
}

// SeeNotices marks the user's notices up to and including last as seen.
func (db *DB) SeeNotices(ctx context.Context, userID, last int64, at time.Time) error {
	_, err := db.app.Exec(ctx, `UPDATE auth.notice SET seen_at = $3 WHERE user_id = $1 AND id <= $2 AND seen_at IS NULL`, userID, last, at)
	if err != nil {
		return fmt.Errorf("mark notices as seen: %w", err)
	}
	return nil
}
