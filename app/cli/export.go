package cli

import (
	"bufio"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"

	"healthportal/app/access"
	"healthportal/app/health"
	"healthportal/app/health/exportfile"
	"healthportal/app/portal"
)

type exportCommand struct {
	Person    string  `name:"person" help:"Record number of the patient." xor:"who"`
	All       bool    `name:"all" help:"Export every patient, to move to another portal." xor:"who"`
	Format    string  `name:"format" default:"ndjson" help:"csv or ndjson; the last line of ndjson proves that it is complete."`
	Metric    string  `name:"metric" help:"Only this metric, by its code."`
	Source    *string `name:"source" placeholder:"NAME" help:"Only this source, by its name as tables show it."`
	Flag      *string `name:"flag" placeholder:"CODE" help:"Only this flag of the laboratory (H, LL, ...); any for all flagged values, not-normal for all but N."`
	From      string  `name:"from" help:"First day, YYYY-MM-DD, in the patient's time zone."`
	To        string  `name:"to" help:"Last day, YYYY-MM-DD."`
	Output    string  `name:"output" type:"path" help:"File to write. It appears under this name once it is complete."`
	Overwrite bool    `name:"overwrite" help:"Replace the file where it exists."`
	Gzip      bool    `name:"gzip" help:"Compress the output."`
	JSON      bool    `name:"json" help:"With --output: print the receipt as JSON."`
}

// exportReceipt is what proves a command's export complete; hash and bytes are
// of the content before compression.
type exportReceipt struct {
	Rows   int64  `json:"rows"`
	Bytes  int64  `json:"bytes"`
	SHA256 string `json:"sha256"`
	File   string `json:"file"`
}

// Run writes the rows. The export is recorded before its first byte and, with
// count and hash, after its last.
func (c exportCommand) Run(r *run) (err error) {
	req, err := c.request()
	if err != nil {
		return usageError{err}
	}
	if err := c.checkOutput(); err != nil {
		return err
	}
	p, err := r.open()
	if err != nil {
		return err
	}
	defer closing(p, &err)
	if err := p.ExportPrepare(r.ctx, &req); err != nil {
		if errors.Is(err, health.ErrNotFound) {
			return errors.New("no patient has this record number; check it")
		}
		if errors.Is(err, portal.ErrNoSuchSource) {
			return fmt.Errorf("--source: %w", err)
		}
		return err
	}
	if err := c.record(r, p, req, map[string]any{"part": "begin"}, nil); err != nil {
		return err
	}
	proof, err := c.write(r, p, req)
	err = c.record(r, p, req, map[string]any{"part": "end", "rows": proof.Rows, "bytes": proof.Bytes, "sha256": proof.SHA256}, err)
	if err != nil {
		return fmt.Errorf("the export is not complete: %w", err)
	}
	return c.report(r, proof)
}

func (c exportCommand) request() (req portal.ExportRequest, err error) {
	req.Record, req.Metric = c.Person, c.Metric
	if (c.Person == "") == !c.All {
		return req, errors.New("name one patient by --person, or write --all")
	}
	if c.JSON && c.Output == "" {
		return req, errors.New("--json: standard output is the export itself; give --output")
	}
	if c.Overwrite && c.Output == "" {
		return req, errors.New("--overwrite: there is no --output")
	}
	if err := c.choose(&req); err != nil {
		return req, err
	}
	if req.Format, err = health.ParseExportFormat(c.Format); err != nil {
		return req, fmt.Errorf("--format: %w", err)
	}
	for _, day := range []struct {
		flag, text string
		to         *health.Day
	}{{"--from", c.From, &req.From}, {"--to", c.To, &req.To}} {
		if day.text == "" {
			continue
		}
		if *day.to, err = health.ParseDay(day.text); err != nil {
			return req, fmt.Errorf("%s: %w", day.flag, err)
		}
	}
	if err := req.Validate(); err != nil {
		return req, fmt.Errorf("--from and --to: %w", err)
	}
	return req, nil
}

// choose reads the filters by source and flag. An empty one is refused: it may be a
// variable that nobody set, and would export more than was asked for.
func (c exportCommand) choose(req *portal.ExportRequest) error {
	for _, f := range []struct {
		flag     string
		text, to *string
	}{{"--source", c.Source, &req.Source}, {"--flag", c.Flag, &req.Flag}} {
		if f.text == nil {
			continue
		}
		if *f.text == "" {
			return fmt.Errorf("%s: it is empty; leave it out to export all", f.flag)
		}
		*f.to = *f.text
	}
	return nil
}

// checkOutput refuses a name that is taken, before anything is read.
func (c exportCommand) checkOutput() error {
	if c.Output == "" {
		return nil
	}
	info, err := os.Lstat(c.Output)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return fmt.Errorf("--output: %w", err)
	case !info.Mode().IsRegular():
		return usageError{fmt.Errorf("--output: %s is no file", c.Output)}
	case !c.Overwrite:
		return usageError{fmt.Errorf("--output: %s exists; choose another name, or write --overwrite", c.Output)}
	}
	return nil
}

func (c exportCommand) record(r *run, p *portal.Portal, req portal.ExportRequest, detail map[string]any, err error) error {
	detail["format"], detail["metric"], detail["from"], detail["to"], detail["all"] = string(req.Format), c.Metric, c.From, c.To, c.All
	if req.SourceID != 0 {
		detail["source"] = req.SourceID // its name may be a person's
	}
	if req.Flag != "" {
		detail["flag"] = req.Flag
	}
	return p.Record(r.ctx, portal.Act{Command: "export", Kind: access.KindExport, Person: req.Person, Detail: detail}, err)
}

// write writes to standard output, or to a file that gets its name at the end.
func (c exportCommand) write(r *run, p *portal.Portal, req portal.ExportRequest) (_ exportfile.Proof, err error) {
	bar := newProgress(r.Stderr)
	defer bar.done()
	told := func(rows int64) {
		bar.show("export: " + strconv.FormatInt(rows, 10) + " of " + strconv.FormatInt(req.Expected, 10) + " rows")
	}
	if c.Output == "" {
		return c.stream(r, p, req, r.Stdout, told)
	}
	f, err := os.CreateTemp(filepath.Dir(c.Output), "."+filepath.Base(c.Output)+".*.part")
	if err != nil {
		return exportfile.Proof{}, fmt.Errorf("--output: %w", err)
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, ignoreClosed(f.Close()), os.Remove(f.Name()))
		}
	}()
	proof, err := c.stream(r, p, req, f, told)
	if err != nil {
		return proof, err
	}
	if err := errors.Join(f.Sync(), f.Close()); err != nil {
		return proof, fmt.Errorf("--output: %w", err)
	}
	if err := c.checkOutput(); err != nil { // somebody may have made it meanwhile
		return proof, err
	}
	if err := os.Rename(f.Name(), c.Output); err != nil {
		return proof, fmt.Errorf("--output: %w", err)
	}
	return proof, nil
}

func ignoreClosed(err error) error {
	if errors.Is(err, os.ErrClosed) {
		return nil
	}
	return err
}

func (c exportCommand) stream(r *run, p *portal.Portal, req portal.ExportRequest, w io.Writer, told func(int64)) (exportfile.Proof, error) {
	if !c.Gzip {
		return p.Export(r.ctx, req, w, told)
	}
	out := bufio.NewWriterSize(w, exportBuffer)
	packed, err := gzip.NewWriterLevel(out, gzip.BestSpeed)
	if err != nil {
		return exportfile.Proof{}, fmt.Errorf("compress: %w", err)
	}
	proof, err := p.Export(r.ctx, req, packed, told)
	if err != nil {
		return proof, err // without its end the compressed file is known as broken
	}
	return proof, errors.Join(packed.Close(), out.Flush())
}

// exportBuffer is how much compressed output is written at once.
const exportBuffer = 64 << 10

// report says on standard error what was written, on standard output as JSON.
func (c exportCommand) report(r *run, proof exportfile.Proof) error {
	if c.JSON {
		return r.printJSON(exportReceipt{proof.Rows, proof.Bytes, proof.SHA256, c.Output})
	}
	_, err := fmt.Fprintf(r.Stderr, "export: %d rows, %d bytes, SHA-256 %s\n", proof.Rows, proof.Bytes, proof.SHA256)
	return err
}
