package postgres

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"healthportal/app/health"
)

// personColumns are the columns of health.person AS p that personScan reads.
const personColumns = `p.id, p.public_id, coalesce(p.record_number, ''), p.family_name, p.given_name, p.birth_date, p.sex,
	coalesce(p.timezone, ''), p.synthetic`

// personScan holds a person while it is read.
type personScan struct {
	p     health.Person
	sex   string
	birth *time.Time
}

func (s *personScan) targets() []any {
	return []any{&s.p.ID, &s.p.PublicID, &s.p.RecordNumber, &s.p.FamilyName, &s.p.GivenName, &s.birth, &s.sex, &s.p.TimeZone, &s.p.Synthetic}
}

func (s *personScan) person() health.Person {
	s.p.Sex = health.ParseSex(s.sex)
	s.p.BirthDate = dayOf(s.birth)
	return s.p
}

// dateArg is a date parameter; the zero Day is NULL.
func dateArg(d health.Day) *time.Time {
	if d.IsZero() {
		return nil
	}
	t := time.Date(d.Year, d.Month, d.Dom, 0, 0, 0, 0, time.UTC)
	return &t
}

// dayOf is a date column; NULL is the zero Day.
func dayOf(t *time.Time) health.Day {
	if t == nil {
		return health.Day{}
	}
	return health.DayOf(*t)
}

// readAs runs the queued statements in one read-only transaction and one round
// trip, seeing the persons in whose care teams the user is now.
func (db *DB) readAs(ctx context.Context, userID int64, queue func(*pgx.Batch)) error {
	b := &pgx.Batch{}
	b.Queue("begin isolation level repeatable read read only")
	b.Queue(holdPartitions)
	b.Queue(`select set_config('hp.persons', (select coalesce(string_agg(p::text, ','), '') from auth.persons_of($1) p), true),
		set_config('hp.reports', '', true)`, userID)
	queue(b)
	b.Queue("commit")
	if err := db.app.SendBatch(ctx, b).Close(); err != nil {
		if errors.Is(err, pgx.ErrNoRows) {
			return health.ErrNotFound
		}
		return fmt.Errorf("read: %w", err)
	}
	return nil
}

// PersonByPublicID returns a person of the user's care teams, else ErrNotFound.
func (db *DB) PersonByPublicID(ctx context.Context, userID int64, publicID string) (health.Person, error) {
	var s personScan
	err := db.readAs(ctx, userID, func(b *pgx.Batch) {
		b.Queue(`SELECT `+personColumns+` FROM health.person p WHERE p.public_id = $1`, publicID).QueryRow(func(row pgx.Row) error {
			return row.Scan(s.targets()...)
		})
	})
	if err != nil {
		return health.Person{}, fmt.Errorf("person: %w", err)
	}
	return s.person(), nil
}

// likeNames are the persons whose names begin with the same letters as the
// person's, in either order; what is alike is decided by health.NamesAlike.
const likeNames = `
	SELECT ` + personColumns + `
	FROM health.person p, health.person o
	WHERE o.public_id = $1 AND p.id <> o.id AND p.family_name || p.given_name <> ''
	  AND (lower(left(p.family_name, 1)) IN (lower(left(o.family_name, 1)), lower(left(o.given_name, 1)))
	    OR lower(left(p.given_name, 1)) IN (lower(left(o.family_name, 1)), lower(left(o.given_name, 1))))
	ORDER BY p.family_name, p.given_name, p.id`

// onePatient reads a person with the user's emergency access that is open now, if there is one.
const onePatient = `SELECT ` + personColumns + `, coalesce(g.public_id, ''), g.expires_at,
	coalesce((SELECT w.data_no FROM health.person_news w WHERE w.person_id = p.id), 0)
	FROM health.person p LEFT JOIN LATERAL (SELECT b.public_id, b.expires_at FROM auth.break_glass b
	  WHERE b.user_id = $2 AND b.person_id = p.id AND ` + glassOpen + ` ORDER BY b.expires_at DESC LIMIT 1) g ON true
	WHERE p.public_id = $1`

// Patient returns a person of the user's care teams, or whom the user opened in
// an emergency, with the others of similar name among them, else ErrNotFound.
func (db *DB) Patient(ctx context.Context, userID int64, publicID string) (health.Patient, error) {
	var s personScan
	var others []health.Person
	var glass string
	var until *time.Time
	var dataNo int64
	err := db.readAs(ctx, userID, func(b *pgx.Batch) {
		b.Queue(onePatient, publicID, userID).QueryRow(func(row pgx.Row) error {
			return row.Scan(append(s.targets(), &glass, &until, &dataNo)...)
		})
		b.Queue(likeNames, publicID).Query(func(rows pgx.Rows) error {
			for rows.Next() {
				var o personScan
				if err := rows.Scan(o.targets()...); err != nil {
					return err
				}
				others = append(others, o.person())
			}
			return rows.Err()
		})
	})
	if err != nil {
		return health.Patient{}, fmt.Errorf("patient: %w", err)
	}
	p := s.person()
	others = slices.DeleteFunc(others, func(o health.Person) bool { return !health.NamesAlike(p, o) })
	return health.Patient{Person: p, Alike: others, BreakGlassID: glass, BreakGlassUntil: orZero(until).UTC(), DataNo: dataNo}, nil
}
