package portal

import (
	"context"
	"errors"
	"fmt"
	"os"

	"healthportal/app/genomics"
)

// Check is one line of `portal verify`.
type Check struct {
	// Kind is what was checked: table, index, sample, report root, ...
	Kind string `json:"kind"`
	Name string `json:"name"`
	// Found is what there was, for example a count; empty where there is nothing to say.
	Found string `json:"found,omitempty"`
	// Problem is empty where all is well.
	Problem string `json:"problem,omitempty"`
}

// Verify checks every object of every migration, every sample SELECT and every
// path of the manifest. The error is for what keeps it from checking at all.
func (p *Portal) Verify(ctx context.Context) ([]Check, error) {
	objects, err := p.DB.VerifyObjects(ctx)
	if err != nil {
		return nil, err
	}
	checks := make([]Check, 0, len(objects))
	for _, o := range objects {
		checks = append(checks, Check{Kind: o.Kind, Name: o.Name, Problem: o.Problem})
	}
	m, err := p.Manifest()
	if err != nil {
		return append(checks, Check{Kind: "manifest", Name: p.Config.ManifestPath, Problem: err.Error()}), nil
	}
	checks = append(checks, Check{Kind: "manifest", Name: m.File, Found: m.Site.Name}, p.verifyZone(ctx, m))
	for _, table := range m.Database.Tables {
		found, err := p.DB.Sample(ctx, table.Sample)
		checks = append(checks, checked("sample", table.Name, found, err))
	}
	return append(checks, verifyPaths(m)...), nil
}

// verifyZone compares the configured zone with the one that days are counted in.
func (p *Portal) verifyZone(ctx context.Context, m *genomics.Manifest) Check {
	zone, err := p.DB.SiteTimezone(ctx)
	has, herr := p.DB.HasPersons(ctx)
	err = errors.Join(err, herr)
	if err == nil && has && zone.String() != p.zone(m).String() {
		err = fmt.Errorf("days are counted in %s, the configuration says %s; `portal serve` takes it over", zone, p.zone(m))
	}
	return checked("time zone", "site", p.zone(m).String(), err)
}

func verifyPaths(m *genomics.Manifest) []Check {
	var checks []Check
	for _, root := range m.Reports {
		checks = append(checks, folder("report root", root.Name, root.Root))
	}
	for _, root := range m.Variants {
		checks = append(checks, folder("variant root", root.Name, root.Root))
	}
	for _, cache := range m.VEPCaches {
		checks = append(checks, folder("vep cache", cache.Name, cache.Path))
	}
	for _, run := range m.Pipelines {
		_, err := os.Stat(run.Path)
		checks = append(checks, checked("pipeline", run.Name, run.Path, err))
	}
	for _, guard := range m.Guards {
		_, err := os.Stat(guard.StatusFile)
		checks = append(checks, checked("guard", guard.Name, guard.StatusFile, err))
	}
	return checks
}

func folder(kind, name, path string) Check {
	entries, err := os.ReadDir(path)
	return checked(kind, name, fmt.Sprintf("%s, %d entries", path, len(entries)), err)
}

func checked(kind, name, found string, err error) Check {
	if err != nil {
		return Check{Kind: kind, Name: name, Problem: err.Error()}
	}
	return Check{Kind: kind, Name: name, Found: found}
}
