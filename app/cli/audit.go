package cli

import (
	"fmt"
	"time"

	"healthportal/app/access"
	"healthportal/app/audit"
	"healthportal/app/health"
	"healthportal/app/portal"
)

type auditCommands struct {
	Verify auditVerifyCommand `cmd:"" help:"Recompute every hash of the audit log and compare it with the signed heads."`
	Export auditExportCommand `cmd:"" help:"Write the audit log to standard output."`
}

type auditVerifyCommand struct {
	Heads []string `name:"heads" type:"path" help:"A further folder of signed heads, repeatable: copies, or those of other hosts."`
	JSON  bool     `name:"json" help:"Print JSON."`
}

// Run verifies the log; any finding makes the exit code 1. That it was verified
// is recorded.
func (c auditVerifyCommand) Run(r *run) (err error) {
	p, err := r.open()
	if err != nil {
		return err
	}
	defer closing(p, &err)
	rep, err := p.VerifyAudit(r.ctx, c.Heads)
	if err != nil {
		return err
	}
	show := r.printVerified
	if c.JSON {
		show = func(rep audit.Report) error { return r.printJSON(verifiedJSON{rep, rep.Elapsed.Seconds()}) }
	}
	if err := show(rep); err != nil {
		return err
	}
	// Last, so that the entry can't hide what was found where the log takes none.
	act := portal.Act{Command: "audit verify", Kind: access.KindAuditVerify,
		Detail: map[string]any{"rows": rep.Rows, "chains": rep.Chains, "findings": rep.Total}}
	if err := p.Record(r.ctx, act, nil); err != nil {
		return err
	}
	if rep.Total > 0 {
		return errReported
	}
	return nil
}

// verifiedJSON is a report as --json prints it.
type verifiedJSON struct {
	audit.Report
	Seconds float64 `json:"seconds"`
}

func (r *run) printVerified(rep audit.Report) error {
	for _, f := range rep.Findings {
		fmt.Fprintln(r.Stdout, findingLine(f)) //nolint:errcheck // the last line reports it
	}
	if hidden := rep.Total - len(rep.Findings); hidden > 0 {
		fmt.Fprintf(r.Stdout, "and %d more findings\n", hidden) //nolint:errcheck // the last line reports it
	}
	rate := float64(rep.Rows) / max(rep.Elapsed.Seconds(), 1e-6)
	_, err := fmt.Fprintf(r.Stdout, "audit verify: %d rows in %d chains, %d signed heads, %d chains without one; %d findings; %.1f s, %.0f rows/s\n",
		rep.Rows, rep.Chains, rep.Heads, rep.ChainsWithoutHead, rep.Total, rep.Elapsed.Seconds(), rate)
	return err
}

func findingLine(f audit.Finding) string {
	where := ""
	switch {
	case f.Seq > 0 && f.Through != f.Seq:
		where = fmt.Sprintf("chain %s rows %d-%d: ", f.Chain, f.Seq, f.Through)
	case f.Seq > 0:
		where = fmt.Sprintf("chain %s row %d: ", f.Chain, f.Seq)
	case f.Chain != "":
		where = fmt.Sprintf("chain %s: ", f.Chain)
	}
	return fmt.Sprintf("FINDING  %s: %s%s", f.Kind, where, f.Text)
}

type auditExportCommand struct {
	From   string `name:"from" help:"First day, YYYY-MM-DD, in the site's time zone."`
	To     string `name:"to" help:"Last day, YYYY-MM-DD."`
	Format string `name:"format" default:"csv" help:"csv or ndjson; the last line of ndjson proves that it is complete."`
}

// Run writes the rows, newest first. The export is recorded before its first
// byte and, with count and hash, after its last.
func (c auditExportCommand) Run(r *run) (err error) {
	format, err := audit.ParseFormat(c.Format)
	if err != nil {
		return usageError{fmt.Errorf("--format: %w", err)}
	}
	if _, err := c.filter(time.UTC); err != nil { // bad usage is told before anything is opened
		return usageError{err}
	}
	p, err := r.open()
	if err != nil {
		return err
	}
	defer closing(p, &err)
	zone, err := p.Zone()
	if err != nil {
		return err
	}
	filter, err := c.filter(zone)
	if err != nil {
		return usageError{err}
	}
	if err := c.record(r, p, map[string]any{"step": "begin"}, nil); err != nil {
		return err
	}
	receipt, err := r.writeAudit(p, filter, format)
	err = c.record(r, p, map[string]any{"step": "end", "rows": receipt.Rows, "sha256": receipt.SHA256}, err)
	if err != nil {
		return fmt.Errorf("the export is not complete: %w", err)
	}
	_, err = fmt.Fprintf(r.Stderr, "audit export: %d rows, SHA-256 %s\n", receipt.Rows, receipt.SHA256)
	return err
}

func (r *run) writeAudit(p *portal.Portal, f audit.Filter, format audit.Format) (audit.Receipt, error) {
	out, err := audit.NewExport(r.Stdout, format)
	if err != nil {
		return audit.Receipt{}, err
	}
	if err := p.DB.EachOf(r.ctx, f, out.Write); err != nil {
		return audit.Receipt{}, err
	}
	return out.Close()
}

func (c auditExportCommand) record(r *run, p *portal.Portal, detail map[string]any, err error) error {
	detail["from"], detail["to"], detail["format"] = c.From, c.To, c.Format
	return p.Record(r.ctx, portal.Act{Command: "audit export", Kind: access.KindAuditExport, Detail: detail}, err)
}

// filter is the days as instants: from the start of the first to the end of the last.
func (c auditExportCommand) filter(zone *time.Location) (audit.Filter, error) {
	var f audit.Filter
	for _, day := range []struct {
		flag, text string
		to         *time.Time
		add        int
	}{{"--from", c.From, &f.From, 0}, {"--to", c.To, &f.To, 1}} {
		if day.text == "" {
			continue
		}
		d, err := health.ParseDay(day.text)
		if err != nil {
			return f, fmt.Errorf("%s: %w", day.flag, err)
		}
		*day.to = time.Date(d.Year, d.Month, d.Dom+day.add, 0, 0, 0, 0, zone)
	}
	if err := f.Validate(); err != nil {
		return f, fmt.Errorf("--from and --to: %w", err)
	}
	return f, nil
}
