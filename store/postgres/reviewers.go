package postgres

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"

	"healthportal/app/access"
	"healthportal/app/health"
)

// AuditUsers returns every user by display name, as choices for those who read the log.
func (db *DB) AuditUsers(ctx context.Context) ([]access.UserRef, error) {
	rows, err := db.app.Query(ctx, `SELECT id, public_id, display_name FROM auth.user_account ORDER BY lower(display_name), id`)
	if err != nil {
		return nil, fmt.Errorf("users of the audit log: %w", err)
	}
	list, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (access.UserRef, error) {
		var u access.UserRef
		err := row.Scan(&u.ID, &u.PublicID, &u.Name)
		return u, err
	})
	if err != nil {
		return nil, fmt.Errorf("users of the audit log: %w", err)
	}
	return list, nil
}

// AuditPatients returns the patients of rows of the log, by id; those who are gone are missing.
func (db *DB) AuditPatients(ctx context.Context, ids []health.PersonID) (map[health.PersonID]access.PatientRef, error) {
	list, err := db.patientsOfLog(ctx, ids, "", "")
	if err != nil {
		return nil, err
	}
	byID := make(map[health.PersonID]access.PatientRef, len(list))
	for _, p := range list {
		byID[p.ID] = p
	}
	return byID, nil
}

// AuditPatient returns the patient of a record number or, where that is empty,
// of a public id; else health.ErrNotFound.
func (db *DB) AuditPatient(ctx context.Context, record, publicID string) (access.PatientRef, error) {
	if record != "" {
		publicID = ""
	}
	list, err := db.patientsOfLog(ctx, nil, record, publicID)
	if err != nil {
		return access.PatientRef{}, err
	}
	if len(list) != 1 {
		return access.PatientRef{}, health.ErrNotFound
	}
	return list[0], nil
}

func (db *DB) patientsOfLog(ctx context.Context, ids []health.PersonID, record, publicID string) ([]access.PatientRef, error) {
	numbers := make([]int64, len(ids))
	for i, id := range ids {
		numbers[i] = int64(id)
	}
	var list []access.PatientRef
	err := db.readLog(ctx, func(b *pgx.Batch) {
		b.Queue(`SELECT id, public_id, record_number FROM auth.patients_of_log($1, $2, $3)`, numbers, record, publicID).Query(func(rows pgx.Rows) error {
			var err error
			list, err = pgx.CollectRows(rows, func(row pgx.CollectableRow) (access.PatientRef, error) {
				var p access.PatientRef
				err := row.Scan(&p.ID, &p.PublicID, &p.RecordNumber)
				return p, err
			})
			return err
		})
	})
	if err != nil {
		return nil, fmt.Errorf("patients of the audit log: %w", err)
	}
	return list, nil
}
