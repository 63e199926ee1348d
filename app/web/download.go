package web

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"time"

	"healthportal/app/access"
	"healthportal/app/genomics"
	"healthportal/app/health"
	"healthportal/app/session"
)

// DownloadTokens signs the addresses of files for a short time.
type DownloadTokens interface {
	// Sign makes a token that is valid until expires for exactly these parts.
	Sign(expires time.Time, parts ...string) string
	// Check fails for a token that was not made for these parts, or has expired at now.
	Check(token string, now time.Time, parts ...string) error
}

// downloadLife is how long the address of a file works.
const downloadLife = 2 * time.Minute

// downloads are addresses of report files that work without a key in a header,
// as long as the key that asked for one lives and may see the report.
type downloads struct {
	tokens  DownloadTokens
	keys    KeyReader
	reports reportPages
}

// errDownload is one answer for tampered, expired and foreign tokens and for dead
// keys: there is nothing to learn from it.
func errDownload(cause error) error {
	return &Error{http.StatusUnauthorized, "This download address does not work, or not any more",
		"Ask for the report again: its answer has a new address for two minutes.", errors.Join(errNoKey, cause)}
}

// address is the address of a report's file, bound to the report and to the key
// that asks.
func (d downloads) address(r *request, reportID string) (string, time.Time) {
	expires, keyID := r.now().Add(downloadLife).UTC().Truncate(time.Second), r.principal().KeyID
	token := keyID + "." + d.tokens.Sign(expires, reportID, keyID)
	return r.s.cfg.Origin + apiReportsPath + "/" + url.PathEscape(reportID) + "/file?token=" + url.QueryEscape(token), expires
}

// file answers GET /v1/genomics/reports/{id}/file. The token proves that a key
// asked for this report; what the key may see is decided anew.
func (d downloads) file(r *request) error {
	// The route streams and so has no deadline of its own.
	whole := r.ctx
	ctx, cancel := context.WithTimeout(whole, requestDeadline)
	r.ctx = ctx
	defer func() { cancel(); r.ctx = whole }()
	id := r.param("id")
	if !genomics.ValidReportID(id) {
		return health.ErrNotFound
	}
	r.about(0, id)
	keyID, token, _ := strings.Cut(r.query("token"), ".")
	if err := d.tokens.Check(token, r.now(), id, keyID); err != nil {
		return errDownload(err)
	}
	who, err := d.keys.Holder(r.ctx, keyID)
	if errors.Is(err, access.ErrNoKey) {
		return errDownload(err)
	}
	if err != nil {
		return err
	}
	r.session = session.Session{Principal: who}
	if err := r.s.limits.after(r); err != nil {
		return err
	}
	if !who.Can(access.ReportsRead) {
		return health.ErrNotFound
	}
	return d.reports.file(r)
}
