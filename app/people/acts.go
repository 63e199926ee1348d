package people

import (
	"context"
	"crypto/rand"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"healthportal/app/access"
)

// handleBytes is the length of a user handle, the longest that WebAuthn allows.
const handleBytes = 64

// maxDisplayName is the longest display name, in characters.
const maxDisplayName = 100

// AddUser stores a user. The name is what commands use: lower-case letters,
// digits and . _ - @; at least one role is needed. Input that can't be used gives
// a FieldError, a name that is taken ErrUserExists.
func (d *Directory) AddUser(ctx context.Context, by int64, name, displayName string, roles []access.Role) (Added, error) {
	if !regexp.MustCompile(`^[a-z0-9][a-z0-9._@-]{0,63}$`).MatchString(name) {
		return Added{}, &FieldError{"name", fmt.Sprintf(
			"user name %q: use 1 to 64 lower-case letters, digits and . _ - @, starting with a letter or digit", name)}
	}
	displayName = strings.TrimSpace(displayName)
	if displayName == "" || !plain(displayName, maxDisplayName) {
		return Added{}, &FieldError{"display_name", fmt.Sprintf(
			"display name of user %s: give 1 to %d characters without control characters", name, maxDisplayName)}
	}
	roles, err := cleanRoles(roles)
	if err != nil {
		return Added{}, err
	}
	handle := make([]byte, handleBytes)
	rand.Read(handle) // never fails: crypto/rand ends the program instead
	added, err := d.rights.InsertUser(ctx, NewUser{Name: name, DisplayName: displayName, Handle: handle, Roles: roles, By: by})
	if err != nil {
		return Added{}, fmt.Errorf("add user %s: %w", name, err)
	}
	return added, nil
}

// cleanRoles checks roles and returns them sorted, each once.
func cleanRoles(roles []access.Role) ([]access.Role, error) {
	if len(roles) == 0 {
		return nil, &FieldError{"roles", "a user needs at least one role"}
	}
	for _, r := range roles {
		if _, err := access.ParseRole(string(r)); err != nil {
			return nil, &FieldError{"roles", err.Error()}
		}
	}
	return slices.Compact(slices.Sorted(slices.Values(roles))), nil
}

// plain reports whether text is valid, without control or format characters and
// at most limit characters long.
func plain(text string, limit int) bool {
	if !utf8.ValidString(text) || utf8.RuneCountInString(text) > limit {
		return false
	}
	return strings.IndexFunc(text, func(r rune) bool { return unicode.IsControl(r) || unicode.Is(unicode.Cf, r) }) < 0
}

// SetRoles gives the user exactly these roles; sessions end, so that nobody goes
// on with the old ones. Nobody changes their own: ErrSelf.
func (d *Directory) SetRoles(ctx context.Context, by int64, publicID string, roles []access.Role) error {
	u, err := d.other(ctx, by, publicID)
	if err != nil {
		return err
	}
	if roles, err = cleanRoles(roles); err != nil {
		return err
	}
	if err := d.rights.SetRoles(ctx, by, u.ID, roles, d.now()); err != nil {
		return fmt.Errorf("roles of user %s: %w", u.Name, err)
	}
	return nil
}

// DisableUser bars the user at once: sessions end, unused links die, and API keys
// stop. Disabling again changes nothing.
func (d *Directory) DisableUser(ctx context.Context, by int64, publicID string) error {
	return d.setDisabled(ctx, by, publicID, true)
}

// EnableUser lets a disabled user in again, with the passkeys, roles and API keys
// as they are. Ended sessions and dead links stay so.
func (d *Directory) EnableUser(ctx context.Context, by int64, publicID string) error {
	return d.setDisabled(ctx, by, publicID, false)
}

func (d *Directory) setDisabled(ctx context.Context, by int64, publicID string, disabled bool) error {
	u, err := d.other(ctx, by, publicID)
	if err != nil {
		return err
	}
	if err := d.rights.SetDisabled(ctx, by, u.ID, disabled, d.now()); err != nil {
		return fmt.Errorf("disable or enable user %s: %w", u.Name, err)
	}
	return nil
}

// RevokePasskey revokes a passkey of a user, the last one too: then a new link is
// the way back. health.ErrNotFound stands for somebody else's.
func (d *Directory) RevokePasskey(ctx context.Context, by int64, publicID, keyID string) error {
	u, err := d.other(ctx, by, publicID)
	if err != nil {
		return err
	}
	if err := d.rights.RevokePasskey(ctx, by, u.ID, keyID, d.now()); err != nil {
		return fmt.Errorf("revoke a passkey of user %s: %w", u.Name, err)
	}
	return nil
}

// AddToTeam makes the user a member of a care team from now on. It reports
// whether the team had to be created, so that a mistyped name shows.
func (d *Directory) AddToTeam(ctx context.Context, team, userName string) (created bool, err error) {
	if team, err = access.TeamName(team); err != nil {
		return false, err //nolint:wrapcheck // says what itself
	}
	u, err := d.ByName(ctx, userName)
	if err != nil {
		return false, err
	}
	if created, err = d.accounts.JoinTeam(ctx, team, u.ID); err != nil {
		return false, fmt.Errorf("add user %s to a care team: %w", userName, err)
	}
	return created, nil
}
