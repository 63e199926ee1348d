package portal

import (
	"bytes"
	"encoding/json"
	"errors"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"healthportal/app/config"
	"healthportal/app/genomics"
	"healthportal/app/health"
	"healthportal/store/embedded"
	"healthportal/store/postgres"
)

func TestOpenPreparesTheDataFolder(t *testing.T) {
	w := newWorld(t)
	p := w.open(w.config("data"))
	if err := p.DB.Ping(t.Context()); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(filepath.Join(p.Config.DataDir, "CACHEDIR.TAG")); err != nil {
		t.Error(err)
	}
	if !filepath.IsAbs(p.Config.DataDir) {
		t.Errorf("the data folder is %q, which changes with the working folder", p.Config.DataDir)
	}
	if _, err := os.Stat(filepath.Join(p.Config.DataDir, "postgres")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("an embedded database was made beside DATABASE_URL: %v", err)
	}
	if err := p.Close(); err != nil {
		t.Fatal(err)
	}
	if err := p.DB.Ping(t.Context()); err == nil {
		t.Error("the database answers after Close")
	}
}

func TestOpenRefuses(t *testing.T) {
	w := newWorld(t)
	for name, c := range map[string]struct {
		change func(*config.Config)
		kind   error
		words  []string
	}{
		"data folder is a file": {func(c *config.Config) { c.DataDir = w.write("file", "") }, embedded.ErrDataDir, []string{"PORTAL_DATA", "file"}},
		"no data folder":        {func(c *config.Config) { c.DataDir = "" }, embedded.ErrDataDir, []string{"PORTAL_DATA"}},
		"nobody answers":        {func(c *config.Config) { c.DatabaseURL = "postgres:///x?host=" + w.dir }, nil, []string{w.dir}},
		"not an address":        {func(c *config.Config) { c.DatabaseURL = "postgres://%zz" }, nil, []string{"database address"}},
		"no PostgreSQL there":   {func(c *config.Config) { c.DatabaseURL, c.PGBinDir = "", w.dir }, embedded.ErrNoBinaries, []string{"install"}},
	} {
		t.Run(name, func(t *testing.T) {
			cfg := w.config("refused")
			c.change(&cfg)
			p, err := Open(t.Context(), cfg, slog.New(slog.DiscardHandler))
			wantError(t, err, c.words...)
			if p != nil || (c.kind != nil && !errors.Is(err, c.kind)) {
				t.Errorf("portal %v, error %v", p, err)
			}
		})
	}
}

// A program of yesterday must not work on the schema of tomorrow.
func TestOpenRefusesANewerDatabase(t *testing.T) {
	w := newWorld(t)
	w.exec("UPDATE ops.schema_state SET min_program = 99")
	_, err := Open(t.Context(), w.config("data"), slog.New(slog.DiscardHandler))
	if wantError(t, err, "99", "install the newer release"); !errors.Is(err, postgres.ErrDatabaseNewer) {
		t.Errorf("error %v", err)
	}
}

// The default without DATABASE_URL: a private database that several processes share and the last one stops.
func TestEmbeddedDefault(t *testing.T) {
	parent, err := os.MkdirTemp("", "portal-test-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(parent); err != nil {
			t.Error(err)
		}
	})
	if err := os.Chmod(parent, 0o711); err != nil { // the database's own user must pass
		t.Fatal(err)
	}
	cfg := config.Config{DataDir: filepath.Join(parent, "data")}
	open := func() *Portal {
		t.Helper()
		p, err := Open(t.Context(), cfg, slog.New(slog.DiscardHandler))
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	shut := func(p *Portal) {
		t.Helper()
		if err := p.Close(); err != nil {
			t.Error(err)
		}
	}
	first := open()
	if err := first.DB.SetSetting(t.Context(), "probe", "kept"); err != nil {
		t.Error(err)
	}
	second := open()
	shut(first)
	if got, err := second.DB.Setting(t.Context(), "probe"); err != nil || got != "kept" {
		t.Errorf("after the first left, the second reads %q, %v", got, err)
	}
	shut(second)
	if _, err := os.Stat(filepath.Join(cfg.DataDir, "postgres", "postmaster.pid")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the database still runs after the last left: %v", err)
	}
	third := open()
	if got, err := third.DB.Setting(t.Context(), "probe"); err != nil || got != "kept" {
		t.Errorf("after a restart: %q, %v", got, err)
	}
	shut(third)
	shut(third) // closing twice harms nobody
}

func TestManifestErrors(t *testing.T) {
	w := newWorld(t)
	for name, c := range map[string]struct {
		text  string
		words []string
	}{
		"unknown key":      {"version: 1\nsitee: {}\n", []string{"manifest.yaml", "line 2", "sitee"}},
		"not YAML":         {"version: [1\n", []string{"manifest.yaml"}},
		"empty":            {"", []string{"manifest.yaml", "empty"}},
		"no such zone":     {strings.Replace(someManifest, "Europe/Berlin", "Mars/Olympus", 1), []string{"line 2", "site.timezone", "Mars/Olympus"}},
		"the machine's":    {strings.Replace(someManifest, "Europe/Berlin", "Local", 1), []string{"site.timezone"}},
		"another version":  {strings.Replace(someManifest, "version: 1", "version: 7", 1), []string{"version"}},
		"two roots a name": {someManifest + "  - {name: reports, root: other, include: [\"**/*.pdf\"]}\n", []string{"reports"}},
	} {
		t.Run(name, func(t *testing.T) {
			p := w.open(w.config("data"))
			w.write("manifest.yaml", c.text)
			_, err := p.Manifest()
			wantError(t, err, c.words...)
			// Mended, the same portal reads it: no failure is remembered.
			w.write("manifest.yaml", someManifest)
			if m, err := p.Manifest(); err != nil || m.Site.Name != "Test Clinic" {
				t.Errorf("after the mend: %v", err)
			}
		})
	}
	cfg := w.config("data")
	cfg.ManifestPath = filepath.Join(w.dir, "none.yaml")
	_, err := w.open(cfg).Manifest()
	wantError(t, err, "none.yaml", "GENOMICS_MANIFEST")
	cfg.ManifestPath = w.dir
	_, err = w.open(cfg).Manifest()
	wantError(t, err, w.dir, "regular file")
}

// A portal works with the manifest that it read first until it starts again.
func TestManifestIsReadOnce(t *testing.T) {
	w := newWorld(t)
	p := w.open(w.config("data"))
	first, err := p.Manifest()
	if err != nil {
		t.Fatal(err)
	}
	w.write("manifest.yaml", "damaged")
	again, err := p.Manifest()
	if err != nil || again != first {
		t.Errorf("read again: %v", err)
	}
}

func TestZonePrecedence(t *testing.T) {
	tokyo, err := time.LoadLocation("Asia/Tokyo")
	if err != nil {
		t.Fatal(err)
	}
	w := newWorld(t)
	w.exec("INSERT INTO health.person (public_id) VALUES ('p1')")
	for _, c := range []struct {
		name, manifest string
		setting        *time.Location
		want           string
	}{
		{"neither", strings.Replace(someManifest, ", timezone: Europe/Berlin", "", 1), nil, "UTC"},
		{"manifest", someManifest, nil, "Europe/Berlin"},
		{"both", someManifest, tokyo, "Asia/Tokyo"},
		{"setting", strings.Replace(someManifest, ", timezone: Europe/Berlin", "", 1), tokyo, "Asia/Tokyo"},
		{"back to none", strings.Replace(someManifest, ", timezone: Europe/Berlin", "", 1), nil, "UTC"},
	} {
		w.write("manifest.yaml", c.manifest)
		cfg := w.config("data")
		cfg.TimeZone = c.setting
		p := w.open(cfg)
		m, err := p.Manifest()
		if err != nil {
			t.Fatal(err)
		}
		if err := p.adoptZone(t.Context(), m); err != nil {
			t.Fatal(err)
		}
		stored, err := p.DB.SiteTimezone(t.Context())
		if err != nil || stored.String() != c.want || p.zone(m).String() != c.want {
			t.Errorf("%s: stored %v, used %v, want %s (%v)", c.name, stored, p.zone(m), c.want, err)
		}
		// Persons without a zone of their own live by the site's.
		if got := one[string](w, "SELECT health.person_zone(id) FROM health.person"); got != c.want {
			t.Errorf("%s: the person's zone is %s", c.name, got)
		}
		if err := p.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

func TestMirrorIsOpenedOnce(t *testing.T) {
	w := newWorld(t)
	p := w.open(w.config("data"))
	first, err := p.Mirror(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	again, err := p.Mirror(t.Context())
	if err != nil || again != first {
		t.Errorf("another mirror was opened: %v", err)
	}
	file := filepath.Join(p.Config.DataDir, "mirror", "reports.db")
	if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the mirror's file: %v, %v", info, err)
	}
	if err := p.Close(); err != nil {
		t.Fatal(err)
	}
	if err := first.Ping(t.Context()); err == nil {
		t.Error("the mirror answers after Close")
	}
	blocked := w.open(w.config("blocked"))
	w.write("blocked/mirror", "a file where a folder belongs")
	_, err = blocked.Mirror(t.Context())
	wantError(t, err, "mirror")
}

func TestSyntheticIsWhatTheDemoNoted(t *testing.T) {
	w := newWorld(t)
	p := w.open(w.config("data"))
	if made, err := p.Synthetic(t.Context()); err != nil || made {
		t.Errorf("a fresh database is called synthetic: %v, %v", made, err)
	}
	for _, state := range []string{"filling 2026-03-29", "filled 2026-03-29"} {
		if err := p.DB.SetSetting(t.Context(), SettingDemo, state); err != nil {
			t.Fatal(err)
		}
		if made, err := p.Synthetic(t.Context()); err != nil || !made {
			t.Errorf("%s: synthetic %v, %v", state, made, err)
		}
	}
	if err := p.Close(); err != nil {
		t.Fatal(err)
	}
	if made, err := p.Synthetic(t.Context()); err == nil || errors.Is(err, health.ErrNotFound) || made {
		t.Errorf("without a database: %v, %v; want an error", made, err)
	}
}

func TestDirectoryPrintsLinksOfTheOrigin(t *testing.T) {
	w := newWorld(t)
	p := w.open(w.config("data"))
	d, err := p.Directory()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := d.AddUser(t.Context(), 0, "m.weber", "Dr. Weber", nil); err == nil {
		t.Error("a person without a role was added")
	}
	p.Config.Origin = "not an origin"
	_, err = p.Directory()
	wantError(t, err, "enrolment")
}

func TestNewLogger(t *testing.T) {
	for _, c := range []struct {
		format  string
		level   slog.Level
		wantOut string
		lines   int
	}{
		{"json", slog.LevelInfo, `"msg":"told"`, 1}, {"text", slog.LevelInfo, `msg=told`, 1},
		{"", slog.LevelDebug, `msg=whispered`, 2}, {"json", slog.LevelError, "", 0},
	} {
		var out bytes.Buffer
		log := NewLogger(config.Config{LogFormat: c.format, LogLevel: c.level}, &out)
		log.Debug("whispered")
		log.Info("told")
		if got := strings.Count(out.String(), "\n"); got != c.lines || !strings.Contains(out.String(), c.wantOut) {
			t.Errorf("%+v: %q", c, out.String())
		}
		if c.format == "json" && c.lines > 0 && !json.Valid(out.Bytes()) {
			t.Errorf("not JSON: %s", out.String())
		}
	}
}

func TestVersionIsNeverEmpty(t *testing.T) {
	if v := Version(); v == "" || strings.ContainsAny(v, " \n()") {
		t.Errorf("version %q", v)
	}
}

func TestListenSaysWhatToDo(t *testing.T) {
	ln, err := Listen(t.Context(), "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close() //nolint:errcheck // nothing is served
	_, err = Listen(t.Context(), ln.Addr().String())
	wantError(t, err, ln.Addr().String(), "PORTAL_ADDR", "PORTAL_ORIGIN")
	_, err = Listen(t.Context(), "127.0.0.1:99999")
	wantError(t, err, "99999")
}

// state is what a portal's mirror holds.
func state(t *testing.T, p *Portal) genomics.IndexState {
	t.Helper()
	m, err := p.Mirror(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	st, err := m.Status(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return st
}
