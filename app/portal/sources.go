package portal

import (
	"context"
	"strconv"

	"healthportal/app/access"
	"healthportal/app/health"
)

// SetSourcePriority chooses the priority of a source, by its id, counts the days
// anew that depend on it, and records it; 0 takes the choice back. The entry does
// not name the source: its name may be a person's.
func (p *Portal) SetSourcePriority(ctx context.Context, id, priority int) (health.PriorityChange, error) {
	c, err := p.DB.SetSourcePriority(ctx, id, priority)
	detail := map[string]any{"priority": priority}
	if err == nil {
		detail["before"], detail["days"] = c.Before, c.Days
	}
	return c, p.Record(ctx, Act{Command: "source priority", Kind: access.KindSourcePriority, Subject: strconv.Itoa(id), Detail: detail}, err)
}
