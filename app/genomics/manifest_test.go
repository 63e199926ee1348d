package genomics

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

const shipped = "../../docs/genomics_data_manifest.yaml"

func TestShippedManifest(t *testing.T) {
	m, err := ReadManifest(shipped)
	if err != nil {
		t.Fatal(err)
	}
	r, ok := m.Root("risk-reports")
	if !ok || r.Root != "/mnt/nas_storage/genomics-stack/risk_reports/out" || r.SettleTime() != time.Minute || r.Scripts {
		t.Errorf("report root %+v", r)
	}
	if m.Site.TimeZone != "Europe/Berlin" || m.Database.DSNEnv != "DATABASE_URL" || len(m.Database.Tables) < 5 {
		t.Errorf("site %+v, database %+v", m.Site, m.Database)
	}
	if len(m.Variants) != 1 || len(m.VEPCaches) != 1 || len(m.Pipelines) != 1 || m.Guards[0].StaleTime() != 26*time.Hour {
		t.Errorf("other sources: %+v", m)
	}
	if _, ok := m.Root("nope"); ok {
		t.Error("an unknown root was found")
	}
}

func TestManifestResolvesPaths(t *testing.T) {
	m, err := ParseManifest("/srv/portal/manifest.yaml", []byte(`
version: 1
sample_sheet: sheet.csv
reports:
  - name: a
    root: ../reports/
    include: ["*.pdf"]
    settle: 0
    scripts: true
    link_targets: [work, /abs/x/]
    patient_system: urn:x
    patient: '^(?P<patient>[A-Z]+-\d+)?'
databases: [{name: d, dsn_env: OTHER_DSN, query: "  select 1;"}]
`))
	if err != nil {
		t.Fatal(err)
	}
	r := m.Reports[0]
	if r.Root != "/srv/reports" || m.SampleSheet != "/srv/portal/sheet.csv" || r.LinkTargets[0] != "/srv/portal/work" || r.LinkTargets[1] != "/abs/x" {
		t.Errorf("paths: %+v, %s", r, m.SampleSheet)
	}
	if r.SettleTime() != 0 || !r.Scripts {
		t.Errorf("settle %v, scripts %v", r.SettleTime(), r.Scripts)
	}
	for name, want := range map[string]string{"AB-12/x.pdf": "AB-12", "ab/x.pdf": ""} {
		ref, ok := r.PatientOf(name)
		if ref.Value != want || ok != (want != "") || (ok && ref.System != "urn:x") {
			t.Errorf("%s: %+v, %v", name, ref, ok)
		}
	}
	if _, ok := (&ReportRoot{}).PatientOf("a/b"); ok {
		t.Error("a root without pattern names a patient")
	}
}

func TestManifestProblems(t *testing.T) {
	const root = "version: 1\nreports:\n  - name: a\n    root: /r\n    include: ['**/*.pdf']\n"
	for name, c := range map[string]struct {
		yaml string
		// want must all occur in the error's text.
		want []string
	}{
		"empty":              {"", []string{"manifest m.yaml: is empty"}},
		"only a comment":     {"# nothing\n", []string{"is empty"}},
		"two documents":      {"version: 1\n---\nversion: 1\n", []string{"several YAML documents"}},
		"broken yaml":        {"version: [\n", []string{"line 1"}},
		"a list":             {"- a\n", []string{"line 1", "sequence", "mapping"}},
		"unknown key":        {root + "    colour: red\n", []string{"line 6", "colour", "unknown key", "docs/manifest.md"}},
		"unknown top key":    {"version: 1\nreport: []\n", []string{"line 2", "report"}},
		"key twice":          {"version: 1\nversion: 1\n", []string{"line 2"}},
		"wrong type":         {"version: one\n", []string{"line 1", "version", `"one" is no int`}},
		"scripts no bool":    {root + "    scripts: maybe\n", []string{"line 6", "scripts", "bool"}},
		"include no list":    {"version: 1\nreports:\n  - name: a\n    include: x\n", []string{"line 4", "string", "sequence"}},
		"version":            {"version: 2\n", []string{"line 1, version", "must be 1"}},
		"no version":         {"site: {name: x}\n", []string{"version", "must be 1"}},
		"time zone":          {"version: 1\nsite:\n  timezone: Mars/Olympus\n", []string{"line 3, site.timezone", "Europe/Berlin"}},
		"local zone":         {"version: 1\nsite: {timezone: Local}\n", []string{"no time zone"}},
		"bad regexp":         {root + "    patient: '(?P<patient>['\n", []string{"line 6, reports[0].patient", "no regular expression"}},
		"no patient group":   {root + "    patient: '^([^/]+)/'\n", []string{"line 6, reports[0].patient", "(?P<patient>"}},
		"name twice":         {root + "  - name: a\n    root: /s\n    include: ['*.pdf']\n", []string{"line 6, reports[1].name", "already"}},
		"bad name":           {"version: 1\nreports: [{name: A b, root: /r, include: ['*']}]\n", []string{"reports[0].name", "lower-case"}},
		"no root":            {"version: 1\nreports: [{name: a, include: ['*']}]\n", []string{"reports[0].root", "missing"}},
		"no include":         {"version: 1\nreports: [{name: a, root: /r}]\n", []string{"reports[0].include", "missing"}},
		"absolute pattern":   {"version: 1\nreports: [{name: a, root: /r, include: [/x]}]\n", []string{"reports[0].include[0]", "relative"}},
		"climbing pattern":   {"version: 1\nreports: [{name: a, root: /r, include: [../x]}]\n", []string{"include[0]", ".."}},
		"stars in a part":    {"version: 1\nreports: [{name: a, root: /r, include: ['a**/x']}]\n", []string{"alone"}},
		"open bracket":       {"version: 1\nreports: [{name: a, root: /r, include: ['[a']}]\n", []string{"bracket"}},
		"empty pattern":      {"version: 1\nreports: [{name: a, root: /r, include: ['']}]\n", []string{"matches nothing"}},
		"bad exclude":        {root + "    exclude: ['']\n", []string{"reports[0].exclude[0]"}},
		"bad kind":           {root + "    kind: Risk Report\n", []string{"reports[0].kind"}},
		"settle":             {root + "    settle: soon\n", []string{"line 6, reports[0].settle", "60s"}},
		"settle negative":    {root + "    settle: -1s\n", []string{"no duration"}},
		"settle too long":    {root + "    settle: 48h\n", []string{"longer than a day"}},
		"link target":        {root + "    link_targets: ['']\n", []string{"link_targets[0]", "missing"}},
		"dsn instead of env": {"version: 1\ndatabase: {dsn_env: 'postgres://u:secret@h/d'}\n", []string{"database.dsn_env", "environment variable"}},
		"sample not SELECT":  {"version: 1\ndatabase: {tables: [{name: x, sample: DROP TABLE x}]}\n", []string{"database.tables[0].sample", "SELECT"}},
		"two statements":     {"version: 1\ndatabase: {tables: [{name: x, sample: SELECT 1; DELETE}]}\n", []string{"one statement"}},
		"table without name": {"version: 1\ndatabase: {tables: [{sample: SELECT 1}]}\n", []string{"database.tables[0]", "name"}},
		"database source":    {"version: 1\ndatabases: [{name: d, dsn_env: x y, query: SELECT 1}]\n", []string{"databases[0].dsn_env"}},
		"variant root":       {"version: 1\nvariants: [{name: v}]\n", []string{"variants[0].root", "variants[0].include"}},
		"cache":              {"version: 1\nvep_caches: [{name: v}]\n", []string{"vep_caches[0].path"}},
		"pipeline kind":      {"version: 1\npipelines: [{name: p, kind: make, path: /x}]\n", []string{"pipelines[0].kind", "nextflow"}},
		"pipeline zone":      {"version: 1\npipelines: [{name: p, kind: status, path: /x, timezone: X}]\n", []string{"pipelines[0].timezone"}},
		"guard":              {"version: 1\nguards: [{name: g, status_file: /x, stale_after: 1}]\n", []string{"guards[0].stale_after"}},
		"a tag":              {"version: 1\nreports: !x\n", []string{"line 2", "tags"}},
		"several at once":    {"version: 3\nsite: {timezone: X}\n", []string{"version", "site.timezone"}},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := ParseManifest("m.yaml", []byte(c.yaml))
			if err == nil {
				t.Fatal("no error")
			}
			for _, w := range append(c.want, "m.yaml") {
				if !strings.Contains(err.Error(), w) {
					t.Errorf("error lacks %q: %v", w, err)
				}
			}
			if strings.Contains(err.Error(), "secret") {
				t.Errorf("error repeats a secret: %v", err)
			}
		})
	}
}

func TestReadManifestFails(t *testing.T) {
	dir := t.TempDir()
	if _, err := ReadManifest(filepath.Join(dir, "none.yaml")); !errors.Is(err, os.ErrNotExist) || !strings.Contains(err.Error(), "GENOMICS_MANIFEST") {
		t.Errorf("missing: %v", err)
	}
	var p *ManifestProblem
	if _, err := ReadManifest(dir); !errors.As(err, &p) {
		t.Errorf("a folder: %v", err)
	}
	big := filepath.Join(dir, "big.yaml")
	if err := os.WriteFile(big, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(big, maxManifest+1); err != nil {
		t.Fatal(err)
	}
	if _, err := ReadManifest(big); !errors.As(err, &p) {
		t.Errorf("too large: %v", err)
	}
}

func FuzzParseManifest(f *testing.F) {
	data, err := os.ReadFile(shipped)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(string(data))
	f.Add("version: 1\nreports: [{name: a, root: /r, include: ['**'], patient: '(?P<patient>x)'}]\n")
	f.Add("a: &a [*a]")
	f.Fuzz(func(t *testing.T, s string) {
		began := time.Now()
		m, err := ParseManifest("m.yaml", []byte(s))
		if (m == nil) == (err == nil) {
			t.Errorf("manifest %v with error %v", m, err)
		}
		if took := time.Since(began); took > 2*time.Second {
			t.Errorf("took %v", took)
		}
	})
}
