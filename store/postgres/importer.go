package postgres

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"healthportal/app/health"
)

// importer is one running import on one connection of hp_owner.
type importer struct {
	db       *DB
	conn     *pgxpool.Conn
	settings health.ImportSettings
	id       int64
	team     int64 // 0: none
	names    dimensions
	inTeam   map[health.PersonID]bool
	gone     map[health.PersonID][]goneRecord
	months   map[time.Time]int // rows by the month of their partition; the zero time is the one before 2015
	// repeats is set while the file holds what is stored already.
	repeats bool
	// unsettled is set while batches may not have reached the disk.
	unsettled bool
}

// firstMonthlyYear is where monthly partitions begin.
const firstMonthlyYear = 2015

// StartImport opens an import. The caller closes it.
func (db *DB) StartImport(ctx context.Context, s health.ImportSettings) (health.Ingest, error) {
	conn, err := db.owner.Acquire(ctx)
	if err != nil {
		return nil, fmt.Errorf("start an import: %w", err)
	}
	im := &importer{db: db, conn: conn, settings: s, inTeam: map[health.PersonID]bool{}, months: map[time.Time]int{}}
	if err := im.open(ctx); err != nil {
		err = errors.Join(err, im.Close(context.WithoutCancel(ctx)))
		return nil, fmt.Errorf("start an import: %w", err)
	}
	return im, nil
}

func (im *importer) open(ctx context.Context) error {
	var zone string
	if err := im.conn.QueryRow(ctx, readSiteZone).Scan(&zone); err != nil {
		return fmt.Errorf("site's time zone: %w", err)
	}
	if zone != im.settings.Site.String() {
		return fmt.Errorf("the import counts days in %s, the database in %s: set the site's time zone first", im.settings.Site, zone)
	}
	if im.settings.Team != "" {
		id, err := ensureTeam(ctx, im.conn, im.settings.Team)
		if err != nil {
			return err
		}
		im.team = id
	}
	if err := noticeEnd(ctx, im.conn); err != nil {
		return err
	}
	if _, err := im.conn.Exec(ctx, lockAllImports); err != nil {
		return fmt.Errorf("lock: %w", err)
	}
	if err := im.record(ctx); err != nil {
		return fmt.Errorf("record the import: %w", err)
	}
	if err := im.loadGone(ctx); err != nil {
		return err
	}
	return im.names.load(ctx, im.conn)
}

// ImportID is the number of the import in health.import.
func (im *importer) ImportID() int64 { return im.id }

// record makes the import's row and takes its lock before anybody can see it.
func (im *importer) record(ctx context.Context) error {
	return pgx.BeginFunc(ctx, im.conn, func(tx pgx.Tx) error {
		err := tx.QueryRow(ctx, `INSERT INTO health.import (format, journaled) VALUES ($1, true) RETURNING id`, im.settings.Format).Scan(&im.id)
		if err != nil {
			return err
		}
		_, err = tx.Exec(ctx, lockThisImport, im.id)
		return err
	})
}

// Close gives the connection back.
func (im *importer) Close(ctx context.Context) error {
	defer im.conn.Release()
	err := im.settle(ctx)
	return errors.Join(err, im.unlock(ctx))
}

// settle makes the batches durable that an import without an end has stored: any
// commit that waits for the disk does so for all before it.
func (im *importer) settle(ctx context.Context) error {
	if !im.unsettled {
		return nil
	}
	exec := im.conn.Exec
	if im.conn.Conn().IsClosed() { // as after an interruption
		exec = im.db.owner.Exec
	}
	if _, err := exec(ctx, `UPDATE health.import SET read = read WHERE id = $1`, im.id); err != nil {
		return fmt.Errorf("make the stored batches durable: %w", err)
	}
	im.unsettled = false
	return nil
}

// Finish records the outcome of the import.
func (im *importer) Finish(ctx context.Context, r health.ImportResult) error {
	_, err := im.conn.Exec(ctx, `
		UPDATE health.import SET finished_at = now(), file_sha256 = $2, read = $3, stored = $4, repeated = $5, corrected = $6, outdated = $7,
		  refused = $8 WHERE id = $1`, im.id, r.FileSHA256, r.Read, r.Stored, r.Repeated, r.Corrected, r.Outdated, r.Refused)
	if err != nil {
		return fmt.Errorf("record the import: %w", err)
	}
	im.unsettled = false
	if r.Stored+r.Corrected >= analyzeFrom {
		// Everything is stored by now. Where this fails, PostgreSQL logs why, and autovacuum does it later.
		_ = im.analyze(ctx)
	}
	return nil
}

// Store writes a batch in one transaction: the rows, their older versions
// superseded, and the daily rollup that charts read. It does not wait for the
// disk: a crash of the server may lose the last batches, never one before a batch
// that it keeps, and importing the file again brings them back. Finish and Close wait.
func (im *importer) Store(ctx context.Context, rows []health.ImportRow) (health.ImportCounts, error) {
	var counts health.ImportCounts
	if len(rows) == 0 {
		return counts, nil
	}
	if err := im.ensurePartitions(ctx, rows); err != nil {
		return counts, err
	}
	err := pgx.BeginFunc(ctx, im.conn, func(tx pgx.Tx) error {
		var err error
		counts, err = im.storeIn(ctx, tx, rows)
		return err
	})
	if err != nil {
		return health.ImportCounts{}, fmt.Errorf("store %d events: %w", len(rows), err)
	}
	im.unsettled = true
	return counts, nil
}

func (im *importer) storeIn(ctx context.Context, tx pgx.Tx, rows []health.ImportRow) (health.ImportCounts, error) {
	var counts health.ImportCounts
	// One round trip: where other programs are busy, each one waits for its turn.
	if _, err := tx.Exec(ctx, takeTurn+";"+dontWait+";"+createFresh+";"+createDirtyNow); err != nil {
		return counts, fmt.Errorf("wait for other imports: %w", err)
	}
	if err := im.names.ensure(ctx, tx, rows); err != nil {
		return counts, err
	}
	if err := im.joinTeam(ctx, tx, rows); err != nil {
		return counts, err
	}
	if counts, err := im.storeNew(ctx, tx, rows); !errors.Is(err, errKnown) {
		return counts, err
	}
	rounds, err := im.stage(ctx, tx, rows)
	if err != nil {
		return counts, err
	}
	if err := im.stageGone(ctx, tx, rows); err != nil {
		return counts, err
	}
	for round := range rounds {
		c, err := im.storeRound(ctx, tx, round)
		if err != nil {
			return counts, err
		}
		counts = counts.Add(c)
	}
	if _, err := rebuildDirty(ctx, tx); err != nil {
		return counts, err
	}
	im.repeats = counts.Repeated > 0
	return counts, nil
}

// takeTurn is the statement of lockEvents.
const takeTurn = `SELECT pg_advisory_xact_lock(hashtext('health.event')), set_config('jit', 'off', true),
	set_config('enable_mergejoin', 'off', true)`

// lockEvents makes writers of events and of the rollup take turns, so that they
// can't deadlock on the same days.
func lockEvents(ctx context.Context, tx pgx.Tx) error {
	if _, err := tx.Exec(ctx, takeTurn); err != nil {
		return fmt.Errorf("wait for other imports: %w", err)
	}
	return nil
}

// What byIndex runs around the statements.
const (
	hashJoinOff = `SELECT set_config('enable_hashjoin', 'off', true)`
	hashJoinOn  = `SELECT set_config('enable_hashjoin', 'on', true)`
)

// byIndex runs statements that join a batch with a large table. Temporary tables
// have no statistics, so that PostgreSQL might read the large one whole.
func byIndex(ctx context.Context, tx pgx.Tx, run func() error) error {
	if _, err := tx.Exec(ctx, hashJoinOff); err != nil {
		return fmt.Errorf("plan: %w", err)
	}
	if err := run(); err != nil {
		return err
	}
	if _, err := tx.Exec(ctx, hashJoinOn); err != nil {
		return fmt.Errorf("plan: %w", err)
	}
	return nil
}

// ensurePartitions makes the months of the batch that are missing, and only
// those: a stray date must not make a partition per month up to it. It commits
// on its own, because readers wait for it.
func (im *importer) ensurePartitions(ctx context.Context, rows []health.ImportRow) error {
	for i := range rows {
		month := monthOf(rows[i].EffectiveAt)
		if im.months[month] == 0 && !month.IsZero() {
			var q pgx.Batch // one transaction
			q.Queue(dontWait)
			q.Queue(`SELECT health.ensure_partitions($1::date, $1::date)`, month)
			if err := im.conn.SendBatch(ctx, &q).Close(); err != nil {
				return fmt.Errorf("make the partition of a month: %w", err)
			}
		}
		im.months[month]++
	}
	return nil
}

// monthOf is the month of the partition that holds at; the zero time for the one before 2015.
func monthOf(at time.Time) time.Time {
	at = at.UTC()
	if at.Year() < firstMonthlyYear {
		return time.Time{}
	}
	return time.Date(at.Year(), at.Month(), 1, 0, 0, 0, 0, time.UTC)
}

// partitionOf is the name of the partition of a month of monthOf.
func partitionOf(month time.Time) string {
	if month.IsZero() {
		return "event_before_2015"
	}
	return month.Format("event_2006_01")
}

// joinTeam makes the batch's persons members of the import's care team.
func (im *importer) joinTeam(ctx context.Context, tx pgx.Tx, rows []health.ImportRow) error {
	if im.team == 0 {
		return nil
	}
	var fresh []int64
	for i := range rows {
		if p := rows[i].Person; !im.inTeam[p] {
			im.inTeam[p] = true
			fresh = append(fresh, int64(p))
		}
	}
	return joinTeam(ctx, tx, im.team, fresh)
}

// dontWait lets the commit of the transaction not wait for the disk.
const dontWait = `SELECT set_config('synchronous_commit', 'off', true)`

const insertRound = `
	WITH inserted AS (
	  INSERT INTO health.event (id, person_id, metric_id, effective_at, effective_end, tz_offset_min, local_day, whole_days, value,
	    comparator, value_text, unit_id, orig_value, orig_unit, ref_low, ref_high, flag, status, source_id, device_id, external_id,
	    group_id, code_system, code, dedupe, version, import_id, slot, superseded_at)
	  SELECT id, person_id, metric_id, effective_at, effective_end, tz_offset_min, local_day, whole_days, value,
	    comparator, value_text, unit_id, orig_value, orig_unit, ref_low, ref_high, flag, status, source_id, device_id, external_id,
	    group_id, code_system, code, dedupe, version, $2, slot, CASE WHEN late THEN now() END
	  FROM stage WHERE round = $1 AND NOT repeated ORDER BY id
	  ON CONFLICT (person_id, dedupe, effective_at) DO NOTHING
	  RETURNING id
	), known AS (
	  INSERT INTO health.event_identity (person_id, source_id, ext, slot, version, dedupe, effective_at, event_id, updated)
	  SELECT s.person_id, s.source_id, s.ext, s.slot, s.version, s.dedupe, s.effective_at, s.id, s.updated
	  FROM inserted JOIN stage s USING (id) WHERE s.ext IS NOT NULL AND NOT (s.late AND EXISTS (SELECT FROM prior p
	    WHERE (p.person_id, p.source_id, p.ext, p.slot) = (s.person_id, s.source_id, s.ext, s.slot)))
	  ON CONFLICT (person_id, source_id, ext, slot) DO UPDATE
	    SET version = excluded.version, dedupe = excluded.dedupe, effective_at = excluded.effective_at, event_id = excluded.event_id
	)
	SELECT count(*) FILTER (WHERE NOT s.correction AND NOT s.late), count(*) FILTER (WHERE s.correction), count(*) FILTER (WHERE s.late),
	  (SELECT count(*) FROM stage WHERE round = $1), (SELECT count(*) FROM stage WHERE round = $1 AND returned)
	FROM inserted JOIN stage s USING (id)`

// storeRound stores the rows of one round, which holds each external id once.
func (im *importer) storeRound(ctx context.Context, tx pgx.Tx, round int) (health.ImportCounts, error) {
	var counts health.ImportCounts
	if err := correct(ctx, tx, round, im.id); err != nil {
		return counts, err
	}
	var total, returned int
	if err := tx.QueryRow(ctx, insertRound, round, im.id).Scan(&counts.Stored, &counts.Corrected, &counts.Outdated, &total, &returned); err != nil {
		return counts, fmt.Errorf("insert: %w", err)
	}
	counts.Corrected += returned
	counts.Repeated = total - counts.Stored - counts.Corrected - counts.Outdated
	return counts, nil
}
