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
const onePatient = `SELECT ` + personColumns + `, coalesce(g.public_id, ''), g.expires_at
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
	err := db.readAs(ctx, userID, func(b *pgx.Batch) {
		b.Queue(onePatient, publicID, userID).QueryRow(func(row pgx.Row) error {
			return row.Scan(append(s.targets(), &glass, &until)...)
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
	return health.Patient{Person: p, Alike: others, BreakGlassID: glass, BreakGlassUntil: orZero(until).UTC()}, nil
}

// The order of the patient list: as a reader sorts names, Ö beside O. A cursor is a public id, because names stay out of addresses.
const (
	patientKey   = `(lower(p.family_name) COLLATE "und-x-icu", lower(p.given_name) COLLATE "und-x-icu", p.id)`
	patientKeyOf = `(SELECT lower(c.family_name), lower(c.given_name), c.id FROM health.person c WHERE c.public_id = $2)`
	patientNewer = `lower(p.family_name) COLLATE "und-x-icu", lower(p.given_name) COLLATE "und-x-icu", p.id`
	patientOlder = `lower(p.family_name) COLLATE "und-x-icu" DESC, lower(p.given_name) COLLATE "und-x-icu" DESC, p.id DESC`
	// patientRow takes the user as $1.
	patientRow = `SELECT ` + personColumns + `, (SELECT max(d.local_day) FROM health.event_day d WHERE d.person_id = p.id),
		(SELECT max(b.expires_at) FROM auth.break_glass b WHERE b.user_id = $1 AND b.person_id = p.id AND ` + glassOpen + `)
		FROM health.person p`
)

// Patients returns a page of the persons in the user's care teams, by name. A
// cursor that names none of them gives ErrNotFound.
func (db *DB) Patients(ctx context.Context, userID int64, f health.PatientFilter) (health.PatientPage, error) {
	var page health.PatientPage
	if err := f.Validate(); err != nil {
		return page, err
	}
	cursor, where, order := "", "", patientNewer
	switch {
	case f.After != "":
		cursor, where = f.After, ` WHERE `+patientKey+` > `+patientKeyOf
	case f.Before != "":
		cursor, where, order = f.Before, ` WHERE `+patientKey+` < `+patientKeyOf, patientOlder
	}
	err := db.readAs(ctx, userID, func(b *pgx.Batch) {
		if cursor != "" {
			b.Queue(`SELECT id FROM health.person WHERE public_id = $1`, cursor).QueryRow(func(row pgx.Row) error {
				var id int64
				return row.Scan(&id)
			})
		}
		b.Queue(`SELECT count(*) FROM health.person`).QueryRow(func(row pgx.Row) error { return row.Scan(&page.Total) })
		args := []any{userID, f.Size + 1}
		sql := patientRow + ` ORDER BY ` + order + ` LIMIT $2`
		if cursor != "" {
			args = []any{userID, cursor, f.Size + 1}
			sql = patientRow + where + ` ORDER BY ` + order + ` LIMIT $3`
		}
		b.Queue(sql, args...).Query(func(rows pgx.Rows) error {
			var err error
			page.Patients, err = scanPatients(rows)
			return err
		})
	})
	if err != nil {
		return health.PatientPage{}, fmt.Errorf("patients: %w", err)
	}
	more := len(page.Patients) > f.Size
	page.Patients = page.Patients[:min(len(page.Patients), f.Size)]
	if f.Before != "" {
		slices.Reverse(page.Patients)
		page.Previous, page.Next = more, true
	} else {
		page.Previous, page.Next = f.After != "", more
	}
	return page, nil
}

func scanPatients(rows pgx.Rows) ([]health.PatientRow, error) {
	var list []health.PatientRow
	for rows.Next() {
		var s personScan
		var last, until *time.Time
		if err := rows.Scan(append(s.targets(), &last, &until)...); err != nil {
			return nil, err
		}
		list = append(list, health.PatientRow{Person: s.person(), LastDay: dayOf(last), BreakGlassUntil: orZero(until).UTC()})
	}
	return list, rows.Err()
}
