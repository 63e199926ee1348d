package postgres

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"healthportal/app/health"
)

// errCantReturn says that rows meet others at the record that they would go to.
var errCantReturn = errors.New("the other record has the same observations already; nothing was moved (to take an import back altogether, undo it)")

// SplitMerge takes a merge back as far as nothing else happened since: what it
// moved returns, with versions that came later, and both records say again what
// they said, except for what somebody changed. What was imported since stays. It
// fails with health.ErrNotFound, a *health.UndoneError, or jobs.ErrHeld while an
// import runs.
func (db *DB) SplitMerge(ctx context.Context, id int64, by string, dry bool) (health.SplitReport, error) {
	var r health.SplitReport
	err := db.inOwnerTx(ctx, func(tx pgx.Tx) error {
		if err := lockPersons(ctx, tx); err != nil {
			return err
		}
		m, err := mergeToSplit(ctx, tx, id)
		if err != nil {
			return err
		}
		r.From, r.To = m.keep.Person, m.gone.Person
		if err := m.split(ctx, tx, &r); err != nil {
			return err
		}
		if dry {
			return errDry
		}
		_, err = tx.Exec(ctx, `UPDATE health.person_merge SET undone_at = now(), undone_by = $2 WHERE id = $1`, id, by)
		return err
	})
	if errors.Is(err, errDry) {
		err = nil
	}
	if err != nil {
		return r, fmt.Errorf("split merge %d: %w", id, err)
	}
	return r, nil
}

// merged is a merge that is being split.
type merged struct {
	keep, gone record
	at         time.Time
	state      mergeState
}

func mergeToSplit(ctx context.Context, tx pgx.Tx, id int64) (merged, error) {
	var m merged
	var keep, gone health.PersonID
	var undone *time.Time
	var by string
	var later *int64
	err := tx.QueryRow(ctx, `SELECT m.keep_id, m.gone_id, m.merged_at, m.state, m.undone_at, coalesce(m.undone_by, ''),
		  (SELECT max(l.id) FROM health.person_merge l WHERE l.id > m.id AND l.undone_at IS NULL AND m.keep_id IN (l.keep_id, l.gone_id))
		FROM health.person_merge m WHERE m.id = $1 FOR UPDATE`, id).Scan(&keep, &gone, &m.at, &m.state, &undone, &by, &later)
	switch {
	case errors.Is(err, pgx.ErrNoRows):
		return m, health.ErrNotFound
	case err != nil:
		return m, err
	case undone != nil:
		return m, &health.UndoneError{At: *undone, By: by}
	case later != nil:
		return m, fmt.Errorf("the record took part in a later merge: split merge %d first", *later)
	}
	if m.keep, err = lockRecord(ctx, tx, keep); err != nil {
		return m, err
	}
	var s personScan
	err = tx.QueryRow(ctx, `SELECT `+personColumns+`, health.person_zone(p.id) FROM health.person p WHERE p.id = $1 FOR UPDATE`, int64(gone)).
		Scan(append(s.targets(), &m.gone.Zone)...)
	m.gone.Person = s.person()
	return m, err
}

// cameBy chooses rows that were imported under the record $2, or one that had become part
// of it, and later versions of the same observations.
const cameBy = `e.origin_person_id = ANY (auth.same_person($2)) OR (e.external_id IS NOT NULL AND (e.source_id, e.external_id) IN
	(SELECT o.source_id, o.external_id FROM health.event o
	 WHERE o.person_id = $1 AND o.origin_person_id = ANY (auth.same_person($2)) AND o.external_id IS NOT NULL))`

func (m merged) split(ctx context.Context, tx pgx.Tx, r *health.SplitReport) error {
	mv := move{from: m.keep.ID, to: m.gone.ID, fromZone: m.keep.Zone, toZone: m.gone.Zone, origin: `nullif(e.origin_person_id, $2)`}
	if err := pick(ctx, tx, m.keep.ID, cameBy, int64(m.gone.ID)); err != nil {
		return err
	}
	if err := mv.all(ctx, tx, &r.MoveCounts); err != nil {
		return err
	}
	if err := tx.QueryRow(ctx, `SELECT count(*) FROM health.event WHERE person_id = $1 AND ingested_at > $2`, int64(m.keep.ID), m.at).Scan(&r.Since); err != nil {
		return fmt.Errorf("count what came since: %w", err)
	}
	if err := m.returnRecords(ctx, tx); err != nil {
		return err
	}
	if err := m.returnReferences(ctx, tx, &r.PersonCounts); err != nil {
		return err
	}
	var err error
	if r.Surfaced, err = surface(ctx, tx); err != nil {
		return err
	}
	days, err := rebuildDirty(ctx, tx)
	r.Days = int64(days)
	return err
}

// all moves every chosen row, or none.
func (m move) all(ctx context.Context, tx pgx.Tx, c *health.MoveCounts) error {
	held := c.Held
	var err error
	if *c, err = m.compare(ctx, tx); err != nil {
		return err
	}
	c.Held = held
	if n := c.Repeated + c.ClashingRows; n > 0 {
		return fmt.Errorf("%d values: %w", n, errCantReturn)
	}
	return m.apply(ctx, tx)
}

// returnRecords lets both records say again what they said.
func (m merged) returnRecords(ctx context.Context, tx pgx.Tx) error {
	now := stateOf(m.keep)
	then := now.back(m.state.Keep, m.state.After)
	if m.state.NumberAdded {
		if _, err := tx.Exec(ctx, `DELETE FROM health.person_identifier WHERE system = $1 AND value = $2 AND person_id = $3`,
			health.SystemRecordNumber, m.state.Gone.RecordNumber, int64(m.keep.ID)); err != nil {
			return fmt.Errorf("return the record number: %w", err)
		}
	}
	if err := writeRecord(ctx, tx, m.keep.ID, then); err != nil {
		return err
	}
	zone := ""
	if err := tx.QueryRow(ctx, `SELECT health.person_zone($1)`, int64(m.keep.ID)).Scan(&zone); err != nil {
		return fmt.Errorf("zone: %w", err)
	}
	if zone != m.keep.Zone {
		if err := rezoneRows(ctx, tx, m.keep.ID, m.keep.Zone, zone); err != nil {
			return err
		}
	}
	// A consent that was withdrawn since holds for nobody of the two.
	consent := m.state.Gone.Consent && (now.Consent || !m.state.After.Consent)
	_, err := tx.Exec(ctx, `UPDATE health.person SET merged_into = NULL, record_number = nullif($2, ''), research_consent = $3, updated_at = now() WHERE id = $1`,
		int64(m.gone.ID), m.state.Gone.RecordNumber, consent)
	if err != nil {
		return fmt.Errorf("return the record: %w", takenErr(err))
	}
	return nil
}

func (m merged) returnReferences(ctx context.Context, tx pgx.Tx, n *health.PersonCounts) error {
	keep, gone := int64(m.keep.ID), int64(m.gone.ID)
	systems, values := make([]string, len(m.state.Identifiers)), make([]string, len(m.state.Identifiers))
	for i, id := range m.state.Identifiers {
		systems[i], values[i] = id.System, id.Value
	}
	for _, step := range []struct {
		into *int64
		sql  string
		args []any
	}{
		{&n.Identifiers, `UPDATE health.person_identifier i SET person_id = $2 FROM unnest($3::text[], $4::text[]) w (system, value)
			WHERE i.person_id = $1 AND i.system = w.system AND i.value = w.value`, []any{keep, gone, systems, values}},
		{&n.Teams, `UPDATE auth.care_team_person SET person_id = $2 WHERE person_id = $1 AND public_id = ANY ($3)`, []any{keep, gone, m.state.Teams}},
		{&n.Emergencies, `UPDATE auth.break_glass SET person_id = $2 WHERE person_id = $1 AND id = ANY ($3)`, []any{keep, gone, m.state.Emergencies}},
	} {
		tag, err := tx.Exec(ctx, step.sql, step.args...)
		if err != nil {
			return fmt.Errorf("return what refers to the record: %w", err)
		}
		*step.into = tag.RowsAffected()
	}
	for _, o := range m.state.Ended {
		if _, err := tx.Exec(ctx, `UPDATE auth.care_team_person SET valid_to = $3 WHERE person_id = $1 AND public_id = $2`, gone, o.ID, o.To); err != nil {
			return fmt.Errorf("return the care teams: %w", err)
		}
		n.Teams++
	}
	for _, w := range slices.Backward(m.state.Widened) {
		if _, err := tx.Exec(ctx, `UPDATE auth.care_team_person SET valid_from = $2, valid_to = $3
			WHERE public_id = $1 AND valid_from = $4 AND valid_to IS NOT DISTINCT FROM $5`, w.Before.ID, w.Before.From, w.Before.To, w.After.From, w.After.To); err != nil {
			return fmt.Errorf("return the care teams: %w", err)
		}
	}
	reports, err := moveReports(ctx, tx, m.keep.ID, m.gone.ID, append([]string{}, m.state.Reports...))
	n.Reports = int64(len(reports))
	return err
}

// SplitPerson moves what the choices name out of the record from, by record number
// or public id, to the record to, or to a new one where that is empty. The versions
// of one observation stay together. It fails with health.ErrNotFound,
// health.ErrMerged, or jobs.ErrHeld while an import runs.
func (db *DB) SplitPerson(ctx context.Context, from, to string, c health.SplitChoices, dry bool) (health.SplitReport, error) {
	var r health.SplitReport
	err := db.inOwnerTx(ctx, func(tx pgx.Tx) error {
		if err := lockPersons(ctx, tx); err != nil {
			return err
		}
		if err := splitPerson(ctx, tx, from, to, c, &r); err != nil {
			return err
		}
		if dry {
			return errDry
		}
		return nil
	})
	if errors.Is(err, errDry) {
		err = nil
	}
	if err != nil {
		return r, fmt.Errorf("split a record: %w", err)
	}
	return r, nil
}

func splitPerson(ctx context.Context, tx pgx.Tx, from, to string, c health.SplitChoices, r *health.SplitReport) error {
	f, err := recordOf(ctx, tx, from)
	if err != nil {
		return fmt.Errorf("the record to split: %w", err)
	}
	t, err := target(ctx, tx, f, to)
	if err != nil {
		return err
	}
	r.From, r.To, r.New = f.Person, t.Person, to == ""
	if f.ID == t.ID {
		return errors.New("both arguments name the same record")
	}
	err = pick(ctx, tx, f.ID, `e.import_id = ANY ($2) OR e.source_id = (SELECT s.id FROM health.source s WHERE s.name = $3 AND $3 <> '')`,
		append([]int64{}, c.Imports...), c.Source)
	if err != nil {
		return err
	}
	if r.Held, err = hold(ctx, tx, f.ID); err != nil {
		return err
	}
	m := move{from: f.ID, to: t.ID, fromZone: f.Zone, toZone: t.Zone, origin: `NULL`}
	if err := m.all(ctx, tx, &r.MoveCounts); err != nil {
		return err
	}
	for _, id := range c.Identifiers {
		if err := moveIdentifier(ctx, tx, f, t, id); err != nil {
			return err
		}
		r.Identifiers++
	}
	if r.Values+r.Identifiers == 0 {
		return fmt.Errorf("nothing of this record can move: no values of its own were chosen (%d observations have versions outside the choice)", r.Held)
	}
	if r.Surfaced, err = surface(ctx, tx); err != nil {
		return err
	}
	days, err := rebuildDirty(ctx, tx)
	r.Days = int64(days)
	return err
}

func moveIdentifier(ctx context.Context, tx pgx.Tx, f, t record, id health.Identifier) error {
	if id.System == health.SystemRecordNumber && id.Value == f.RecordNumber {
		return errors.New("the record's own number stays with it")
	}
	tag, err := tx.Exec(ctx, `UPDATE health.person_identifier SET person_id = $2 WHERE person_id = $1 AND system = $3 AND value = $4`,
		int64(f.ID), int64(t.ID), id.System, id.Value)
	if err != nil {
		return fmt.Errorf("move an identifier: %w", err)
	}
	if tag.RowsAffected() == 0 {
		return fmt.Errorf("an identifier that is not this record's: %w", health.ErrNotFound)
	}
	return nil
}

// target is the record to, or a new one with the zone of the record that is split.
func target(ctx context.Context, tx pgx.Tx, f record, to string) (record, error) {
	if to != "" {
		t, err := recordOf(ctx, tx, to)
		if err != nil {
			return t, fmt.Errorf("the record that takes it: %w", err)
		}
		if t.Synthetic != f.Synthetic {
			return t, errors.New("one of the two records is marked as made up and the other is not")
		}
		return t, nil
	}
	var random [16]byte
	if _, err := rand.Read(random[:]); err != nil {
		return record{}, fmt.Errorf("random id: %w", err)
	}
	var id health.PersonID
	err := tx.QueryRow(ctx, `INSERT INTO health.person (public_id, timezone, synthetic) VALUES ($1, nullif($2, ''), $3) RETURNING id`,
		hex.EncodeToString(random[:]), f.TimeZone, f.Synthetic).Scan(&id)
	if err != nil {
		return record{}, fmt.Errorf("make a record: %w", err)
	}
	return lockRecord(ctx, tx, id)
}
