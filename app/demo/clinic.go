// Package demo makes the synthetic clinic: invented people, two years of their
// health data and their genomics reports, written as files that enter the portal
// through its real importers. Nothing in it describes a real person.
package demo

import (
	"fmt"
	"time"
	// The patients' zones must load on machines without a time zone database.
	_ "time/tzdata"

	"healthportal/app/access"
	"healthportal/app/health"
)

// SiteZone is the IANA zone of the clinic itself.
const SiteZone = "Europe/Berlin"

// SiteName is the name of the clinic, as its manifest and every report carry it.
const SiteName = "Synthetic Clinic (demo)"

// Notice stands on every page of every report.
const Notice = "SYNTHETIC – not a real patient"

// The care teams of the clinic.
const (
	Cardiology      = "Cardiology"
	GeneralMedicine = "General medicine"
)

// historyDays is how far back the health data reach: two years.
const historyDays = 730

// Clinic is the synthetic clinic. The same seed and day give the same bytes;
// with the same seed, a later day adds data and changes none.
type Clinic struct {
	seed     uint64
	today    health.Day
	patients []patient
	// days is the length of the history; tests shorten it.
	days int
}

// New returns the clinic as of today, a date in SiteZone. All data end where
// that day begins.
func New(seed uint64, today health.Day) *Clinic {
	return &Clinic{seed: seed, today: today, patients: people(), days: historyDays}
}

// Team is a care team.
type Team struct {
	Name string
	// Patients is the number of its patients.
	Patients int
}

// Teams lists the care teams in the order in which to import them.
func (c *Clinic) Teams() []Team {
	teams := []Team{{Name: Cardiology}, {Name: GeneralMedicine}}
	for i := range teams {
		teams[i].Patients = len(c.ofTeam(teams[i].Name))
	}
	return teams
}

// Patients lists the clinic's people, without ids of any store.
func (c *Clinic) Patients() []health.Person {
	out := make([]health.Person, 0, len(c.patients))
	for _, p := range c.patients {
		out = append(out, p.person())
	}
	return out
}

// User is a person who works at the clinic.
type User struct {
	// Name signs in and stands in commands; DisplayName is for people.
	Name, DisplayName string
	Role              access.Role
	// Teams are the care teams whose patients the user sees; clinicians have some.
	Teams []string
}

// Users lists the staff, one for each role.
func Users() []User {
	return []User{
		{"clara", "Dr. Clara Klinik (demo)", access.Clinician, []string{Cardiology, GeneralMedicine}},
		{"anders", "Anders Analys (demo)", access.Analyst, nil},
		{"rosa", "Rosa Ricerca (demo)", access.Researcher, nil},
		{"otto", "Otto Betrieb (demo)", access.Ops, nil},
		{"petra", "Petra Privat (demo)", access.Privacy, nil},
		{"ada", "Ada Admin (demo)", access.Admin, nil},
	}
}

// ofTeam returns the patients of one team; none for a team that does not exist.
func (c *Clinic) ofTeam(team string) []patient {
	var out []patient
	for _, p := range c.patients {
		if p.team == team {
			out = append(out, p)
		}
	}
	return out
}

// team is ofTeam for callers that must not miss a wrong name.
func (c *Clinic) team(name string) ([]patient, error) {
	if ps := c.ofTeam(name); len(ps) > 0 {
		return ps, nil
	}
	return nil, fmt.Errorf("the synthetic clinic has no care team %q: use one that Teams lists", name)
}

// end is the instant at which the data stop: the beginning of today at the site.
func (c *Clinic) end() (time.Time, error) {
	loc, err := time.LoadLocation(SiteZone)
	if err != nil {
		return time.Time{}, fmt.Errorf("loading the clinic's time zone: %w", err)
	}
	return c.today.Start(loc), nil
}
