package cli

import (
	"fmt"
	"text/tabwriter"
	"time"

	"healthportal/app/access"
	"healthportal/app/passkey"
)

type userAddCommand struct {
	Name        string   `arg:"" help:"Short name, lower case, for example m.weber."`
	DisplayName string   `name:"display-name" help:"Name that pages show; the short name where left out."`
	Role        []string `name:"role" required:"" help:"Role, repeatable: clinician, analyst, researcher, ops, privacy, admin."`
	Team        []string `name:"team" help:"Care team, repeatable; made where it does not exist."`
}

// Run adds the person and prints one line "enrol <role> <url>".
func (c userAddCommand) Run(r *run) (err error) {
	roles, err := parseRoles(c.Role)
	if err != nil {
		return usageError{err}
	}
	return r.withDirectory(func(d *passkey.Directory) error {
		display := c.DisplayName
		if display == "" {
			display = c.Name
		}
		if _, err := d.AddUser(r.ctx, c.Name, display, roles); err != nil {
			return fmt.Errorf("add %s: %w", c.Name, err)
		}
		for _, team := range c.Team {
			if _, err := d.AddToTeam(r.ctx, team, c.Name); err != nil {
				return fmt.Errorf("add %s to team %s: %w", c.Name, team, err)
			}
		}
		return r.printEnrolment(d, c.Name, roles)
	})
}

func parseRoles(names []string) ([]access.Role, error) {
	roles := make([]access.Role, 0, len(names))
	for _, name := range names {
		role, err := access.ParseRole(name)
		if err != nil {
			return nil, err
		}
		roles = append(roles, role)
	}
	return roles, nil
}

// withDirectory opens the portal and runs fn with its directory of people.
func (r *run) withDirectory(fn func(*passkey.Directory) error) (err error) {
	p, err := r.open()
	if err != nil {
		return err
	}
	defer closing(p, &err)
	d, err := p.Directory()
	if err != nil {
		return err
	}
	return fn(d)
}

// printEnrolment prints "enrol <roles> <url>" with a fresh single-use link.
func (r *run) printEnrolment(d *passkey.Directory, name string, roles []access.Role) error {
	link, err := d.NewEnrolment(r.ctx, name)
	if err != nil {
		return fmt.Errorf("enrolment link for %s: %w", name, err)
	}
	_, err = fmt.Fprintln(r.Stdout, "enrol", access.Words(roles, "+"), link)
	return err
}

type userListCommand struct {
	JSON bool `name:"json" help:"Print JSON."`
}

// Run lists people, their roles and whether they have a passkey.
func (c userListCommand) Run(r *run) error {
	return r.withDirectory(func(d *passkey.Directory) error {
		accounts, err := d.ListUsers(r.ctx)
		if err != nil {
			return fmt.Errorf("list people: %w", err)
		}
		if c.JSON {
			return r.printJSON(listed(accounts))
		}
		return r.printAccounts(accounts)
	})
}

// listedUser is a person as `user list --json` prints them.
type listedUser struct {
	Name        string        `json:"name"`
	DisplayName string        `json:"display_name"`
	Roles       []access.Role `json:"roles"`
	Teams       []string      `json:"teams"`
	Passkeys    int           `json:"passkeys"`
	Disabled    bool          `json:"disabled"`
	LinkState   string        `json:"enrolment_link"`
	Created     time.Time     `json:"created"`
}

func listed(accounts []passkey.Account) []listedUser {
	list := make([]listedUser, len(accounts))
	for i, a := range accounts {
		list[i] = listedUser{a.Name, a.DisplayName, a.Roles, a.Teams, a.Passkeys, a.Disabled, string(a.LinkState), a.Created}
	}
	return list
}

func (r *run) printAccounts(accounts []passkey.Account) error {
	w := tabwriter.NewWriter(r.Stdout, 0, 4, 2, ' ', 0)
	fmt.Fprintln(w, "NAME\tDISPLAY NAME\tROLES\tPASSKEYS\tSTATE") //nolint:errcheck // Flush reports it
	for _, a := range accounts {
		state := "active"
		if a.Disabled {
			state = "disabled"
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%d\t%s\n", a.Name, a.DisplayName, access.Words(a.Roles, ", "), a.Passkeys, state) //nolint:errcheck // Flush reports it
	}
	if err := w.Flush(); err != nil {
		return fmt.Errorf("print: %w", err)
	}
	return nil
}

type userDisableCommand struct {
	Name string `arg:"" help:"Short name of the person."`
}

// Run bars the person and ends their sessions.
func (c userDisableCommand) Run(r *run) error {
	return r.withDirectory(func(d *passkey.Directory) error {
		if err := d.DisableUser(r.ctx, c.Name); err != nil {
			return fmt.Errorf("disable %s: %w", c.Name, err)
		}
		_, err := fmt.Fprintf(r.Stdout, "%s is disabled, and signed out everywhere.\n", c.Name)
		return err
	})
}

type userEnrolLinkCommand struct {
	Name string `arg:"" help:"Short name of the person."`
}

// Run prints a new enrolment link.
func (c userEnrolLinkCommand) Run(r *run) error {
	return r.withDirectory(func(d *passkey.Directory) error {
		accounts, err := d.ListUsers(r.ctx)
		if err != nil {
			return fmt.Errorf("list people: %w", err)
		}
		for _, a := range accounts {
			if a.Name == c.Name {
				return r.printEnrolment(d, a.Name, a.Roles)
			}
		}
		return fmt.Errorf("there is nobody named %q: portal user list shows who there is", c.Name)
	})
}
