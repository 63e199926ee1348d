package postgres

import "context"

// AuditSession reads a setting of the sessions that write the log.
func AuditSession(ctx context.Context, db *DB, setting string) (value string, err error) {
	err = db.audit.QueryRow(ctx, "SELECT current_setting($1)", setting).Scan(&value)
	return value, err
}
