package web

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"time"

	"healthportal/app/health"
	"healthportal/app/passkey"
	"healthportal/views/settings"
)

// OwnPasskeys is what users do with their own passkeys. Refusals are
// *passkey.Error, others' passkeys health.ErrNotFound.
type OwnPasskeys interface {
	// Keys lists the user's passkeys, oldest first.
	Keys(ctx context.Context, userID int64) ([]passkey.Key, error)
	// Accepted is what browsers are told about the user's passkeys.
	Accepted(ctx context.Context, userID int64) (passkey.Accepted, error)
	// BeginAdd starts the creation of a further passkey in the session with the public id.
	BeginAdd(ctx context.Context, userID int64, sessionID string) (passkey.Begun, error)
	// FinishAdd stores it and returns its public id.
	FinishAdd(ctx context.Context, userID int64, sessionID, ceremonyID string, credential []byte, name string) (string, error)
	// Rename names a passkey.
	Rename(ctx context.Context, userID int64, publicID, name string) error
	// Remove revokes a passkey and ends the sessions that it signed in.
	Remove(ctx context.Context, userID int64, publicID string) error
}

// passkeyPages are one's own passkeys.
type passkeyPages struct{ keys OwnPasskeys }

// list answers GET /settings/passkeys.
func (h passkeyPages) list(r *request) error {
	return h.render(r, func(p *settings.PasskeysProps) { p.Done = r.query("done") })
}

// render shows the list with what change adds to it.
func (h passkeyPages) render(r *request, change func(*settings.PasskeysProps)) error {
	keys, err := h.keys.Keys(r.ctx, r.principal().UserID)
	if err != nil {
		return fmt.Errorf("list the passkeys: %w", err)
	}
	p := settings.PasskeysProps{Passkeys: make([]settings.Passkey, len(keys)), Now: r.now(), Zone: r.zone(), NameLimit: keyNameLimit, CSRF: r.csrf()}
	for i, k := range keys {
		p.Passkeys[i] = settings.Passkey{ID: k.PublicID, Name: k.Name, Maker: k.Maker, MaySync: k.Device.MaySync, Synced: k.Device.Synced,
			Transports: k.Device.Transports, Created: k.Created, LastUsed: k.LastUsed, Current: k.ID == r.session.PasskeyID}
	}
	if p.Accepted, err = h.accepted(r); err != nil {
		return err
	}
	change(&p)
	return r.render(page{title: "Your passkeys", body: settings.Passkeys(p), fragment: settings.PasskeyList(p), scripts: []string{"js/passkey.js"}})
}

// accepted is the browser's list of passkeys that still work.
func (h passkeyPages) accepted(r *request) (string, error) {
	all, err := h.keys.Accepted(r.ctx, r.principal().UserID)
	if err != nil {
		return "", fmt.Errorf("list the accepted passkeys: %w", err)
	}
	text, err := json.Marshal(all)
	if err != nil {
		return "", fmt.Errorf("list the accepted passkeys: %w", err)
	}
	return string(text), nil
}

// begin answers POST /settings/passkeys/begin.
func (h passkeyPages) begin(r *request) error {
	if _, err := r.ceremony(); err != nil {
		return err
	}
	begun, err := h.keys.BeginAdd(r.ctx, r.principal().UserID, r.session.ID)
	if err != nil {
		return r.refusal("add", err)
	}
	return r.json(begunAnswer{begun.CeremonyID, begun.Options})
}

// finish answers POST /settings/passkeys/finish.
func (h passkeyPages) finish(r *request) error {
	in, err := r.ceremony()
	if err != nil {
		return err
	}
	id, err := h.keys.FinishAdd(r.ctx, r.principal().UserID, r.session.ID, in.Ceremony, in.Credential, in.Name)
	if err != nil {
		return r.refusal("add", err)
	}
	r.about(0, id)
	return r.json(struct {
		ID string `json:"id"`
	}{id})
}

// rename answers POST /settings/passkeys/{id}/name.
func (h passkeyPages) rename(r *request) error {
	id, name := r.param("id"), r.form("name")
	r.about(0, id)
	err := h.keys.Rename(r.ctx, r.principal().UserID, id, name)
	var refused *passkey.Error
	if errors.As(err, &refused) {
		r.note("code", string(refused.Code))
		r.c.Status(http.StatusUnprocessableEntity)
		return h.render(r, func(p *settings.PasskeysProps) {
			for i := range p.Passkeys {
				if p.Passkeys[i].ID == id {
					p.Passkeys[i].Draft, p.Passkeys[i].Problem = name, fmt.Sprintf("Give a name of 1 to %d characters, without control characters.", keyNameLimit)
				}
			}
		})
	}
	if err != nil {
		return fmt.Errorf("rename a passkey: %w", err)
	}
	return r.redirect(settings.PasskeysPath + "?done=renamed")
}

// remove answers POST /settings/passkeys/{id}/remove.
func (h passkeyPages) remove(r *request) error {
	id := r.param("id")
	r.about(0, id)
	own, err := h.signedInWith(r, id)
	if err != nil {
		return err
	}
	err = h.keys.Remove(r.ctx, r.principal().UserID, id)
	var refused *passkey.Error
	if errors.As(err, &refused) {
		r.note("code", string(refused.Code))
		r.c.Status(refusalStatus(refused.Code))
		return h.render(r, func(p *settings.PasskeysProps) { p.Problem = refused.What + ". " + refused.Do })
	}
	if err != nil {
		return fmt.Errorf("remove a passkey: %w", err)
	}
	if !own {
		return r.redirect(settings.PasskeysPath + "?done=removed")
	}
	accepted, err := h.accepted(r)
	if err != nil {
		return err
	}
	gone := r.sessionCookie("")
	gone.Expires = time.Unix(1, 0)
	r.c.Cookie(gone)
	return r.renderBare("Passkey removed", ceremonyScripts(), settings.PasskeyGone(accepted))
}

// signedInWith reports whether the passkey signed in the session that asks.
func (h passkeyPages) signedInWith(r *request, id string) (bool, error) {
	keys, err := h.keys.Keys(r.ctx, r.principal().UserID)
	if err != nil {
		return false, fmt.Errorf("list the passkeys: %w", err)
	}
	for _, k := range keys {
		if k.PublicID == id {
			return k.ID == r.session.PasskeyID, nil
		}
	}
	return false, health.ErrNotFound
}
