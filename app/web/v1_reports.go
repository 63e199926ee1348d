package web

import (
	"fmt"
	"net/url"
	"strconv"
	"time"

	"healthportal/app/genomics"
	"healthportal/app/health"
)

// apiReportsPath is the address of the report list for programs.
const apiReportsPath = "/v1/genomics/reports"

// reportsAnswer is the answer of GET /v1/genomics/reports. Total counts at most
// genomics.ReportCountLimit; TotalCapped says that there are more.
type reportsAnswer struct {
	Reports     []reportItem `json:"reports"`
	Total       int          `json:"total"`
	TotalCapped bool         `json:"total_capped"`
	IndexedAt   *string      `json:"indexed_at"`
	Next        *string      `json:"next"`
}

// reportItem is what is known of one report.
type reportItem struct {
	ReportID   string    `json:"report_id"`
	PatientID  *string   `json:"patient_id"`
	Unassigned *string   `json:"unassigned"`
	ReportRoot string    `json:"report_root"`
	ReportPath string    `json:"report_path"`
	Kind       *string   `json:"kind"`
	Title      *string   `json:"title"`
	Format     string    `json:"format"`
	Status     string    `json:"status"`
	State      string    `json:"state"`
	Problem    *string   `json:"problem"`
	Generated  *string   `json:"generated_at"`
	Modified   *string   `json:"modified_at"`
	SizeBytes  int64     `json:"size_bytes"`
	SHA256     *string   `json:"sha256"`
	Risk       *riskItem `json:"risk"`
	Tool       *string   `json:"tool"`
	Summary    *string   `json:"summary"`
	Synthetic  bool      `json:"synthetic"`
}

// riskItem is the document's own word about a risk.
type riskItem struct {
	Level *string `json:"level"`
	Scale *string `json:"scale"`
	Tool  *string `json:"tool"`
	Score *string `json:"score"`
}

// reportAnswer is the answer of GET /v1/genomics/reports/{id}.
type reportAnswer struct {
	reportItem
	// Newer are the ids of reports that replace this one, Older of the one that it replaces.
	Newer           []string `json:"newer"`
	Older           *string  `json:"older"`
	DownloadURL     *string  `json:"download_url"`
	DownloadExpires *string  `json:"download_expires"`
}

// listReports answers GET /v1/genomics/reports, newest first.
func (h apiPages) listReports(r *request) error {
	if err := r.onlyParameters("limit", "after", "patient_id", "q"); err != nil {
		return err
	}
	limit, err := r.rows("limit", genomics.DefaultReportPage, genomics.MaxReportPage)
	if err != nil {
		return err
	}
	f, err := readFilter(func(name string) string {
		if name == "after" || name == "q" {
			return r.query(name)
		}
		return ""
	})
	if err != nil {
		return err
	}
	f.Size = limit
	if err := h.reports.allow(r, &f); err != nil {
		return err
	}
	patientID := r.query("patient_id")
	if patientID != "" {
		p, err := h.reports.patient(r, patientID)
		if err != nil {
			return err
		}
		f.Person = int64(p.Person.ID)
		r.about(p.Person.ID, "")
	}
	found, err := h.reports.index.Reports(r.ctx, f)
	if err != nil {
		return fmt.Errorf("report list: %w", err)
	}
	answer := reportsAnswer{Total: min(found.Count, genomics.ReportCountLimit), TotalCapped: found.Count > genomics.ReportCountLimit,
		Next: reportsHref(f, patientID, found.Next)}
	if answer.Reports, err = h.reportItems(r, found.Reports); err != nil {
		return err
	}
	state, err := h.reports.index.Status(r.ctx)
	if err != nil {
		return fmt.Errorf("report index: %w", err)
	}
	answer.IndexedAt = instant(state.Oldest())
	r.note("rows", len(answer.Reports))
	r.note("searched", f.Text != "") // what for may be a name
	return r.sendJSON(answer)
}

func (h apiPages) reportItems(r *request, list []genomics.Report) ([]reportItem, error) {
	entries, err := h.reports.entries(r.ctx, list)
	if err != nil {
		return nil, err
	}
	items := make([]reportItem, len(entries))
	for i := range entries {
		items[i] = newReportItem(&entries[i].Report, entries[i].Person)
	}
	return items, nil
}

func newReportItem(rep *genomics.Report, person *health.Person) reportItem {
	item := reportItem{
		ReportID: rep.ID, Unassigned: textOrNull(rep.Unassigned), ReportRoot: rep.Root, ReportPath: rep.Path, Kind: textOrNull(rep.Kind),
		Title: textOrNull(rep.Title), Format: string(rep.Format), Status: string(rep.Status), State: string(rep.State), Problem: textOrNull(rep.Problem),
		Generated: instant(rep.GeneratedAt), Modified: instant(rep.ModTime), SizeBytes: rep.Size, SHA256: textOrNull(rep.SHA256),
		Tool: textOrNull(rep.Tool), Summary: textOrNull(rep.Summary), Synthetic: rep.Synthetic,
	}
	if person != nil {
		item.PatientID = &person.PublicID
	}
	if rep.Risk != (genomics.Risk{}) {
		item.Risk = &riskItem{textOrNull(rep.Risk.Level), textOrNull(rep.Risk.Scale), textOrNull(rep.Risk.Tool), textOrNull(rep.Risk.Score)}
	}
	return item
}

func reportsHref(f genomics.ReportFilter, patientID string, c *genomics.ReportCursor) *string {
	if c == nil {
		return nil
	}
	q := url.Values{"after": {c.String()}, "limit": {strconv.Itoa(f.Size)}}
	if patientID != "" {
		q.Set("patient_id", patientID)
	}
	if f.Text != "" {
		q.Set("q", f.Text)
	}
	return textOrNull(apiReportsPath + "?" + q.Encode())
}

// showReport answers GET /v1/genomics/reports/{id}: what is known of a report,
// and for a short time the address of its file.
func (h apiPages) showReport(r *request) error {
	if err := r.onlyParameters(); err != nil {
		return err
	}
	rep, patient, err := h.reports.visible(r)
	if err != nil {
		return err
	}
	var person *health.Person
	if patient != nil {
		person = &patient.Person
	}
	newer, older, err := h.reports.index.Versions(r.ctx, rep)
	if err != nil {
		return fmt.Errorf("versions of a report: %w", err)
	}
	answer := reportAnswer{reportItem: newReportItem(&rep, person), Newer: make([]string, len(newer))}
	for i := range newer {
		answer.Newer[i] = newer[i].ID
	}
	if older != nil {
		answer.Older = &older.ID
	}
	if rep.State == genomics.Present {
		address, expires := h.downloads.address(r, rep.ID)
		answer.DownloadURL, answer.DownloadExpires = &address, textOrNull(expires.Format(time.RFC3339))
	}
	return r.sendJSON(answer)
}
