// Package people keeps the users of the portal: their accounts, roles and
// enrolment links, and the rules of who may change what of whom. What one
// person changes of another leaves a notice for that other person.
package people

import (
	"context"
	"errors"
	"fmt"
	"time"

	"healthportal/app/health"
	"healthportal/app/passkey"
	"healthportal/app/session"
)

const (
	// LinkLife is how long an enrolment link works.
	LinkLife = passkey.LinkLife
	// QRLife is how long one works that is shown as a QR code: whoever scans it
	// stands beside.
	QRLife = 10 * time.Minute
)

// Config says for which site the links are.
type Config struct {
	// Origin is the portal's own address, such as https://portal.example.org:8443.
	Origin string
	// Now is the clock; nil means time.Now.
	Now func() time.Time
}

// Directory adds, lists and changes users and hands out enrolment links. In each
// of its acts by is the id of the user who acts, 0 for a command on the server.
// It is safe for concurrent use.
type Directory struct {
	origin   string
	accounts Accounts
	rights   Rights
	sessions Sessions
	now      func() time.Time
}

// New returns a Directory whose links lead to cfg.Origin, or an error that says
// what is wrong with that address.
func New(cfg Config, accounts Accounts, rights Rights, sessions Sessions) (*Directory, error) {
	if err := passkey.CheckOrigin(cfg.Origin); err != nil {
		return nil, fmt.Errorf("enrolment links: %w", err)
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	return &Directory{cfg.Origin, accounts, rights, sessions, cfg.Now}, nil
}

// ListUsers returns every user by name, with the state of the newest link.
func (d *Directory) ListUsers(ctx context.Context) ([]Account, error) {
	all, err := d.accounts.Accounts(ctx)
	if err != nil {
		return nil, fmt.Errorf("list users: %w", err)
	}
	for i := range all {
		all[i].LinkState = all[i].linkState(d.now())
	}
	return all, nil
}

// Account returns the user of a public id, or health.ErrNotFound.
func (d *Directory) Account(ctx context.Context, publicID string) (Account, error) {
	a, err := d.accounts.Account(ctx, publicID)
	if err != nil {
		return Account{}, fmt.Errorf("user: %w", err)
	}
	a.LinkState = a.linkState(d.now())
	return a, nil
}

// ByName returns the user of a short name. One that is unknown is
// health.ErrNotFound, with a hint for the command line.
func (d *Directory) ByName(ctx context.Context, name string) (Account, error) {
	a, err := d.accounts.AccountByName(ctx, name)
	if errors.Is(err, health.ErrNotFound) {
		return Account{}, fmt.Errorf("no user is named %q; `portal user list` shows the names: %w", name, err)
	}
	if err != nil {
		return Account{}, fmt.Errorf("user %s: %w", name, err)
	}
	a.LinkState = a.linkState(d.now())
	return a, nil
}

// EndSession ends one session of a user by its public id. health.ErrNotFound
// stands for one that is unknown, over, or somebody else's.
func (d *Directory) EndSession(ctx context.Context, by int64, publicID, sessionID string) error {
	u, err := d.other(ctx, by, publicID)
	if err != nil {
		return err
	}
	if err := d.sessions.End(ctx, u.ID, sessionID, session.WhyAdmin); err != nil {
		return fmt.Errorf("end a session: %w", err)
	}
	return d.tellSessions(ctx, by, u.ID, "One of your sessions was ended.")
}

// EndSessions ends every session of a user and returns how many.
func (d *Directory) EndSessions(ctx context.Context, by int64, publicID string) (int, error) {
	u, err := d.other(ctx, by, publicID)
	if err != nil {
		return 0, err
	}
	n, err := d.sessions.EndAll(ctx, u.ID, session.WhyAdmin)
	if err != nil || n == 0 {
		return n, err //nolint:wrapcheck // says whose sessions itself
	}
	return n, d.tellSessions(ctx, by, u.ID, "All your sessions were ended.")
}

func (d *Directory) tellSessions(ctx context.Context, by, userID int64, what string) error {
	if err := d.rights.TellSessions(ctx, by, userID, what); err != nil {
		return fmt.Errorf("end sessions: %w", err)
	}
	return nil
}

// other returns the user of a public id, unless it is whoever acts: one's own
// account is a matter of the settings, where the last passkey is safe.
func (d *Directory) other(ctx context.Context, by int64, publicID string) (Account, error) {
	u, err := d.Account(ctx, publicID)
	if err != nil {
		return Account{}, err
	}
	if u.ID == by {
		return Account{}, ErrSelf
	}
	return u, nil
}
