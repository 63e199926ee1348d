package web

import (
	"errors"
	"fmt"
	"net/http"

	"healthportal/app/access"
	"healthportal/app/health"
	"healthportal/app/people"
	"healthportal/views/users"
)

// show answers GET /admin/users/{id}.
func (h userPages) show(r *request) error {
	return h.renderUser(r, nil, "", "")
}

// renderUser shows a person's page. Where something was refused, problem says so
// in the card, and wanted are the roles that were asked for.
func (h userPages) renderUser(r *request, wanted []string, card, problem string) error {
	a, err := h.user(r)
	if err != nil {
		return err
	}
	p := users.ShowProps{Person: r.person(a), Wanted: wanted, Problem: problem, ProblemAt: card, CSRF: r.csrf(),
		Clock: users.Clock{Now: r.now(), Zone: r.zone()}}
	if wanted == nil {
		for _, role := range a.Roles {
			p.Wanted = append(p.Wanted, string(role))
		}
	}
	keys, err := h.passkeys.Keys(r.ctx, a.ID)
	if err != nil {
		return fmt.Errorf("passkeys of a person: %w", err)
	}
	for _, k := range keys {
		p.Devices = append(p.Devices, users.Passkey{PublicID: k.PublicID, Name: k.Name, Maker: k.Maker, Synced: k.Device.Synced,
			MaySync: k.Device.MaySync, Created: k.Created, LastUsed: k.LastUsed})
	}
	live, err := h.sessions.List(r.ctx, a.ID)
	if err != nil {
		return fmt.Errorf("sessions of a person: %w", err)
	}
	for _, s := range live {
		p.Sessions = append(p.Sessions, users.Session{PublicID: s.ID, Browser: s.Browser, Address: s.Address, Created: s.Created,
			LastSeen: s.LastSeen, Locked: s.Locked})
	}
	if problem != "" {
		r.c.Status(http.StatusUnprocessableEntity)
	}
	return r.render(page{title: "Person", body: users.Show(p)})
}

// user is the account that the address names.
func (h userPages) user(r *request) (people.Account, error) {
	id := r.param("id")
	if !publicID(id) {
		return people.Account{}, health.ErrNotFound
	}
	r.about(0, id)
	a, err := h.people.Account(r.ctx, id)
	if err != nil {
		return people.Account{}, fmt.Errorf("person: %w", err)
	}
	return a, nil
}

// change runs an act on the account that the address names and returns to the
// card of the page; a refusal by the rules is said there.
func (h userPages) change(r *request, card string, wanted []string, act func(by int64, id string) error) error {
	a, err := h.user(r)
	if err != nil {
		return err
	}
	err = act(r.principal().UserID, a.PublicID)
	if problem := ruleWords(err); problem != "" {
		return h.renderUser(r, wanted, card, problem)
	}
	if err != nil {
		return fmt.Errorf("change a person: %w", err)
	}
	return r.redirect(users.Href(a.PublicID) + "#" + card)
}

// ruleWords says which rule stood against an act; empty for other errors.
func ruleWords(err error) string {
	var field *people.FieldError
	if errors.As(err, &field) {
		return fieldWords(field.Field)
	}
	switch {
	case errors.Is(err, people.ErrSelf):
		return "Nobody changes this of their own account: ask another administrator, or use the settings for your own passkeys and sessions."
	case errors.Is(err, people.ErrLastAdmin):
		return "This is the last administrator who can sign in: give somebody else the role admin first, and have them enrol a passkey."
	case errors.Is(err, people.ErrDisabled):
		return "The person is disabled: enable the account first."
	case errors.Is(err, people.ErrNoLink):
		return "There is no unused enrolment link: it was used, expired or was withdrawn already."
	default:
		return ""
	}
}

// roles answers POST /admin/users/{id}/roles.
func (h userPages) roles(r *request) error {
	wanted := append([]string{}, r.posted("roles")...)
	return h.change(r, users.CardRoles, wanted, func(by int64, id string) error {
		roles := rolesNamed(wanted)
		r.note("roles", access.Words(roles, "+"))
		return h.rights.SetRoles(r.ctx, by, id, roles)
	})
}

// disable answers POST /admin/users/{id}/disable.
func (h userPages) disable(r *request) error {
	return h.change(r, users.CardState, nil, func(by int64, id string) error { return h.rights.DisableUser(r.ctx, by, id) })
}

// enable answers POST /admin/users/{id}/enable.
func (h userPages) enable(r *request) error {
	return h.change(r, users.CardState, nil, func(by int64, id string) error { return h.rights.EnableUser(r.ctx, by, id) })
}

// revokeLink answers POST /admin/users/{id}/revoke-link.
func (h userPages) revokeLink(r *request) error {
	return h.change(r, users.CardLink, nil, func(by int64, id string) error { return h.people.RevokeLink(r.ctx, by, id) })
}

// removePasskey answers POST /admin/users/{id}/passkeys/{key}/remove.
func (h userPages) removePasskey(r *request) error {
	return h.change(r, users.CardPasskeys, nil, func(by int64, id string) error {
		key := r.param("key")
		if !publicID(key) {
			return health.ErrNotFound
		}
		r.note("passkey", key)
		return h.rights.RevokePasskey(r.ctx, by, id, key)
	})
}

// endSession answers POST /admin/users/{id}/sessions/{session}/end.
func (h userPages) endSession(r *request) error {
	return h.change(r, users.CardSessions, nil, func(by int64, id string) error {
		ended := r.param("session")
		if !publicID(ended) {
			return health.ErrNotFound
		}
		r.note("session", ended)
		return h.rights.EndSession(r.ctx, by, id, ended)
	})
}

// endSessions answers POST /admin/users/{id}/sessions/end.
func (h userPages) endSessions(r *request) error {
	return h.change(r, users.CardSessions, nil, func(by int64, id string) error {
		n, err := h.rights.EndSessions(r.ctx, by, id)
		r.note("ended", n)
		return err
	})
}

// enrolLink answers POST /admin/users/{id}/enrol-link: the only page that ever
// shows the link.
func (h userPages) enrolLink(r *request) error {
	a, err := h.user(r)
	if err != nil {
		return err
	}
	opt := people.LinkOptions{As: people.HandedAs(r.post("as")), EndsOld: r.post("ends_old") == "1"}
	if opt.As != people.AsLink && opt.As != people.AsQR {
		return h.renderUser(r, nil, users.CardLink, "Choose how to hand the link over.")
	}
	r.note("as", opt.As)
	r.note("ends_old", opt.EndsOld)
	link, err := h.people.NewEnrolment(r.ctx, r.principal().UserID, a.PublicID, opt)
	if problem := ruleWords(err); problem != "" {
		return h.renderUser(r, nil, users.CardLink, problem)
	}
	if err != nil {
		return fmt.Errorf("make an enrolment link: %w", err)
	}
	p := users.LinkProps{Person: r.person(a), URL: link.URL, Expires: link.Expires, EndsOld: link.EndsOld,
		Clock: users.Clock{Now: r.now(), Zone: r.zone()}}
	if link.As == people.AsQR {
		code, err := people.NewQRCode(link.URL)
		if err != nil {
			return fmt.Errorf("enrolment link: %w", err)
		}
		p.Path, p.Size = code.Path, code.Size
	}
	return r.render(page{title: "Enrolment link", body: users.Made(p), scripts: []string{"js/admin.js"}})
}
