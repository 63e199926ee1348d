package mirror

import (
	"context"
	"fmt"
)

// Ping reports whether the mirror's file answers a query.
func (m *Mirror) Ping(ctx context.Context) error {
	m.files.RLock()
	defer m.files.RUnlock()
	var rows int
	if err := m.read.QueryRowContext(ctx, `SELECT count(*) FROM report`).Scan(&rows); err != nil {
		return fmt.Errorf("report mirror: %w", err)
	}
	return nil
}

// readThrough reads every report, as lists do, and so meets damage that a
// takeover without changes would pass by.
func (m *Mirror) readThrough(ctx context.Context) error {
	m.files.RLock()
	defer m.files.RUnlock()
	var rows, length int64
	return m.read.QueryRowContext(ctx, `SELECT count(*), coalesce(sum(length(search) + length(title)), 0) FROM report`).Scan(&rows, &length)
}
