package cli

import (
	"errors"
	"fmt"
	"strings"
	"text/tabwriter"
	"time"

	"healthportal/app/health"
)

type importListCommand struct {
	JSON bool `name:"json" help:"Print JSON."`
}

// listedImport is an import as `import list --json` prints it. Times are UTC.
type listedImport struct {
	ID       int64              `json:"id"`
	Format   string             `json:"format"`
	Started  time.Time          `json:"started"`
	Finished *time.Time         `json:"finished"`
	State    health.ImportState `json:"state"`
	// Read and the counts are null where the import did not reach its end.
	Read      *int               `json:"read"`
	Stored    *int               `json:"stored"`
	Repeated  *int               `json:"repeated"`
	Corrected *int               `json:"corrected"`
	Outdated  *int               `json:"outdated"`
	Refused   *int               `json:"refused"`
	Undone    *time.Time         `json:"undone"`
	UndoneBy  string             `json:"undone_by,omitempty"`
	TookBack  *health.UndoCounts `json:"took_back"`
}

func listImport(r health.ImportRecord) listedImport {
	l := listedImport{ID: r.ID, Format: r.Format, Started: r.Started, Finished: orNil(r.Finished), State: r.State, Undone: orNil(r.Undone), UndoneBy: r.By}
	if !r.Finished.IsZero() {
		l.Read, l.Stored, l.Repeated, l.Corrected, l.Outdated, l.Refused = &r.Read, &r.Stored, &r.Repeated, &r.Corrected, &r.Outdated, &r.Refused
	}
	if !r.Undone.IsZero() {
		l.TookBack = &r.Took
	}
	return l
}

// Run lists the imports, the latest first.
func (c importListCommand) Run(r *run) (err error) {
	p, err := r.open()
	if err != nil {
		return err
	}
	defer closing(p, &err)
	list, err := p.DB.Imports(r.ctx)
	if err != nil {
		return fmt.Errorf("list the imports: %w", err)
	}
	if c.JSON {
		rows := make([]listedImport, len(list))
		for i, rec := range list {
			rows[i] = listImport(rec)
		}
		return r.printJSON(rows)
	}
	return r.printImports(list)
}

func (r *run) printImports(list []health.ImportRecord) error {
	w := tabwriter.NewWriter(r.Stdout, 0, 4, 2, ' ', 0)
	fmt.Fprintln(w, "ID\tFORMAT\tSTARTED (UTC)\tSTATE\tREAD\tSTORED\tREPEATED\tCORRECTED\tOUTDATED\tREFUSED\tUNDONE (UTC)\tBY") //nolint:errcheck // Flush reports it
	for _, rec := range list {
		counts, undone := "?\t?\t?\t?\t?\t?", "\t"
		if !rec.Finished.IsZero() {
			counts = fmt.Sprintf("%d\t%d\t%d\t%d\t%d\t%d", rec.Read, rec.Stored, rec.Repeated, rec.Corrected, rec.Outdated, rec.Refused)
		}
		if !rec.Undone.IsZero() {
			undone = rec.Undone.Format(time.DateTime) + "\t" + rec.By
		}
		fmt.Fprintf(w, "%d\t%s\t%s\t%s\t%s\t%s\n", rec.ID, rec.Format, rec.Started.Format(time.DateTime), rec.State, counts, undone) //nolint:errcheck // Flush reports it
	}
	if err := w.Flush(); err != nil {
		return fmt.Errorf("print: %w", err)
	}
	if cut := cutOff(list); len(cut) > 0 {
		fmt.Fprintf(r.Stderr, "Cut off before the end of the file: %s. To go on, import the same file again: what is stored counts as repeated. "+
			"To take one back: portal import undo ID.\n", numbers(cut))
	}
	return nil
}

// cutOff are the imports that ended before their file did.
func cutOff(list []health.ImportRecord) []int64 {
	var ids []int64
	for _, rec := range list {
		if rec.State == health.ImportCutOff {
			ids = append(ids, rec.ID)
		}
	}
	return ids
}

type importUndoCommand struct {
	ID     int64 `arg:"" help:"The import's id, as import list shows it."`
	Yes    bool  `name:"yes" help:"Do it."`
	DryRun bool  `name:"dry-run" help:"Print what would happen and change nothing."`
	JSON   bool  `name:"json" help:"Print the counts as JSON."`
}

// sure makes --yes or --dry-run, and not both, a condition.
func sure(yes, dry bool) error {
	if yes == dry {
		return usageError{errors.New("give --dry-run to see what would happen, or --yes to do it")}
	}
	return nil
}

// Run takes the import back.
func (c importUndoCommand) Run(r *run) (err error) {
	if err := sure(c.Yes, c.DryRun); err != nil {
		return err
	}
	p, err := r.open()
	if err != nil {
		return err
	}
	defer closing(p, &err)
	report, err := p.UndoImport(r.ctx, c.ID, c.DryRun)
	if err != nil {
		return err
	}
	if c.JSON {
		return r.printJSON(struct {
			Import   int64   `json:"import"`
			DryRun   bool    `json:"dry_run"`
			Repeated []int64 `json:"later_imports_with_repeated_values"`
			health.UndoCounts
		}{c.ID, c.DryRun, append([]int64{}, report.Repeated...), report.UndoCounts})
	}
	return c.print(r, report)
}

func (c importUndoCommand) print(r *run, report health.UndoReport) error {
	mode := ""
	if c.DryRun {
		mode = " (dry run, nothing was changed)"
	}
	if n := len(report.Repeated); n > 0 {
		fmt.Fprintf(r.Stderr, "Later imports met values that were known already, perhaps some of these: %s. Import their files again after the undo; "+
			"what is known then is not stored twice.\n", numbers(report.Repeated))
	}
	_, err := fmt.Fprintf(r.Stdout, "import undo %d%s: %s\n", c.ID, mode, undoSummary(report.UndoCounts))
	return err
}

// undoSummary are the counts in one line.
func undoSummary(u health.UndoCounts) string {
	parts := []string{fmt.Sprintf("%d values taken away, %d earlier ones current again, %d days counted anew", u.Rows, u.Current, u.Days)}
	if u.Superseded > 0 {
		parts = append(parts, fmt.Sprintf("%d earlier ones superseded again", u.Superseded))
	}
	if u.Surfaced > 0 {
		parts = append(parts, fmt.Sprintf("%d values of merged records shown in their place", u.Surfaced))
	}
	if u.Persons > 0 {
		parts = append(parts, fmt.Sprintf("%d persons that it made stay, %d of them without values or reports", u.Persons, u.Empty))
	}
	return strings.Join(parts, "; ")
}

func numbers(ids []int64) string {
	texts := make([]string, len(ids))
	for i, id := range ids {
		texts[i] = fmt.Sprint(id)
	}
	return strings.Join(texts, ", ")
}
