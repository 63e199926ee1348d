package cli

import (
	"fmt"
	"text/tabwriter"
	"time"

	"healthportal/app/health/adultrange"
)

type rangesCommands struct {
	List rangesListCommand `cmd:"" help:"List the general adult ranges and who signed them off."`
}

type rangesListCommand struct {
	JSON bool `name:"json" help:"Print JSON."`
}

// listedRange is a range as `ranges list --json` prints it.
type listedRange struct {
	Metric string `json:"metric"`
	Range  string `json:"range"`
	Source string `json:"source"`
	Digest string `json:"digest"`
	// State is signed-off, not-signed-off, changed (since its sign-off) or context-only (it can't be signed off).
	State string `json:"state"`
	// LastAct is sign-off or withdraw; it and what follows are left out before the first act.
	LastAct adultrange.ActKind `json:"last_act,omitempty"`
	By      string             `json:"by,omitempty"`
	At      time.Time          `json:"at,omitzero"`
}

// Run lists the ranges. Signing one off takes a clinician with a passkey: there is no command for it.
func (c rangesListCommand) Run(r *run) (err error) {
	p, err := r.open()
	if err != nil {
		return err
	}
	defer closing(p, &err)
	sheet, err := p.DB.RangeSheet(r.ctx)
	if err != nil {
		return fmt.Errorf("list the ranges: %w", err)
	}
	list := make([]listedRange, 0, len(sheet.Standings()))
	for _, s := range sheet.Standings() {
		list = append(list, listedRange{s.Range.Metric.Code, s.Range.Metric.Reference, s.Range.Source, s.Range.Digest(), rangeState(s), s.Last.Kind, s.Last.By, s.Last.At})
	}
	if c.JSON {
		return r.printJSON(list)
	}
	return r.printRanges(list)
}

func rangeState(s adultrange.Standing) string {
	switch {
	case s.SignedOff():
		return "signed-off"
	case s.Lapsed():
		return "changed"
	case !s.Range.Marks():
		return "context-only"
	default:
		return "not-signed-off"
	}
}

func (r *run) printRanges(list []listedRange) error {
	w := tabwriter.NewWriter(r.Stdout, 0, 4, 2, ' ', 0)
	fmt.Fprintln(w, "METRIC\tRANGE\tSTATE\tLAST ACT") //nolint:errcheck // Flush reports it
	for _, l := range list {
		last := ""
		if l.LastAct != "" {
			last = fmt.Sprintf("%s by %s, %s", l.LastAct, l.By, l.At.Format(time.RFC3339))
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\n", l.Metric, l.Range, l.State, last) //nolint:errcheck // Flush reports it
	}
	if err := w.Flush(); err != nil {
		return fmt.Errorf("print: %w", err)
	}
	return nil
}
