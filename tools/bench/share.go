package main

import (
	"context"
	"database/sql"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	_ "modernc.org/sqlite" // the mirror's driver, for its limit

	"healthportal/app/genomics"
)

// filesPerFolder is how many reports a folder holds.
const filesPerFolder = 100

// The report share and the manifest that names it.
func (p *place) share() string    { return filepath.Join(p.dir, "share") }
func (p *place) manifest() string { return filepath.Join(p.dir, "share.yaml") }

func folders(files int) int { return (files + filesPerFolder - 1) / filesPerFolder }

// records are the record numbers of the synthetic clinic's patients.
func records() []string {
	var all []string
	for _, p := range clinic().Patients() {
		all = append(all, p.RecordNumber)
	}
	return all
}

// writeReports writes n HTML reports below dir, the folders spread over the patients.
func writeReports(dir string, n int, records []string) error {
	for i := range n {
		folder := i / filesPerFolder
		record := records[folder%len(records)]
		where := filepath.Join(dir, record, fmt.Sprintf("batch-%04d", folder))
		if i%filesPerFolder == 0 {
			if err := os.MkdirAll(where, 0o700); err != nil {
				return fmt.Errorf("make a report folder: %w", err)
			}
		}
		name := filepath.Join(where, fmt.Sprintf("report-%06d.html", i))
		if err := os.WriteFile(name, []byte(reportPage(record, i)), 0o600); err != nil {
			return fmt.Errorf("write a report: %w", err)
		}
	}
	return nil
}

// reportPage is a report of about four kilobytes; no two are the same.
func reportPage(record string, number int) string {
	var b strings.Builder
	fmt.Fprintf(&b, `<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><meta name="generator" content="bench 1">
<meta name="patient-record-number" content="%s"><title>Polygenic score %d (synthetic)</title></head>
<body><h1>Polygenic score %d</h1><p>Synthetic: not a real patient.</p><table>
`, record, number, number)
	for row := range 60 {
		fmt.Fprintf(&b, "<tr><th>marker %03d</th><td>contribution %d.%03d</td></tr>\n", row, number%7, (number+row*37)%1000)
	}
	b.WriteString("</table></body></html>\n")
	return b.String()
}

// bare reads the mirror's file without the mirror.
type bare struct{ db *sql.DB }

func openBare(dataDir string) (*bare, error) {
	u := url.URL{Scheme: "file", OmitHost: true, Path: filepath.Join(dataDir, "mirror", "reports.db"), RawQuery: "mode=ro"}
	db, err := sql.Open("sqlite", u.String())
	if err != nil {
		return nil, fmt.Errorf("open the mirror's file: %w", err)
	}
	db.SetMaxOpenConns(1)
	return &bare{db}, nil
}

func (b *bare) close() error {
	if err := b.db.Close(); err != nil {
		return fmt.Errorf("close the mirror's file: %w", err)
	}
	return nil
}

// page reads the newest rows, every column, and nothing else.
func (b *bare) page(ctx context.Context) error {
	rows, err := b.db.QueryContext(ctx, `SELECT * FROM report ORDER BY sort_at DESC, id DESC LIMIT ?`, genomics.DefaultReportPage+1)
	if err != nil {
		return fmt.Errorf("read the mirror's file: %w", err)
	}
	defer rows.Close() //nolint:errcheck // Err below tells
	columns, err := rows.Columns()
	if err != nil {
		return fmt.Errorf("read the mirror's file: %w", err)
	}
	cells := make([]any, len(columns))
	for i := range cells {
		cells[i] = new(sql.RawBytes)
	}
	n := 0
	for rows.Next() {
		if err := rows.Scan(cells...); err != nil {
			return fmt.Errorf("read the mirror's file: %w", err)
		}
		n++
	}
	if err := rows.Err(); err != nil {
		return fmt.Errorf("read the mirror's file: %w", err)
	}
	if n < genomics.DefaultReportPage {
		return fmt.Errorf("the mirror's file holds %d reports, a page %d", n, genomics.DefaultReportPage)
	}
	return nil
}
