package web

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"time"

	"healthportal/app/access"
	"healthportal/app/apikey"
	"healthportal/views/apikeys"
)

// KeyKeeper makes, lists and revokes API keys.
type KeyKeeper interface {
	// List returns the keys of a user, 0 for everybody's, newest first.
	List(ctx context.Context, userID int64) ([]apikey.Key, error)
	// Owners returns the users who may have keys.
	Owners(ctx context.Context) ([]apikey.Owner, error)
	// Make fails with *apikey.FieldError for what can't be asked for.
	Make(ctx context.Context, by int64, ask apikey.Request) (apikey.Made, error)
	// Revoke ends any key, or fails with health.ErrNotFound.
	Revoke(ctx context.Context, by int64, id string) error
	// RevokeOwn ends a key of the user; somebody else's is health.ErrNotFound.
	RevokeOwn(ctx context.Context, userID int64, id string) error
}

// keyPages are the pages about API keys.
type keyPages struct{ keys KeyKeeper }

// list answers GET /admin/api-keys.
func (h keyPages) list(r *request) error {
	// Half a year is a usual life: neither forgotten nor renewed all the time.
	form := apikeys.Form{Expires: r.now().In(r.zone()).AddDate(0, 6, 0).Format(time.DateOnly)}
	return h.renderAdmin(r, http.StatusOK, form, nil)
}

func (h keyPages) renderAdmin(r *request, status int, form apikeys.Form, made *apikeys.Made) error {
	props, err := h.props(r, 0)
	if err != nil {
		return err
	}
	owners, err := h.keys.Owners(r.ctx)
	if err != nil {
		return err
	}
	for _, o := range owners {
		props.Choices = append(props.Choices, apikeys.Choice{Name: o.Name, DisplayName: o.DisplayName, Roles: access.Words(o.Roles, ", ")})
	}
	props.Form, props.Made = form, made
	r.c.Status(status)
	answer := page{title: "API keys", body: apikeys.Admin(props), wide: true}
	if made != nil {
		answer.scripts = []string{"js/admin.js"}
	}
	return r.render(answer)
}

// props are the keys of a user, 0 for everybody's, as the tables show them.
func (h keyPages) props(r *request, userID int64) (apikeys.Props, error) {
	keys, err := h.keys.List(r.ctx, userID)
	if err != nil {
		return apikeys.Props{}, err
	}
	props := apikeys.Props{Rows: make([]apikeys.Row, len(keys)), CSRF: r.csrf(), Now: r.now(), Zone: r.zone()}
	for i, k := range keys {
		props.Rows[i] = keyRow(k, r.now())
	}
	return props, nil
}

func keyRow(k apikey.Key, now time.Time) apikeys.Row {
	return apikeys.Row{
		ID: k.ID, Name: k.Name, Owner: k.Owner.DisplayName, OwnerName: k.Owner.Name, Scopes: k.Scopes, Effective: k.Effective(),
		CreatedBy: k.CreatedBy, Created: k.Created, LastUsed: k.LastUsed, Expires: k.Expires, State: string(k.StateAt(now)),
	}
}

// add answers POST /admin/api-keys with the page that shows the new key once.
func (h keyPages) add(r *request) error {
	form := apikeys.Form{Owner: r.form("user"), Name: r.form("name"), Expires: strings.TrimSpace(r.form("expires"))}
	ask := apikey.Request{Owner: form.Owner, Name: form.Name}
	for _, scope := range r.c.Context().PostArgs().PeekMulti("scope") {
		form.Scopes = append(form.Scopes, string(scope))
		ask.Scopes = append(ask.Scopes, access.Permission(scope))
	}
	var err error
	var made apikey.Made
	if ask.Expires, err = apikey.ParseExpires(form.Expires, r.now(), r.zone()); err == nil {
		made, err = h.keys.Make(r.ctx, r.principal().UserID, ask)
	}
	var field *apikey.FieldError
	if errors.As(err, &field) {
		return h.refuse(r, form, field)
	}
	if err != nil {
		return err
	}
	r.about(0, made.Key.ID)
	r.note("owner", made.Key.Owner.UserID)
	r.note("scopes", made.Key.Scopes)
	r.note("expires", made.Key.Expires.Format(time.RFC3339))
	return h.renderAdmin(r, http.StatusOK, apikeys.Form{Expires: form.Expires}, &apikeys.Made{Text: made.Text, Row: keyRow(made.Key, r.now())})
}

// refuse shows the form again with the words at the field.
func (h keyPages) refuse(r *request, form apikeys.Form, e *apikey.FieldError) error {
	switch e.Field {
	case apikey.FieldOwner:
		form.OwnerError = sentence(e.Told())
	case apikey.FieldName:
		form.NameError = sentence(e.Told())
	case apikey.FieldScope:
		form.ScopeError = sentence(e.Told())
	default:
		form.ExpiresError = sentence(e.Told())
	}
	r.note("refused", e.Field)
	return h.renderAdmin(r, http.StatusUnprocessableEntity, form, nil)
}

// sentence makes a sentence of an error's words.
func sentence(words string) string {
	if words == "" {
		return ""
	}
	return strings.ToUpper(words[:1]) + words[1:] + "."
}

// revoke answers POST /admin/api-keys/{id}/revoke.
func (h keyPages) revoke(r *request) error {
	r.about(0, keySubject(r.param("id")))
	if err := h.keys.Revoke(r.ctx, r.principal().UserID, r.param("id")); err != nil {
		return err
	}
	return r.redirect(apikeys.Path)
}

// keySubject is the id of a key for the log; what is none is not copied there.
func keySubject(id string) string {
	if !apikey.ValidID(id) {
		return ""
	}
	return id
}
