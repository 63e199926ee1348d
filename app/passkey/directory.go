package passkey

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"healthportal/app/access"
	"healthportal/app/health"
)

// handleBytes is the length of a user handle, the longest that WebAuthn allows.
const handleBytes = 64

// Directory adds, lists and disables users and hands out enrolment links.
type Directory struct {
	origin string
	store  DirectoryStore
	now    func() time.Time
}

// NewDirectory returns a Directory whose links lead to cfg.Origin, or an error
// that says what is wrong with that address.
func NewDirectory(cfg Config, store DirectoryStore) (*Directory, error) {
	if _, err := rpHost(cfg.Origin); err != nil {
		return nil, err
	}
	return &Directory{origin: cfg.Origin, store: store, now: clock(cfg.Now)}, nil
}

// AddUser stores a user and returns the id. The name is what commands use:
// lower-case letters, digits and . _ - @; at least one role is needed. A name
// that is taken gives ErrUserExists.
func (d *Directory) AddUser(ctx context.Context, name, displayName string, roles []access.Role) (int64, error) {
	if !regexp.MustCompile(`^[a-z0-9][a-z0-9._@-]{0,63}$`).MatchString(name) {
		return 0, fmt.Errorf("user name %q: use 1 to 64 lower-case letters, digits and . _ - @, starting with a letter or digit", name)
	}
	displayName = strings.TrimSpace(displayName)
	if displayName == "" || !plain(displayName, 100) {
		return 0, fmt.Errorf("display name of user %s: give 1 to 100 characters without control characters", name)
	}
	if len(roles) == 0 {
		return 0, fmt.Errorf("user %s needs at least one role", name)
	}
	for _, r := range roles {
		if _, err := access.ParseRole(string(r)); err != nil {
			return 0, fmt.Errorf("user %s: %w", name, err)
		}
	}
	roles = slices.Compact(slices.Sorted(slices.Values(roles)))
	handle := make([]byte, handleBytes)
	rand.Read(handle) // never fails: crypto/rand ends the program instead
	id, err := d.store.InsertUser(ctx, NewUser{Name: name, DisplayName: displayName, Handle: handle, Roles: roles})
	if err != nil {
		return 0, fmt.Errorf("add user %s: %w", name, err)
	}
	return id, nil
}

// NewEnrolment makes an enrolment link for the user, revoking earlier unused
// ones, and returns its URL. The URL is the only copy of the token.
func (d *Directory) NewEnrolment(ctx context.Context, userName string) (string, error) {
	u, err := d.user(ctx, userName)
	if err != nil {
		return "", err
	}
	if u.Disabled {
		return "", fmt.Errorf("user %s is disabled and can't be given an enrolment link", userName)
	}
	token, now := secret(), d.now()
	link := Enrolment{TokenHash: hash(token), User: u, Created: now, Expires: now.Add(LinkLife)}
	if err := d.store.ReplaceEnrolment(ctx, link); err != nil {
		return "", fmt.Errorf("enrolment link for user %s: %w", userName, err)
	}
	// In the fragment, because that is neither sent to servers nor logged by proxies.
	return d.origin + "/enrol#" + token, nil
}

// ListUsers returns every user by name, with the state of the newest link.
func (d *Directory) ListUsers(ctx context.Context) ([]Account, error) {
	all, err := d.store.Accounts(ctx)
	if err != nil {
		return nil, fmt.Errorf("list users: %w", err)
	}
	for i := range all {
		link := all[i].Link
		link.User.Disabled = all[i].Disabled
		all[i].LinkState = link.State(d.now())
	}
	return all, nil
}

// DisableUser bars the user at once: sessions end and unused links die.
func (d *Directory) DisableUser(ctx context.Context, userName string) error {
	u, err := d.user(ctx, userName)
	if err != nil {
		return err
	}
	if err := d.store.DisableUser(ctx, u.ID, d.now()); err != nil {
		return fmt.Errorf("disable user %s: %w", userName, err)
	}
	return nil
}

// AddToTeam makes the user a member of a care team from now on. It reports
// whether the team had to be created, so that a mistyped name shows.
func (d *Directory) AddToTeam(ctx context.Context, team, userName string) (created bool, err error) {
	team = strings.TrimSpace(team)
	if team == "" || !plain(team, 100) {
		return false, errors.New("care team: give a name of 1 to 100 characters without control characters")
	}
	u, err := d.user(ctx, userName)
	if err != nil {
		return false, err
	}
	if created, err = d.store.JoinTeam(ctx, team, u.ID); err != nil {
		return false, fmt.Errorf("add user %s to a care team: %w", userName, err)
	}
	return created, nil
}

func (d *Directory) user(ctx context.Context, name string) (User, error) {
	u, err := d.store.UserByName(ctx, name)
	if errors.Is(err, health.ErrNotFound) {
		return User{}, fmt.Errorf("no user is named %q; `portal user list` shows the names: %w", name, err)
	}
	if err != nil {
		return User{}, fmt.Errorf("user %s: %w", name, err)
	}
	return u, nil
}
