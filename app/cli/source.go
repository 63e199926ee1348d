package cli

import (
	"errors"
	"fmt"
	"text/tabwriter"

	"healthportal/app/health"
	"healthportal/app/portal"
)

type sourceCommands struct {
	List     sourceListCommand     `cmd:"" help:"List the sources by the priority with which they count where several measured the same time."`
	Priority sourcePriorityCommand `cmd:"" help:"Choose with which priority a source counts, and count the days anew that depend on it."`
}

type sourceListCommand struct {
	JSON bool `name:"json" help:"Print JSON."`
}

// listedSource is a source as `source list --json` prints it.
type listedSource struct {
	ID   int    `json:"id"`
	Name string `json:"name"`
	// Kind is what the name says.
	Kind health.SourceKind `json:"kind"`
	// Priority is the one in force; of a chosen one the devices change nothing.
	Priority int  `json:"priority"`
	Chosen   bool `json:"chosen"`
}

func listSource(s health.Source) listedSource {
	l := listedSource{ID: s.ID, Name: s.Name, Kind: s.Kind, Priority: s.Kind.Priority()}
	if s.Chosen != 0 {
		l.Priority, l.Chosen = s.Chosen, true
	}
	return l
}

// Run lists the sources, the one that counts first on top.
func (c sourceListCommand) Run(r *run) error {
	return r.withPortal(func(p *portal.Portal) error {
		list, err := p.DB.Sources(r.ctx)
		if err != nil {
			return err
		}
		rows := make([]listedSource, len(list))
		for i, s := range list {
			rows[i] = listSource(s)
		}
		if c.JSON {
			return r.printJSON(rows)
		}
		w := tabwriter.NewWriter(r.Stdout, 0, 4, 2, ' ', 0)
		fmt.Fprintln(w, "ID\tPRIORITY\tBY\tNAME") //nolint:errcheck // Flush reports it
		for _, l := range rows {
			by := string(l.Kind)
			if l.Chosen {
				by = "choice"
			}
			fmt.Fprintf(w, "%d\t%d\t%s\t%s\n", l.ID, l.Priority, by, l.Name) //nolint:errcheck // Flush reports it
		}
		if err := w.Flush(); err != nil {
			return fmt.Errorf("print: %w", err)
		}
		return nil
	})
}

type sourcePriorityCommand struct {
	ID       int  `arg:"" help:"The source's id, as source list shows it."`
	Priority int  `arg:"" optional:"" help:"1 to 999; the smaller number counts."`
	Default  bool `name:"default" help:"Take the choice back: what the names of source and device say."`
	JSON     bool `name:"json" help:"Print what changed as JSON."`
}

// changedPriority is what source priority --json prints; 0 is the default.
type changedPriority struct {
	listedSource
	Before int `json:"before"`
	Days   int `json:"days"`
}

// Run chooses.
func (c sourcePriorityCommand) Run(r *run) error {
	if c.Default == (c.Priority != 0) {
		return usageError{errors.New("give a priority from 1 to 999, or --default")}
	}
	if !c.Default {
		if err := health.CheckPriority(c.Priority); err != nil {
			return usageError{err}
		}
	}
	return r.withPortal(func(p *portal.Portal) error {
		change, err := p.SetSourcePriority(r.ctx, c.ID, c.Priority)
		if err != nil {
			return err
		}
		l := listSource(change.Source)
		if c.JSON {
			return r.printJSON(changedPriority{l, change.Before, change.Days})
		}
		if change.Before == change.Source.Chosen {
			_, err = fmt.Fprintf(r.Stdout, "source priority %d: nothing to change\n", l.ID)
			return err
		}
		_, err = fmt.Fprintf(r.Stdout, "source priority %d: %s; %d days counted anew\n", l.ID, priorityWords(l), change.Days)
		return err
	})
}

func priorityWords(l listedSource) string {
	if l.Chosen {
		return fmt.Sprintf("priority %d", l.Priority)
	}
	return fmt.Sprintf("priority %d again, as its name says (%s), or that of the device where it is better", l.Priority, l.Kind)
}
