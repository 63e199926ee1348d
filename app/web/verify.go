package web

import (
	"context"
	"fmt"

	"healthportal/app/passkey"
	"healthportal/app/session"
	"healthportal/views/signin"
)

// Verifier checks that the user of a session is still there. Refusals are *passkey.Error.
type Verifier interface {
	// BeginVerify starts a check for the session with the public id.
	BeginVerify(ctx context.Context, userID int64, sessionID string) (passkey.Begun, error)
	// FinishVerify verifies the answer to a check of the same session.
	FinishVerify(ctx context.Context, userID int64, sessionID, ceremonyID string, assertion []byte) (passkey.SignIn, error)
}

// verifyPages check who is there: before sensitive acts, and to unlock a session.
type verifyPages struct {
	checks   Verifier
	sessions SessionIssuer
}

// show answers GET /verify. It shows nothing but the name of who is signed in.
func (h verifyPages) show(r *request) error {
	title := "Confirm it is you"
	if r.session.Locked {
		title = "Locked"
	}
	return r.renderBare(title, ceremonyScripts(), signin.Verify(signin.VerifyProps{
		Name: r.principal().Name, Next: LocalPath(r.query("next"), "/"), CSRF: r.csrf(), Locked: r.session.Locked,
	}))
}

// begin answers POST /verify/begin.
func (h verifyPages) begin(r *request) error {
	if _, err := r.ceremony(); err != nil {
		return err
	}
	begun, err := h.checks.BeginVerify(r.ctx, r.principal().UserID, r.session.ID)
	if err != nil {
		return r.refusal("verify", err)
	}
	return r.json(begunAnswer{begun.CeremonyID, begun.Options})
}

// finish answers POST /verify/finish: the session is unlocked, counts as verified
// and goes on under a new id.
func (h verifyPages) finish(r *request) error {
	in, err := r.ceremony()
	if err != nil {
		return err
	}
	who, err := h.checks.FinishVerify(r.ctx, r.principal().UserID, r.session.ID, in.Ceremony, in.Credential)
	if err != nil {
		return r.refusal("verify", err)
	}
	token, verified, err := h.sessions.Verified(r.ctx, r.c.Cookies(SessionCookie(r.s.origin)), who.PasskeyID)
	if err != nil {
		return fmt.Errorf("verify: %w", sessionGone(err))
	}
	r.c.Cookie(r.sessionCookie(token))
	r.note("unlocked", r.session.Locked)
	until := verified.Verified.Add(session.StepUp)
	return r.json(struct {
		Next string `json:"next"`
		// VerifiedUntil is in Unix seconds, VerifiedFor the same in seconds from now.
		VerifiedUntil int64 `json:"verifiedUntil"`
		VerifiedFor   int   `json:"verifiedFor"`
	}{LocalPath(in.Next, "/"), until.Unix(), secondsUntil(r.now(), until)})
}
