package mirror

import (
	"context"
	"fmt"
)

// Ping reports whether the mirror's file answers.
func (m *Mirror) Ping(ctx context.Context) error {
	m.files.RLock()
	defer m.files.RUnlock()
	if err := m.read.PingContext(ctx); err != nil {
		return fmt.Errorf("report mirror: %w", err)
	}
	return nil
}
