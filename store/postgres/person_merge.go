package postgres

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"healthportal/app/health"
	"healthportal/app/jobs"
)

// MergePersons makes gone part of keep, both record numbers or public ids, in one
// transaction: values, identifiers, care teams, emergency accesses and reports
// move, the stricter consent to research wins, and gone stays as a record to which
// nothing leads. by is who does it; dry leaves everything as it was. It fails with
// a *health.MergeError, health.ErrNotFound, ErrMerged or ErrClash, or jobs.ErrHeld
// while an import runs.
func (db *DB) MergePersons(ctx context.Context, keep, gone string, c health.MergeChoices, by string, dry bool) (health.MergeReport, error) {
	var r health.MergeReport
	err := db.inOwnerTx(ctx, func(tx pgx.Tx) error {
		k, g, err := twoRecords(ctx, tx, keep, gone)
		if err != nil {
			return err
		}
		r.Keep, r.Gone = k.Person, g.Person
		if err := health.CheckMerge(k.Person, g.Person, c); err != nil {
			return err
		}
		if err := merge(ctx, tx, k, g, c, by, &r); err != nil {
			return err
		}
		if dry {
			r.ID = 0
			return errDry
		}
		return nil
	})
	if errors.Is(err, errDry) {
		err = nil
	}
	if err != nil {
		return r, fmt.Errorf("merge two records: %w", err)
	}
	return r, nil
}

func twoRecords(ctx context.Context, tx pgx.Tx, keep, gone string) (k, g record, err error) {
	if err := lockPersons(ctx, tx); err != nil {
		return k, g, err
	}
	if k, err = recordOf(ctx, tx, keep); err != nil {
		return k, g, fmt.Errorf("the record to keep: %w", err)
	}
	if g, err = recordOf(ctx, tx, gone); err != nil {
		return k, g, fmt.Errorf("the record that goes: %w", err)
	}
	return k, g, nil
}

// lockPersons makes changes of whose data is whose take turns with each other, with
// writers of events and of the report index. An import that runs knows persons by
// their ids and must end first.
func lockPersons(ctx context.Context, tx pgx.Tx) error {
	if err := lockEvents(ctx, tx); err != nil {
		return err
	}
	var free bool
	if err := tx.QueryRow(ctx, tryAllImports).Scan(&free); err != nil {
		return fmt.Errorf("look for imports: %w", err)
	}
	if !free {
		return fmt.Errorf("an import is running; try again when it has ended: %w", jobs.ErrHeld)
	}
	if _, err := tx.Exec(ctx, `SELECT pg_advisory_xact_lock(hashtext('analytics.genomics_reports'))`); err != nil {
		return fmt.Errorf("report index lock: %w", err)
	}
	return nil
}

// record is a person with what else the record says.
type record struct {
	health.Person
	Consent bool
	// Zone is the zone of the person's days: their own, else the site's.
	Zone string
}

// recordOf finds a person by record number or public id and locks them.
func recordOf(ctx context.Context, tx pgx.Tx, ref string) (record, error) {
	rows, err := tx.Query(ctx, `SELECT id FROM health.person WHERE id = health.person_of_number($1) OR public_id = $1`, ref)
	if err != nil {
		return record{}, err
	}
	ids, err := pgx.CollectRows(rows, pgx.RowTo[health.PersonID])
	switch {
	case err != nil:
		return record{}, err
	case ref == "" || len(ids) == 0:
		return record{}, health.ErrNotFound
	case len(ids) > 1:
		return record{}, errors.New("it is one person's record number and another's public id: give the public id of the person that is meant")
	}
	return lockRecord(ctx, tx, ids[0])
}

func lockRecord(ctx context.Context, tx pgx.Tx, id health.PersonID) (record, error) {
	var s personScan
	var r record
	var merged bool
	err := tx.QueryRow(ctx, `SELECT `+personColumns+`, p.research_consent, health.person_zone(p.id), p.merged_into IS NOT NULL
		FROM health.person p WHERE p.id = $1 FOR UPDATE`, int64(id)).Scan(append(s.targets(), &r.Consent, &r.Zone, &merged)...)
	if err != nil {
		return record{}, err
	}
	if merged {
		return record{}, health.ErrMerged
	}
	r.Person = s.person()
	return r, nil
}

// merge makes g part of k inside tx, which holds the locks.
func merge(ctx context.Context, tx pgx.Tx, k, g record, c health.MergeChoices, by string, r *health.MergeReport) error {
	state := mergeState{Keep: stateOf(k), Gone: stateOf(g)}
	after := k
	after.Person, _ = k.Completed(g.Person)
	after.Consent = k.Consent && g.Consent
	r.Consent, r.KeepConsent, r.GoneConsent = after.Consent, k.Consent, g.Consent
	state.After = stateOf(after)
	if after.TimeZone != k.TimeZone {
		after.Zone = after.TimeZone
	}
	if after.Zone != k.Zone {
		if err := rezoneRows(ctx, tx, k.ID, k.Zone, after.Zone); err != nil {
			return err
		}
	}
	if err := mergeEvents(ctx, tx, after, g, c, r); err != nil {
		return err
	}
	if err := mergeRecords(ctx, tx, after, g, &state); err != nil {
		return err
	}
	if err := mergeReferences(ctx, tx, after, g, &state, &r.PersonCounts); err != nil {
		return err
	}
	days, err := rebuildDirty(ctx, tx)
	if err != nil {
		return err
	}
	r.Days = int64(days)
	counts := map[string]any{"values": r.Values, "repeated": r.Repeated, "clashing_rows": r.ClashingRows, "reports": r.Reports}
	err = tx.QueryRow(ctx, `INSERT INTO health.person_merge (keep_id, gone_id, merged_by, reason, counts, state) VALUES ($1, $2, $3, $4, $5, $6) RETURNING id`,
		int64(k.ID), int64(g.ID), by, c.Override, counts, state).Scan(&r.ID)
	if err != nil {
		return fmt.Errorf("record the merge: %w", err)
	}
	return nil
}

// mergedOrigin remembers under whom a row was imported, across several merges.
const mergedOrigin = `coalesce(e.origin_person_id, e.person_id)`

func mergeEvents(ctx context.Context, tx pgx.Tx, k, g record, c health.MergeChoices, r *health.MergeReport) error {
	m := move{from: g.ID, to: k.ID, fromZone: g.Zone, toZone: k.Zone, origin: mergedOrigin}
	if err := pick(ctx, tx, g.ID, `true`); err != nil {
		return err
	}
	var err error
	if r.MoveCounts, err = m.compare(ctx, tx); err != nil {
		return err
	}
	if r.Clashing > 0 && !c.LeaveClashing {
		return fmt.Errorf("%w: %d of them; look at both, and leave those of the record that goes out of sight with --leave-clashing", health.ErrClash, r.Clashing)
	}
	return m.apply(ctx, tx)
}

// mergeRecords fills what the kept record lacks, and takes the other one out of every look-up.
func mergeRecords(ctx context.Context, tx pgx.Tx, k, g record, state *mergeState) error {
	if _, err := tx.Exec(ctx, `UPDATE health.person SET record_number = NULL, research_consent = false, merged_into = $2, updated_at = now()
		WHERE id = $1`, int64(g.ID), int64(k.ID)); err != nil {
		return fmt.Errorf("take the record out: %w", err)
	}
	if err := writeRecord(ctx, tx, k.ID, stateOf(k)); err != nil {
		return err
	}
	if g.RecordNumber == "" || k.RecordNumber == g.RecordNumber {
		return nil
	}
	tag, err := tx.Exec(ctx, `INSERT INTO health.person_identifier (system, value, person_id) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING`,
		health.SystemRecordNumber, g.RecordNumber, int64(k.ID))
	if err != nil {
		return fmt.Errorf("keep the record number: %w", err)
	}
	state.NumberAdded = tag.RowsAffected() == 1
	return nil
}

func writeRecord(ctx context.Context, tx pgx.Tx, id health.PersonID, s recordState) error {
	_, err := tx.Exec(ctx, `UPDATE health.person SET record_number = nullif($2, ''), family_name = $3, given_name = $4, birth_date = nullif($5, '')::date,
		sex = $6, timezone = nullif($7, ''), research_consent = $8, updated_at = now() WHERE id = $1`,
		int64(id), s.RecordNumber, s.FamilyName, s.GivenName, s.BirthDate, s.Sex, s.TimeZone, s.Consent)
	if err != nil {
		return fmt.Errorf("write the record: %w", takenErr(err))
	}
	return nil
}

// mergeReferences brings everything else that refers to g to k.
func mergeReferences(ctx context.Context, tx pgx.Tx, k, g record, state *mergeState, n *health.PersonCounts) error {
	var err error
	if state.Identifiers, err = collect[health.Identifier](ctx, tx, `UPDATE health.person_identifier SET person_id = $2 WHERE person_id = $1
		RETURNING system, value`, pgx.RowToStructByPos[health.Identifier], int64(g.ID), int64(k.ID)); err != nil {
		return fmt.Errorf("move the identifiers: %w", err)
	}
	if err := mergeTeams(ctx, tx, k.ID, g.ID, state); err != nil {
		return fmt.Errorf("move the care teams: %w", err)
	}
	if state.Emergencies, err = collect(ctx, tx, `UPDATE auth.break_glass SET person_id = $2 WHERE person_id = $1 RETURNING id`,
		pgx.RowTo[int64], int64(g.ID), int64(k.ID)); err != nil {
		return fmt.Errorf("move the emergency accesses: %w", err)
	}
	if state.Reports, err = moveReports(ctx, tx, g.ID, k.ID, nil); err != nil {
		return err
	}
	n.Identifiers, n.Teams = int64(len(state.Identifiers)), int64(len(state.Teams)+len(state.Ended))
	n.Emergencies, n.Reports = int64(len(state.Emergencies)), int64(len(state.Reports))
	return nil
}

// moveReports gives reports to another person, all of them or those of the ids.
// Mirrors follow by the change numbers.
func moveReports(ctx context.Context, tx pgx.Tx, from, to health.PersonID, ids []string) ([]string, error) {
	moved, err := collect(ctx, tx, `UPDATE analytics.genomics_reports SET person_id = $2, changed_at = now(),
		  change_no = nextval('analytics.report_change_seq')
		WHERE person_id = $1 AND ($3::text[] IS NULL OR report_id = ANY ($3)) RETURNING report_id`, pgx.RowTo[string], int64(from), int64(to), ids)
	if err != nil {
		return nil, fmt.Errorf("move the reports: %w", err)
	}
	return moved, nil
}

func collect[T any](ctx context.Context, tx queryer, sql string, scan pgx.RowToFunc[T], args ...any) ([]T, error) {
	rows, err := tx.Query(ctx, sql, args...)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, scan)
}

// membershipRow is a patient's membership in a team.
type membershipRow struct {
	ID   string
	Team int64
	From time.Time
	To   *time.Time
}

// overlaps tells memberships that can't both be one person's.
func (a membershipRow) overlaps(b membershipRow) bool {
	if a.Team != b.Team || a.From.Equal(b.From) {
		return a.Team == b.Team
	}
	return (b.To == nil || a.From.Before(*b.To)) && (a.To == nil || b.From.Before(*a.To))
}

// united is a made as long as a and b together.
func (a membershipRow) united(b membershipRow) membershipRow {
	if b.From.Before(a.From) {
		a.From = b.From
	}
	if a.To != nil && (b.To == nil || b.To.After(*a.To)) {
		a.To = b.To
	}
	return a
}

// mergeTeams moves memberships. One that shares time with the kept record's own in
// the same team can't: that one is made as long as both, and the other ends.
func mergeTeams(ctx context.Context, tx pgx.Tx, keep, gone health.PersonID, state *mergeState) error {
	if _, err := tx.Exec(ctx, `SELECT FROM auth.care_team WHERE id IN (SELECT team_id FROM auth.care_team_person WHERE person_id IN ($1, $2))
		ORDER BY id FOR UPDATE`, int64(keep), int64(gone)); err != nil {
		return err
	}
	const read = `SELECT public_id, team_id, valid_from, valid_to FROM auth.care_team_person WHERE person_id = $1 ORDER BY valid_from, public_id`
	own, err := collect(ctx, tx, read, pgx.RowToStructByPos[membershipRow], int64(keep))
	if err != nil {
		return err
	}
	others, err := collect(ctx, tx, read, pgx.RowToStructByPos[membershipRow], int64(gone))
	if err != nil {
		return err
	}
	for _, o := range others {
		at := slices.IndexFunc(own, o.overlaps)
		if at < 0 {
			if _, err := tx.Exec(ctx, `UPDATE auth.care_team_person SET person_id = $2 WHERE public_id = $1`, o.ID, int64(keep)); err != nil {
				return err
			}
			own = append(own, o)
			state.Teams = append(state.Teams, o.ID)
			continue
		}
		if err := takeIn(ctx, tx, &own[at], o, state); err != nil {
			return err
		}
	}
	return nil
}

func takeIn(ctx context.Context, tx pgx.Tx, own *membershipRow, o membershipRow, state *mergeState) error {
	wide := own.united(o)
	state.Widened = append(state.Widened, widened{Before: *own, After: wide})
	*own = wide
	if _, err := tx.Exec(ctx, `UPDATE auth.care_team_person SET valid_from = $2, valid_to = $3 WHERE public_id = $1`, wide.ID, wide.From, wide.To); err != nil {
		return err
	}
	state.Ended = append(state.Ended, o)
	_, err := tx.Exec(ctx, `UPDATE auth.care_team_person SET valid_to = least(valid_to, greatest(valid_from, now())) WHERE public_id = $1`, o.ID)
	return err
}
