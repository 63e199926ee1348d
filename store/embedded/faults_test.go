package embedded

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/gofrs/flock"
	"github.com/jackc/pgx/v5"
)

// wantError checks an error's kind and that a person can act on it: one line
// with the given words.
func wantError(t *testing.T, err, kind error, words ...string) {
	t.Helper()
	if !errors.Is(err, kind) {
		t.Fatalf("error = %v, want %v", err, kind)
	}
	if strings.Contains(strings.TrimSpace(err.Error()), "\n") {
		t.Errorf("more than one line: %v", err)
	}
	for _, w := range words {
		if !strings.Contains(err.Error(), w) {
			t.Errorf("%q is not in: %v", w, err)
		}
	}
}

func TestNoBinaries(t *testing.T) {
	t.Parallel()
	dir := dataDir(t)
	empty := filepath.Join(filepath.Dir(dir), "empty")
	if err := os.Mkdir(empty, 0o755); err != nil {
		t.Fatal(err)
	}
	_, err := Open(t.Context(), Options{DataDir: dir, BinDir: empty})
	wantError(t, err, ErrNoBinaries, "apt-get install postgresql", empty, "PG_BINDIR")
	if left, _ := filepath.Glob(filepath.Join(dir, "postgres*")); len(left) != 2 {
		t.Errorf("files = %v, want the two lock files only", left)
	}
}

// fakeServer is a folder with programs that claim a version.
func fakeServer(t *testing.T, parent, version string) string {
	t.Helper()
	dir := filepath.Join(parent, "pg"+version)
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"postgres", "initdb"} {
		script := "#!/bin/sh\n" + `if [ "$1" = --version ]; then echo "` + name + ` (PostgreSQL) ` + version + `"; exit 0; fi` +
			"\necho 'initdb: error: made to fail' >&2\nexit 1\n"
		if err := os.WriteFile(filepath.Join(dir, name), []byte(script), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func TestVersions(t *testing.T) {
	t.Parallel()
	dir := warmDir(t)
	closeLease(t, open(t, Options{DataDir: dir}))
	raw, err := os.ReadFile(filepath.Join(dir, "postgres", "PG_VERSION"))
	if err != nil {
		t.Fatal(err)
	}
	major := strings.TrimSpace(string(raw))
	_, err = Open(t.Context(), Options{DataDir: dir, BinDir: fakeServer(t, filepath.Dir(dir), "99.1")})
	wantError(t, err, ErrVersion, "made by PostgreSQL "+major, "99.1", "postgresql-"+major)

	fresh := dataDir(t)
	_, err = Open(t.Context(), Options{DataDir: fresh, BinDir: fakeServer(t, filepath.Dir(fresh), "14.9")})
	wantError(t, err, ErrNoBinaries, "15 or later", "14.9")
}

func TestInitdbFails(t *testing.T) {
	t.Parallel()
	dir := dataDir(t)
	_, err := Open(t.Context(), Options{DataDir: dir, BinDir: fakeServer(t, filepath.Dir(dir), "17.0")})
	wantError(t, err, ErrInit, "made to fail", dir)
	if left, _ := filepath.Glob(filepath.Join(dir, "postgres.init-*")); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

func TestServerFails(t *testing.T) {
	t.Parallel()
	dir := warmDir(t)
	closeLease(t, open(t, Options{DataDir: dir}))
	control := filepath.Join(dir, "postgres", "global", "pg_control")
	if err := os.Truncate(control, 10); err != nil {
		t.Fatal(err)
	}
	_, err := Open(t.Context(), Options{DataDir: dir})
	wantError(t, err, ErrStart, "pg_control", "postgres.log", dir)
	if err := os.RemoveAll(socketFolderOf(t, dir)); err != nil {
		t.Fatal(err)
	}
}

func socketFolderOf(t *testing.T, dir string) string {
	t.Helper()
	c, err := newCluster(Options{DataDir: dir})
	if err != nil {
		t.Fatal(err)
	}
	return c.socketFolder(os.TempDir())
}

func TestDataDirFaults(t *testing.T) {
	t.Parallel()
	parent := filepath.Dir(dataDir(t))
	file := filepath.Join(parent, "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	foreign := filepath.Join(parent, "foreign")
	if err := os.MkdirAll(filepath.Join(foreign, "postgres"), 0o711); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(foreign, 0o711); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(foreign, "postgres", "letters.txt"), []byte("mine"), 0o600); err != nil {
		t.Fatal(err)
	}
	giveToServerUser(t, filepath.Join(foreign, "postgres"))
	tests := []struct {
		name, dir string
		kind      error
		words     []string
	}{
		{"empty", "", ErrDataDir, []string{"PORTAL_DATA"}},
		{"a file", file, ErrDataDir, []string{file, "PORTAL_DATA"}},
		{"below a file", filepath.Join(file, "data"), ErrDataDir, []string{file}},
		{"read-only file system", "/proc/portal", ErrDataDir, []string{"/proc/portal", "writable"}},
		{"a folder of something else", foreign, ErrDataDir, []string{"not a PostgreSQL cluster"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := Open(t.Context(), Options{DataDir: tt.dir})
			wantError(t, err, tt.kind, tt.words...)
		})
	}
	if _, err := os.Stat(filepath.Join(foreign, "postgres", "letters.txt")); err != nil {
		t.Errorf("a foreign file was touched: %v", err)
	}
}

func giveToServerUser(t *testing.T, path string) {
	t.Helper()
	owner, err := ownerOf(filepath.Join(path, "absent"))
	if err != nil {
		t.Fatal(err)
	}
	if err := owner.own(path); err != nil {
		t.Fatal(err)
	}
}

func TestDamagedVersionFile(t *testing.T) {
	t.Parallel()
	dir := warmDir(t)
	closeLease(t, open(t, Options{DataDir: dir}))
	if err := os.WriteFile(filepath.Join(dir, "postgres", "PG_VERSION"), []byte("\x00"), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := Open(t.Context(), Options{DataDir: dir})
	wantError(t, err, ErrDataDir, "PG_VERSION", "backup")
}

func TestUnwritable(t *testing.T) {
	if os.Geteuid() == 0 {
		// Root writes anywhere: run this test as the server's user instead.
		runAsServerUser(t, "TestUnwritable")
		return
	}
	parent, err := os.MkdirTemp("", "embedded-test-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.Chmod(parent, 0o700); _ = os.RemoveAll(parent) })
	if err := os.Chmod(parent, 0o500); err != nil {
		t.Fatal(err)
	}
	_, err = Open(t.Context(), Options{DataDir: filepath.Join(parent, "data")})
	wantError(t, err, ErrDataDir, parent, "writable", "PORTAL_DATA")
	_, err = Open(t.Context(), Options{DataDir: parent})
	wantError(t, err, ErrDataDir, parent, "writable")
}

// The whole life of a cluster under an ordinary user.
func TestOrdinaryUser(t *testing.T) {
	if os.Geteuid() == 0 {
		runAsServerUser(t, "TestOrdinaryUser")
		return
	}
	dir := dataDir(t)
	lease := open(t, Options{DataDir: dir})
	if got := query(t, lease.DSN(), "SELECT 'mine'"); got != "mine" {
		t.Error(got)
	}
}

// runAsServerUser repeats one test in a copy of the test binary under the
// account that runs servers for root.
func runAsServerUser(t *testing.T, name string) {
	t.Helper()
	owner, err := ownerOf("/nonexistent/postgres")
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Dir(dataDir(t))
	raw, err := os.ReadFile(os.Args[0])
	if err != nil {
		t.Fatal(err)
	}
	binary := filepath.Join(dir, "test.bin")
	if err := os.WriteFile(binary, raw, 0o755); err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), binary, "-test.run=^"+name+"$", "-test.v")
	cmd.Dir, cmd.Env, cmd.SysProcAttr = "/", []string{"TMPDIR=/tmp", "PATH=/usr/local/bin:/usr/bin:/bin"}, owner.attributes()
	out, err := cmd.CombinedOutput()
	if err != nil || !strings.Contains(string(out), "--- PASS: "+name) {
		t.Errorf("as %s: %v\n%s", owner.name, err, out)
	}
}

func TestNotTraversable(t *testing.T) {
	t.Parallel()
	if os.Geteuid() != 0 {
		t.Skip("an ordinary user runs the server itself and can pass its own folders")
	}
	closed := filepath.Join(filepath.Dir(dataDir(t)), "closed")
	if err := os.Mkdir(closed, 0o700); err != nil {
		t.Fatal(err)
	}
	_, err := Open(t.Context(), Options{DataDir: filepath.Join(closed, "data")})
	wantError(t, err, ErrNotTraversable, closed, "chmod o+x "+closed)
}

func TestClusterOwnedByRoot(t *testing.T) {
	t.Parallel()
	if os.Geteuid() != 0 {
		t.Skip("only root can make folders of root")
	}
	dir := dataDir(t)
	if err := os.MkdirAll(filepath.Join(dir, "postgres"), 0o700); err != nil {
		t.Fatal(err)
	}
	_, err := Open(t.Context(), Options{DataDir: dir})
	wantError(t, err, ErrServerUser, "chown")
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
}

func TestLocked(t *testing.T) {
	t.Parallel()
	dir := warmDir(t)
	lease := open(t, Options{DataDir: dir})
	guard := flock.New(filepath.Join(dir, "postgres.start"))
	if ok, err := guard.TryLock(); err != nil || !ok {
		t.Fatal(ok, err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	_, err := Open(ctx, Options{DataDir: dir})
	wantError(t, err, ErrLocked, dir, "try again")
	if err := guard.Unlock(); err != nil {
		t.Fatal(err)
	}
	closeLease(t, lease)
}

func TestLeaseFileHeldByAnotherProgram(t *testing.T) {
	t.Parallel()
	dir := dataDir(t)
	if _, err := PrepareDataDir(dir); err != nil {
		t.Fatal(err)
	}
	held := flock.New(filepath.Join(dir, "postgres.lease"))
	if ok, err := held.TryLock(); err != nil || !ok {
		t.Fatal(ok, err)
	}
	_, err := Open(t.Context(), Options{DataDir: dir})
	wantError(t, err, ErrLocked, "postgres.lease")
	if err := held.Unlock(); err != nil {
		t.Fatal(err)
	}
}

func TestLongPath(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(dataDir(t), strings.Repeat("long-", 30), strings.Repeat("longer-", 20))
	lease := open(t, Options{DataDir: dir})
	if got := query(t, lease.DSN(), "SELECT 'far'"); got != "far" {
		t.Error(got)
	}
}

func TestOddNames(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(dataDir(t), "a b'c,d[1]%2F\"Ä")
	lease := open(t, Options{DataDir: dir})
	if got := query(t, lease.DSN(), "SELECT 'odd'"); got != "odd" {
		t.Error(got)
	}
}

func TestSocketFolder(t *testing.T) {
	t.Parallel()
	c := &cluster{root: "/somewhere", owner: account{uid: 7}}
	tests := map[string]struct{ temp, want string }{
		"plain":         {"/tmp", "/tmp/portal-7-"},
		"too long":      {"/tmp/" + strings.Repeat("x", 90), "/tmp/portal-7-"},
		"not there":     {"/tmp/absent-folder-of-nobody", "/tmp/portal-7-"},
		"special signs": {"/tmp/a,b", "/tmp/portal-7-"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			got := c.socketFolder(tt.temp)
			if !strings.HasPrefix(got, tt.want) || len(socketFile(got)) > maxSocketPath {
				t.Errorf("socketFolder = %q", got)
			}
		})
	}
}

func TestSocketFolderOfSomebodyElse(t *testing.T) {
	t.Parallel()
	dir := warmDir(t)
	if _, err := PrepareDataDir(dir); err != nil {
		t.Fatal(err)
	}
	socket := socketFolderOf(t, dir)
	if err := os.Symlink("/tmp", socket); err != nil {
		t.Fatal(err)
	}
	_, err := Open(t.Context(), Options{DataDir: dir})
	wantError(t, err, ErrSocketDir, socket, "remove it")
	if err := os.Remove(socket); err != nil {
		t.Fatal(err)
	}
	// A folder of ours that a killed start left half made is mended.
	if err := os.Mkdir(socket, 0o755); err != nil {
		t.Fatal(err)
	}
	open(t, Options{DataDir: dir})
}

func TestFoldersAreClosed(t *testing.T) {
	t.Parallel()
	dir := dataDir(t)
	lease := open(t, Options{DataDir: dir})
	want := map[string]os.FileMode{
		dir:                                  0o711,
		filepath.Join(dir, "postgres"):       0o700,
		filepath.Join(dir, "postgres.log"):   0o600,
		filepath.Join(dir, "postgres.lease"): 0o600,
		filepath.Join(dir, "postgres.start"): 0o600,
		lease.running.socketDir:              0o700,
		filepath.Join(dir, "CACHEDIR.TAG"):   0o644,
	}
	for path, mode := range want {
		info, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		if info.Mode().Perm() != mode {
			t.Errorf("%s has mode %o, want %o", path, info.Mode().Perm(), mode)
		}
	}
	tag, err := os.ReadFile(filepath.Join(dir, "CACHEDIR.TAG"))
	if err != nil || !strings.HasPrefix(string(tag), "Signature: 8a477f597d28d172789f06886806bc55") {
		t.Errorf("CACHEDIR.TAG = %q, %v", tag, err)
	}
}

func TestExistingFolderKeepsItsMode(t *testing.T) {
	t.Parallel()
	dir := dataDir(t)
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	if _, err := PrepareDataDir(dir); err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(dir)
	if err != nil || info.Mode().Perm() != 0o755 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
}

func TestServerSettings(t *testing.T) {
	t.Parallel()
	dir := warmDir(t)
	lease := open(t, Options{DataDir: dir})
	want := map[string]string{
		"server_encoding": "UTF8", "TimeZone": "UTC", "listen_addresses": "", "jit": "off",
		"shared_buffers": "256MB", "max_connections": "100", "max_wal_size": "2GB",
		"log_statement": "none", "log_min_error_statement": "panic", "fsync": "off", "data_checksums": "on",
	}
	for name, value := range want {
		if got := query(t, lease.DSN(), "SHOW "+name); got != value {
			t.Errorf("%s = %q, want %q", name, got, value)
		}
	}
	closeLease(t, lease)
	lease = open(t, Options{DataDir: dir, Durable: true})
	if got := query(t, lease.DSN(), "SHOW fsync"); got != "on" {
		t.Errorf("durable: fsync = %q", got)
	}
}

// Neither statements nor the values in error messages reach the server's log.
func TestLogIsSilent(t *testing.T) {
	t.Parallel()
	dir := warmDir(t)
	lease := open(t, Options{DataDir: dir})
	conn, err := pgx.Connect(t.Context(), lease.DSN())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close(context.Background()) }()
	for _, sql := range []string{
		"SELECT 'Canary'::integer",
		"CREATE TABLE t (mrn text PRIMARY KEY)", "INSERT INTO t VALUES ('Canary')", "INSERT INTO t VALUES ('Canary')",
		"DO $$BEGIN RAISE WARNING 'Canary'; END$$", "SELECT canary FROM Canary", "Canary",
	} {
		_, _ = conn.Exec(t.Context(), sql) // most of them fail, as they should
	}
	_, _ = conn.Exec(t.Context(), "SELECT $1::integer", "Canary")
	if _, err := conn.Exec(t.Context(), "SELECT 'Canary', pg_terminate_backend(pg_backend_pid())"); err == nil {
		t.Error("the connection was not ended")
	}
	closeLease(t, lease)
	raw, err := os.ReadFile(filepath.Join(dir, "postgres.log"))
	if err != nil || len(raw) == 0 {
		t.Fatalf("log: %d bytes, %v", len(raw), err)
	}
	if strings.Contains(strings.ToLower(string(raw)), "canary") {
		t.Errorf("the log tells:\n%s", raw)
	}
}

func TestLogRotation(t *testing.T) {
	t.Parallel()
	dir := warmDir(t)
	if _, err := PrepareDataDir(dir); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "postgres.log"), make([]byte, maxLogBytes+1), 0o600); err != nil {
		t.Fatal(err)
	}
	closeLease(t, open(t, Options{DataDir: dir}))
	old, err := os.Stat(filepath.Join(dir, "postgres.log.1"))
	if err != nil || old.Size() != maxLogBytes+1 {
		t.Errorf("old log: %v", err)
	}
	now, err := os.Stat(filepath.Join(dir, "postgres.log"))
	if err != nil || now.Size() > 10000 {
		t.Errorf("new log: %v", err)
	}
}
