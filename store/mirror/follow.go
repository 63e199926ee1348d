package mirror

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"healthportal/app/genomics"
	"healthportal/app/health"
)

// Source is the index that the mirror follows.
type Source interface {
	// ReadIndex calls begin with the index's state, then each for every report
	// changed after the number that begin answers, all from one snapshot.
	ReadIndex(ctx context.Context, begin func(genomics.IndexState) (int64, error), each func(genomics.Report) error) error
	// ReportPersons returns the persons who have reports.
	ReportPersons(ctx context.Context) ([]health.Person, error)
}

// Follow takes over what changed in the index since the last time, in one
// transaction. Where the index is another one, is behind the mirror, or does not
// add up, or the file turns out damaged, the mirror is filled anew. When it fails the mirror stays as it was.
func (m *Mirror) Follow(ctx context.Context, src Source) error {
	m.follow.Lock()
	defer m.follow.Unlock()
	err := m.readThrough(ctx)
	ok := false
	if err == nil {
		ok, err = m.takeOver(ctx, src, false)
	}
	if unusable(err) {
		if err = m.replace(ctx); err == nil {
			ok, err = m.takeOver(ctx, src, true)
		}
	}
	if err == nil && !ok {
		ok, err = m.takeOver(ctx, src, true)
		if err == nil && !ok {
			err = errUneven
		}
	}
	if err != nil {
		return fmt.Errorf("report mirror: %w", err)
	}
	return nil
}

// errUneven rolls back a takeover that does not add up.
var errUneven = errors.New("the mirror does not add up")

// takeOver is false when the changes alone do not lead to the index's state.
func (m *Mirror) takeOver(ctx context.Context, src Source, anew bool) (bool, error) {
	persons, err := src.ReportPersons(ctx)
	if err != nil {
		return false, err
	}
	err = m.update(ctx, func(tx *sql.Tx) error {
		t := &takeover{tx: tx, anew: anew}
		if err := src.ReadIndex(ctx, func(st genomics.IndexState) (int64, error) { return t.begin(ctx, st) },
			func(r genomics.Report) error { return t.report(ctx, &r) }); err != nil {
			return err
		}
		if err := t.persons(ctx, persons); err != nil {
			return err
		}
		return t.end(ctx)
	})
	if errors.Is(err, errUneven) {
		return false, nil
	}
	return err == nil, err
}

// takeover is one transaction of Follow.
type takeover struct {
	tx    *sql.Tx
	anew  bool
	state genomics.IndexState
	put   *sql.Stmt
}

func (t *takeover) begin(ctx context.Context, st genomics.IndexState) (int64, error) {
	t.state = st
	after, err := t.position(ctx, st)
	if err != nil {
		return 0, err
	}
	if after == 0 {
		if _, err := t.tx.ExecContext(ctx, `DELETE FROM report`); err != nil {
			return 0, err
		}
	}
	t.put, err = t.tx.PrepareContext(ctx, `INSERT OR REPLACE INTO report (`+columns+`, sort_at, search)
		VALUES (`+strings.Repeat("?, ", columnCount)+`?, ?)`)
	return after, err
}

// position is the change number to read on from; 0 where all must be read.
func (t *takeover) position(ctx context.Context, st genomics.IndexState) (int64, error) {
	if t.anew {
		return 0, nil
	}
	var epoch, last string
	err := t.tx.QueryRowContext(ctx, `SELECT coalesce(max(iif(name = 'epoch', value, '')), ''), coalesce(max(iif(name = 'last_change', value, '')), '') FROM meta`).
		Scan(&epoch, &last)
	if err != nil {
		return 0, err
	}
	n, err := strconv.ParseInt(last, 10, 64)
	if err != nil || epoch != st.Epoch || n > st.LastChange {
		return 0, nil
	}
	return n, nil
}

func (t *takeover) report(ctx context.Context, r *genomics.Report) error {
	claims, err := json.Marshal(r.Claims)
	if err != nil {
		return fmt.Errorf("report %s: claims: %w", r.ID, err)
	}
	var person, generated *int64
	if r.PersonID != 0 {
		person = &r.PersonID
	}
	if !r.GeneratedAt.IsZero() {
		us := r.GeneratedAt.UnixMicro()
		generated = &us
	}
	_, err = t.put.ExecContext(ctx, r.ID, r.ChangeNo, person, r.Unassigned, r.Root, r.Path, string(claims), r.Kind, r.Title,
		string(r.Format), string(r.Status), string(r.State), r.Problem, r.Size, r.ModTime.UnixMicro(), r.SHA256, generated,
		r.Risk.Level, r.Risk.Scale, r.Risk.Tool, r.Risk.Score, r.Tool, r.Summary, r.Supersedes, r.Synthetic,
		r.SortTime().UnixMicro(), searchText(r))
	return err
}

// searchText is what a search looks at; withdrawn and vanished text is not found.
func searchText(r *genomics.Report) string {
	if r.State == genomics.Gone || r.Status == genomics.Withdrawn {
		return ""
	}
	return strings.ToLower(strings.Join([]string{r.Title, r.Kind, r.Summary, r.PatientRef()}, "\n"))
}

func (t *takeover) persons(ctx context.Context, persons []health.Person) error {
	if _, err := t.tx.ExecContext(ctx, `DELETE FROM person`); err != nil {
		return err
	}
	put, err := t.tx.PrepareContext(ctx, `INSERT INTO person VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`)
	if err != nil {
		return err
	}
	defer put.Close() //nolint:errcheck // ends with the transaction
	for _, p := range persons {
		_, err := put.ExecContext(ctx, int64(p.ID), p.PublicID, p.RecordNumber, p.FamilyName, p.GivenName,
			p.BirthDate.String(), string(p.Sex), p.TimeZone, p.Synthetic)
		if err != nil {
			return err
		}
	}
	return nil
}

// end writes the state and checks that the mirror now equals it.
func (t *takeover) end(ctx context.Context) error {
	var rows int
	if err := t.tx.QueryRowContext(ctx, `SELECT count(*) FROM report`).Scan(&rows); err != nil {
		return err
	}
	if rows != t.state.Rows {
		return errUneven
	}
	if _, err := t.tx.ExecContext(ctx, `INSERT OR REPLACE INTO meta VALUES ('epoch', ?), ('last_change', ?)`,
		t.state.Epoch, strconv.FormatInt(t.state.LastChange, 10)); err != nil {
		return err
	}
	if _, err := t.tx.ExecContext(ctx, `DELETE FROM root`); err != nil {
		return err
	}
	for _, r := range t.state.Roots {
		var at *int64
		if !r.IndexedAt.IsZero() {
			us := r.IndexedAt.UnixMicro()
			at = &us
		}
		if _, err := t.tx.ExecContext(ctx, `INSERT INTO root VALUES (?, ?, ?)`, r.Name, at, r.Problem); err != nil {
			return err
		}
	}
	return nil
}

func fromMicro(us int64) time.Time { return time.UnixMicro(us).UTC() }
