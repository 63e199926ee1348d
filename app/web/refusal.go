package web

import (
	"errors"
	"fmt"
	"net/http"

	"healthportal/app/access"
	"healthportal/app/passkey"
)

// refusal turns a refused ceremony into an answer and a line in the log that
// names the reason, but nobody. The audit log learns whose passkey it was.
func (r *request) refusal(ceremony string, err error) error {
	var refused *passkey.Error
	if !errors.As(err, &refused) {
		return err
	}
	r.s.cfg.Logger.Info("passkey refused", "request", r.id(), "ceremony", ceremony, "code", string(refused.Code))
	r.note("code", string(refused.Code))
	if refused.UserID != 0 {
		r.acted(refused.UserID)
	}
	if errors.Is(err, passkey.ErrCopied) {
		r.s.deps.Alerts.Send(access.Alert{Kind: access.AlertClone, Path: "/admin/audit", RequestID: r.id(), At: r.now(),
			Text: fmt.Sprintf("A passkey of user %d was refused because it looks copied: its counter went back. Ask its owner, and have the passkey removed.", refused.UserID)})
	}
	if errors.Is(err, passkey.ErrUnknownKey) {
		// So that the browser stops offering it. It tells nothing of people: ids are random.
		r.c.Set("X-Passkey-Unknown", "1")
	}
	answer := &Error{Status: refusalStatus(refused.Code), What: refused.What, Do: refused.Do, cause: err}
	if r.route.ceremony && failure(refused.Code) {
		if err := r.attempts("failures ", 1, maxFailures); err != nil && !errors.Is(err, errTooMany) {
			return fmt.Errorf("%s refused with %s: %w", ceremony, refused.Code, err)
		}
	}
	if r.principal().UserID != 0 && answer.Status == http.StatusUnauthorized {
		// The session is as good as before; 401 would say that there is none.
		answer.Status = http.StatusUnprocessableEntity
	}
	return answer
}

// failure reports whether a refusal counts as a failed attempt to get in.
func failure(code passkey.Code) bool {
	return code == passkey.CodeNotAccepted || code == passkey.CodeLinkUnknown
}

func refusalStatus(code passkey.Code) int {
	switch code {
	case passkey.CodeMalformed:
		return http.StatusBadRequest
	case passkey.CodeNotAccepted:
		return http.StatusUnauthorized
	case passkey.CodeCeremonyGone, passkey.CodeKnown, passkey.CodeLast:
		return http.StatusConflict
	case passkey.CodeLinkUnknown:
		return http.StatusNotFound
	case passkey.CodeLinkUsed, passkey.CodeLinkExpired, passkey.CodeLinkRevoked:
		return http.StatusGone
	default:
		return http.StatusUnprocessableEntity
	}
}
