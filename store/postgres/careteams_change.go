package postgres

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"healthportal/app/access"
	"healthportal/app/health"
)

// membership is whose memberships a statement is about.
type membership string

const (
	userMembership   membership = "user"
	personMembership membership = "person"
)

func (m membership) table() string  { return "auth.care_team_" + string(m) }
func (m membership) column() string { return string(m) + "_id" }

// AddTeamUser makes a user, by public id, a member of the team for the period
// and tells the user. It fails with access.ErrNoMember or access.ErrOverlap.
func (db *DB) AddTeamUser(ctx context.Context, by int64, team access.Team, userID string, p access.Period, now time.Time) error {
	return db.inOwnerTx(ctx, func(tx pgx.Tx) error {
		var id int64
		err := tx.QueryRow(ctx, `SELECT id FROM auth.user_account WHERE public_id = $1`, userID).Scan(&id)
		if errors.Is(err, pgx.ErrNoRows) {
			return access.ErrNoMember
		}
		if err != nil {
			return err
		}
		_, err = joinFor(ctx, tx, userMembership, team, id, p, now, by)
		return err
	})
}

// AddTeamPatient puts the patient of a record number into the team for the
// period and returns who that is. It fails with access.ErrNoMember or access.ErrOverlap.
func (db *DB) AddTeamPatient(ctx context.Context, by int64, team access.Team, record string, p access.Period, now time.Time) (health.PersonID, error) {
	var id int64
	err := db.inOwnerTx(ctx, func(tx pgx.Tx) error {
		err := tx.QueryRow(ctx, `SELECT id FROM health.person WHERE id = health.person_of_number($1)`, record).Scan(&id)
		if errors.Is(err, pgx.ErrNoRows) {
			return access.ErrNoMember
		}
		if err != nil {
			return err
		}
		_, err = joinFor(ctx, tx, personMembership, team, id, p, now, by)
		return err
	})
	return health.PersonID(id), err
}

// EndTeamUser ends a user's membership at the given time and tells the user.
// One that is unknown or over gives health.ErrNotFound.
func (db *DB) EndTeamUser(ctx context.Context, by int64, team access.Team, publicID string, at time.Time) error {
	return db.inOwnerTx(ctx, func(tx pgx.Tx) error {
		id, err := endMembership(ctx, tx, userMembership, team, publicID, at)
		if err != nil {
			return err
		}
		return tell(ctx, tx, id, access.NoticeTeam, fmt.Sprintf("Your membership in the care team %s was ended.", team.Name), by)
	})
}

// EndTeamPatient ends a patient's membership at the given time and returns who
// it is. One that is unknown or over gives health.ErrNotFound.
func (db *DB) EndTeamPatient(ctx context.Context, team access.Team, publicID string, at time.Time) (health.PersonID, error) {
	var id int64
	err := db.inOwnerTx(ctx, func(tx pgx.Tx) (err error) {
		id, err = endMembership(ctx, tx, personMembership, team, publicID, at)
		return err
	})
	return health.PersonID(id), err
}

// endMembership sets the end; one that would begin later never begins.
func endMembership(ctx context.Context, tx pgx.Tx, of membership, team access.Team, publicID string, at time.Time) (int64, error) {
	var id int64
	err := tx.QueryRow(ctx, fmt.Sprintf(`UPDATE %s SET valid_to = greatest($3, valid_from)
		WHERE team_id = $1 AND public_id = $2 AND (valid_to IS NULL OR valid_to > $3) RETURNING %s`, of.table(), of.column()),
		team.ID, publicID, at).Scan(&id)
	if errors.Is(err, pgx.ErrNoRows) {
		return 0, health.ErrNotFound
	}
	return id, err
}

// joinFor applies a membership. The same start names the same membership, whose
// end may change; without a start, one that holds now is left as it is but for
// its end. Anything else that shares time with another one is an overlap.
func joinFor(ctx context.Context, tx pgx.Tx, of membership, team access.Team, member int64, p access.Period, now time.Time, by int64) (access.Change, error) {
	if err := p.Valid(now); err != nil {
		return "", err
	}
	// Two joins at once queue up here, so that the second sees the first.
	if _, err := tx.Exec(ctx, `SELECT FROM auth.care_team WHERE id = $1 FOR UPDATE`, team.ID); err != nil {
		return "", err
	}
	from, to := p.From, timeArg(p.To)
	var same, end *time.Time
	meant := `valid_from = $3`
	if from.IsZero() {
		// Whoever waited for the lock must not begin before the membership that was made meanwhile.
		if err := tx.QueryRow(ctx, `SELECT greatest($1::timestamptz, clock_timestamp())`, now).Scan(&from); err != nil {
			return "", err
		}
		meant = `valid_from <= $3 AND (valid_to IS NULL OR valid_to > $3)`
	}
	err := tx.QueryRow(ctx, fmt.Sprintf(`SELECT valid_from, valid_to FROM %s WHERE team_id = $1 AND %s = $2 AND %s
		ORDER BY valid_from LIMIT 1`, of.table(), of.column(), meant), team.ID, member, from).Scan(&same, &end)
	if err != nil && !errors.Is(err, pgx.ErrNoRows) {
		return "", err
	}
	if same != nil {
		from = *same
		if end == nil && to == nil || end != nil && to != nil && end.Equal(*to) {
			return access.ChangeUnchanged, nil
		}
	}
	var overlap bool
	err = tx.QueryRow(ctx, fmt.Sprintf(`SELECT EXISTS (SELECT FROM %s WHERE team_id = $1 AND %s = $2 AND valid_from <> $3
		AND valid_from < coalesce($4::timestamptz, 'infinity') AND coalesce(valid_to, 'infinity') > $3)`, of.table(), of.column()),
		team.ID, member, from, to).Scan(&overlap)
	if err != nil {
		return "", err
	}
	if overlap {
		return "", access.ErrOverlap
	}
	return writeMembership(ctx, tx, of, team, member, from, to, same != nil, by)
}

func writeMembership(ctx context.Context, tx pgx.Tx, of membership, team access.Team, member int64, from time.Time, to *time.Time, known bool, by int64) (access.Change, error) {
	change, said := access.ChangeAdded, "You were added to the care team %s."
	sql := fmt.Sprintf(`INSERT INTO %s (team_id, %s, valid_from, valid_to, added_by) VALUES ($1, $2, $3, $4, nullif($5::bigint, 0))`, of.table(), of.column())
	if known {
		change, said = access.ChangeChanged, "The dates of your membership in the care team %s were changed."
		sql = fmt.Sprintf(`UPDATE %s SET valid_to = $4, added_by = coalesce(nullif($5::bigint, 0), added_by)
			WHERE team_id = $1 AND %s = $2 AND valid_from = $3`, of.table(), of.column())
	}
	if _, err := tx.Exec(ctx, sql, team.ID, member, from, to, by); err != nil {
		return "", err
	}
	if of != userMembership {
		return change, nil
	}
	return change, tell(ctx, tx, member, access.NoticeTeam, fmt.Sprintf(said, team.Name), by)
}

// timeArg is a time parameter; the zero time is NULL.
func timeArg(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}

// errDry takes a rehearsed change back.
var errDry = errors.New("dry run")

// ApplyTeamLine applies one line of an imported file in a transaction of its own.
func (db *DB) ApplyTeamLine(ctx context.Context, line access.TeamLine, now time.Time, dry bool) (change access.Change, newTeam bool, err error) {
	err = db.inOwnerTx(ctx, func(tx pgx.Tx) error {
		tag, err := tx.Exec(ctx, `INSERT INTO auth.care_team (name) VALUES ($1) ON CONFLICT (name) DO NOTHING`, line.Team)
		if err != nil {
			return err
		}
		newTeam = tag.RowsAffected() == 1
		team := access.Team{Name: line.Team}
		if err := tx.QueryRow(ctx, `SELECT id FROM auth.care_team WHERE name = $1`, line.Team).Scan(&team.ID); err != nil {
			return err
		}
		of, member, err := lineMember(ctx, tx, line)
		if err != nil {
			return err
		}
		if change, err = joinFor(ctx, tx, of, team, member, line.Period, now, 0); err != nil {
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
		return "", false, fmt.Errorf("care team: %w", err)
	}
	return change, newTeam, nil
}

// lineMember finds the user or patient of a line, or fails with access.ErrNoMember.
func lineMember(ctx context.Context, tx pgx.Tx, line access.TeamLine) (membership, int64, error) {
	of, sql, args := personMembership, `SELECT id FROM health.person WHERE id = health.person_of_number($1)`, []any{line.RecordNumber}
	switch {
	case line.User != "":
		of, sql, args = userMembership, `SELECT id FROM auth.user_account WHERE name = $1`, []any{line.User}
	case line.RecordNumber == "":
		sql = `SELECT person_id FROM health.person_identifier WHERE system = $1 AND value = $2
			UNION SELECT id FROM health.person WHERE record_number = $2 AND $1 = $3`
		args = []any{line.Patient.System, line.Patient.Value, health.SystemRecordNumber}
	}
	var id int64
	err := tx.QueryRow(ctx, sql, args...).Scan(&id)
	if errors.Is(err, pgx.ErrNoRows) {
		return of, 0, access.ErrNoMember
	}
	return of, id, err
}
