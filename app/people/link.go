package people

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"rsc.io/qr"

	"healthportal/app/passkey"
)

// LinkOptions say what kind of enrolment link to make. The zero LinkOptions make
// a link of 24 hours that leaves older passkeys alone.
type LinkOptions struct {
	// As AsQR makes a link of ten minutes, else it is one of 24 hours.
	As HandedAs
	// EndsOld ends older passkeys and sessions when the link is used.
	EndsOld bool
}

// Handed is a new enrolment link, which exists nowhere else.
type Handed struct {
	// URL carries the token in its fragment.
	URL string
	// Expires is in UTC.
	Expires time.Time
	As      HandedAs
	EndsOld bool
}

// NewEnrolment makes an enrolment link for the user; earlier unused ones die. For
// oneself there is none (ErrSelf), nor for a disabled user (ErrDisabled).
func (d *Directory) NewEnrolment(ctx context.Context, by int64, publicID string, o LinkOptions) (Handed, error) {
	u, err := d.other(ctx, by, publicID)
	if err != nil {
		return Handed{}, err
	}
	if u.Disabled {
		return Handed{}, fmt.Errorf("user %s: %w", u.Name, ErrDisabled)
	}
	life := LinkLife
	if o.As == AsQR {
		life = QRLife
	} else {
		o.As = AsLink
	}
	token, hash := passkey.NewLinkToken()
	now := d.now()
	link := NewLink{TokenHash: hash, UserID: u.ID, Created: now, Expires: now.Add(life), As: o.As, EndsOld: o.EndsOld, By: by}
	if err := d.rights.ReplaceEnrolment(ctx, link); err != nil {
		return Handed{}, fmt.Errorf("enrolment link for user %s: %w", u.Name, err)
	}
	// In the fragment, because that is neither sent to servers nor logged by proxies.
	return Handed{URL: d.origin + "/enrol#" + token, Expires: link.Expires.UTC(), As: o.As, EndsOld: o.EndsOld}, nil
}

// RevokeLink withdraws the unused link of a user, or fails with ErrNoLink.
func (d *Directory) RevokeLink(ctx context.Context, by int64, publicID string) error {
	u, err := d.Account(ctx, publicID)
	if err != nil {
		return err
	}
	if err := d.rights.RevokeEnrolment(ctx, by, u.ID, d.now()); err != nil {
		return fmt.Errorf("withdraw the link of user %s: %w", u.Name, err)
	}
	return nil
}

// quietZone is the white border of a QR code, in modules, as its standard asks.
const quietZone = 4

// QRCode is a QR code as one SVG path.
type QRCode struct {
	// Size is the width and height with the quiet zone, in modules: the view box.
	Size int
	// Path is the path's data; it fills the dark modules.
	Path string
}

// NewQRCode draws text, at most 1000 characters, as a QR code that stands some damage.
func NewQRCode(text string) (QRCode, error) {
	if len(text) > 1000 {
		return QRCode{}, fmt.Errorf("a text of %d characters is too long for a QR code", len(text))
	}
	code, err := qr.Encode(text, qr.M)
	if err != nil {
		return QRCode{}, fmt.Errorf("draw a QR code: %w", err)
	}
	var path strings.Builder
	for y := range code.Size {
		for x := 0; x < code.Size; x++ {
			run := 0
			for x+run < code.Size && code.Black(x+run, y) {
				run++
			}
			if run > 0 {
				n := strconv.Itoa(run)
				path.WriteString("M" + strconv.Itoa(x+quietZone) + " " + strconv.Itoa(y+quietZone) + "h" + n + "v1h-" + n + "z")
				x += run
			}
		}
	}
	return QRCode{Size: code.Size + 2*quietZone, Path: path.String()}, nil
}
