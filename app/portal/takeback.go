package portal

import (
	"context"
	"strconv"

	"healthportal/app/access"
	"healthportal/app/health"
)

// UndoImport takes an import back and records it; dry tells what would happen.
func (p *Portal) UndoImport(ctx context.Context, id int64, dry bool) (health.UndoReport, error) {
	report, err := p.DB.UndoImport(ctx, id, osUser(), dry)
	if dry {
		return report, err
	}
	detail := map[string]any{"took_back": report.UndoCounts}
	if len(report.Repeated) > 0 {
		detail["later_imports_with_repeated_values"] = report.Repeated
	}
	return report, p.Record(ctx, Act{Command: "import undo", Kind: access.KindImportUndo, Subject: strconv.FormatInt(id, 10), Detail: detail}, err)
}
