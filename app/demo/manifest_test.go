package demo

import (
	"os"
	"path/filepath"
	"testing"

	"healthportal/app/genomics"
)

func TestTheManifestIsAccepted(t *testing.T) {
	dir := t.TempDir()
	reports := filepath.Join(dir, "genomics reports")
	if err := os.Mkdir(reports, 0o750); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(dir, "manifest.yaml")
	// Twice: the second start of the demo replaces the file.
	for range 2 {
		if err := WriteManifest(file, reports, SiteName); err != nil {
			t.Fatal(err)
		}
	}
	m, err := genomics.ReadManifest(file)
	if err != nil {
		t.Fatal(err)
	}
	if m.Site.Name != SiteName || m.Site.TimeZone != SiteZone || len(m.Reports) != 1 || len(m.Database.Tables) == 0 {
		t.Fatalf("read back %+v", m)
	}
	root := m.Reports[0]
	if root.Root != reports || root.SettleTime() != 0 || root.Scripts {
		t.Errorf("root %+v, settling for %v", root, root.SettleTime())
	}
	for name, want := range map[string]bool{
		"SYN-000101/2026-01-01/a.pdf": true, "SYN-000101/2026-01-01/a.html": true, "SYN-000101/2026-01-01/a.pdf.json": false,
	} {
		if root.Includes(name) != want {
			t.Errorf("%s is included: %v, want %v", name, !want, want)
		}
	}
	if ref, ok := root.PatientOf("SYN-000101/2026-01-01/a.pdf"); !ok || ref.Value != "SYN-000101" {
		t.Errorf("the path names %+v (%v)", ref, ok)
	}
}

func TestManifestErrors(t *testing.T) {
	if err := WriteManifest(filepath.Join(t.TempDir(), "missing", "m.yaml"), ".", SiteName); err == nil {
		t.Error("a manifest was written into a folder that does not exist")
	}
}
