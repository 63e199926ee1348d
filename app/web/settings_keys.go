package web

import "healthportal/views/apikeys"

// own answers GET /settings/keys: the keys that act with one's own rights.
func (h keyPages) own(r *request) error {
	props, err := h.props(r, r.principal().UserID)
	if err != nil {
		return err
	}
	return r.render(page{title: "Your API keys", body: apikeys.Own(props), wide: true})
}

// revokeOwn answers POST /settings/keys/{id}/revoke.
func (h keyPages) revokeOwn(r *request) error {
	r.about(0, keySubject(r.param("id")))
	if err := h.keys.RevokeOwn(r.ctx, r.principal().UserID, r.param("id")); err != nil {
		return err
	}
	return r.redirect(apikeys.OwnPath)
}
