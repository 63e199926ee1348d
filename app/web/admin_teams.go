package web

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"healthportal/app/access"
	"healthportal/app/health"
	"healthportal/views/teams"
)

// TeamStore reads care teams. Unknown ones are health.ErrNotFound.
type TeamStore interface {
	Teams(ctx context.Context) ([]access.Team, error)
	Team(ctx context.Context, publicID string) (access.Team, error)
	TeamUsers(ctx context.Context, team int64) ([]access.Membership, error)
	TeamPatients(ctx context.Context, team int64, beyond string, size int) (list []access.Membership, more bool, err error)
	// TeamChoices are the users who could be added: all who are not disabled.
	TeamChoices(ctx context.Context) ([]access.Membership, error)
}

// TeamKeeper changes care teams. by is the acting user.
type TeamKeeper interface {
	AddTeam(ctx context.Context, name string) (publicID string, err error)
	RenameTeam(ctx context.Context, team int64, name string) error
	AddTeamUser(ctx context.Context, by int64, team access.Team, userID string, p access.Period, now time.Time) error
	AddTeamPatient(ctx context.Context, by int64, team access.Team, record string, p access.Period, now time.Time) (health.PersonID, error)
	EndTeamUser(ctx context.Context, by int64, team access.Team, publicID string, at time.Time) error
	EndTeamPatient(ctx context.Context, team access.Team, publicID string, at time.Time) (health.PersonID, error)
}

// teamPatientsPage is how many patients a team's page shows at once.
const teamPatientsPage = 50

// teamPages are the care teams' pages for administrators.
type teamPages struct {
	store  TeamStore
	keeper TeamKeeper
}

// list answers GET /admin/teams.
func (h teamPages) list(r *request) error { return h.renderList(r, "", "") }

func (h teamPages) renderList(r *request, name, problem string) error {
	all, err := h.store.Teams(r.ctx)
	if err != nil {
		return err
	}
	if problem != "" {
		r.c.Status(http.StatusUnprocessableEntity)
	}
	return r.render(page{title: "Care teams", body: teams.List(teams.ListProps{Teams: all, CSRF: r.csrf(), Name: name, NameError: problem})})
}

// add answers POST /admin/teams.
func (h teamPages) add(r *request) error {
	name, err := access.TeamName(r.form("name"))
	if err != nil {
		return h.renderList(r, r.form("name"), "Give a name of 1 to 100 characters.")
	}
	id, err := h.keeper.AddTeam(r.ctx, name)
	if errors.Is(err, access.ErrTeamExists) {
		return h.renderList(r, name, "There is a care team of this name already.")
	}
	if err != nil {
		return err
	}
	r.about(0, id)
	r.note("act", "made")
	return r.redirect(teams.Href(id))
}

// show answers GET /admin/teams/{id}.
func (h teamPages) show(r *request) error {
	return h.renderTeam(r, func(*teams.ShowProps) bool { return false })
}

// renderTeam shows the team's page; refuse fills in what was refused and reports whether anything was.
func (h teamPages) renderTeam(r *request, refuse func(*teams.ShowProps) bool) error {
	team, err := h.team(r)
	if err != nil {
		return err
	}
	p := teams.ShowProps{Team: team, CSRF: r.csrf(), Now: r.now(), Zone: r.zone(), Name: team.Name}
	if p.Users, err = h.store.TeamUsers(r.ctx, team.ID); err != nil {
		return err
	}
	beyond := r.query("after")
	if !publicID(beyond) {
		beyond = ""
	}
	list, more, err := h.store.TeamPatients(r.ctx, team.ID, beyond, teamPatientsPage)
	if err != nil {
		return err
	}
	p.Patients = list
	if more {
		p.More = teams.Href(team.PublicID) + "?after=" + url.QueryEscape(list[len(list)-1].PublicID) + "#patients"
	}
	if beyond != "" {
		p.First = teams.Href(team.PublicID) + "#patients"
	}
	choices, err := h.store.TeamChoices(r.ctx)
	if err != nil {
		return err
	}
	for _, c := range choices {
		p.Choices = append(p.Choices, teams.Choice{PublicID: c.UserID, Name: c.User, DisplayName: c.DisplayName})
	}
	if refuse(&p) {
		r.c.Status(http.StatusUnprocessableEntity)
	}
	return r.render(page{title: "Care team", body: teams.Show(p)})
}

// team is the care team of the address.
func (h teamPages) team(r *request) (access.Team, error) {
	id := r.param("id")
	if !publicID(id) {
		return access.Team{}, health.ErrNotFound
	}
	if r.entry.Subject == "" {
		r.about(health.PersonID(r.entry.PersonID), id)
	}
	return h.store.Team(r.ctx, id)
}

// rename answers POST /admin/teams/{id}/name.
func (h teamPages) rename(r *request) error {
	team, err := h.team(r)
	if err != nil {
		return err
	}
	refuse := func(words string) error {
		return h.renderTeam(r, func(p *teams.ShowProps) bool { p.Name, p.NameError = r.form("name"), words; return true })
	}
	name, err := access.TeamName(r.form("name"))
	if err != nil {
		return refuse("Give a name of 1 to 100 characters.")
	}
	err = h.keeper.RenameTeam(r.ctx, team.ID, name)
	if errors.Is(err, access.ErrTeamExists) {
		return refuse("There is a care team of this name already.")
	}
	if err != nil {
		return err
	}
	r.note("act", "renamed")
	return r.redirect(teams.Href(team.PublicID))
}

// addUser answers POST /admin/teams/{id}/users.
func (h teamPages) addUser(r *request) error {
	return h.join(r, func(team access.Team, member string, p access.Period) error {
		if !publicID(member) {
			return access.ErrNoMember
		}
		r.note("user", member)
		return h.keeper.AddTeamUser(r.ctx, r.principal().UserID, team, member, p, r.now())
	}, "user", "Choose a person of the list.", func(p *teams.ShowProps) *teams.Form { return &p.UserForm })
}

// addPatient answers POST /admin/teams/{id}/patients.
func (h teamPages) addPatient(r *request) error {
	return h.join(r, func(team access.Team, member string, p access.Period) error {
		if member == "" || len(member) > 200 {
			return access.ErrNoMember
		}
		id, err := h.keeper.AddTeamPatient(r.ctx, r.principal().UserID, team, member, p, r.now())
		if err == nil {
			r.about(id, team.PublicID)
		}
		return err
	}, "record_number", "No patient has this record number. Check it, or import the patient first.", func(p *teams.ShowProps) *teams.Form { return &p.PatientForm })
}

// join adds a member and shows the form again with what was refused.
func (h teamPages) join(r *request, add func(access.Team, string, access.Period) error, field, unknown string, form func(*teams.ShowProps) *teams.Form) error {
	team, err := h.team(r)
	if err != nil {
		return err
	}
	f := teams.Form{Member: strings.TrimSpace(r.form(field)), From: strings.TrimSpace(r.form("from")), To: strings.TrimSpace(r.form("to"))}
	period, ok := r.period(&f)
	if ok {
		switch err := add(team, f.Member, period); {
		case err == nil:
			r.note("act", "added")
			return r.redirect(teams.Href(team.PublicID))
		case errors.Is(err, access.ErrNoMember):
			f.MemberError = unknown
		case errors.Is(err, access.ErrOverlap):
			f.FromError = "Another membership covers part of this time. End that one first."
		case errors.Is(err, access.ErrPeriod):
			f.ToError = "The last day lies before the first."
		default:
			return fmt.Errorf("care team: %w", err)
		}
	}
	return h.renderTeam(r, func(p *teams.ShowProps) bool { *form(p) = f; return true })
}

// period reads the days of a form in the site's zone. The last day still
// belongs to the membership.
func (r *request) period(f *teams.Form) (access.Period, bool) {
	var p access.Period
	if f.From != "" {
		day, err := health.ParseDay(f.From)
		if err != nil {
			f.FromError = "Write the date as YYYY-MM-DD."
			return p, false
		}
		p.From = day.Start(r.zone())
	}
	if f.To != "" {
		day, err := health.ParseDay(f.To)
		if err != nil {
			f.ToError = "Write the date as YYYY-MM-DD."
			return p, false
		}
		p.To = day.AddDays(1).Start(r.zone())
	}
	return p, true
}

// endUser answers POST /admin/teams/{id}/users/{membership}/end.
func (h teamPages) endUser(r *request) error {
	return h.end(r, func(team access.Team, id string) error {
		return h.keeper.EndTeamUser(r.ctx, r.principal().UserID, team, id, r.now())
	})
}

// endPatient answers POST /admin/teams/{id}/patients/{membership}/end.
func (h teamPages) endPatient(r *request) error {
	return h.end(r, func(team access.Team, id string) error {
		person, err := h.keeper.EndTeamPatient(r.ctx, team, id, r.now())
		r.about(person, team.PublicID)
		return err
	})
}

func (h teamPages) end(r *request, end func(access.Team, string) error) error {
	team, err := h.team(r)
	if err != nil {
		return err
	}
	id := r.param("membership")
	if !publicID(id) {
		return health.ErrNotFound
	}
	if err := end(team, id); err != nil {
		return err
	}
	r.note("act", "ended")
	r.note("membership", id)
	return r.redirect(teams.Href(team.PublicID))
}

// publicID reports whether s has the form of a public id: 32 hexadecimal digits.
func publicID(s string) bool {
	return len(s) == 32 && strings.Trim(s, "0123456789abcdef") == ""
}
