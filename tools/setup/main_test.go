package main

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// fakeMachine is a computer in memory. Installing a package puts its
// programs there, as apt would.
type fakeMachine struct {
	programs map[string]string // name to path
	versions map[string]string // path to what --version prints
	folders  []string          // what glob finds, by exact pattern or path
	files    map[string]string
	packages map[string][]string // package to program paths
	isRoot   bool
	failing  string // a command line that fails when it contains this
	readOnly string // a path that can't be written
	ran      []string
	confSeen string // the cluster configuration at the moment of install
}

var errFake = errors.New("exit status 100")

func (f *fakeMachine) lookPath(name string) (string, error) {
	if path, ok := f.programs[name]; ok {
		return path, nil
	}
	return "", errMissing
}

func (f *fakeMachine) glob(pattern string) []string {
	var found []string
	for _, folder := range f.folders {
		if ok, err := filepath.Match(pattern, folder); err == nil && ok {
			found = append(found, folder)
		}
	}
	return found
}

func (f *fakeMachine) output(_ context.Context, name string, _ ...string) (string, error) {
	if text, ok := f.versions[name]; ok {
		return text, nil
	}
	return "", os.ErrNotExist
}

func (f *fakeMachine) run(_ context.Context, env []string, name string, args ...string) error {
	line := strings.Join(slices.Concat(env, []string{name}, args), " ")
	f.ran = append(f.ran, line)
	if f.failing != "" && strings.Contains(line, f.failing) {
		return errFake
	}
	if name == "apt-get" && slices.Contains(args, "install") {
		f.confSeen = f.files[clusterConf]
		for _, arg := range args {
			for _, path := range f.packages[arg] {
				f.programs[filepath.Base(path)] = path
				if f.versions[path] == "" {
					f.versions[path] = "postgres (PostgreSQL) 15.18"
				}
			}
		}
	}
	return nil
}

func (f *fakeMachine) readFile(path string) ([]byte, error) {
	if text, ok := f.files[path]; ok {
		return []byte(text), nil
	}
	return nil, os.ErrNotExist
}

func (f *fakeMachine) writeFile(path string, content []byte) error {
	if path == f.readOnly {
		return os.ErrPermission
	}
	f.files[path] = string(content)
	return nil
}

func (f *fakeMachine) root() bool { return f.isRoot }

// debianRoot is an empty Debian container with Node.
func debianRoot() *fakeMachine {
	return &fakeMachine{
		isRoot:   true,
		programs: map[string]string{"apt-get": "/usr/bin/apt-get", "node": "/usr/bin/node", "npm": "/usr/bin/npm"},
		versions: map[string]string{"/usr/bin/node": "v20.20.2"},
		files:    map[string]string{osRelease: "NAME=\"Debian GNU/Linux\"\nID=debian\n", clusterTemplate: "ssl = on\n"},
		packages: map[string][]string{
			"postgresql":    {"/pg/bin/initdb", "/pg/bin/postgres"},
			"redis-server":  {"/usr/bin/redis-server"},
			"chromium":      {"/usr/bin/chromium"},
			"poppler-utils": {"/usr/bin/pdftotext"},
			"jq":            {"/usr/bin/jq"},
			"libxml2-utils": {"/usr/bin/xmllint"},
			"gcc":           {"/usr/bin/gcc"},
			"nodejs":        {"/usr/bin/node"},
			"npm":           {"/usr/bin/npm"},
		},
	}
}

func runSetup(t *testing.T, m *fakeMachine, environ []string, args ...string) (code int, out, errs string) {
	t.Helper()
	var o, e bytes.Buffer
	code = start(context.Background(), args, environ, m, &o, &e)
	return code, o.String(), e.String()
}

const apt = "DEBIAN_FRONTEND=noninteractive UCF_FORCE_CONFFOLD=1 apt-get -o DPkg::Lock::Timeout=120 "

func TestInstallsExactlyWhatIsMissing(t *testing.T) {
	tests := []struct {
		name, purpose string
		change        func(*fakeMachine)
		want          []string
	}{
		{"demo", "demo", func(*fakeMachine) {}, []string{
			apt + "update", apt + "install -y --no-install-recommends postgresql"}},
		{"everything", "test", func(*fakeMachine) {}, []string{
			apt + "update",
			apt + "install -y --no-install-recommends postgresql gcc libc6-dev redis-server chromium fonts-liberation poppler-utils jq libxml2-utils",
			"service redis-server stop"}},
		{"under systemd Redis is left alone", "test", func(m *fakeMachine) { m.folders = []string{systemd} }, []string{
			apt + "update",
			apt + "install -y --no-install-recommends postgresql gcc libc6-dev redis-server chromium fonts-liberation poppler-utils jq libxml2-utils"}},
		{"another browser and compiler do", "test", func(m *fakeMachine) {
			for _, name := range []string{"google-chrome", "clang", "redis-server"} {
				m.programs[name] = "/opt/" + name
			}
		}, []string{apt + "update", apt + "install -y --no-install-recommends postgresql poppler-utils jq libxml2-utils"}},
		{"server outside PATH", "demo", func(m *fakeMachine) {
			m.folders = []string{"/usr/lib/postgresql/16/bin"}
			m.versions["/usr/lib/postgresql/16/bin/initdb"] = "initdb (PostgreSQL) 16.4"
			m.versions["/usr/lib/postgresql/16/bin/postgres"] = "postgres (PostgreSQL) 16.4"
		}, nil},
		{"server too old", "demo", func(m *fakeMachine) {
			m.folders = []string{"/usr/lib/postgresql/13/bin"}
			m.versions["/usr/lib/postgresql/13/bin/initdb"] = "initdb (PostgreSQL) 13.4"
			m.versions["/usr/lib/postgresql/13/bin/postgres"] = "postgres (PostgreSQL) 13.4"
		}, []string{apt + "update", apt + "install -y --no-install-recommends postgresql"}},
		{"no Node", "demo", func(m *fakeMachine) {
			delete(m.programs, "node")
			m.versions["/usr/bin/node"] = "v22.1.0"
		}, []string{apt + "update", apt + "install -y --no-install-recommends postgresql nodejs npm"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			m := debianRoot()
			test.change(m)
			code, out, errs := runSetup(t, m, nil, "-for", test.purpose)
			if code != 0 {
				t.Fatalf("exit code %d: %s", code, errs)
			}
			if !slices.Equal(m.ran, test.want) {
				t.Errorf("ran\n%s\nwant\n%s", strings.Join(m.ran, "\n"), strings.Join(test.want, "\n"))
			}
			if !strings.Contains(out, "PostgreSQL server: /") {
				t.Errorf("output doesn't say where the server is:\n%s", out)
			}
			again := len(m.ran)
			if code, _, errs := runSetup(t, m, nil, "-for", test.purpose); code != 0 || len(m.ran) != again {
				t.Errorf("second run: exit code %d, ran %q, %s", code, m.ran[again:], errs)
			}
		})
	}
}

func TestRefuses(t *testing.T) {
	tests := []struct {
		name    string
		args    []string
		environ []string
		change  func(*fakeMachine)
		code    int
		want    []string
	}{
		{"not root", []string{"-for", "demo"}, nil, func(m *fakeMachine) { m.isRoot = false }, 1,
			[]string{"missing: PostgreSQL server", "sudo apt-get update && sudo apt-get install -y --no-install-recommends postgresql\n"}},
		{"Homebrew", []string{"-for", "test"}, nil, func(m *fakeMachine) {
			m.files = map[string]string{}
			m.programs["brew"] = "/opt/homebrew/bin/brew"
			m.programs["gcc"] = "/usr/bin/gcc"
		}, 1, []string{"brew install postgresql@17 && brew install redis && brew install --cask chromium && brew install poppler && brew install jq && brew install libxml2"}},
		{"another system", []string{"-for", "demo"}, nil, func(m *fakeMachine) { m.files[osRelease] = "ID=fedora\n" }, 1,
			[]string{"package manager", "postgresql"}},
		{"Debian without apt-get", nil, nil, func(m *fakeMachine) { delete(m.programs, "apt-get") }, 1, []string{"package manager"}},
		{"only check", []string{"-check"}, nil, func(*fakeMachine) {}, 1, []string{"missing: PostgreSQL server"}},
		{"update fails", nil, nil, func(m *fakeMachine) { m.failing = " update" }, 1, []string{"apt-get update", "exit status 100"}},
		{"install fails", nil, nil, func(m *fakeMachine) { m.failing = " install" }, 1, []string{"apt-get install postgresql", "exit status 100"}},
		{"redis doesn't stop", []string{"-for", "test"}, nil, func(m *fakeMachine) { m.failing = "service redis-server" }, 1,
			[]string{"stopping the redis-server"}},
		{"package without its program", nil, nil, func(m *fakeMachine) { m.packages["postgresql"] = nil }, 1,
			[]string{"still missing after installing postgresql: PostgreSQL server"}},
		{"cluster configuration not writable", nil, nil, func(m *fakeMachine) { m.readOnly = clusterConf }, 1,
			[]string{"keeping the package from making a cluster"}},
		{"Node too old", nil, nil, func(m *fakeMachine) { m.versions["/usr/bin/node"] = "v18.19.0" }, 1,
			[]string{"Node and npm", "version 18", "20 or later"}},
		{"Node doesn't answer", nil, nil, func(m *fakeMachine) { delete(m.versions, "/usr/bin/node") }, 1, []string{"--version"}},
		{"Node answers nonsense", nil, nil, func(m *fakeMachine) { m.versions["/usr/bin/node"] = "hello" }, 1, []string{"no version in"}},
		{"Node without npm", nil, nil, func(m *fakeMachine) { delete(m.programs, "npm") }, 1, []string{"without npm"}},
		{"PG_BINDIR without a server", nil, []string{"PG_BINDIR=/nowhere"}, func(*fakeMachine) {}, 1, []string{"PG_BINDIR=/nowhere", "unset"}},
		{"PG_BINDIR too old", nil, []string{"PG_BINDIR=/old"}, func(m *fakeMachine) {
			m.versions["/old/initdb"], m.versions["/old/postgres"] = "initdb 14.1", "postgres (PostgreSQL) 14.1"
		}, 1, []string{"version 14"}},
		{"unknown purpose", []string{"-for", "fun"}, nil, func(*fakeMachine) {}, 2, []string{"demo or test"}},
		{"stray argument", []string{"demo"}, nil, func(*fakeMachine) {}, 2, []string{"unexpected argument"}},
		{"unknown flag", []string{"-x"}, nil, func(*fakeMachine) {}, 2, []string{"-x"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			m := debianRoot()
			test.change(m)
			code, _, errs := runSetup(t, m, test.environ, test.args...)
			if code != test.code {
				t.Errorf("exit code %d, want %d", code, test.code)
			}
			for _, part := range test.want {
				if !strings.Contains(errs, part) {
					t.Errorf("message lacks %q:\n%s", part, errs)
				}
			}
			if strings.Contains(m.files[clusterConf], "create_main_cluster") {
				t.Errorf("the cluster configuration isn't put back: %q", m.files[clusterConf])
			}
		})
	}
}

func TestNoClusterIsMade(t *testing.T) {
	for _, test := range []struct{ name, before, after string }{
		{"no configuration yet", "", "ssl = on\n"},
		{"an administrator's own", "start_conf = 'manual'\n", "start_conf = 'manual'\n"},
	} {
		t.Run(test.name, func(t *testing.T) {
			m := debianRoot()
			if test.before != "" {
				m.files[clusterConf] = test.before
			}
			if code, _, errs := runSetup(t, m, nil); code != 0 {
				t.Fatal(errs)
			}
			if !strings.HasPrefix(m.confSeen, test.before) || !strings.HasSuffix(m.confSeen, "\ncreate_main_cluster = false\n") {
				t.Errorf("configuration during the install: %q", m.confSeen)
			}
			if m.files[clusterConf] != test.after {
				t.Errorf("configuration afterwards: %q, want %q", m.files[clusterConf], test.after)
			}
		})
	}
}

func TestPGBinDirChosen(t *testing.T) {
	m := debianRoot()
	m.versions["/own/initdb"], m.versions["/own/postgres"] = "initdb (PostgreSQL) 17.2", "postgres (PostgreSQL) 17.2"
	code, out, errs := runSetup(t, m, []string{"PG_BINDIR=/own"})
	if code != 0 || len(m.ran) > 0 || !strings.Contains(out, "PostgreSQL server: /own") {
		t.Errorf("exit code %d, ran %q\n%s%s", code, m.ran, out, errs)
	}
}

func TestOwnServerInsteadOfTheEmbedded(t *testing.T) {
	for _, test := range []struct {
		environ []string
		purpose string
		ran     int
	}{
		{[]string{"DATABASE_URL=postgres://db/portal"}, "demo", 0},
		{[]string{"HP_DSN=postgres://db/portal"}, "demo", 0},
		{[]string{"DATABASE_URL="}, "demo", 2},
		{[]string{"DATABASE_URL=postgres://db/portal"}, "test", 3},
	} {
		m := debianRoot()
		code, _, errs := runSetup(t, m, test.environ, "-for", test.purpose)
		if code != 0 || len(m.ran) != test.ran {
			t.Errorf("%q -for %s: exit code %d, ran %q, want %d commands\n%s", test.environ, test.purpose, code, m.ran, test.ran, errs)
		}
	}
}

func TestHelp(t *testing.T) {
	if code, _, errs := runSetup(t, debianRoot(), nil, "-h"); code != 0 || !strings.Contains(errs, "-for") {
		t.Errorf("-h: exit code %d, %s", code, errs)
	}
}

// TestThisMachine exercises the real one on harmless commands and files.
func TestThisMachine(t *testing.T) {
	var out bytes.Buffer
	m := thisMachine{&out, &out}
	path := filepath.Join(t.TempDir(), "new", "file")
	if err := m.writeFile(path, []byte("x")); err != nil {
		t.Fatal(err)
	}
	if text, err := m.readFile(path); err != nil || string(text) != "x" {
		t.Errorf("readFile = %q, %v", text, err)
	}
	if got := m.glob(filepath.Join(filepath.Dir(path), "f*")); !slices.Equal(got, []string{path}) {
		t.Errorf("glob = %q", got)
	}
	if got := m.glob("["); got != nil {
		t.Errorf("glob of a malformed pattern = %q", got)
	}
	goPath, err := m.lookPath("go")
	if err != nil {
		t.Fatal(err)
	}
	if text, err := m.output(context.Background(), goPath, "version"); err != nil || !strings.HasPrefix(text, "go version") {
		t.Errorf("output = %q, %v", text, err)
	}
	if _, err := m.output(context.Background(), goPath, "nonsense"); err == nil || !strings.Contains(err.Error(), "nonsense") {
		t.Errorf("output of a failing command: %v", err)
	}
	if err := m.run(context.Background(), []string{"A=1"}, goPath, "version"); err != nil || !strings.Contains(out.String(), "go version go") {
		t.Errorf("run: %v\n%s", err, out.String())
	}
	if m.root() != (os.Geteuid() == 0) {
		t.Error("root doesn't tell the truth")
	}
}
