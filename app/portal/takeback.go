package portal

import (
	"context"
	"fmt"
	"maps"
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

// MergePersons makes one record part of another, records it under both persons,
// and lets the mirror follow; dry tells what would happen.
func (p *Portal) MergePersons(ctx context.Context, keep, gone string, c health.MergeChoices, dry bool) (health.MergeReport, error) {
	r, err := p.DB.MergePersons(ctx, keep, gone, c, osUser(), dry)
	if dry {
		return r, err
	}
	detail := map[string]any{"merge": r.ID, "moved": r.MoveCounts, "refer": r.PersonCounts, "overridden": c.Override != ""}
	act := Act{Command: "person merge", Kind: access.KindPersonMerge}
	if err := p.recordPair(ctx, act, r.Keep, r.Gone, [2]string{"took_in", "part_of"}, detail, err); err != nil {
		return r, err
	}
	return r, p.followReports(ctx, r.Reports)
}

// SplitMerge takes a merge back, and SplitPerson moves a part of a record out; both
// are recorded under both persons, and the mirror follows.
func (p *Portal) SplitMerge(ctx context.Context, id int64, dry bool) (health.SplitReport, error) {
	r, err := p.DB.SplitMerge(ctx, id, osUser(), dry)
	if dry {
		return r, err
	}
	return r, p.recordSplit(ctx, r, map[string]any{"merge": id}, err)
}

// SplitPerson moves what the choices name from one record to another, or to a new one where to is empty.
func (p *Portal) SplitPerson(ctx context.Context, from, to string, c health.SplitChoices, dry bool) (health.SplitReport, error) {
	r, err := p.DB.SplitPerson(ctx, from, to, c, dry)
	if dry {
		return r, err
	}
	return r, p.recordSplit(ctx, r, map[string]any{"imports": c.Imports, "by_source": c.Source != "", "new": r.New}, err)
}

func (p *Portal) recordSplit(ctx context.Context, r health.SplitReport, detail map[string]any, err error) error {
	detail["moved"], detail["refer"] = r.MoveCounts, r.PersonCounts
	act := Act{Command: "person split", Kind: access.KindPersonSplit}
	if err := p.recordPair(ctx, act, r.From, r.To, [2]string{"went_to", "came_from"}, detail, err); err != nil {
		return err
	}
	return p.followReports(ctx, r.Reports)
}

// recordPair records an act under two persons, each entry with the other's public
// id under its word; where the act failed, under the first alone.
func (p *Portal) recordPair(ctx context.Context, act Act, a, b health.Person, words [2]string, detail map[string]any, err error) error {
	act.Person, act.Subject = a.ID, a.PublicID
	act.Detail = with(detail, words[0], b.PublicID)
	err = p.Record(ctx, act, err)
	if err != nil {
		return err
	}
	act.Person, act.Subject = b.ID, b.PublicID
	act.Detail = with(detail, words[1], a.PublicID)
	return p.Record(ctx, act, nil)
}

func with(detail map[string]any, word, value string) map[string]any {
	more := maps.Clone(detail)
	more[word] = value
	return more
}

// followReports lets this data folder's mirror follow at once. Serving portals
// follow within a minute.
func (p *Portal) followReports(ctx context.Context, moved int64) error {
	if moved == 0 {
		return nil
	}
	index, err := p.Mirror(ctx)
	if err == nil {
		err = index.Follow(ctx, p.DB)
	}
	if err != nil {
		return fmt.Errorf("done, but the local list of reports does not show it yet: %w", err)
	}
	return nil
}
