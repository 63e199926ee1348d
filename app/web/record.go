package web

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"time"

	"healthportal/app/access"
	"healthportal/app/audit"
	"healthportal/app/health"
)

// recordTimeout bounds how long an answer waits for the audit log.
const recordTimeout = 5 * time.Second

// auditAlertEvery keeps a log that fails for long from sending an alert per request.
const auditAlertEvery = 5 * time.Minute

// about names the patient and the thing that the request concerns, for the log.
func (r *request) about(person health.PersonID, subject string) {
	r.entry.PersonID, r.entry.Subject = int64(person), subject
}

// note adds a detail to the log's entry: an id, a count, a filter, never a name.
func (r *request) note(name string, value any) {
	if r.notes == nil {
		r.notes = map[string]any{}
	}
	r.notes[name] = value
}

// acted names who acted where no session says so: at sign-in.
func (r *request) acted(user int64) { r.entry.UserID = user }

// record writes the request's outcome into the audit log before the answer is
// sent. Where that fails, so does the answer.
func (r *request) record(err error) error {
	kind, outcome := r.route.audit, outcomeOf(err)
	if err == nil && r.c.Response().StatusCode() >= http.StatusBadRequest {
		outcome = audit.Denied // a form that came back with what is wrong about it
	}
	if kind == "" {
		kind = access.KindRefused
		if outcome != audit.Denied || !r.knownAsker() {
			return err
		}
	}
	if errors.Is(err, errTooMany) || (errors.Is(err, errSignedOut) && !r.knownAsker()) {
		// Whoever floods the portal or merely lacks a cookie must not fill the log.
		return err
	}
	if logErr := r.log(kind, outcome); logErr != nil {
		r.s.deps.Alerts.Send(access.Alert{Kind: access.AlertAudit, RequestID: r.id(), At: r.now(), Every: auditAlertEvery,
			Text: "The audit log can't be written, so the portal holds its answers back."})
		return errors.Join(fmt.Errorf("%w: %w", errUnlogged, logErr), err)
	}
	return err
}

// log appends an entry of the request to the audit log.
func (r *request) log(kind access.Kind, outcome audit.Outcome) error {
	e, err := r.entryOf(kind, outcome)
	if err != nil {
		return err
	}
	// What ran out of time is recorded too.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(r.ctx), recordTimeout)
	defer cancel()
	return r.s.deps.Audit.Append(ctx, e)
}

// entryOf is the log's entry of the request.
func (r *request) entryOf(kind access.Kind, outcome audit.Outcome) (audit.Entry, error) {
	e, p := r.entry, r.principal()
	if p.UserID != 0 {
		e.UserID = p.UserID
	}
	e.Kind, e.Outcome, e.At = kind, outcome, r.now().UTC()
	e.Roles, e.SessionID, e.KeyID = access.Words(p.Roles, "+"), p.SessionID, p.KeyID
	e.Route, e.RequestID, e.Address = r.c.Method()+" "+r.route.path, r.id(), r.address()
	if len(r.notes) > 0 {
		detail, err := json.Marshal(r.notes)
		if err != nil {
			return e, fmt.Errorf("detail of %s: %w", kind, err)
		}
		e.Detail = string(detail)
	}
	return e, nil
}

// knownAsker reports whether the request came with a session, a cookie or a key.
func (r *request) knownAsker() bool {
	return r.principal().UserID != 0 || r.c.Cookies(SessionCookie(r.s.origin)) != "" || r.c.Get("Authorization") != ""
}

// outcomeOf is an error's outcome: what the client must answer for is denied,
// what went wrong here failed.
func outcomeOf(err error) audit.Outcome {
	switch {
	case err == nil:
		return audit.Done
	case classify(err).Status < http.StatusInternalServerError:
		return audit.Denied
	default:
		return audit.Failed
	}
}
