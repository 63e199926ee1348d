package demo

import (
	"encoding/json"
	"fmt"
	"time"

	"healthportal/app/genomics"
)

// sidecar is the file beside a report, in the shape of docs/report_sidecar.schema.json.
type sidecar struct {
	File        string       `json:"file"`
	Format      string       `json:"format"`
	Patient     sidecarOf    `json:"patient"`
	Kind        string       `json:"kind"`
	Title       string       `json:"title"`
	Status      string       `json:"status"`
	GeneratedAt string       `json:"generated_at"`
	Risk        *sidecarRisk `json:"risk,omitempty"`
	Summary     string       `json:"summary"`
	Supersedes  string       `json:"supersedes,omitempty"`
	Synthetic   bool         `json:"synthetic"`
}

type sidecarOf struct {
	RecordNumber string `json:"record_number"`
}

type sidecarRisk struct {
	Level string      `json:"level"`
	Scale string      `json:"scale"`
	Tool  string      `json:"tool"`
	Score json.Number `json:"score,omitempty"`
}

// sidecar returns the bytes of the file beside the report.
func (r *report) sidecar() ([]byte, error) {
	s := sidecar{
		File: r.name(), Format: string(r.format), Patient: sidecarOf{r.patient.record}, Kind: r.kind, Title: r.title,
		Status: string(r.status), GeneratedAt: r.made.Format(time.RFC3339), Summary: r.summary,
		Supersedes: r.supersedes, Synthetic: true,
	}
	if r.risk != (genomics.Risk{}) {
		s.Risk = &sidecarRisk{r.risk.Level, r.risk.Scale, r.risk.Tool, json.Number(r.risk.Score)}
	}
	b, err := json.MarshalIndent(s, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("writing the sidecar of %s: %w", r.slug, err)
	}
	return append(b, '\n'), nil
}
