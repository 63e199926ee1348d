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

// glassOpen is the condition of an emergency access (auth.break_glass AS b) that holds now, by the database's clock.
// Its start is not compared: now() is when the transaction began, which may be
// before another opened the access while this one waited.
const glassOpen = `b.expires_at > now() AND b.ended_at IS NULL`

// glassMatch finds one patient by exact record number and birth date, and says
// whether the user sees that patient anyway.
const glassMatch = `SELECT f.id, f.public_id, f.id IN (SELECT auth.persons_of($1)) FROM auth.person_for_break_glass($2, $3) f`

// FindForBreakGlass finds one patient by exact record number and birth date,
// else health.ErrNotFound: an unknown number and a wrong date are told apart nowhere.
func (db *DB) FindForBreakGlass(ctx context.Context, userID int64, record string, born health.Day) (access.GlassMatch, error) {
	var m access.GlassMatch
	err := db.app.QueryRow(ctx, glassMatch, userID, record, dateArg(born)).Scan(&m.ID, &m.PublicID, &m.Member)
	if errors.Is(err, pgx.ErrNoRows) {
		return access.GlassMatch{}, health.ErrNotFound
	}
	if err != nil {
		return access.GlassMatch{}, fmt.Errorf("find a patient for an emergency: %w", err)
	}
	return m, nil
}

// OpenBreakGlass opens the patient of a record number and birth date for
// access.BreakGlassTime, by the database's clock. One that the user has open is
// returned as it is, with opened false. A patient of the user's care teams gives
// access.ErrGlassMember with the patient's ids, none health.ErrNotFound.
func (db *DB) OpenBreakGlass(ctx context.Context, userID int64, record string, born health.Day, reason string) (e access.Emergency, opened bool, err error) {
	err = pgx.BeginFunc(ctx, db.app, func(tx pgx.Tx) error {
		// Two openings at once queue up here, so that the second sees the first.
		if _, err := tx.Exec(ctx, `SELECT FROM auth.user_account WHERE id = $1 FOR NO KEY UPDATE`, userID); err != nil {
			return err
		}
		var member bool
		if err := tx.QueryRow(ctx, glassMatch, userID, record, dateArg(born)).Scan(&e.Person, &e.PersonPublicID, &member); err != nil {
			return err
		}
		switch err := openAlready(ctx, tx, userID, &e); {
		case !errors.Is(err, pgx.ErrNoRows):
			return err
		case member:
			return access.ErrGlassMember
		}
		opened = true
		e.UserID, e.Reason = userID, reason
		return tx.QueryRow(ctx, `INSERT INTO auth.break_glass (user_id, person_id, reason, expires_at)
			VALUES ($1, $2, $3, now() + $4::interval) RETURNING id, public_id, started_at, expires_at`,
			userID, e.Person, reason, access.BreakGlassTime).Scan(&e.ID, &e.PublicID, &e.Started, &e.Expires)
	})
	switch {
	case errors.Is(err, pgx.ErrNoRows):
		return access.Emergency{}, false, health.ErrNotFound
	case errors.Is(err, access.ErrGlassMember):
		return e, false, access.ErrGlassMember
	case err != nil:
		return access.Emergency{}, false, fmt.Errorf("open a patient in an emergency: %w", err)
	}
	e.Started, e.Expires = e.Started.UTC(), e.Expires.UTC()
	return e, opened, nil
}

// openAlready fills in the access by which the user has the patient open, or returns pgx.ErrNoRows.
func openAlready(ctx context.Context, tx pgx.Tx, userID int64, e *access.Emergency) error {
	return tx.QueryRow(ctx, `SELECT b.id, b.public_id, b.user_id, b.reason, b.started_at, b.expires_at FROM auth.break_glass b
		WHERE b.user_id = $1 AND b.person_id = $2 AND `+glassOpen+` ORDER BY b.expires_at DESC LIMIT 1`, userID, e.Person).
		Scan(&e.ID, &e.PublicID, &e.UserID, &e.Reason, &e.Started, &e.Expires)
}

// EndBreakGlass ends the user's own emergency access and returns its patient.
// One that has ended stays as it is; one of somebody else is health.ErrNotFound.
func (db *DB) EndBreakGlass(ctx context.Context, userID int64, publicID string) (health.PersonID, error) {
	var person health.PersonID
	err := db.app.QueryRow(ctx, `
		WITH own AS (SELECT id, person_id FROM auth.break_glass WHERE public_id = $1 AND user_id = $2),
		ended AS (UPDATE auth.break_glass b SET ended_at = now() FROM own WHERE b.id = own.id AND `+glassOpen+`)
		SELECT person_id FROM own`, publicID, userID).Scan(&person)
	if errors.Is(err, pgx.ErrNoRows) {
		return 0, health.ErrNotFound
	}
	if err != nil {
		return 0, fmt.Errorf("end an emergency access: %w", err)
	}
	return person, nil
}

// emergencyColumns are the columns of auth.break_glass AS b, with its user u and
// reviewer v, that scanEmergency reads. The count needs hp.audit.
const (
	emergencyColumns = `b.id, b.public_id, b.user_id, u.display_name, b.person_id, b.reason, b.started_at, b.expires_at, b.ended_at,
		b.reviewed_at, coalesce(v.display_name, ''), coalesce(b.outcome, ''), b.note, r.public_id, r.record_number,
		(SELECT count(*) FROM audit.entry a WHERE a.person_id = ANY (auth.same_person(b.person_id)) AND a.user_id = b.user_id
		  AND a.at >= b.started_at AND a.at < coalesce(b.ended_at, b.expires_at))`
	emergencyTables = ` FROM chosen b JOIN auth.user_account u ON u.id = b.user_id LEFT JOIN auth.user_account v ON v.id = b.reviewed_by
		JOIN auth.break_glass_patients((SELECT array_agg(id) FROM chosen)) r ON r.access_id = b.id`
)

func scanEmergency(row pgx.CollectableRow) (access.Emergency, error) {
	var e access.Emergency
	var ended, reviewed *time.Time
	err := row.Scan(&e.ID, &e.PublicID, &e.UserID, &e.UserName, &e.Person, &e.Reason, &e.Started, &e.Expires, &ended,
		&reviewed, &e.ReviewedBy, &e.Outcome, &e.Note, &e.PersonPublicID, &e.RecordNumber, &e.Entries)
	e.Started, e.Expires, e.Ended, e.Reviewed = e.Started.UTC(), e.Expires.UTC(), orZero(ended).UTC(), orZero(reviewed).UTC()
	return e, err
}

// emergencies reads the accesses that a condition on auth.break_glass AS b chooses.
func emergencies(b *pgx.Batch, into *[]access.Emergency, choose, order string, args ...any) {
	b.Queue(`WITH chosen AS (SELECT b.* FROM auth.break_glass b WHERE `+choose+`) SELECT `+emergencyColumns+emergencyTables+order, args...).
		Query(func(rows pgx.Rows) error {
			var err error
			*into, err = pgx.CollectRows(rows, scanEmergency)
			return err
		})
}

// readLog runs the queued statements in one read-only transaction that sees the
// whole audit log, and no patient.
func (db *DB) readLog(ctx context.Context, queue func(*pgx.Batch)) error {
	return db.read(ctx, access.Scope{}, func(b *pgx.Batch) {
		b.Queue("select set_config('hp.audit', 'all', true)")
		queue(b)
	})
}

// OpenEmergencies returns the user's emergency accesses that hold now, those
// that end last first. Their count of entries is 0.
func (db *DB) OpenEmergencies(ctx context.Context, userID int64) ([]access.Emergency, error) {
	var list []access.Emergency
	err := db.read(ctx, access.Scope{}, func(b *pgx.Batch) {
		emergencies(b, &list, `b.user_id = $1 AND `+glassOpen, ` ORDER BY b.expires_at DESC, b.id DESC`, userID)
	})
	if err != nil {
		return nil, fmt.Errorf("open emergency accesses: %w", err)
	}
	return list, nil
}

// maxWaiting bounds the undecided part of the queue.
const maxWaiting = 200

// EmergencyQueue returns the review queue: those that wait for a decision,
// oldest first and at most 200, and size decided ones, newest first, behind the
// one whose public id is after.
func (db *DB) EmergencyQueue(ctx context.Context, after string, size int) (access.EmergencyPage, error) {
	var page access.EmergencyPage
	err := db.readLog(ctx, func(b *pgx.Batch) {
		emergencies(b, &page.Waiting, `b.id IN (SELECT id FROM auth.break_glass WHERE reviewed_at IS NULL ORDER BY started_at, id LIMIT $1)`,
			` ORDER BY b.started_at, b.id`, maxWaiting)
		emergencies(b, &page.Decided, `b.id IN (SELECT id FROM auth.break_glass WHERE reviewed_at IS NOT NULL
			  AND ($1 = '' OR (reviewed_at, id) < (SELECT c.reviewed_at, c.id FROM auth.break_glass c WHERE c.public_id = $1))
			ORDER BY reviewed_at DESC, id DESC LIMIT $2)`,
			` ORDER BY b.reviewed_at DESC, b.id DESC`, after, size+1)
	})
	if err != nil {
		return access.EmergencyPage{}, fmt.Errorf("emergency accesses: %w", err)
	}
	page.More = len(page.Decided) > size
	page.Decided = page.Decided[:min(len(page.Decided), size)]
	return page, nil
}

// Emergency returns one access, or health.ErrNotFound.
func (db *DB) Emergency(ctx context.Context, publicID string) (access.Emergency, error) {
	var list []access.Emergency
	err := db.readLog(ctx, func(b *pgx.Batch) { emergencies(b, &list, `b.public_id = $1`, ``, publicID) })
	if err != nil {
		return access.Emergency{}, fmt.Errorf("emergency access: %w", err)
	}
	if len(list) == 0 {
		return access.Emergency{}, health.ErrNotFound
	}
	return list[0], nil
}

// ReviewEmergency records a decision, which then stays. It returns
// access.ErrGlassOwn, ErrGlassRunning or ErrGlassDecided where the rules forbid
// it, and health.ErrNotFound where there is no such access.
func (db *DB) ReviewEmergency(ctx context.Context, reviewer int64, publicID string, o access.GlassOutcome, note string) error {
	err := db.inOwnerTx(ctx, func(tx pgx.Tx) error {
		var id, user int64
		var decided, running bool
		err := tx.QueryRow(ctx, `SELECT b.id, b.user_id, b.reviewed_at IS NOT NULL, `+glassOpen+` FROM auth.break_glass b WHERE b.public_id = $1 FOR UPDATE`,
			publicID).Scan(&id, &user, &decided, &running)
		switch {
		case errors.Is(err, pgx.ErrNoRows):
			return health.ErrNotFound
		case err != nil:
			return err
		case user == reviewer:
			return access.ErrGlassOwn
		case decided:
			return access.ErrGlassDecided
		case running:
			return access.ErrGlassRunning
		}
		_, err = tx.Exec(ctx, `UPDATE auth.break_glass SET reviewed_at = now(), reviewed_by = $2, outcome = $3, note = $4 WHERE id = $1`, id, reviewer, o, note)
		return err
	})
	if err != nil {
		return fmt.Errorf("review an emergency access: %w", err)
	}
	return nil
}
