package genomics

import (
	"fmt"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"github.com/goccy/go-yaml/ast"
)

// checker checks a decoded manifest and completes it: paths made absolute,
// patterns compiled, durations parsed.
type checker struct {
	file, dir string
	tree      *ast.File
	problems  []error
}

func (c *checker) fail(key, format string, args ...any) {
	c.problems = append(c.problems, &ManifestProblem{
		File: c.file, Line: lineOf(c.tree, key), Key: key, Text: fmt.Sprintf(format, args...),
	})
}

func (c *checker) manifest(m *Manifest) {
	if m.Version != 1 {
		c.fail("version", "must be 1; this portal knows no other")
	}
	c.zone("site.timezone", m.Site.TimeZone)
	if m.Database.DSNEnv != "" {
		c.env("database.dsn_env", m.Database.DSNEnv)
	}
	for i, t := range m.Database.Tables {
		key := fmt.Sprintf("database.tables[%d]", i)
		if t.Name == "" {
			c.fail(key, "needs a name, such as analytics.genomics_reports")
		}
		c.query(key+".sample", t.Sample)
	}
	c.databases(m.Databases)
	names := map[string]bool{}
	for i := range m.Reports {
		c.reportRoot(fmt.Sprintf("reports[%d]", i), &m.Reports[i], names)
	}
	names = map[string]bool{}
	for i := range m.Variants {
		v, key := &m.Variants[i], fmt.Sprintf("variants[%d]", i)
		c.name(key+".name", v.Name, names)
		c.path(key+".root", &v.Root)
		c.globs(key+".include", v.Include, true)
		c.globs(key+".exclude", v.Exclude, false)
	}
	c.sources(m)
	if m.SampleSheet != "" {
		c.path("sample_sheet", &m.SampleSheet)
	}
}

func (c *checker) databases(list []DatabaseSource) {
	names := map[string]bool{}
	for i, d := range list {
		key := fmt.Sprintf("databases[%d]", i)
		c.name(key+".name", d.Name, names)
		c.env(key+".dsn_env", d.DSNEnv)
		c.query(key+".query", d.Query)
	}
}

func (c *checker) sources(m *Manifest) {
	names := map[string]bool{}
	for i := range m.VEPCaches {
		key := fmt.Sprintf("vep_caches[%d]", i)
		c.name(key+".name", m.VEPCaches[i].Name, names)
		c.path(key+".path", &m.VEPCaches[i].Path)
	}
	names = map[string]bool{}
	for i := range m.Pipelines {
		p, key := &m.Pipelines[i], fmt.Sprintf("pipelines[%d]", i)
		c.name(key+".name", p.Name, names)
		c.path(key+".path", &p.Path)
		c.zone(key+".timezone", p.TimeZone)
		switch p.Kind {
		case "nextflow", "cromwell", "snakemake", "status":
		default:
			c.fail(key+".kind", "must be nextflow, cromwell, snakemake or status")
		}
	}
	names = map[string]bool{}
	for i := range m.Guards {
		g, key := &m.Guards[i], fmt.Sprintf("guards[%d]", i)
		c.name(key+".name", g.Name, names)
		c.path(key+".status_file", &g.StatusFile)
		g.staleAfter = c.duration(key+".stale_after", g.StaleAfter, 0)
	}
}

func (c *checker) reportRoot(key string, r *ReportRoot, names map[string]bool) {
	c.name(key+".name", r.Name, names)
	c.path(key+".root", &r.Root)
	c.globs(key+".include", r.Include, true)
	c.globs(key+".exclude", r.Exclude, false)
	r.settle = c.duration(key+".settle", r.Settle, DefaultSettle)
	if r.settle > 24*time.Hour {
		c.fail(key+".settle", "is longer than a day; a report would never be shown in time")
	}
	for i := range r.LinkTargets {
		c.path(fmt.Sprintf("%s.link_targets[%d]", key, i), &r.LinkTargets[i])
	}
	if r.Kind != "" && !ValidKind(r.Kind) {
		c.fail(key+".kind", "must be lower-case letters, digits and hyphens, such as pharmacogenomics")
	}
	if r.Patient == "" {
		return
	}
	re, err := regexp.Compile(r.Patient)
	if err != nil {
		c.fail(key+".patient", "is no regular expression (%v)", err)
		return
	}
	if re.SubexpIndex("patient") < 0 {
		c.fail(key+".patient", "lacks the group (?P<patient>...) that names the patient, as in ^(?P<patient>[^/]+)/")
		return
	}
	r.patient = re
}

var (
	nameShape = regexp.MustCompile(`^[a-z0-9][a-z0-9._-]{0,62}$`)
	envShape  = regexp.MustCompile(`^[A-Z_][A-Z0-9_]*$`)
	kindShape = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{0,62}$`)
)

// ValidKind reports whether s can be a report's kind: at most 63 lower-case
// letters, digits and hyphens.
func ValidKind(s string) bool { return kindShape.MatchString(s) }

func (c *checker) name(key, name string, names map[string]bool) {
	switch {
	case !nameShape.MatchString(name):
		c.fail(key, "must be a name of lower-case letters, digits, dots, hyphens and underscores, such as risk-reports")
	case names[name]:
		c.fail(key, "%q names another entry already: choose another name", name)
	}
	names[name] = true
}

func (c *checker) path(key string, p *string) {
	if *p == "" {
		c.fail(key, "is missing: give the path")
		return
	}
	if strings.ContainsRune(*p, 0) {
		c.fail(key, "holds a NUL character")
		return
	}
	if !filepath.IsAbs(*p) {
		*p = filepath.Join(c.dir, *p)
	}
	*p = filepath.Clean(*p)
}

func (c *checker) globs(key string, list []string, needed bool) {
	if needed && len(list) == 0 {
		c.fail(key, `is missing: list patterns, such as ["**/*.pdf", "**/*.html"]`)
	}
	for i, g := range list {
		if err := checkGlob(g); err != nil {
			c.fail(fmt.Sprintf("%s[%d]", key, i), "%v", err)
		}
	}
}

func (c *checker) zone(key, name string) {
	if name == "" {
		return
	}
	if _, err := time.LoadLocation(name); err != nil || name == "Local" {
		c.fail(key, "%q is no time zone: use an IANA name such as Europe/Berlin", name)
	}
}

func (c *checker) env(key, name string) {
	if !envShape.MatchString(name) {
		c.fail(key, "must name an environment variable, such as DATABASE_URL; the address itself never stands here")
	}
}

func (c *checker) query(key, q string) {
	word := strings.ToUpper(strings.TrimSpace(q))
	if !strings.HasPrefix(word, "SELECT") && !strings.HasPrefix(word, "WITH") {
		c.fail(key, "must be one SELECT statement")
		return
	}
	if strings.Contains(strings.TrimRight(strings.TrimSpace(q), ";"), ";") {
		c.fail(key, "must be one statement: drop what follows the semicolon")
	}
}

func (c *checker) duration(key, s string, fallback time.Duration) time.Duration {
	if s == "" {
		return fallback
	}
	if s == "0" {
		return 0
	}
	d, err := time.ParseDuration(s)
	if err != nil || d < 0 {
		c.fail(key, "%q is no duration: write for instance 60s, 10m or 26h", s)
		return fallback
	}
	return d
}
