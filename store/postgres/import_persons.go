package postgres

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"healthportal/app/health"
)

// Persons returns those of the identifiers that are known. Record numbers are
// looked up among the persons as well.
func (im *importer) Persons(ctx context.Context, ids []health.Identifier) (map[health.Identifier]health.Person, error) {
	systems, values := make([]string, len(ids)), make([]string, len(ids))
	for i, id := range ids {
		systems[i], values[i] = id.System, id.Value
	}
	rows, err := im.conn.Query(ctx, `
		SELECT w.system, w.value, `+personColumns+`
		FROM unnest($1::text[], $2::text[]) AS w (system, value)
		JOIN health.person_identifier i ON i.system = w.system AND i.value = w.value
		JOIN health.person p ON p.id = i.person_id
		UNION
		SELECT w.system, w.value, `+personColumns+`
		FROM unnest($1::text[], $2::text[]) AS w (system, value)
		JOIN health.person p ON p.record_number = w.value
		WHERE w.system = $3`, systems, values, health.SystemRecordNumber)
	if err != nil {
		return nil, fmt.Errorf("persons by identifier: %w", err)
	}
	known := map[health.Identifier]health.Person{}
	for rows.Next() {
		var id health.Identifier
		var s personScan
		if err := rows.Scan(append([]any{&id.System, &id.Value}, s.targets()...)...); err != nil {
			rows.Close()
			return nil, fmt.Errorf("persons by identifier: %w", err)
		}
		known[id] = s.person()
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("persons by identifier: %w", err)
	}
	return known, nil
}

// CreatePerson stores a new person with a random public id.
func (im *importer) CreatePerson(ctx context.Context, p health.Person, ids []health.Identifier) (health.Person, error) {
	var random [16]byte
	if _, err := rand.Read(random[:]); err != nil {
		return p, fmt.Errorf("random id: %w", err)
	}
	p.PublicID = hex.EncodeToString(random[:])
	if p.Sex == "" {
		p.Sex = health.UnknownSex
	}
	err := pgx.BeginFunc(ctx, im.conn, func(tx pgx.Tx) error {
		err := tx.QueryRow(ctx, `
			INSERT INTO health.person (public_id, record_number, family_name, given_name, birth_date, sex, timezone, synthetic, import_id)
			VALUES ($1, nullif($2, ''), $3, $4, $5, $6, nullif($7, ''), $8, $9) RETURNING id`,
			p.PublicID, p.RecordNumber, p.FamilyName, p.GivenName, dateArg(p.BirthDate), string(p.Sex), p.TimeZone, p.Synthetic, im.id).Scan(&p.ID)
		if err != nil {
			return fmt.Errorf("insert: %w", err)
		}
		return im.identify(ctx, tx, p.ID, ids)
	})
	if err != nil {
		return health.Person{}, fmt.Errorf("create a person: %w", takenErr(err))
	}
	im.inTeam[p.ID] = true
	return p, nil
}

// CompletePerson fills what the stored person lacks. A person whose zone becomes
// known gets the days of the events counted anew by it.
func (im *importer) CompletePerson(ctx context.Context, p health.Person, ids []health.Identifier) error {
	err := pgx.BeginFunc(ctx, im.conn, func(tx pgx.Tx) error {
		if err := lockEvents(ctx, tx); err != nil {
			return err
		}
		var zone string
		if err := tx.QueryRow(ctx, `SELECT health.person_zone($1)`, int64(p.ID)).Scan(&zone); err != nil {
			return fmt.Errorf("zone: %w", err)
		}
		_, err := tx.Exec(ctx, `
			UPDATE health.person SET record_number = coalesce(record_number, nullif($2, '')),
			  family_name = $3, given_name = $4, birth_date = coalesce(birth_date, $5),
			  sex = CASE WHEN sex = 'unknown' THEN $6 ELSE sex END, timezone = coalesce(timezone, nullif($7, '')),
			  synthetic = synthetic OR $8, updated_at = now()
			WHERE id = $1`,
			int64(p.ID), p.RecordNumber, p.FamilyName, p.GivenName, dateArg(p.BirthDate), string(p.Sex), p.TimeZone, p.Synthetic)
		if err != nil {
			return fmt.Errorf("update: %w", err)
		}
		if p.TimeZone != "" && p.TimeZone != zone {
			if err := rezone(ctx, tx, p.ID, zone, p.TimeZone); err != nil {
				return err
			}
		}
		return im.identify(ctx, tx, p.ID, ids)
	})
	if err != nil {
		return fmt.Errorf("complete a person: %w", takenErr(err))
	}
	im.inTeam[p.ID] = true
	return nil
}

// identify stores a person's identifiers and care team.
func (im *importer) identify(ctx context.Context, tx pgx.Tx, person health.PersonID, ids []health.Identifier) error {
	for _, id := range ids {
		var owner health.PersonID
		err := tx.QueryRow(ctx, `
			INSERT INTO health.person_identifier (system, value, person_id) VALUES ($1, $2, $3)
			ON CONFLICT (system, value) DO UPDATE SET person_id = health.person_identifier.person_id RETURNING person_id`,
			id.System, id.Value, int64(person)).Scan(&owner)
		if err != nil {
			return fmt.Errorf("identifier: %w", err)
		}
		if owner != person {
			return health.ErrTaken
		}
	}
	if im.team == 0 {
		return nil
	}
	return joinTeam(ctx, tx, im.team, []int64{int64(person)})
}

// takenErr names the violation of a person's unique record number.
func takenErr(err error) error {
	var pgErr *pgconn.PgError
	if errors.As(err, &pgErr) && pgErr.Code == "23505" && pgErr.ConstraintName == "person_record_number_key" {
		return health.ErrTaken
	}
	return err
}
