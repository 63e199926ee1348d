package web

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/gofiber/fiber/v2"

	"healthportal/app/access"
	"healthportal/app/health"
	"healthportal/views/ui"
)

// Error is an answer with a status and words meant for the reader. Everything
// else that a handler returns is answered in general words and logged.
type Error struct {
	// Status is the HTTP status.
	Status int
	// What says what happened, Do what the reader can do. Neither quotes internals.
	What, Do string
	// cause is for the log only.
	cause error
}

// Error is the text for the log.
func (e *Error) Error() string {
	if e.cause != nil {
		return fmt.Sprintf("%s: %v", e.What, e.cause)
	}
	return e.What
}

// Unwrap returns the cause, which readers never see.
func (e *Error) Unwrap() error { return e.cause }

func newError(status int, what, do string) *Error { return &Error{Status: status, What: what, Do: do} }

// told is an error whose words are meant for the reader: about the reader's own
// input, as *health.InputError is. No store's or driver's error is one.
type told interface {
	error
	// Told is what the reader reads.
	Told() string
}

// wrongInput is this package's own told error.
type wrongInput string

// Error is the words.
func (w wrongInput) Error() string { return string(w) }

// Told is the words.
func (w wrongInput) Told() string { return string(w) }

// badInput answers 400 for a parameter that can't be used. The cause's words
// reach the reader only where they were written for that.
func badInput(field string, cause error) *Error {
	e := &Error{Status: http.StatusBadRequest, What: strconv.Quote(field) + " can't be used.", Do: "Correct the address or the form and try again.", cause: cause}
	var words told
	if errors.As(cause, &words) {
		e.What = strconv.Quote(field) + " can't be used: " + words.Told() + "."
	}
	return e
}

var (
	errSignedOut = errors.New("signed out")
	errPanic     = errors.New("the handler panicked")
	errLocked    = errors.New("the session is locked")
	errStepUp    = errors.New("a fresh passkey check is needed")
	errNoKey     = errors.New("no valid API key")
	errUnlogged  = errors.New("the audit log can't be written")
	errTooMany   = newError(http.StatusTooManyRequests, "Too many requests came from here in a short time", "Wait a minute, then try again.")
	errCrossSite = newError(http.StatusForbidden, "This request did not come from a page of the portal",
		"Go back, reload the page and try again.")
)

const mimeProblem = "application/problem+json"

// classify turns any error into status and words. It is the only place that does.
func classify(err error) *Error {
	var known *Error
	var fiberErr *fiber.Error
	switch {
	case errors.As(err, &known):
		return known
	case errors.Is(err, health.ErrNotFound):
		return &Error{http.StatusNotFound, "There is no such page, or it is not open to you", "Check the address, or start from the navigation.", err}
	case errors.Is(err, access.ErrDenied):
		return &Error{http.StatusForbidden, "Your roles do not open this page", "Ask an administrator if you need it.", err}
	case errors.Is(err, errSignedOut):
		return &Error{http.StatusUnauthorized, "You are signed out", "Sign in and try again.", err}
	case errors.Is(err, errLocked):
		return &Error{http.StatusLocked, "The session is locked", "Unlock it with your passkey, then try again.", err}
	case errors.Is(err, errStepUp):
		return &Error{http.StatusForbidden, "This needs a fresh check of your passkey", "Confirm with your passkey, then try again.", err}
	case errors.Is(err, errNoKey):
		return &Error{http.StatusUnauthorized, "There is no valid API key in this request", "Send a live key as Authorization: Bearer hp_...", err}
	case errors.Is(err, errUnlogged):
		return &Error{http.StatusServiceUnavailable, "The answer is held back because it can't be recorded", tryLater, err}
	case errors.As(err, &fiberErr):
		return fromFiber(fiberErr)
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled):
		return &Error{http.StatusServiceUnavailable, "The answer took too long", "Try again, with a narrower filter if there is one.", err}
	case errors.Is(err, errPanic):
		return &Error{http.StatusInternalServerError, "Something went wrong on our side", tryLater, err}
	default:
		return &Error{http.StatusServiceUnavailable, "The data can't be read right now", tryLater, err}
	}
}

const tryLater = "Try again in a moment. If it stays, give the request id below to the operators."

func fromFiber(e *fiber.Error) *Error {
	switch e.Code {
	case http.StatusNotFound:
		return classify(health.ErrNotFound)
	case http.StatusMethodNotAllowed:
		return &Error{e.Code, "This address does not take that kind of request", "Start from the navigation.", e}
	case http.StatusRequestEntityTooLarge:
		return &Error{e.Code, "The request is too large", "Send at most 1 MiB.", e}
	case http.StatusRequestHeaderFieldsTooLarge:
		return &Error{e.Code, "The request's headers are too large", "Clear this site's cookies and try again.", e}
	default:
		return &Error{e.Code, "The request can't be answered", "Check it and try again.", e}
	}
}

// answerError is the one place where errors become answers: a page, a fragment
// or a problem document (RFC 9457), with the request id.
func (s *Server) answerError(c *fiber.Ctx, err error) error {
	e := classify(err)
	id := requestID(c)
	if id == "" {
		// No middleware ran: the request could not be parsed.
		id = newRequestID()
		c.Locals(keyRequestID, id)
		c.Set(fiber.HeaderXRequestID, id)
	}
	c.Response().ResetBody()
	// What described the answer that failed describes no error.
	c.Response().Header.Del(fiber.HeaderContentDisposition)
	_ = c.Response().Header.SetTrailer("")
	s.setSecurityHeaders(c)
	if e.Status >= http.StatusInternalServerError {
		s.cfg.Logger.Error("request failed", "request", id, "status", e.Status, "error", logged(err))
	} else {
		s.cfg.Logger.Debug("request refused", "request", id, "status", e.Status, "error", logged(err))
	}
	if safe(c.Method()) && !wantsProblem(c) {
		switch {
		case errors.Is(err, errSignedOut):
			return s.toSignIn(c)
		case errors.Is(err, errLocked), errors.Is(err, errStepUp):
			return s.toVerify(c, e.Status)
		}
	}
	if errors.Is(err, errNoKey) {
		c.Set(fiber.HeaderWWWAuthenticate, "Bearer")
	}
	c.Status(e.Status)
	switch {
	case wantsProblem(c):
		return problem(c, e, id)
	case wantsFragment(c):
		return sendComponent(c, ui.ErrorState(errorState(e, id, "")))
	default:
		return s.errorPage(c, e, id)
	}
}

// logged is err for the log. Fiber's own errors quote the request, whose path
// and headers are nobody's to read, so only their kind is told.
func logged(err error) error {
	var fiberErr *fiber.Error
	if errors.As(err, &fiberErr) {
		return errors.New("http: " + http.StatusText(fiberErr.Code))
	}
	return err
}

// toSignIn sends a signed-out reader to the sign-in page and back afterwards.
func (s *Server) toSignIn(c *fiber.Ctx) error {
	target := "/login"
	if path := string(c.Request().URI().RequestURI()); path != "/" && !wantsFragment(c) {
		target += "?next=" + url.QueryEscape(path)
	}
	if c.Get("HX-Request") == "true" {
		c.Set("HX-Redirect", target)
		return c.SendStatus(http.StatusUnauthorized)
	}
	return c.Redirect(target, http.StatusSeeOther)
}

// toVerify sends the holder of a session to the passkey check and back afterwards.
func (s *Server) toVerify(c *fiber.Ctx, status int) error {
	if c.Get("HX-Request") == "true" {
		// The page that asked stays where it is in the history.
		c.Set("HX-Redirect", "/verify?next="+url.QueryEscape(pathOf(c.Get("HX-Current-URL"))))
		return c.SendStatus(status)
	}
	return c.Redirect("/verify?next="+url.QueryEscape(string(c.Request().URI().RequestURI())), http.StatusSeeOther)
}

// pathOf is the path and query of an address, or the start page.
func pathOf(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return "/"
	}
	return LocalPath(u.RequestURI(), "/")
}

func problem(c *fiber.Ctx, e *Error, id string) error {
	body := struct {
		Type     string `json:"type"`
		Title    string `json:"title"`
		Status   int    `json:"status"`
		Detail   string `json:"detail"`
		Instance string `json:"instance"`
	}{"about:blank", http.StatusText(e.Status), e.Status, strings.TrimSpace(e.What + ". " + e.Do), "urn:request:" + id}
	if err := c.JSON(body); err != nil {
		return fmt.Errorf("write problem document: %w", err)
	}
	c.Set(fiber.HeaderContentType, mimeProblem)
	return nil
}

func errorState(e *Error, id, retry string) ui.ErrorStateProps {
	return ui.ErrorStateProps{Title: http.StatusText(e.Status), What: strings.TrimSuffix(e.What, ".") + ".", Do: e.Do, RequestID: id, RetryHref: retry}
}
