package cli

import (
	"fmt"
	"text/tabwriter"
	"time"

	"healthportal/app/access"
	"healthportal/app/people"
)

type userListCommand struct {
	JSON bool `name:"json" help:"Print JSON."`
}

// Run lists people, their roles and whether they have a passkey.
func (c userListCommand) Run(r *run) error {
	return r.withDirectory(func(o office) error {
		accounts, err := o.ListUsers(r.ctx)
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
	// LastSignIn is left out before the first one.
	LastSignIn time.Time `json:"last_sign_in,omitzero"`
}

func listed(accounts []people.Account) []listedUser {
	list := make([]listedUser, len(accounts))
	for i, a := range accounts {
		list[i] = listedUser{a.Name, a.DisplayName, a.Roles, a.TeamNames(), a.Passkeys, a.Disabled, string(a.LinkState), a.Created, a.LastSignIn}
	}
	return list
}

func (r *run) printAccounts(accounts []people.Account) error {
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
