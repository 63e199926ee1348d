package postgres

import (
	"context"
	"encoding/hex"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"healthportal/app/genomics"
	"healthportal/app/health"
)

// reportColumns are read by scanReport, in this order.
const reportColumns = `report_id, root, report_path, coalesce(person_id, 0), claims, unassigned, kind, title, format, status,
	state, problem, size_bytes, modified_at, coalesce(encode(sha256, 'hex'), ''), generated_at, risk_level, risk_scale,
	risk_tool, risk_score, tool, summary, supersedes, synthetic, mark, change_no`

func scanReport(row pgx.CollectableRow) (genomics.Report, error) {
	var r genomics.Report
	var generated *time.Time
	err := row.Scan(&r.ID, &r.Root, &r.Path, &r.PersonID, &r.Claims, &r.Unassigned, &r.Kind, &r.Title, &r.Format, &r.Status,
		&r.State, &r.Problem, &r.Size, &r.ModTime, &r.SHA256, &generated, &r.Risk.Level, &r.Risk.Scale,
		&r.Risk.Tool, &r.Risk.Score, &r.Tool, &r.Summary, &r.Supersedes, &r.Synthetic, &r.Mark, &r.ChangeNo)
	if generated != nil {
		r.GeneratedAt = generated.UTC()
	}
	r.ModTime = r.ModTime.UTC()
	if len(r.Claims) == 0 {
		r.Claims = nil
	}
	return r, err
}

// ReportIndex returns all rows of a root, the gone ones too, in order of path.
func (db *DB) ReportIndex(ctx context.Context, root string) ([]genomics.Report, error) {
	rows, err := db.owner.Query(ctx, `SELECT `+reportColumns+` FROM analytics.genomics_reports WHERE root = $1 ORDER BY report_path`, root)
	if err != nil {
		return nil, fmt.Errorf("report index: %w", err)
	}
	list, err := pgx.CollectRows(rows, scanReport)
	if err != nil {
		return nil, fmt.Errorf("report index: %w", err)
	}
	return list, nil
}

// ReportRoots returns what is known of every indexed root, in order of name.
func (db *DB) ReportRoots(ctx context.Context) ([]genomics.RootStatus, error) {
	roots, err := reportRoots(ctx, db.owner)
	if err != nil {
		return nil, fmt.Errorf("report roots: %w", err)
	}
	return roots, nil
}

func reportRoots(ctx context.Context, q queryer) ([]genomics.RootStatus, error) {
	rows, err := q.Query(ctx, `SELECT root, indexed_at, problem FROM analytics.report_roots ORDER BY root`)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, func(row pgx.CollectableRow) (genomics.RootStatus, error) {
		var st genomics.RootStatus
		var at *time.Time
		err := row.Scan(&st.Name, &at, &st.Problem)
		if at != nil {
			st.IndexedAt = at.UTC()
		}
		return st, err
	})
}

// ResolvePatients returns the persons of those references that name exactly
// one. A reference without a system is a record number.
func (db *DB) ResolvePatients(ctx context.Context, refs []genomics.PatientRef) (map[genomics.PatientRef]int64, error) {
	known := make(map[genomics.PatientRef]int64, len(refs))
	if len(refs) == 0 {
		return known, nil
	}
	systems, values := make([]string, len(refs)), make([]string, len(refs))
	for i, r := range refs {
		systems[i], values[i] = r.System, r.Value
	}
	rows, err := db.owner.Query(ctx, `
		WITH ref AS (SELECT DISTINCT * FROM unnest($1::text[], $2::text[]) AS r (system, value)),
		hit AS (
		  SELECT r.system, r.value, i.person_id FROM ref r
		  JOIN health.person_identifier i ON i.value = r.value AND i.system = CASE r.system WHEN '' THEN $3 ELSE r.system END
		  UNION
		  SELECT r.system, r.value, p.id FROM ref r JOIN health.person p ON p.record_number = r.value
		  WHERE r.system IN ('', $3))
		SELECT system, value, min(person_id) FROM hit GROUP BY system, value HAVING count(*) = 1`,
		systems, values, health.SystemRecordNumber)
	if err != nil {
		return nil, fmt.Errorf("resolve patients: %w", err)
	}
	var ref genomics.PatientRef
	var id int64
	_, err = pgx.ForEachRow(rows, []any{&ref.System, &ref.Value, &id}, func() error {
		known[ref] = id
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("resolve patients: %w", err)
	}
	return known, nil
}

// WriteReports writes one run's changes in one transaction. Each written report
// takes a new change number.
func (db *DB) WriteReports(ctx context.Context, u genomics.IndexUpdate) error {
	return db.inOwnerTx(ctx, func(tx pgx.Tx) error {
		// Change numbers must become visible in their order, so writers queue.
		if _, err := tx.Exec(ctx, `SELECT pg_advisory_xact_lock(hashtext('analytics.genomics_reports'))`); err != nil {
			return fmt.Errorf("report index lock: %w", err)
		}
		if err := writeReportRows(ctx, tx, u.Reports); err != nil {
			return err
		}
		for _, st := range u.Roots {
			var at *time.Time
			if !st.IndexedAt.IsZero() {
				at = &st.IndexedAt
			}
			_, err := tx.Exec(ctx, `INSERT INTO analytics.report_roots AS r (root, indexed_at, problem) VALUES ($1, $2, $3)
				ON CONFLICT (root) DO UPDATE SET indexed_at = coalesce(excluded.indexed_at, r.indexed_at), problem = excluded.problem`,
				st.Name, at, st.Problem)
			if err != nil {
				return fmt.Errorf("report root: %w", err)
			}
		}
		if _, err := tx.Exec(ctx, `DELETE FROM analytics.report_roots WHERE root = ANY ($1)`, u.DropRoots); err != nil {
			return fmt.Errorf("report root: %w", err)
		}
		return nil
	})
}

func writeReportRows(ctx context.Context, tx pgx.Tx, reports []genomics.Report) error {
	if len(reports) == 0 {
		return nil
	}
	_, err := tx.Exec(ctx, `CREATE TEMPORARY TABLE new_report (LIKE analytics.genomics_reports INCLUDING DEFAULTS) ON COMMIT DROP`)
	if err != nil {
		return fmt.Errorf("stage reports: %w", err)
	}
	columns := []string{"report_id", "root", "report_path", "person_id", "patient_ref", "claims", "unassigned", "kind", "title",
		"format", "status", "state", "problem", "size_bytes", "modified_at", "sha256", "generated_at", "risk_level", "risk_scale",
		"risk_tool", "risk_score", "tool", "summary", "supersedes", "synthetic", "mark"}
	_, err = tx.CopyFrom(ctx, pgx.Identifier{"new_report"}, columns, pgx.CopyFromSlice(len(reports), func(i int) ([]any, error) {
		return reportRow(&reports[i])
	}))
	if err != nil {
		return fmt.Errorf("stage reports: %w", err)
	}
	_, err = tx.Exec(ctx, `
		INSERT INTO analytics.genomics_reports AS r SELECT * FROM new_report
		ON CONFLICT (root, report_path) DO UPDATE SET
		  person_id = excluded.person_id, patient_ref = excluded.patient_ref, claims = excluded.claims,
		  unassigned = excluded.unassigned, kind = excluded.kind, title = excluded.title, format = excluded.format,
		  status = excluded.status, state = excluded.state, problem = excluded.problem, size_bytes = excluded.size_bytes,
		  modified_at = excluded.modified_at, sha256 = excluded.sha256, generated_at = excluded.generated_at,
		  risk_level = excluded.risk_level, risk_scale = excluded.risk_scale, risk_tool = excluded.risk_tool,
		  risk_score = excluded.risk_score, tool = excluded.tool, summary = excluded.summary,
		  supersedes = excluded.supersedes, synthetic = excluded.synthetic, mark = excluded.mark,
		  changed_at = now(), change_no = excluded.change_no`)
	if err != nil {
		return fmt.Errorf("write reports: %w", err)
	}
	return nil
}

func reportRow(r *genomics.Report) ([]any, error) {
	var person *int64
	if r.PersonID != 0 {
		person = &r.PersonID
	}
	var sum []byte
	if r.SHA256 != "" {
		b, err := hex.DecodeString(r.SHA256)
		if err != nil {
			return nil, fmt.Errorf("report %s: digest: %w", r.ID, err)
		}
		sum = b
	}
	var generated *time.Time
	if !r.GeneratedAt.IsZero() {
		generated = &r.GeneratedAt
	}
	claims := r.Claims
	if claims == nil {
		claims = []genomics.Claim{}
	}
	return []any{r.ID, r.Root, r.Path, person, r.PatientRef(), claims, r.Unassigned, r.Kind, r.Title,
		string(r.Format), string(r.Status), string(r.State), r.Problem, r.Size, r.ModTime, sum, generated, r.Risk.Level, r.Risk.Scale,
		r.Risk.Tool, r.Risk.Score, r.Tool, r.Summary, r.Supersedes, r.Synthetic, r.Mark}, nil
}
