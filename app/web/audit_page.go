package web

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"healthportal/app/access"
	"healthportal/app/audit"
	"healthportal/app/health"
	auditlog "healthportal/views/audit"
)

// AuditLog reads the whole audit log, for those who may.
type AuditLog interface {
	AuditPage(ctx context.Context, f audit.Filter) (audit.Page, error)
	// EachOf calls fn with every row, newest first, as they stand at one instant.
	EachOf(ctx context.Context, f audit.Filter, fn func(audit.Row) error) error
	AuditUsers(ctx context.Context) ([]access.UserRef, error)
	// AuditPatients knows the patients of rows; those who are gone are missing.
	AuditPatients(ctx context.Context, ids []health.PersonID) (map[health.PersonID]access.PatientRef, error)
	// AuditPatient finds one by record number or public id, else health.ErrNotFound.
	AuditPatient(ctx context.Context, record, publicID string) (access.PatientRef, error)
	// Emergency is one break-glass access, or health.ErrNotFound.
	Emergency(ctx context.Context, publicID string) (access.Emergency, error)
}

// auditPages are the pages of the audit log.
type auditPages struct {
	log AuditLog
	// exports bounds the exports of one process: each holds a connection for long.
	exports chan struct{}
}

// maxExports is how many exports run at once.
const maxExports = 4

// page answers GET /admin/audit.
func (h auditPages) page(r *request) error {
	q, err := h.question(r, r.query)
	if err != nil {
		return err
	}
	return h.render(r, q)
}

func (h auditPages) render(r *request, q auditQuestion) error {
	found, err := h.log.AuditPage(r.ctx, q.filter)
	if err != nil {
		return err
	}
	patients, err := h.log.AuditPatients(r.ctx, patientsOf(found.Rows))
	if err != nil {
		return err
	}
	q.shown.CSRF, q.shown.Zone, q.shown.Size = r.csrf(), r.zone(), q.filter.PageSize()
	q.shown.Older, q.shown.Newer = cursorText(found.Older), cursorText(found.Newer)
	ids := userIDs(q.shown.Users)
	for _, row := range found.Rows {
		q.shown.Lines = append(q.shown.Lines, lineOf(row, ids, patients))
	}
	return r.render(page{title: "Audit log", body: auditlog.Log(q.shown), fragment: auditlog.Table(q.shown), wide: true})
}

// patient answers POST /admin/audit/patient: a record number becomes a public
// id, so that it stands in no address.
func (h auditPages) patient(r *request) error {
	q, err := h.question(r, func(name string) string { return strings.TrimSpace(r.form(name)) })
	if err != nil {
		return err
	}
	record := strings.TrimSpace(r.form("record_number"))
	found, err := access.PatientRef{}, health.ErrNotFound
	if record != "" && len(record) <= maxRecordNumber && utf8.ValidString(record) && !strings.ContainsRune(record, 0) {
		found, err = h.log.AuditPatient(r.ctx, record, "")
	}
	if errors.Is(err, health.ErrNotFound) {
		r.c.Status(http.StatusUnprocessableEntity)
		q.shown.Record, q.shown.RecordError = record, "No patient has this record number. Check it."
		return h.render(r, q)
	}
	if err != nil {
		return err
	}
	r.about(found.ID, "")
	q.shown.Filter.Patient = found.PublicID
	return r.redirect(auditlog.Path + "?" + q.shown.Filter.Query().Encode())
}

// auditQuestion is a filter with what the page says about it.
type auditQuestion struct {
	filter audit.Filter
	shown  auditlog.Props
}

// question reads the filter from the query or a form, and notes it for the log.
func (h auditPages) question(r *request, get func(string) string) (q auditQuestion, err error) {
	f := &q.shown.Filter
	for name, to := range map[string]*health.Day{"from": &f.From, "to": &f.To} {
		if s := get(name); s != "" {
			if *to, err = health.ParseDay(s); err != nil {
				return q, badInput(name, err)
			}
		}
	}
	f.Kind, f.Outcome, f.Subject = access.Kind(get("kind")), get("outcome"), get("subject")
	f.User, f.Patient, f.Emergency = get("user"), get("patient"), get("emergency")
	if f.Kind != "" && !auditlog.KnownKind(f.Kind) {
		return q, badInput("kind", wrongInput("choose one of the list"))
	}
	if len(f.Subject) > auditlog.MaxSubject || !utf8.ValidString(f.Subject) || strings.ContainsRune(f.Subject, 0) {
		return q, badInput("subject", wrongInput("it is longer than any id"))
	}
	if f.Size, err = auditSize(get("size")); err != nil {
		return q, err
	}
	q.filter = audit.Filter{Kind: f.Kind, Outcome: audit.Outcome(f.Outcome), Subject: f.Subject, Size: f.Size}
	q.setDays(r.zone())
	for name, to := range map[string]**audit.Cursor{"after": &q.filter.After, "before": &q.filter.Before} {
		if s := get(name); s != "" {
			c, err := audit.ParseCursor(s)
			if err != nil {
				return q, badInput(name, wrongInput("go back to the first page of the audit log"))
			}
			*to = &c
		}
	}
	if err := h.resolve(r, &q); err != nil {
		return q, err
	}
	if err := q.filter.Validate(); err != nil {
		return q, badInput("filter", wrongInput("the days must be in order, the outcome one of the list, and only one place in the list can be asked for"))
	}
	r.note("filter", f.Query("size").Encode())
	return q, nil
}

// auditSize reads the size of a page; 0 is the default.
func auditSize(s string) (int, error) {
	if s == "" {
		return 0, nil
	}
	n, err := strconv.Atoi(s)
	if err != nil || n < 1 || n > audit.MaxSize {
		return 0, badInput("size", wrongInput("write a number of rows from 1 to "+strconv.Itoa(audit.MaxSize)))
	}
	return n, nil
}

// setDays turns the days of the filter into instants; the last day is part of it.
func (q *auditQuestion) setDays(zone *time.Location) {
	if d := q.shown.Filter.From; !d.IsZero() {
		q.filter.From = d.Start(zone)
	}
	if d := q.shown.Filter.To; !d.IsZero() {
		q.filter.To = d.AddDays(1).Start(zone)
	}
}

// resolve turns the public ids of the filter into what the log holds. An id
// that names nobody is health.ErrNotFound.
func (h auditPages) resolve(r *request, q *auditQuestion) error {
	users, err := h.log.AuditUsers(r.ctx)
	if err != nil {
		return err
	}
	q.shown.Users = users
	f := q.shown.Filter
	if f.Emergency != "" {
		return h.resolveEmergency(r, q)
	}
	if f.User != "" {
		i := slices.IndexFunc(users, func(u access.UserRef) bool { return u.PublicID == f.User })
		if i < 0 {
			return health.ErrNotFound
		}
		q.filter.UserID = users[i].ID
	}
	if f.Patient != "" {
		if !publicID(f.Patient) {
			return health.ErrNotFound
		}
		p, err := h.log.AuditPatient(r.ctx, "", f.Patient)
		if err != nil {
			return err
		}
		r.about(p.ID, "")
		q.shown.Patient, q.filter.PersonID = p, int64(p.ID)
	}
	return nil
}

// resolveEmergency narrows the filter to one break-glass access: its user, its
// patient and its time, within the days that were asked for.
func (h auditPages) resolveEmergency(r *request, q *auditQuestion) error {
	f := q.shown.Filter
	if f.User != "" || f.Patient != "" {
		return badInput("emergency", wrongInput("a break-glass access has its own user and patient: take one of the two filters away"))
	}
	if !publicID(f.Emergency) {
		return health.ErrNotFound
	}
	e, err := h.log.Emergency(r.ctx, f.Emergency)
	if err != nil {
		return err
	}
	r.about(e.Person, e.PublicID)
	q.shown.Emergency = &e
	q.filter.UserID, q.filter.PersonID = e.UserID, int64(e.Person)
	if q.filter.From.Before(e.Started) {
		q.filter.From = e.Started
	}
	if until := e.Until(); q.filter.To.IsZero() || until.Before(q.filter.To) {
		q.filter.To = until
	}
	return nil
}

func cursorText(c *audit.Cursor) string {
	if c == nil {
		return ""
	}
	return c.String()
}

// patientsOf are the patients of rows, each once.
func patientsOf(rows []audit.Row) []health.PersonID {
	var ids []health.PersonID
	for _, row := range rows {
		if row.PersonID != 0 {
			ids = append(ids, health.PersonID(row.PersonID))
		}
	}
	slices.Sort(ids)
	return slices.Compact(ids)
}

// userIDs are the public ids of users.
func userIDs(users []access.UserRef) map[int64]string {
	ids := make(map[int64]string, len(users))
	for _, u := range users {
		ids[u.ID] = u.PublicID
	}
	return ids
}

func lineOf(row audit.Row, users map[int64]string, patients map[health.PersonID]access.PatientRef) auditlog.Line {
	person := patients[health.PersonID(row.PersonID)]
	person.ID = health.PersonID(row.PersonID)
	return auditlog.Line{
		At: row.At, Kind: row.Kind, Outcome: string(row.Outcome), User: row.UserName, UserID: users[row.UserID],
		Roles: strings.ReplaceAll(row.Roles, "+", ", "), Patient: person, Session: row.SessionID, Key: row.KeyID, Subject: row.Subject,
		Route: row.Route, Request: row.RequestID, Address: row.Address, Detail: row.Detail, Chain: row.Chain, Seq: row.Seq,
	}
}
