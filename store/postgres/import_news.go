package postgres

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"

	"healthportal/app/health"
)

// What the triggers on health.event note of new rows (note_dirty_new and
// note_choices of the migrations): rows that go straight into the partitions pass
// them by. The rollup's own keys are counted by rollUpNew.
const (
	noteNews = `
		INSERT INTO health.person_news AS w (person_id, data_no, data_at)
		SELECT p, 1, now() FROM unnest($1::bigint[]) AS p ORDER BY 1
		ON CONFLICT (person_id) DO UPDATE SET data_no = w.data_no + 1, data_at = excluded.data_at`
	noteSources = `
		INSERT INTO health.person_source AS s (person_id, source_id, day, n)
		SELECT x.p, x.s, (now() AT TIME ZONE 'UTC')::date, x.n FROM unnest($1::bigint[], $2::integer[], $3::bigint[]) AS x (p, s, n) ORDER BY 1, 2
		ON CONFLICT (person_id, source_id, day) DO UPDATE SET n = s.n + excluded.n`
	noteChoices = `
		INSERT INTO health.event_choice (person_id, source_id, flag)
		SELECT x.p, x.s, x.f FROM unnest($1::bigint[], $2::integer[], $3::text[]) AS x (p, s, f) ORDER BY 1, 2, 3
		ON CONFLICT DO NOTHING`
)

// noteNew notes what came, for whom, and from where, and ends the savepoint.
func (im *importer) noteNew(ctx context.Context, tx pgx.Tx, rows []*health.ImportRow) error {
	type source struct {
		person int64
		source int32
	}
	type choice struct {
		source
		flag string
	}
	persons, sources, choices := map[int64]bool{}, map[source]int64{}, map[choice]bool{}
	// Rows that follow each other are mostly of one person, source and flag.
	for from, to := 0, 0; from < len(rows); from = to {
		r := rows[from]
		for to = from + 1; to < len(rows) && rows[to].Person == r.Person && rows[to].Source == r.Source && rows[to].Flag == r.Flag; to++ {
		}
		s := source{int64(r.Person), im.names.sources[r.Source]}
		persons[s.person] = true
		sources[s] += int64(to - from)
		choices[choice{s, r.Flag}] = true
	}
	var q pgx.Batch
	var ids, people, owners []int64
	for id := range persons {
		ids = append(ids, id)
	}
	q.Queue(noteNews, ids)
	var from, of []int32
	var counts []int64
	for s, n := range sources {
		people, from, counts = append(people, s.person), append(from, s.source), append(counts, n)
	}
	q.Queue(noteSources, people, from, counts)
	var flags []string
	for c := range choices {
		owners, of, flags = append(owners, c.person), append(of, c.source.source), append(flags, c.flag)
	}
	q.Queue(noteChoices, owners, of, flags)
	q.Queue(keepNew)
	if err := tx.SendBatch(ctx, &q).Close(); err != nil {
		return fmt.Errorf("note what came: %w", err)
	}
	return nil
}
