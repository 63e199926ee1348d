package web

import (
	"context"

	"healthportal/app/access"
	"healthportal/app/apikey"
)

// KeyReader reads API keys by their public id. It proves nothing about who asks.
type KeyReader interface {
	// Key returns a key, dead ones too, or health.ErrNotFound.
	Key(ctx context.Context, id string) (apikey.Key, error)
	// Holder returns who holds a live key, or access.ErrNoKey.
	Holder(ctx context.Context, id string) (access.Principal, error)
}

// keyAnswer is the answer of GET /v1/key.
type keyAnswer struct {
	ID              string              `json:"id"`
	Name            *string             `json:"name"`
	Scopes          []access.Permission `json:"scopes"`
	EffectiveScopes []access.Permission `json:"effective_scopes"`
	Expires         *string             `json:"expires"`
}

// ownKey answers GET /v1/key: what the key that asks is and opens.
func (h apiPages) ownKey(r *request) error {
	if err := r.onlyParameters(); err != nil {
		return err
	}
	k, err := h.keys.Key(r.ctx, r.principal().KeyID)
	if err != nil {
		return err
	}
	r.about(0, k.ID)
	return r.sendJSON(keyAnswer{k.ID, textOrNull(k.Name), k.Scopes, k.Effective(), instant(k.Expires)})
}
