package genomics

import (
	"regexp"
	"time"
)

// Manifest is the data map of the genomics stack and the portal's live
// configuration. ReadManifest makes it; relative paths are resolved by then.
type Manifest struct {
	// Version is 1.
	Version  int      `yaml:"version"`
	Site     Site     `yaml:"site"`
	Database Database `yaml:"database"`
	// Databases are further read-only sources of structured tables.
	Databases []DatabaseSource `yaml:"databases"`
	Reports   []ReportRoot     `yaml:"reports"`
	Variants  []VariantRoot    `yaml:"variants"`
	VEPCaches []VEPCache       `yaml:"vep_caches"`
	Pipelines []Pipeline       `yaml:"pipelines"`
	Guards    []Guard          `yaml:"guards"`
	// SampleSheet lists what is expected to arrive; empty: none.
	SampleSheet string `yaml:"sample_sheet"`
	// File is where the manifest was read from.
	File string `yaml:"-"`
}

// Site names the clinic and its time zone.
type Site struct {
	Name string `yaml:"name"`
	// TimeZone is an IANA name; empty means not stated.
	TimeZone string `yaml:"timezone"`
}

// Database names the portal's own database and sample statements on it.
type Database struct {
	// DSNEnv is the environment variable that holds the address.
	DSNEnv string        `yaml:"dsn_env"`
	Tables []TableSample `yaml:"tables"`
}

// TableSample is a statement that `portal verify` runs.
type TableSample struct {
	Name   string `yaml:"name"`
	Sample string `yaml:"sample"`
}

// DatabaseSource is a read-only PostgreSQL source of reports or variants.
type DatabaseSource struct {
	Name   string `yaml:"name"`
	DSNEnv string `yaml:"dsn_env"`
	Query  string `yaml:"query"`
}

// ReportRoot is a folder of reports.
type ReportRoot struct {
	Name string `yaml:"name"`
	// Root is an absolute path.
	Root string `yaml:"root"`
	// Include and Exclude are patterns relative to Root; ** spans folders.
	Include []string `yaml:"include"`
	Exclude []string `yaml:"exclude"`
	// Patient is a regular expression on the relative path; its group "patient"
	// names the patient. Empty: the path says nothing.
	Patient string `yaml:"patient"`
	// PatientSystem is the identifier system of that name; empty: record numbers.
	PatientSystem string `yaml:"patient_system"`
	// Kind is what reports are that say nothing of it themselves.
	Kind string `yaml:"kind"`
	// Settle is how long a file must lie unchanged, as a Go duration.
	Settle string `yaml:"settle"`
	// Scripts lets HTML reports of this root run their scripts, in the sandbox.
	Scripts bool `yaml:"scripts"`
	// LinkTargets are absolute folders into which symbolic links may lead.
	LinkTargets []string `yaml:"link_targets"`

	settle  time.Duration
	patient *regexp.Regexp
}

// DefaultSettle is how long a file must lie unchanged where the root says nothing.
const DefaultSettle = 60 * time.Second

// SettleTime is how long a file must lie unchanged before it is indexed.
func (r *ReportRoot) SettleTime() time.Duration { return r.settle }

// Includes reports whether the root's patterns choose the relative path.
func (r *ReportRoot) Includes(name string) bool {
	for _, p := range r.Exclude {
		if matchGlob(p, name) {
			return false
		}
	}
	for _, p := range r.Include {
		if matchGlob(p, name) {
			return true
		}
	}
	return false
}

// PatientOf takes the patient from the relative path, and false where the
// pattern finds none.
func (r *ReportRoot) PatientOf(name string) (PatientRef, bool) {
	if r.patient == nil {
		return PatientRef{}, false
	}
	m := r.patient.FindStringSubmatch(name)
	if m == nil {
		return PatientRef{}, false
	}
	v := m[r.patient.SubexpIndex("patient")]
	return PatientRef{System: r.PatientSystem, Value: v}, v != ""
}

// VariantRoot is a folder of annotated variants.
type VariantRoot struct {
	Name    string   `yaml:"name"`
	Root    string   `yaml:"root"`
	Include []string `yaml:"include"`
	Exclude []string `yaml:"exclude"`
}

// VEPCache is a folder of VEP caches.
type VEPCache struct {
	Name string `yaml:"name"`
	Path string `yaml:"path"`
}

// Pipeline is a source of run states.
type Pipeline struct {
	Name string `yaml:"name"`
	// Kind is nextflow, cromwell, snakemake or status.
	Kind string `yaml:"kind"`
	// Path may be a pattern.
	Path string `yaml:"path"`
	// TimeZone is an IANA name for times that the source writes without one.
	TimeZone string `yaml:"timezone"`
}

// Guard is a script that writes a status file.
type Guard struct {
	Name       string `yaml:"name"`
	StatusFile string `yaml:"status_file"`
	// StaleAfter is a Go duration, after which silence is a problem.
	StaleAfter string `yaml:"stale_after"`

	staleAfter time.Duration
}

// StaleTime is the silence after which the guard counts as stale; 0: never.
func (g *Guard) StaleTime() time.Duration { return g.staleAfter }

// Root returns the report root of that name.
func (m *Manifest) Root(name string) (ReportRoot, bool) {
	for _, r := range m.Reports {
		if r.Name == name {
			return r, true
		}
	}
	return ReportRoot{}, false
}
