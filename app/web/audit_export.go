package web

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strconv"

	"healthportal/app/access"
	"healthportal/app/audit"
	"healthportal/app/health"
	"healthportal/app/health/csvguard"
	"healthportal/app/health/exportfile"
)

// exportBatch is how many rows are put together before their patients are looked up.
const exportBatch = 500

// auditTimeFormat is RFC 3339 in UTC with microseconds, as the log keeps times.
const auditTimeFormat = "2006-01-02T15:04:05.000000Z07:00"

var errManyExports = newError(http.StatusTooManyRequests, "Other exports of the audit log are under way", "Try again when they are done.")

// export answers GET /admin/audit/export.csv with what the filter shows.
func (h auditPages) export(r *request) error {
	// The route streams and so has no deadline of its own.
	whole := r.ctx
	asking, cancel := context.WithTimeout(whole, requestDeadline)
	defer cancel()
	r.ctx = asking
	q, err := h.question(r, func(name string) string {
		if name == "after" || name == "before" || name == "size" {
			return "" // the file has every page
		}
		return r.query(name)
	})
	r.ctx = whole
	if err != nil {
		return err
	}
	select {
	case h.exports <- struct{}{}:
	default:
		return errManyExports
	}
	finish, err := r.finishExport()
	if err != nil {
		<-h.exports
		return err
	}
	out := auditExport{log: h.log, users: userIDs(q.shown.Users)}
	return r.send(export{
		name: "audit-" + r.now().In(r.zone()).Format("2006-01-02") + ".csv", contentType: "text/csv; charset=utf-8",
		write: func(ctx context.Context, w *exportfile.Writer) (int64, error) {
			rows, err := out.write(ctx, w, q.filter)
			return int64(rows), err
		},
		finish: finish, release: func() { <-h.exports },
	})
}

// finishExport returns what records an export's end: rows, bytes, hash and
// outcome, in an entry of its own beside that of the request.
func (r *request) finishExport() (func(ctx context.Context, proof exportfile.Proof, err error) error, error) {
	e, err := r.entryOf(r.route.audit, audit.Done)
	if err != nil {
		return nil, err
	}
	filter, clock, log := r.notes["filter"], r.s.cfg.Now, r.s.deps.Audit
	return func(ctx context.Context, proof exportfile.Proof, err error) error {
		e.At = clock().UTC()
		notes := map[string]any{"filter": filter, "rows": proof.Rows, "bytes": proof.Bytes, "sha256": proof.SHA256, "part": "end"}
		if err != nil {
			e.Outcome = audit.Failed
			notes["part"] = "cut off"
		}
		detail, jsonErr := json.Marshal(notes)
		if jsonErr != nil {
			return fmt.Errorf("detail of an export: %w", jsonErr)
		}
		e.Detail = string(detail)
		return log.Append(ctx, e)
	}, nil
}

// auditExport writes rows of the log as CSV.
type auditExport struct {
	log   AuditLog
	users map[int64]string
	// batch waits for the look-up of its patients.
	batch []audit.Row
	buf   []byte
	rows  int
}

// auditHeader names the columns.
func auditHeader() []string {
	return []string{"time_utc", "kind", "outcome", "user", "user_id", "roles", "record_number", "subject", "route", "session_id", "key_id",
		"request_id", "address", "detail", "chain", "seq"}
}

// write writes all rows of the filter and returns how many.
func (x *auditExport) write(ctx context.Context, w io.Writer, f audit.Filter) (int, error) {
	if _, err := w.Write(csvguard.AppendRow(nil, auditHeader()...)); err != nil {
		return 0, fmt.Errorf("write an export: %w", err)
	}
	err := x.log.EachOf(ctx, f, func(row audit.Row) error {
		x.batch = append(x.batch, row)
		if len(x.batch) < exportBatch {
			return nil
		}
		return x.flush(ctx, w)
	})
	if err == nil {
		err = x.flush(ctx, w)
	}
	return x.rows, err
}

// flush writes the batch.
func (x *auditExport) flush(ctx context.Context, w io.Writer) error {
	patients, err := x.log.AuditPatients(ctx, patientsOf(x.batch))
	if err != nil {
		return err
	}
	x.buf = x.buf[:0]
	for _, row := range x.batch {
		x.buf = csvguard.AppendRow(x.buf, x.cells(row, patients)...)
	}
	if _, err := w.Write(x.buf); err != nil {
		return fmt.Errorf("write an export: %w", err)
	}
	x.rows += len(x.batch)
	x.batch = x.batch[:0]
	return nil
}

// cells are a row's; every text is guarded, numbers and times are typed.
func (x *auditExport) cells(row audit.Row, patients map[health.PersonID]access.PatientRef) []string {
	text := csvguard.Cell
	return []string{
		row.At.UTC().Format(auditTimeFormat), text(string(row.Kind)), text(string(row.Outcome)), text(row.UserName), text(x.users[row.UserID]), text(row.Roles),
		text(patients[health.PersonID(row.PersonID)].RecordNumber), text(row.Subject), text(row.Route), text(row.SessionID), text(row.KeyID),
		text(row.RequestID), text(row.Address), text(row.Detail), text(row.Chain), strconv.FormatInt(row.Seq, 10),
	}
}
