package web

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"unicode/utf8"

	"healthportal/app/access"
	"healthportal/app/passkey"
	"healthportal/app/people"
	"healthportal/app/session"
	"healthportal/views/teams"
	"healthportal/views/users"
)

// People lists users, adds them and hands out their links; by is the acting
// user. Unknown users are health.ErrNotFound.
type People interface {
	ListUsers(ctx context.Context) ([]people.Account, error)
	Account(ctx context.Context, publicID string) (people.Account, error)
	AddUser(ctx context.Context, by int64, name, displayName string, roles []access.Role) (people.Added, error)
	NewEnrolment(ctx context.Context, by int64, publicID string, o people.LinkOptions) (people.Handed, error)
	RevokeLink(ctx context.Context, by int64, publicID string) error
}

// PeopleRights changes what users may do; by is the acting user. Ids that are
// unknown or somebody else's are health.ErrNotFound.
type PeopleRights interface {
	SetRoles(ctx context.Context, by int64, publicID string, roles []access.Role) error
	DisableUser(ctx context.Context, by int64, publicID string) error
	EnableUser(ctx context.Context, by int64, publicID string) error
	RevokePasskey(ctx context.Context, by int64, publicID, keyID string) error
	EndSession(ctx context.Context, by int64, publicID, sessionID string) error
	EndSessions(ctx context.Context, by int64, publicID string) (int, error)
}

// UserPasskeys lists the live passkeys of a user.
type UserPasskeys interface {
	Keys(ctx context.Context, userID int64) ([]passkey.Key, error)
}

// UserSessions lists the live sessions of a user.
type UserSessions interface {
	List(ctx context.Context, userID int64) ([]session.Info, error)
}

// userPages are the pages of the people who may sign in, for administrators.
type userPages struct {
	people   People
	rights   PeopleRights
	passkeys UserPasskeys
	sessions UserSessions
}

// posted are the values of a field of the request's form. Unlike form it never
// reads the address: what a form doesn't carry isn't there.
func (r *request) posted(name string) []string {
	var values []string
	for _, v := range r.c.Context().PostArgs().PeekMulti(name) {
		values = append(values, string(v))
	}
	return values
}

// post is the first value of a field of the request's form.
func (r *request) post(name string) string {
	if values := r.posted(name); len(values) > 0 {
		return strings.TrimSpace(values[0])
	}
	return ""
}

// list answers GET /admin/users, narrowed by role and state.
func (h userPages) list(r *request) error {
	return h.renderList(r, users.ListProps{Role: r.query("role"), State: r.query("state")})
}

// search answers POST /admin/users/search: names stay out of addresses.
func (h userPages) search(r *request) error {
	return h.renderList(r, users.ListProps{Search: r.post("search"), Role: r.post("role"), State: r.post("state")})
}

func (h userPages) renderList(r *request, p users.ListProps) error {
	if err := checkUserFilter(p); err != nil {
		return err
	}
	all, err := h.people.ListUsers(r.ctx)
	if err != nil {
		return fmt.Errorf("list people: %w", err)
	}
	p.Total, p.CSRF, p.Clock = len(all), r.csrf(), users.Clock{Now: r.now(), Zone: r.zone()}
	for _, a := range all {
		if u := r.person(a); userMatches(u, p) {
			p.People = append(p.People, u)
		}
	}
	r.note("role", p.Role)
	r.note("state", p.State)
	r.note("searched", p.Search != "")
	r.note("shown", len(p.People))
	return r.render(page{title: "People", body: users.List(p)})
}

func checkUserFilter(p users.ListProps) error {
	if _, err := access.ParseRole(p.Role); p.Role != "" && err != nil {
		return badInput("role", errors.New("choose one of the list"))
	}
	if p.State != "" && p.State != users.StateActive && p.State != users.StateWaiting && p.State != users.StateDisabled {
		return badInput("state", errors.New("choose one of the list"))
	}
	if !utf8.ValidString(p.Search) || utf8.RuneCountInString(p.Search) > 100 {
		return badInput("search", errors.New("write at most 100 characters"))
	}
	return nil
}

func userMatches(u users.Person, p users.ListProps) bool {
	text, word := strings.ToLower(u.DisplayName+"\n"+u.Name), strings.ToLower(p.Search)
	return strings.Contains(text, word) && (p.Role == "" || slices.Contains(u.Roles, access.Role(p.Role))) && (p.State == "" || u.State() == p.State)
}

// person is an account as the pages show it.
func (r *request) person(a people.Account) users.Person {
	p := users.Person{PublicID: a.PublicID, Name: a.Name, DisplayName: a.DisplayName, Roles: a.Roles, Passkeys: a.Passkeys, Keys: a.Keys,
		Created: a.Created, LastSignIn: a.LastSignIn, Disabled: a.Disabled, Own: a.ID == r.principal().UserID,
		Link: users.Link{State: string(a.LinkState), MadeBy: a.Link.MadeBy, QR: a.Link.As == people.AsQR, EndsOld: a.Link.EndsOld,
			Created: a.Link.Created, Expires: a.Link.Expires, Used: a.Link.Used, Revoked: a.Link.Revoked}}
	for _, t := range a.Teams {
		p.Teams = append(p.Teams, users.Team{Name: t.Name, Href: teams.Href(t.PublicID)})
	}
	return p
}

// form answers GET /admin/users/new.
func (h userPages) form(r *request) error { return h.renderForm(r, users.NewProps{}) }

func (h userPages) renderForm(r *request, p users.NewProps) error {
	p.CSRF = r.csrf()
	if len(p.Errors) > 0 {
		r.c.Status(http.StatusUnprocessableEntity)
	}
	return r.render(page{title: "Add person", body: users.New(p)})
}

// add answers POST /admin/users.
func (h userPages) add(r *request) error {
	p := users.NewProps{Name: r.post("name"), DisplayName: r.post("display_name"), Roles: r.posted("roles")}
	added, err := h.people.AddUser(r.ctx, r.principal().UserID, p.Name, p.DisplayName, rolesNamed(p.Roles))
	var field *people.FieldError
	switch {
	case errors.Is(err, people.ErrUserExists):
		p.Errors = map[string]string{"name": "There is a person of this short name already. Choose another one."}
		return h.renderForm(r, p)
	case errors.As(err, &field):
		p.Errors = map[string]string{field.Field: fieldWords(field.Field)}
		return h.renderForm(r, p)
	case err != nil:
		return fmt.Errorf("add a person: %w", err)
	}
	r.about(0, added.PublicID)
	r.note("roles", strings.Join(p.Roles, "+"))
	return r.redirect(users.Href(added.PublicID) + "#" + users.CardLink)
}

// fieldWords say what to give in a field.
func fieldWords(field string) string {
	switch field {
	case "name":
		return "Use 1 to 64 lower-case letters, digits and . _ - @, starting with a letter or digit."
	case "display_name":
		return "Give 1 to 100 characters, without control characters."
	default:
		return "Choose at least one role of the list."
	}
}

// rolesNamed are roles as a form names them; the directory refuses unknown ones.
func rolesNamed(names []string) []access.Role {
	roles := make([]access.Role, len(names))
	for i, name := range names {
		roles[i] = access.Role(name)
	}
	return roles
}
