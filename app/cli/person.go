package cli

import (
	"errors"
	"fmt"
	"strings"

	"healthportal/app/health"
	"healthportal/app/portal"
)

type personCommands struct {
	Merge personMergeCommand `cmd:"" help:"Make two records of one human one."`
	Split personSplitCommand `cmd:"" help:"Take out of a record what does not belong to it, or take a merge back."`
}

type personMergeCommand struct {
	Keep     string `arg:"" help:"The record that stays: record number or public id."`
	Gone     string `arg:"" help:"The record that becomes part of it: record number or public id."`
	Yes      bool   `name:"yes" help:"Do it."`
	DryRun   bool   `name:"dry-run" help:"Print what would happen and change nothing."`
	Override string `name:"override-differences" placeholder:"REASON" help:"Why records that differ in birth date or sex are one human, in 10 letters or more."`
	Leave    bool   `name:"leave-clashing" help:"Leave observations of which both records have different content with the record that goes, out of sight."`
	JSON     bool   `name:"json" help:"Print the counts as JSON."`
}

// mergedJSON is what person merge --json prints.
type mergedJSON struct {
	Merge   int64  `json:"merge"`
	DryRun  bool   `json:"dry_run"`
	Keep    string `json:"keep"`
	Gone    string `json:"gone"`
	Consent bool   `json:"research_consent"`
	health.MoveCounts
	health.PersonCounts
}

// Run merges.
func (c personMergeCommand) Run(r *run) (err error) {
	if err := sure(c.Yes, c.DryRun); err != nil {
		return err
	}
	return r.withPortal(func(p *portal.Portal) error {
		m, err := p.MergePersons(r.ctx, c.Keep, c.Gone, health.MergeChoices{Override: c.Override, LeaveClashing: c.Leave}, c.DryRun)
		if err != nil {
			return err
		}
		if c.JSON {
			return r.printJSON(mergedJSON{m.ID, c.DryRun, m.Keep.PublicID, m.Gone.PublicID, m.Consent, m.MoveCounts, m.PersonCounts})
		}
		for _, note := range mergeNotes(m) {
			fmt.Fprintln(r.Stderr, note)
		}
		_, err = fmt.Fprintf(r.Stdout, "person merge%s: %s; %s\n", mode(c.DryRun), movedWords(m.MoveCounts), referWords(m.PersonCounts))
		if err == nil && !c.DryRun {
			_, err = fmt.Fprintf(r.Stdout, "Take it back with: portal person split --merge %d\n", m.ID)
		}
		return err
	})
}

// mergeNotes are what whoever merges should know beside the counts.
func mergeNotes(m health.MergeReport) []string {
	var notes []string
	if m.Keep.BirthDate.IsZero() || m.Gone.BirthDate.IsZero() {
		notes = append(notes, "The birth dates could not be compared: at least one record has none.")
	}
	if m.Clashing > 0 {
		notes = append(notes, fmt.Sprintf("%d observations have different content in the two records: %d values of the record that goes are out of sight.", m.Clashing, m.ClashingRows))
	}
	if m.KeepConsent != m.GoneConsent {
		notes = append(notes, "Only one of the two consented to research: the one record does not.")
	}
	if m.GoneConsent && m.Consent {
		notes = append(notes, "Researchers know two pseudonyms of this person: that of the record that goes leads nowhere any more, and its values appear under the other, with that one's dates.")
	}
	return notes
}

func mode(dry bool) string {
	if dry {
		return " (dry run, nothing was changed)"
	}
	return ""
}

func movedWords(c health.MoveCounts) string {
	words := fmt.Sprintf("%d values moved, %d repeated, %d days counted anew", c.Values, c.Repeated, c.Days)
	if c.Unkeyed > 0 {
		words += fmt.Sprintf(", %d of the values not written by an import", c.Unkeyed)
	}
	if c.Held > 0 {
		words += fmt.Sprintf(", %d observations stay because they have versions outside the choice", c.Held)
	}
	return words
}

func referWords(c health.PersonCounts) string {
	return fmt.Sprintf("%d identifiers, %d care team memberships, %d emergency accesses, %d reports", c.Identifiers, c.Teams, c.Emergencies, c.Reports)
}

type personSplitCommand struct {
	Person     string   `arg:"" optional:"" help:"The record to take something out of: record number or public id. Left out with --merge."`
	Merge      int64    `name:"merge" placeholder:"ID" help:"Take back this merge."`
	Import     []int64  `name:"import" placeholder:"ID" help:"Take out the values of this import, repeatable."`
	Source     string   `name:"source" placeholder:"NAME" help:"Take out the values of this source."`
	Identifier []string `name:"identifier" sep:"none" placeholder:"SYSTEM|VALUE" help:"Take out this identifier, so that later imports find the other record by it, repeatable."`
	To         string   `name:"to" placeholder:"PERSON" help:"The record that takes it: record number or public id."`
	New        bool     `name:"new" help:"Make a new record that takes it."`
	Yes        bool     `name:"yes" help:"Do it."`
	DryRun     bool     `name:"dry-run" help:"Print what would happen and change nothing."`
	JSON       bool     `name:"json" help:"Print the counts as JSON."`
}

// choices are what the flags choose, or what is wrong with them.
func (c personSplitCommand) choices() (health.SplitChoices, error) {
	s := health.SplitChoices{Merge: c.Merge, Imports: c.Import, Source: c.Source}
	for _, text := range c.Identifier {
		system, value, ok := strings.Cut(text, "|")
		if !ok || system == "" || value == "" {
			return s, errors.New("--identifier is SYSTEM|VALUE, as in https://clinic.example/mrn|123")
		}
		s.Identifiers = append(s.Identifiers, health.Identifier{System: system, Value: value})
	}
	part := len(s.Imports) > 0 || s.Source != "" || len(s.Identifiers) > 0
	if s.Merge != 0 {
		if part || c.Person != "" || c.To != "" || c.New {
			return s, errors.New("--merge ID says it all: leave the record and the other choices out")
		}
		return s, nil
	}
	return s, c.checkPart(s, part)
}

// checkPart says what is wrong with the choice of a part of a record.
func (c personSplitCommand) checkPart(s health.SplitChoices, part bool) error {
	switch {
	case c.Person == "" || !part:
		return errors.New("name a record and what leaves it (--import, --source, --identifier), or a merge (--merge)")
	case len(s.Imports) > 0 && s.Source != "":
		return errors.New("give --import or --source, not both")
	case (c.To == "") == !c.New:
		return errors.New("say where it goes: --to PERSON or --new")
	default:
		return nil
	}
}

// splitJSON is what person split --json prints.
type splitJSON struct {
	DryRun bool   `json:"dry_run"`
	From   string `json:"from"`
	To     string `json:"to"`
	New    bool   `json:"new"`
	Since  int64  `json:"imported_since"`
	// Surfaced is as in health.SplitReport.
	Surfaced int64 `json:"surfaced"`
	health.MoveCounts
	health.PersonCounts
}

// Run splits.
func (c personSplitCommand) Run(r *run) error {
	choices, err := c.choices()
	if err != nil {
		return usageError{err}
	}
	if err := sure(c.Yes, c.DryRun); err != nil {
		return err
	}
	return r.withPortal(func(p *portal.Portal) error {
		var s health.SplitReport
		if choices.Merge != 0 {
			s, err = p.SplitMerge(r.ctx, choices.Merge, c.DryRun)
		} else {
			s, err = p.SplitPerson(r.ctx, c.Person, c.To, choices, c.DryRun)
		}
		if err != nil {
			return err
		}
		if c.JSON {
			return r.printJSON(splitJSON{c.DryRun, s.From.PublicID, s.To.PublicID, s.New, s.Since, s.Surfaced, s.MoveCounts, s.PersonCounts})
		}
		return c.print(r, s)
	})
}

func (c personSplitCommand) print(r *run, s health.SplitReport) error {
	if s.Since > 0 {
		fmt.Fprintf(r.Stderr, "%d values came for the record since the merge and stay with it; portal person split --import moves those that don't belong.\n", s.Since)
	}
	if s.Surfaced > 0 {
		fmt.Fprintf(r.Stderr, "%d values of merged records show in the place of what left.\n", s.Surfaced)
	}
	if len(c.Identifier) > 0 {
		fmt.Fprintln(r.Stderr, "Reports that name the identifier move with the next portal sync-reports.")
	}
	if s.New && !c.DryRun {
		if _, err := fmt.Fprintf(r.Stdout, "new record %s; nobody's care team has it yet\n", s.To.PublicID); err != nil {
			return err
		}
	}
	_, err := fmt.Fprintf(r.Stdout, "person split%s: %s; %s\n", mode(c.DryRun), movedWords(s.MoveCounts), referWords(s.PersonCounts))
	return err
}

// withPortal opens the portal for fn and closes it.
func (r *run) withPortal(fn func(*portal.Portal) error) (err error) {
	p, err := r.open()
	if err != nil {
		return err
	}
	defer closing(p, &err)
	return fn(p)
}
