package portal

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const wholeManifest = `version: 1
site: {name: Test Clinic, timezone: Europe/Berlin}
database:
  dsn_env: DATABASE_URL
  tables:
    - {name: persons, sample: "SELECT count(*) FROM health.person"}
    - {name: nowhere, sample: "SELECT count(*) FROM health.nowhere"}
    - {name: nothing, sample: "SELECT 1 WHERE false"}
    - {name: writer, sample: "SELECT nextval('health.event_id_seq')"}
reports:
  - {name: reports, root: reports, include: ["**/*.html"]}
  - {name: lost, root: lost, include: ["**/*.html"]}
  - {name: a-file, root: manifest.yaml, include: ["**/*.html"]}
variants:
  - {name: vep, root: vep, include: ["**/*.vcf.gz"]}
  - {name: no-vep, root: no-vep, include: ["**/*.vcf.gz"]}
vep_caches: [{name: cache, path: cache}, {name: no-cache, path: no-cache}]
pipelines: [{name: nightly, kind: nextflow, path: history}, {name: no-nightly, kind: nextflow, path: no-history}]
guards: [{name: guard, status_file: guard.json, stale_after: 26h}, {name: no-guard, status_file: no-guard.json, stale_after: 26h}]
`

// outcomes maps "kind name" to what Verify found or "PROBLEM ..." .
func outcomes(t *testing.T, p *Portal) map[string]string {
	t.Helper()
	checks, err := p.Verify(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]string{}
	for _, c := range checks {
		all[c.Kind+" "+c.Name] = c.Found
		if c.Problem != "" {
			all[c.Kind+" "+c.Name] = "PROBLEM " + c.Problem
		}
	}
	return all
}

func TestVerifyNamesEachProblem(t *testing.T) {
	w := newWorld(t)
	w.write("manifest.yaml", wholeManifest)
	for _, dir := range []string{"vep", "cache"} {
		if err := os.Mkdir(filepath.Join(w.dir, dir), 0o750); err != nil {
			t.Fatal(err)
		}
	}
	w.write("history", "")
	w.write("guard.json", "{}")
	w.exec("INSERT INTO health.person (public_id) VALUES ('p1'), ('p2')")
	w.exec("DROP INDEX health.person_identifier_person")
	w.exec("DROP POLICY scope ON health.event")
	w.exec("ALTER TABLE health.event DISABLE TRIGGER event_dirty_insert")
	p := w.open(w.config("data"))
	got := outcomes(t, p)
	for what, want := range map[string]string{
		"table health.event": "", "schema ops": "", "role hp_app": "", "policy scope on health.person": "",
		"index health.person_identifier_person":             "PROBLEM missing: run `portal migrate`",
		"policy scope on health.event":                      "PROBLEM missing",
		"trigger event_dirty_insert on health.event":        "PROBLEM missing",
		"manifest " + filepath.Join(w.dir, "manifest.yaml"): "Test Clinic",
		"time zone site": "PROBLEM days are counted in UTC", "sample persons": "2", "sample nowhere": "PROBLEM sample SELECT", "sample nothing": "no rows",
		"sample writer":       "PROBLEM sample SELECT",
		"report root reports": filepath.Join(w.dir, "reports") + ", 1 entries", "report root lost": "PROBLEM ", "report root a-file": "PROBLEM ",
		"variant root vep": "0 entries", "variant root no-vep": "PROBLEM ", "vep cache cache": "0 entries", "vep cache no-cache": "PROBLEM ",
		"pipeline nightly": "history", "pipeline no-nightly": "PROBLEM ", "guard guard": "guard.json", "guard no-guard": "PROBLEM ",
	} {
		found, ok := got[what]
		if !ok || !strings.Contains(found, want) || (want == "" && found != "") {
			t.Errorf("%s: %q (%v), want %q", what, found, ok, want)
		}
	}
	problems := 0
	for _, found := range got {
		if strings.HasPrefix(found, "PROBLEM") {
			problems++
		}
	}
	if problems != 12 {
		t.Errorf("%d problems, want 12: %v", problems, got)
	}
	if got := one[string](w, "SELECT value FROM ops.setting WHERE name = 'site_timezone'"); got != "UTC" {
		t.Errorf("verify changed the site's zone to %s", got)
	}
	if one[bool](w, "SELECT is_called FROM health.event_id_seq") {
		t.Error("a sample changed the database")
	}
}

// A manifest that can't be read is a problem among the others: the database is checked all the same.
func TestVerifyWithoutManifest(t *testing.T) {
	w := newWorld(t)
	cfg := w.config("data")
	cfg.ManifestPath = filepath.Join(w.dir, "none.yaml")
	got := outcomes(t, w.open(cfg))
	if found := got["manifest "+cfg.ManifestPath]; !strings.Contains(found, "PROBLEM") || !strings.Contains(found, "GENOMICS_MANIFEST") {
		t.Errorf("the manifest is %q", found)
	}
	if _, ok := got["table health.event"]; !ok {
		t.Error("the database was not checked")
	}
}

func TestVerifyWithoutADatabase(t *testing.T) {
	w := newWorld(t)
	p := w.open(w.config("data"))
	over, cancel := context.WithCancel(t.Context())
	cancel()
	if checks, err := p.Verify(over); !errors.Is(err, context.Canceled) {
		t.Errorf("after the end of its context: %d checks, %v", len(checks), err)
	}
	if err := p.Close(); err != nil {
		t.Fatal(err)
	}
	if checks, err := p.Verify(t.Context()); err == nil {
		t.Errorf("without a database %d checks came out well", len(checks))
	}
}
