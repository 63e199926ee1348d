package demo

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/goccy/go-yaml"
)

type manifest struct {
	Version  int              `yaml:"version"`
	Site     manifestSite     `yaml:"site"`
	Database manifestDatabase `yaml:"database"`
	Reports  []manifestRoot   `yaml:"reports"`
}

type manifestSite struct {
	Name     string `yaml:"name"`
	TimeZone string `yaml:"timezone"`
}

type manifestDatabase struct {
	DSNEnv string          `yaml:"dsn_env"`
	Tables []manifestTable `yaml:"tables"`
}

type manifestTable struct {
	Name   string `yaml:"name"`
	Sample string `yaml:"sample"`
}

type manifestRoot struct {
	Name    string   `yaml:"name"`
	Root    string   `yaml:"root"`
	Include []string `yaml:"include"`
	Patient string   `yaml:"patient"`
	Settle  string   `yaml:"settle"`
}

// WriteManifest writes the demo's manifest to path, with reportsDir as its only
// report root. A file that is there is replaced.
func WriteManifest(path, reportsDir, siteName string) error {
	root, err := filepath.Abs(reportsDir)
	if err != nil {
		return fmt.Errorf("finding the demo's report folder: %w", err)
	}
	m := manifest{
		Version: 1,
		Site:    manifestSite{siteName, SiteZone},
		Database: manifestDatabase{"DATABASE_URL", []manifestTable{
			{"health.person", "SELECT count(*) FROM health.person"},
			{"health.event", "SELECT person_id, metric_id, effective_at FROM health.event ORDER BY effective_at DESC LIMIT 1"},
			{"health.event_day", "SELECT count(*) FROM health.event_day"},
			{"analytics.mv_daily_metrics", "SELECT count(*) FROM analytics.mv_daily_metrics"},
			{"analytics.genomics_reports", "SELECT count(*) FROM analytics.genomics_reports"},
		}},
		Reports: []manifestRoot{{
			Name: "demo-reports", Root: root, Include: []string{"**/*.pdf", "**/*.html"},
			// The demo writes whole files before the first sync: nothing needs to settle.
			Patient: "^(?P<patient>[^/]+)/", Settle: "0s",
		}},
	}
	text, err := yaml.Marshal(m)
	if err != nil {
		return fmt.Errorf("writing the demo's manifest: %w", err)
	}
	text = append([]byte("# The synthetic clinic's manifest, written by `portal demo`. docs/manifest.md explains every key.\n"), text...)
	if err := os.WriteFile(path, text, 0o600); err != nil {
		return fmt.Errorf("writing the demo's manifest: %w", err)
	}
	return nil
}
