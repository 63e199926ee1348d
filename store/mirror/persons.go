package mirror

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"

	"healthportal/app/health"
)

// Persons returns those of the persons whom the mirror knows.
func (m *Mirror) Persons(ctx context.Context, ids []int64) (map[health.PersonID]health.Person, error) {
	if ids == nil {
		ids = []int64{}
	}
	list, err := json.Marshal(ids)
	if err != nil {
		return nil, fmt.Errorf("report mirror: %w", err)
	}
	return m.persons(ctx, `id IN (SELECT value FROM json_each(?))`, string(list))
}

// Alike returns the persons with reports, other than p, whose names are so
// similar to p's that one may be taken for the other.
func (m *Mirror) Alike(ctx context.Context, p health.Person) ([]health.Person, error) {
	found, err := m.persons(ctx, `id <> ?`, int64(p.ID))
	if err != nil {
		return nil, err
	}
	var alike []health.Person
	for _, o := range found {
		if health.NamesAlike(p, o) {
			alike = append(alike, o)
		}
	}
	slices.SortFunc(alike, func(a, b health.Person) int { return cmp.Compare(a.ID, b.ID) })
	return alike, nil
}

// PersonByPublicID returns a person who has reports, or health.ErrNotFound.
func (m *Mirror) PersonByPublicID(ctx context.Context, publicID string) (health.Person, error) {
	found, err := m.persons(ctx, `public_id = ?`, publicID)
	if err != nil {
		return health.Person{}, err
	}
	for _, p := range found {
		return p, nil
	}
	return health.Person{}, health.ErrNotFound
}

func (m *Mirror) persons(ctx context.Context, cond string, arg any) (map[health.PersonID]health.Person, error) {
	m.files.RLock()
	defer m.files.RUnlock()
	rows, err := m.read.QueryContext(ctx, `SELECT id, public_id, record_number, family_name, given_name, birth_date, sex, timezone, synthetic
		FROM person WHERE `+cond, arg)
	if err != nil {
		return nil, fmt.Errorf("report mirror: %w", err)
	}
	defer rows.Close() //nolint:errcheck // Err below tells
	found := map[health.PersonID]health.Person{}
	for rows.Next() {
		var p health.Person
		var born string
		if err := rows.Scan(&p.ID, &p.PublicID, &p.RecordNumber, &p.FamilyName, &p.GivenName, &born, &p.Sex, &p.TimeZone, &p.Synthetic); err != nil {
			return nil, fmt.Errorf("report mirror: %w", err)
		}
		if born != "" {
			if p.BirthDate, err = health.ParseDay(born); err != nil {
				return nil, fmt.Errorf("report mirror: a birth date is damaged: %w", err)
			}
		}
		found[p.ID] = p
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("report mirror: %w", err)
	}
	return found, nil
}
