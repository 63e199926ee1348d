// Package careteam reads care teams from CSV and from FHIR R4 and applies them
// line by line. Users and patients must exist: nobody is created or guessed.
package careteam

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"healthportal/app/access"
)

// Format is the format of a file.
type Format string

// The formats.
const (
	// CSV has the columns team, user, record_number, from, to.
	CSV Format = "csv"
	// FHIR is a Bundle, or NDJSON with CareTeam resources and what they refer to.
	FHIR Format = "fhir"
)

// MaxFile bounds what is read, in bytes: care teams are small, a mistaken file need not be.
const MaxFile = 64 << 20

// Problem is a line that was refused. Reason quotes the file's own words about
// staff, never a patient's name.
type Problem struct {
	Line   int    `json:"line"`
	Reason string `json:"reason"`
}

// String is "line 12: reason".
func (p Problem) String() string { return fmt.Sprintf("line %d: %s", p.Line, p.Reason) }

// Report says what became of every membership of a file. Read is the sum of
// Added, Changed, Unchanged and Refused.
type Report struct {
	Read      int `json:"read"`
	Added     int `json:"added"`
	Changed   int `json:"changed"`
	Unchanged int `json:"unchanged"`
	Refused   int `json:"refused"`
	// LeftOut counts participants who are neither staff nor the patient: relatives, organisations.
	LeftOut int `json:"left_out"`
	// NewTeams are the care teams that did not exist before.
	NewTeams []string  `json:"new_teams"`
	Problems []Problem `json:"problems"`
}

// Summary is the report in one line.
func (r Report) Summary() string {
	s := fmt.Sprintf("%d memberships read: %d added, %d changed, %d unchanged, %d refused", r.Read, r.Added, r.Changed, r.Unchanged, r.Refused)
	if r.LeftOut > 0 {
		s += fmt.Sprintf("; %d participants who are neither staff nor patients left out", r.LeftOut)
	}
	if len(r.NewTeams) > 0 {
		s += fmt.Sprintf("; %d new teams", len(r.NewTeams))
	}
	return s
}

func (r *Report) refuse(line int, reason string) {
	r.Read++
	r.Refused++
	r.Problems = append(r.Problems, Problem{line, reason})
}

// Store applies memberships.
type Store interface {
	// ApplyTeamLine stores one membership, each in a transaction of its own; dry
	// leaves everything as it was. newTeam says that the team did not exist. It
	// fails with access.ErrNoMember, access.ErrOverlap or access.ErrPeriod.
	ApplyTeamLine(ctx context.Context, line access.TeamLine, now time.Time, dry bool) (change access.Change, newTeam bool, err error)
}

// Options are the choices of an import.
type Options struct {
	Format Format
	// Site is the zone of days without a time.
	Site *time.Location
	// DryRun reports what would happen and changes nothing.
	DryRun bool
	// Now is the time of the import.
	Now time.Time
}

// parsed is a file as its reader understood it.
type parsed struct {
	lines    []access.TeamLine
	problems []Problem
	leftOut  int
}

// Import reads the whole file first, so that one that can't be read changes
// nothing, and then applies it line by line: refused lines are reported, all
// others are stored.
func Import(ctx context.Context, in io.Reader, store Store, o Options) (Report, error) {
	report := Report{NewTeams: []string{}, Problems: []Problem{}}
	body, err := io.ReadAll(io.LimitReader(in, MaxFile+1))
	if err != nil {
		return report, fmt.Errorf("read the care teams: %w", err)
	}
	if len(body) > MaxFile {
		return report, fmt.Errorf("the file is larger than %d MiB: split it by care team", MaxFile>>20)
	}
	var file parsed
	switch o.Format {
	case CSV:
		file, err = readCSV(body, o.Site)
	case FHIR:
		file, err = readFHIR(body, o.Site)
	default:
		err = fmt.Errorf("unknown format %q: use csv or fhir", o.Format)
	}
	if err != nil {
		return report, err
	}
	report.LeftOut = file.leftOut
	for _, p := range file.problems {
		report.refuse(p.Line, p.Reason)
	}
	err = apply(ctx, file.lines, store, o, &report)
	slices.SortStableFunc(report.Problems, func(a, b Problem) int { return a.Line - b.Line })
	return report, err
}

func apply(ctx context.Context, lines []access.TeamLine, store Store, o Options, report *Report) error {
	for _, line := range lines {
		if err := line.Valid(o.Now); err != nil {
			report.refuse(line.Line, "to is before from")
			continue
		}
		change, newTeam, err := store.ApplyTeamLine(ctx, line, o.Now, o.DryRun)
		switch {
		case errors.Is(err, access.ErrNoMember):
			report.refuse(line.Line, noMember(line))
			continue
		case errors.Is(err, access.ErrOverlap):
			report.refuse(line.Line, "another membership of the same member in this team covers part of this time; give that one's own start to change it")
			continue
		case err != nil:
			return fmt.Errorf("line %d: %w; lines before it are stored", line.Line, err)
		}
		report.Read++
		switch change {
		case access.ChangeAdded:
			report.Added++
		case access.ChangeChanged:
			report.Changed++
		default:
			report.Unchanged++
		}
		if newTeam && !contains(report.NewTeams, line.Team) {
			report.NewTeams = append(report.NewTeams, line.Team)
		}
	}
	return nil
}

func contains(list []string, s string) bool {
	for _, have := range list {
		if have == s {
			return true
		}
	}
	return false
}

func noMember(line access.TeamLine) string {
	if line.User != "" {
		return fmt.Sprintf("no user is named %q: add the person first, or correct the name", line.User)
	}
	return "no patient has this record number or identifier: import the patient first, or correct it"
}
