package cli

import (
	"errors"
	"fmt"

	"healthportal/app/access"
	"healthportal/app/people"
	"healthportal/app/portal"
)

type userCommands struct {
	Add       userAddCommand       `cmd:"" help:"Add a person and print an enrolment link."`
	List      userListCommand      `cmd:"" help:"List the people who may sign in."`
	Roles     userRolesCommand     `cmd:"" help:"Give a person exactly these roles and end their sessions."`
	Disable   userDisableCommand   `cmd:"" help:"Bar a person from signing in and end their sessions."`
	Enable    userEnableCommand    `cmd:"" help:"Let a disabled person sign in again."`
	EnrolLink userEnrolLinkCommand `cmd:"" name:"enrol-link" help:"Print a new enrolment link for a person."`
}

// byCommand is who acts where an operator runs a command: nobody who signed in.
const byCommand = 0

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
		return err
	}
	for _, team := range c.Team {
		if _, err := access.TeamName(team); err != nil {
			return usageError{err}
		}
	}
	return r.withDirectory(func(o office) error {
		display := c.DisplayName
		if display == "" {
			display = c.Name
		}
		added, err := o.AddUser(r.ctx, byCommand, c.Name, display, roles)
		act := did(access.KindUserAdd, "user add", added.PublicID, map[string]any{"roles": access.Words(roles, "+")})
		if err = o.portal.Record(r.ctx, act, err); err != nil {
			return badInput(fmt.Errorf("add %s: %w", c.Name, err))
		}
		for _, team := range c.Team {
			_, err := o.AddToTeam(r.ctx, team, c.Name)
			if err = o.portal.Record(r.ctx, did(access.KindTeam, "user add", added.PublicID, nil), err); err != nil {
				return fmt.Errorf("add %s to team %s: %w", c.Name, team, err)
			}
		}
		return o.printEnrolment("user add", c.Name, added.PublicID, roles, people.LinkOptions{})
	})
}

func parseRoles(names []string) ([]access.Role, error) {
	if len(names) == 0 {
		return nil, usageError{errors.New("--role is empty: name at least one role")}
	}
	roles := make([]access.Role, 0, len(names))
	for _, name := range names {
		role, err := access.ParseRole(name)
		if err != nil {
			return nil, usageError{err}
		}
		roles = append(roles, role)
	}
	return roles, nil
}

// badInput makes an input that can't be used bad usage.
func badInput(err error) error {
	var field *people.FieldError
	if errors.As(err, &field) {
		return usageError{field}
	}
	return err
}

// office is where the commands about people work: the directory, and the log.
type office struct {
	*run
	*people.Directory
	portal *portal.Portal
}

// withDirectory opens the portal and runs fn with its directory of people.
func (r *run) withDirectory(fn func(office) error) (err error) {
	p, err := r.open()
	if err != nil {
		return err
	}
	defer closing(p, &err)
	d, err := p.Directory()
	if err != nil {
		return err
	}
	return fn(office{r, d, p})
}

// did is a command about a user for the audit log.
func did(kind access.Kind, command, publicID string, detail map[string]any) portal.Act {
	return portal.Act{Command: command, Kind: kind, Subject: publicID, Detail: detail}
}

// printEnrolment prints "enrol <roles> <url>" with a fresh single-use link.
func (o office) printEnrolment(command, name, publicID string, roles []access.Role, opt people.LinkOptions) error {
	link, err := o.NewEnrolment(o.ctx, byCommand, publicID, opt)
	act := did(access.KindLink, command, publicID, map[string]any{"as": link.As, "ends_old": opt.EndsOld})
	if err = o.portal.Record(o.ctx, act, err); err != nil {
		return fmt.Errorf("enrolment link for %s: %w", name, err)
	}
	_, err = fmt.Fprintln(o.Stdout, "enrol", access.Words(roles, "+"), link.URL)
	return err
}

type userRolesCommand struct {
	Name string   `arg:"" help:"Short name of the person."`
	Role []string `name:"role" required:"" help:"Role, repeatable: clinician, analyst, researcher, ops, privacy, admin. The others are taken away."`
}

// Run replaces the person's roles.
func (c userRolesCommand) Run(r *run) error {
	roles, err := parseRoles(c.Role)
	if err != nil {
		return err
	}
	act := portal.Act{Command: "user roles", Kind: access.KindUserRoles, Detail: map[string]any{"roles": access.Words(roles, "+")}}
	return r.change(c.Name, act, func(o office, id string) (string, error) {
		return fmt.Sprintf("%s is %s now, and signed out everywhere.", c.Name, access.Words(roles, ", ")), o.SetRoles(r.ctx, byCommand, id, roles)
	})
}

type userDisableCommand struct {
	Name string `arg:"" help:"Short name of the person."`
}

// Run bars the person and ends their sessions.
func (c userDisableCommand) Run(r *run) error {
	return r.change(c.Name, portal.Act{Command: "user disable", Kind: access.KindUserDisable}, func(o office, id string) (string, error) {
		return c.Name + " is disabled, and signed out everywhere.", o.DisableUser(r.ctx, byCommand, id)
	})
}

type userEnableCommand struct {
	Name string `arg:"" help:"Short name of the person."`
}

// Run lets the person sign in again.
func (c userEnableCommand) Run(r *run) error {
	return r.change(c.Name, portal.Act{Command: "user enable", Kind: access.KindUserEnable}, func(o office, id string) (string, error) {
		return c.Name + " may sign in again, with the passkeys that they have.", o.EnableUser(r.ctx, byCommand, id)
	})
}

// change finds the person, runs fn, records act, and prints what fn says.
func (r *run) change(name string, act portal.Act, fn func(o office, publicID string) (string, error)) error {
	return r.withDirectory(func(o office) error {
		who, err := o.ByName(r.ctx, name)
		if err != nil {
			return err
		}
		said, err := fn(o, who.PublicID)
		act.Subject = who.PublicID
		if err = o.portal.Record(r.ctx, act, err); err != nil {
			return fmt.Errorf("%s %s: %w", act.Command, name, err)
		}
		_, err = fmt.Fprintln(r.Stdout, said)
		return err
	})
}

type userEnrolLinkCommand struct {
	Name   string `arg:"" help:"Short name of the person."`
	EndOld bool   `name:"end-old" help:"End the person's older passkeys and sessions when the link is used."`
}

// Run prints a new enrolment link.
func (c userEnrolLinkCommand) Run(r *run) error {
	return r.withDirectory(func(o office) error {
		who, err := o.ByName(r.ctx, c.Name)
		if err != nil {
			return err
		}
		return o.printEnrolment("user enrol-link", who.Name, who.PublicID, who.Roles, people.LinkOptions{EndsOld: c.EndOld})
	})
}
