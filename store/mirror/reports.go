package mirror

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"healthportal/app/genomics"
	"healthportal/app/health"
)

// columns are read by scan, in this order.
const (
	columns = `id, change_no, person_id, unassigned, root, path, claims, kind, title, format, status, state, problem, size, modified_at,
	sha256, generated_at, risk_level, risk_scale, risk_tool, risk_score, tool, summary, supersedes, synthetic`
	columnCount = 25
)

func scan(row interface{ Scan(...any) error }) (genomics.Report, error) {
	var r genomics.Report
	var person, generated sql.NullInt64
	var claims string
	var modified int64
	err := row.Scan(&r.ID, &r.ChangeNo, &person, &r.Unassigned, &r.Root, &r.Path, &claims, &r.Kind, &r.Title, &r.Format, &r.Status,
		&r.State, &r.Problem, &r.Size, &modified, &r.SHA256, &generated, &r.Risk.Level, &r.Risk.Scale, &r.Risk.Tool,
		&r.Risk.Score, &r.Tool, &r.Summary, &r.Supersedes, &r.Synthetic)
	if err != nil {
		return r, err
	}
	if err := json.Unmarshal([]byte(claims), &r.Claims); err != nil {
		return r, fmt.Errorf("report %s: claims: %w", r.ID, err)
	}
	r.PersonID, r.ModTime = person.Int64, fromMicro(modified)
	if generated.Valid {
		r.GeneratedAt = fromMicro(generated.Int64)
	}
	return r, nil
}

// where collects conditions with their arguments.
type where struct {
	conds []string
	args  []any
}

func (w *where) add(cond string, args ...any) {
	w.conds = append(w.conds, cond)
	w.args = append(w.args, args...)
}

func (w *where) String() string {
	if len(w.conds) == 0 {
		return ""
	}
	return " WHERE " + strings.Join(w.conds, " AND ")
}

// allowed holds what the caller may see.
func allowed(f genomics.ReportFilter) (where, error) {
	var w where
	if f.AllPersons {
		return w, nil
	}
	ids := f.Persons
	if ids == nil {
		ids = []int64{}
	}
	list, err := json.Marshal(ids)
	if err != nil {
		return w, fmt.Errorf("allowed persons: %w", err)
	}
	w.add(`person_id IN (SELECT value FROM json_each(?))`, string(list))
	return w, nil
}

// Reports returns one page of the reports that the filter allows and chooses,
// newest first. It returns the filter's own error for one that can't be asked.
func (m *Mirror) Reports(ctx context.Context, f genomics.ReportFilter) (genomics.ReportPage, error) {
	m.files.RLock()
	defer m.files.RUnlock()
	if err := f.Validate(); err != nil {
		return genomics.ReportPage{}, err
	}
	w, err := allowed(f)
	if err != nil {
		return genomics.ReportPage{}, err
	}
	var page genomics.ReportPage
	tx, err := m.read.BeginTx(ctx, &sql.TxOptions{ReadOnly: true})
	if err != nil {
		return page, fmt.Errorf("report mirror: %w", err)
	}
	defer tx.Rollback() //nolint:errcheck // it only read
	if page.Kinds, err = kinds(ctx, tx, w); err != nil {
		return page, fmt.Errorf("report mirror: %w", err)
	}
	choose(&w, f)
	err = tx.QueryRowContext(ctx, fmt.Sprintf(`SELECT count(*) FROM (SELECT 1 FROM report%s LIMIT %d)`, w.String(), genomics.ReportCountLimit+1), w.args...).
		Scan(&page.Count)
	if err != nil {
		return page, fmt.Errorf("report mirror: %w", err)
	}
	if err := fill(ctx, tx, w, f, &page); err != nil {
		return page, fmt.Errorf("report mirror: %w", err)
	}
	return page, nil
}

func choose(w *where, f genomics.ReportFilter) {
	if f.Person != 0 {
		w.add(`person_id = ?`, f.Person)
	}
	if f.Unassigned {
		w.add(`person_id IS NULL`)
	}
	if f.Kind != "" {
		w.add(`kind = ?`, f.Kind)
	}
	for _, word := range strings.Fields(strings.ToLower(f.Text)) {
		w.add(`instr(search, ?) > 0`, word)
	}
}

func kinds(ctx context.Context, tx *sql.Tx, w where) ([]string, error) {
	rows, err := tx.QueryContext(ctx, `SELECT DISTINCT kind FROM report`+w.String()+` ORDER BY kind`, w.args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close() //nolint:errcheck // Err below tells
	var list []string
	for rows.Next() {
		var k string
		if err := rows.Scan(&k); err != nil {
			return nil, err
		}
		list = append(list, k)
	}
	return list, rows.Err()
}

// fill fetches one row more than the page holds, to know whether it goes on.
func fill(ctx context.Context, tx *sql.Tx, w where, f genomics.ReportFilter, page *genomics.ReportPage) error {
	order := ` ORDER BY sort_at DESC, id DESC`
	switch {
	case f.After != nil:
		w.add(`(sort_at, id) < (?, ?)`, f.After.At.UnixMicro(), f.After.ID)
	case f.Before != nil:
		w.add(`(sort_at, id) > (?, ?)`, f.Before.At.UnixMicro(), f.Before.ID)
		order = ` ORDER BY sort_at, id`
	}
	rows, err := tx.QueryContext(ctx, `SELECT `+columns+` FROM report`+w.String()+order+` LIMIT ?`, append(w.args, f.Size+1)...)
	if err != nil {
		return err
	}
	defer rows.Close() //nolint:errcheck // Err below tells
	for rows.Next() {
		r, err := scan(rows)
		if err != nil {
			return err
		}
		page.Reports = append(page.Reports, r)
	}
	if err := rows.Err(); err != nil {
		return err
	}
	more := len(page.Reports) > f.Size
	if more {
		page.Reports = page.Reports[:f.Size]
	}
	if f.Before != nil {
		slices.Reverse(page.Reports)
	}
	ends(f, more, page)
	return nil
}

// ends sets the cursors of the neighbouring pages.
func ends(f genomics.ReportFilter, more bool, page *genomics.ReportPage) {
	if len(page.Reports) == 0 {
		// Past an end: the way back leads from the place where the caller stood.
		page.Prev, page.Next = f.After, f.Before
		return
	}
	first, last := &page.Reports[0], &page.Reports[len(page.Reports)-1]
	if f.After != nil || (f.Before != nil && more) {
		page.Prev = &genomics.ReportCursor{At: first.SortTime(), ID: first.ID}
	}
	if f.Before != nil || more {
		page.Next = &genomics.ReportCursor{At: last.SortTime(), ID: last.ID}
	}
}

// Report returns one report, or health.ErrNotFound. Whether the caller may see
// it is the caller's to check.
func (m *Mirror) Report(ctx context.Context, id string) (genomics.Report, error) {
	m.files.RLock()
	defer m.files.RUnlock()
	r, err := scan(m.read.QueryRowContext(ctx, `SELECT `+columns+` FROM report WHERE id = ?`, id))
	if errors.Is(err, sql.ErrNoRows) {
		return genomics.Report{}, health.ErrNotFound
	}
	if err != nil {
		return genomics.Report{}, fmt.Errorf("report mirror: %w", err)
	}
	return r, nil
}

// Versions returns the reports of the same patient and root that say they
// replace r, newest first, and the one that r says it replaces, or nil.
func (m *Mirror) Versions(ctx context.Context, r genomics.Report) (newer []genomics.Report, older *genomics.Report, err error) {
	m.files.RLock()
	defer m.files.RUnlock()
	rows, err := m.read.QueryContext(ctx, `SELECT `+columns+` FROM report WHERE root = ? AND person_id IS ? AND id <> ?
		AND (supersedes = ? OR path = ?) ORDER BY sort_at DESC, id DESC`, r.Root, nullable(r.PersonID), r.ID, r.Path, r.Supersedes)
	if err != nil {
		return nil, nil, fmt.Errorf("report mirror: %w", err)
	}
	defer rows.Close() //nolint:errcheck // Err below tells
	for rows.Next() {
		o, err := scan(rows)
		if err != nil {
			return nil, nil, fmt.Errorf("report mirror: %w", err)
		}
		if o.Supersedes == r.Path {
			newer = append(newer, o)
		} else {
			older = &o
		}
	}
	if err := rows.Err(); err != nil {
		return nil, nil, fmt.Errorf("report mirror: %w", err)
	}
	return newer, older, nil
}

func nullable(id int64) *int64 {
	if id == 0 {
		return nil
	}
	return &id
}

// Status tells what the mirror holds: how fresh each root's index is, and how
// many reports there are.
func (m *Mirror) Status(ctx context.Context) (genomics.IndexState, error) {
	m.files.RLock()
	defer m.files.RUnlock()
	var st genomics.IndexState
	err := m.read.QueryRowContext(ctx, `SELECT (SELECT count(*) FROM report),
		coalesce((SELECT value FROM meta WHERE name = 'epoch'), ''),
		CAST(coalesce((SELECT value FROM meta WHERE name = 'last_change'), '0') AS INTEGER)`).Scan(&st.Rows, &st.Epoch, &st.LastChange)
	if err != nil {
		return st, fmt.Errorf("report mirror: %w", err)
	}
	rows, err := m.read.QueryContext(ctx, `SELECT name, indexed_at, problem FROM root ORDER BY name`)
	if err != nil {
		return st, fmt.Errorf("report mirror: %w", err)
	}
	defer rows.Close() //nolint:errcheck // Err below tells
	for rows.Next() {
		var r genomics.RootStatus
		var at sql.NullInt64
		if err := rows.Scan(&r.Name, &at, &r.Problem); err != nil {
			return st, fmt.Errorf("report mirror: %w", err)
		}
		if at.Valid {
			r.IndexedAt = fromMicro(at.Int64)
		}
		st.Roots = append(st.Roots, r)
	}
	return st, rows.Err()
}
