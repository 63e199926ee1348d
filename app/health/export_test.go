package health

import (
	"os"
	"strings"
	"testing"
	"time"
)

func TestExportName(t *testing.T) {
	march, april := Day{2026, 3, 1}, Day{2026, 4, 1}
	for _, c := range []struct {
		id       string
		from, to Day
		format   ExportFormat
		gzip     bool
		want     string
	}{
		{"0123456789abcdef0123456789abcdef", Day{}, Day{}, ExportCSV, false, "events-0123456789ab-all.csv"},
		{"0123456789abcdef0123456789abcdef", march, march, ExportNDJSON, false, "events-0123456789ab-2026-03-01.ndjson"},
		{"short", march, april, ExportCSV, true, "events-short-2026-03-01-to-2026-04-01.csv.gz"},
		{"short", march, Day{}, ExportCSV, false, "events-short-from-2026-03-01.csv"},
		{"", Day{}, april, ExportCSV, false, "events-everybody-to-2026-04-01.csv"},
	} {
		if got := ExportName(c.id, EventFilter{From: c.from, To: c.to, Metric: "hiv"}, c.format, c.gzip); got != c.want {
			t.Errorf("%q, want %q", got, c.want)
		}
	}
}

func TestParseExportFormat(t *testing.T) {
	for _, f := range []ExportFormat{ExportCSV, ExportNDJSON} {
		if got, err := ParseExportFormat(string(f)); err != nil || got != f || !strings.Contains(f.MediaType(), "charset=utf-8") {
			t.Errorf("%s: %s, %v", f, got, err)
		}
	}
	for _, s := range []string{"", "CSV", "xlsx", "csv "} {
		if _, err := ParseExportFormat(s); err == nil || !strings.Contains(err.Error(), "csv or ndjson") {
			t.Errorf("%q: %v", s, err)
		}
	}
}

func TestExportBroken(t *testing.T) {
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	for _, c := range []struct {
		outcome ExportOutcome
		seen    time.Duration
		want    bool
	}{{ExportRunning, 0, false}, {ExportRunning, ExportStale, false}, {ExportRunning, ExportStale + 1, true}, {ExportDone, time.Hour, false}, {ExportFailed, 0, true}} {
		if got := (Export{Outcome: c.outcome, LastSeen: now.Add(-c.seen)}).Broken(now); got != c.want {
			t.Errorf("%s, seen %s ago: %v", c.outcome, c.seen, got)
		}
	}
}

// The page about exports has every column in its order.
func TestExportColumnsAreDocumented(t *testing.T) {
	text, err := os.ReadFile("../../docs/export.md")
	if err != nil {
		t.Fatal(err)
	}
	_, table, _ := strings.Cut(string(text), "| Column | Type | Holds |")
	table, _, _ = strings.Cut(table, "\n## ")
	lines := strings.Split(strings.TrimSpace(table), "\n")[1:]
	if len(lines) != len(ExportColumns()) {
		t.Fatalf("%d rows for %d columns", len(lines), len(ExportColumns()))
	}
	for i, c := range ExportColumns() {
		if !strings.HasPrefix(lines[i], "| `"+c.Name+"` | ") || strings.HasPrefix(lines[i], "| `"+c.Name+"` | text |") != c.Text || c.Meaning == "" {
			t.Errorf("row %d is %q, column %+v", i, lines[i], c)
		}
	}
}
