package postgres

import (
	"context"
	"io/fs"
)

// MigrateWith is migrateWith, for the tests of upgrades and refusals.
func MigrateWith(ctx context.Context, dsn string, fsys fs.FS, program int) error {
	return migrateWith(ctx, dsn, fsys, program)
}
