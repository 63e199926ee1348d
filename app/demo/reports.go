package demo

import (
	"bytes"
	"fmt"
	"html/template"
	"os"
	"path/filepath"

	"healthportal/app/genomics"
	"healthportal/app/genomics/document"
)

// WriteReports writes the clinic's genomics reports and their sidecars below
// dir, as <record number>/<date>/<name>, and returns the number of reports.
// Among them are amended and withdrawn ones, two for people whom the clinic does
// not know, and two damaged ones: an empty file and a web page named .pdf.
func (c *Clinic) WriteReports(dir string) (int, error) {
	reports, err := c.reports()
	if err != nil {
		return 0, err
	}
	t, err := reportTemplate()
	if err != nil {
		return 0, err
	}
	for _, r := range reports {
		content, err := r.content(t)
		if err != nil {
			return 0, err
		}
		if err := r.write(dir, content); err != nil {
			return 0, err
		}
	}
	damaged, err := writeDamaged(dir, reports, t)
	return len(reports) + damaged, err
}

// content is the document itself.
func (r *report) content(t *template.Template) ([]byte, error) {
	var b bytes.Buffer
	if r.format == genomics.HTML {
		err := writeHTML(&b, t, r)
		return b.Bytes(), err
	}
	err := writePDF(&b, r)
	return b.Bytes(), err
}

// write puts the sidecar first, so that no report is seen without its own.
func (r *report) write(dir string, content []byte) error {
	side, err := r.sidecar()
	if err != nil {
		return err
	}
	file := filepath.Join(dir, filepath.FromSlash(r.path()))
	if err := os.MkdirAll(filepath.Dir(file), 0o750); err != nil {
		return fmt.Errorf("making a folder for the demo's reports: %w", err)
	}
	if err := os.WriteFile(document.SidecarName(file), side, 0o600); err != nil {
		return fmt.Errorf("writing a sidecar of the demo's reports: %w", err)
	}
	if err := os.WriteFile(file, content, 0o600); err != nil {
		return fmt.Errorf("writing one of the demo's reports: %w", err)
	}
	return nil
}

// writeDamaged writes the reports that show what the portal says of damaged files.
func writeDamaged(dir string, reports []*report, t *template.Template) (int, error) {
	for _, r := range reports {
		switch {
		case r.patient.record == "SYN-000104" && r.kind == "quality-control":
			empty := *r
			empty.slug, empty.title, empty.format = "sequencing-quality-rerun", "Sequencing quality summary (rerun)", genomics.PDF
			if err := empty.write(dir, nil); err != nil {
				return 0, err
			}
		case r.patient.record == "SYN-000113" && r.kind == "quality-control":
			page, err := r.content(t)
			if err != nil {
				return 0, err
			}
			named := *r
			named.slug, named.format = "sequencing-quality-export", genomics.PDF
			if err := named.write(dir, page); err != nil {
				return 0, err
			}
		}
	}
	return 2, nil
}
