package web

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/gofiber/fiber/v2"

	"healthportal/app/passkey"
	"healthportal/app/session"
	"healthportal/views/settings"
	"healthportal/views/signin"
)

// Passkeys runs the ceremonies of sign-in and enrolment.
type Passkeys interface {
	// BeginSignIn starts a sign-in.
	BeginSignIn(ctx context.Context) (passkey.Begun, error)
	// FinishSignIn verifies the answer; refusals are *passkey.Error.
	FinishSignIn(ctx context.Context, ceremonyID string, assertion []byte) (passkey.SignIn, error)
	// BeginEnrolment starts an enrolment by a link's token.
	BeginEnrolment(ctx context.Context, token string) (passkey.Enrolling, error)
	// FinishEnrolment stores the new passkey and uses the link up.
	FinishEnrolment(ctx context.Context, ceremonyID, token string, credential []byte, keyName string) (passkey.User, error)
}

// SessionIssuer begins and ends sessions.
type SessionIssuer interface {
	// Issue makes a session and returns its token.
	Issue(ctx context.Context, n session.New) (string, error)
	// Verified notes a passkey check and gives the session of token a new token.
	Verified(ctx context.Context, token string, passkeyID int64) (newToken string, s session.Session, err error)
	// Revoke ends the session of token, if there is one.
	Revoke(ctx context.Context, token string) error
}

// keyNameLimit is the length to which the enrolment page holds passkey names.
const keyNameLimit = 64

// signInPages are sign-in, enrolment and sign-out.
type signInPages struct {
	passkeys Passkeys
	sessions SessionIssuer
	notices  Notices
}

// ceremonyScripts are the scripts of pages without a menu that ask for a passkey.
func ceremonyScripts() []string { return []string{"js/ceremony.js", "js/passkey.js"} }

// login shows the sign-in page.
func (h signInPages) login(r *request) error {
	return r.renderBare("Sign in", ceremonyScripts(), signin.SignIn(signin.Props{Next: LocalPath(r.query("next"), "/")}))
}

// enrol shows the enrolment page. It uses nothing up: link previews may fetch it.
func (h signInPages) enrol(r *request) error {
	return r.renderBare("Create your passkey", ceremonyScripts(), signin.Enrol(signin.EnrolProps{NameLimit: keyNameLimit}))
}

// ceremonyRequest is what the sign-in script sends; each step uses its part.
type ceremonyRequest struct {
	Ceremony   string          `json:"ceremony"`
	Credential json.RawMessage `json:"credential"`
	Token      string          `json:"token"`
	Name       string          `json:"name"`
	Next       string          `json:"next"`
}

// begunAnswer is the browser's half of a ceremony.
type begunAnswer struct {
	Ceremony string          `json:"ceremony"`
	Options  json.RawMessage `json:"options"`
}

// beginLogin starts a sign-in.
func (h signInPages) beginLogin(r *request) error {
	if _, err := r.ceremony(); err != nil {
		return err
	}
	begun, err := h.passkeys.BeginSignIn(r.ctx)
	if err != nil {
		return r.refusal("sign-in", err)
	}
	return r.json(begunAnswer{begun.CeremonyID, begun.Options})
}

// finishLogin signs in: always with a new session, and the old one ends.
func (h signInPages) finishLogin(r *request) error {
	in, err := r.ceremony()
	if err != nil {
		return err
	}
	who, err := h.passkeys.FinishSignIn(r.ctx, in.Ceremony, in.Credential)
	if err != nil {
		return r.refusal("sign-in", err)
	}
	r.acted(who.User.ID)
	next, err := h.afterSignIn(r, who.User.ID, LocalPath(in.Next, "/"))
	if err != nil {
		return err
	}
	if err := h.sessions.Revoke(r.ctx, r.c.Cookies(SessionCookie(r.s.origin))); err != nil {
		return fmt.Errorf("sign in: %w", err)
	}
	token, err := h.sessions.Issue(r.ctx, session.New{UserID: who.User.ID, PasskeyID: who.PasskeyID,
		Browser: session.BrowserWords(r.c.Get(fiber.HeaderUserAgent)), Address: r.address()})
	if err != nil {
		return fmt.Errorf("sign in: %w", err)
	}
	r.c.Cookie(r.sessionCookie(token))
	r.s.cfg.Logger.Info("signed in", "request", r.id(), "user", who.User.ID)
	return r.json(struct {
		Next string `json:"next"`
	}{next})
}

// afterSignIn leads by way of what others did to the account meanwhile.
func (h signInPages) afterSignIn(r *request, userID int64, next string) (string, error) {
	unseen, err := h.notices.UnseenNotices(r.ctx, userID)
	if err != nil {
		return "", fmt.Errorf("sign in: %w", err)
	}
	if len(unseen) > 0 {
		return settings.NoticesPath + "?next=" + url.QueryEscape(next), nil
	}
	return next, nil
}

// beginEnrolment tells whom the link enrols and starts the creation of a passkey.
func (h signInPages) beginEnrolment(r *request) error {
	in, err := r.ceremony()
	if err != nil {
		return err
	}
	begun, err := h.passkeys.BeginEnrolment(r.ctx, in.Token)
	if err != nil {
		return r.refusal("enrolment", err)
	}
	return r.json(struct {
		begunAnswer
		Name        string    `json:"name"`
		DisplayName string    `json:"displayName"`
		Expires     time.Time `json:"expires"`
	}{begunAnswer{begun.CeremonyID, begun.Options}, begun.User.Name, begun.User.DisplayName, begun.LinkExpires.UTC()})
}

// finishEnrolment stores the passkey. A link can only enrol: nobody is signed in by it.
func (h signInPages) finishEnrolment(r *request) error {
	in, err := r.ceremony()
	if err != nil {
		return err
	}
	who, err := h.passkeys.FinishEnrolment(r.ctx, in.Ceremony, in.Token, in.Credential, in.Name)
	if err != nil {
		return r.refusal("enrolment", err)
	}
	r.acted(who.ID)
	r.s.cfg.Logger.Info("passkey enrolled", "request", r.id(), "user", who.ID)
	return r.json(struct {
		Created bool `json:"created"`
	}{true})
}

// logout ends the session and has the browser forget what it kept of the site.
func (h signInPages) logout(r *request) error {
	if err := h.sessions.Revoke(r.ctx, r.c.Cookies(SessionCookie(r.s.origin))); err != nil {
		return fmt.Errorf("sign out: %w", err)
	}
	gone := r.sessionCookie("")
	gone.Expires = time.Unix(1, 0)
	r.c.Cookie(gone)
	r.c.Set("Clear-Site-Data", `"cache", "storage"`)
	return r.redirect("/login")
}

// sessionCookie is the cookie of a session token. It lasts until the browser
// closes; the server ends the session earlier.
func (r *request) sessionCookie(token string) *fiber.Cookie {
	return &fiber.Cookie{
		Name: SessionCookie(r.s.origin), Value: token, Path: "/", HTTPOnly: true,
		Secure: r.s.origin.Scheme == "https", SameSite: fiber.CookieSameSiteLaxMode,
	}
}

// ceremony reads the JSON of a ceremony step. Other types of content are
// refused, because plain forms of other sites can send those.
func (r *request) ceremony() (ceremonyRequest, error) {
	var in ceremonyRequest
	kind, _, _ := strings.Cut(r.c.Get(fiber.HeaderContentType), ";")
	if !strings.EqualFold(strings.TrimSpace(kind), fiber.MIMEApplicationJSON) {
		return in, newError(http.StatusUnsupportedMediaType, "This address takes JSON only", "Reload the page and try again.")
	}
	if err := json.Unmarshal(r.c.Body(), &in); err != nil {
		return in, &Error{Status: http.StatusBadRequest, What: "The browser's answer could not be read", Do: "Reload the page and try again.", cause: err}
	}
	return in, nil
}

// json answers with v.
func (r *request) json(v any) error {
	if err := r.c.JSON(v); err != nil {
		return fmt.Errorf("write the answer: %w", err)
	}
	return nil
}
