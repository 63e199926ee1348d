package storetest

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"testing/fstest"
	"time"

	"github.com/jackc/pgx/v5"
)

func value[T any](t *testing.T, dsn, sql string, args ...any) T {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), dsn)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close(context.Background()) }()
	var v T
	if err := conn.QueryRow(t.Context(), sql, args...).Scan(&v); err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
	return v
}

func execute(t *testing.T, dsn, sql string) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), dsn)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close(context.Background()) }()
	if _, err := conn.Exec(t.Context(), sql); err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
}

func TestEachTestHasItsOwnMigratedDatabase(t *testing.T) {
	a, b := Open(t), Open(t)
	if a.DSN() == b.DSN() {
		t.Fatal("two tests share a database")
	}
	execute(t, a.DSN(), "CREATE TABLE only_in_a ()")
	if value[*string](t, b.DSN(), "SELECT to_regclass('only_in_a')::text") != nil {
		t.Error("a table of one test shows in the other")
	}
	for _, db := range []*DB{a, b} {
		if n := value[int](t, db.DSN(), "SELECT count(*) FROM health.metric"); n == 0 {
			t.Error("the metric catalogue is empty")
		}
	}
	if !value[bool](t, a.SuperuserDSN(), "SELECT usesuper FROM pg_user WHERE usename = current_user") {
		t.Error("SuperuserDSN is no superuser's")
	}
}

func TestCloneKeepsGrants(t *testing.T) {
	db := Open(t)
	const acl = "SELECT coalesce(array_to_string(ARRAY(SELECT x::text FROM unnest(datacl) x ORDER BY 1), ' '), '') FROM pg_database WHERE datname = "
	c := connect(t)
	want := value[string](t, c.dsn, acl+"$1", c.template)
	got := value[string](t, db.DSN(), acl+"current_database()")
	if got != want || want == "" {
		t.Errorf("grants = %q, the template has %q", got, want)
	}
}

func TestOpenEmpty(t *testing.T) {
	db := OpenEmpty(t)
	if value[*string](t, db.DSN(), "SELECT to_regnamespace('health')::text") != nil {
		t.Error("an empty database has the schema health")
	}
}

func TestParallel(t *testing.T) {
	for i := range 8 {
		t.Run(fmt.Sprint(i), func(t *testing.T) {
			t.Parallel()
			db := Open(t)
			if n := value[int](t, db.DSN(), "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"); n < 1 {
				t.Error(n)
			}
		})
	}
}

func TestDatabaseIsDroppedWithOpenConnections(t *testing.T) {
	var dsn string
	var conn *pgx.Conn
	t.Run("inner", func(t *testing.T) {
		dsn = Open(t).DSN()
		var err error
		if conn, err = pgx.Connect(t.Context(), dsn); err != nil {
			t.Fatal(err)
		}
	})
	if conn == nil {
		t.FailNow()
	}
	_ = conn.Close(context.Background())
	name := dsn[strings.LastIndex(strings.SplitN(dsn, "?", 2)[0], "/")+1 : strings.Index(dsn, "?")]
	if value[bool](t, connect(t).dsn, "SELECT EXISTS (SELECT FROM pg_database WHERE datname = $1)", name) {
		t.Errorf("%s is still there", name)
	}
}

// keeperIn starts a keeper of its own cluster below temp and returns its greeting.
func keeperIn(t *testing.T, temp string) (*exec.Cmd, greeting, func()) {
	t.Helper()
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(program, keeperArg) //nolint:noctx // it ends when its input does, after the test's context
	cmd.Env = append(os.Environ(), "TMPDIR="+temp)
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var said greeting
	line, err := bufio.NewReader(out).ReadBytes('\n')
	if err == nil {
		err = json.Unmarshal(line, &said)
	}
	if err != nil {
		t.Fatalf("the keeper said %q: %v", line, err)
	}
	leave := func() {
		_ = in.Close()
		_ = cmd.Wait()
	}
	t.Cleanup(leave) // a second time does nothing
	return cmd, said, leave
}

// temp is a folder for temporary files that the server's user can pass.
func temp(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "storetest-")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(dir, 0o711); err != nil { // so that the server's user can pass
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	return dir
}

func serverRuns(t *testing.T, dir string) bool {
	t.Helper()
	_, err := os.Stat(filepath.Join(dir, fmt.Sprintf("portal-storetest-%d", os.Geteuid()), "data", "postgres", "postmaster.pid"))
	return err == nil
}

func TestLastKeeperStopsTheServer(t *testing.T) {
	dir := temp(t)
	_, one, leaveOne := keeperIn(t, dir)
	_, two, leaveTwo := keeperIn(t, dir)
	if one.Error != "" || two.Error != "" || one.DSN != two.DSN || one.Template != two.Template || one.ID == two.ID {
		t.Errorf("greetings %+v and %+v", one, two)
	}
	if err := clone(t.Context(), one.DSN, testPrefixOf(one.ID)+"1", one.Template); err != nil {
		t.Fatal(err)
	}
	leaveOne()
	if !serverRuns(t, dir) {
		t.Fatal("the first to leave stopped the server")
	}
	if n := value[int](t, two.DSN, "SELECT count(*) FROM pg_database WHERE datname LIKE 'hp\\_test\\_%'"); n != 0 {
		t.Errorf("%d databases of the process that left", n)
	}
	leaveTwo()
	if serverRuns(t, dir) {
		t.Error("the server outlived its last keeper")
	}
}

func TestLeftoversAreSwept(t *testing.T) {
	dir := temp(t)
	cmd, dead, leaveDead := keeperIn(t, dir)
	if err := clone(t.Context(), dead.DSN, testPrefixOf(dead.ID)+"1", dead.Template); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{building, templatePrefix + "of_older_migrations"} {
		if err := clone(t.Context(), dead.DSN, name, ""); err != nil {
			t.Fatal(err)
		}
	}
	_, alive, leaveAlive := keeperIn(t, dir)
	mine := testPrefixOf(alive.ID) + "1"
	if err := clone(t.Context(), alive.DSN, mine, alive.Template); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Process.Signal(syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	leaveDead()
	// The server notices the dead connection, and frees its locks, a moment later.
	awaitGone(t, alive.DSN, dead.ID)
	_, next, leaveNext := keeperIn(t, dir)
	rows := value[[]string](t, next.DSN, "SELECT array_agg(datname::text ORDER BY datname) FROM pg_database WHERE datname LIKE 'hp\\_%'")
	if want := []string{next.Template, mine}; fmt.Sprint(rows) != fmt.Sprint(want) {
		t.Errorf("databases = %v, want %v", rows, want)
	}
	leaveNext()
	leaveAlive()
	if serverRuns(t, dir) {
		t.Error("the server outlived its last keeper")
	}
}

func awaitGone(t *testing.T, dsn string, id int32) {
	t.Helper()
	for range 500 {
		held := value[int](t, dsn, "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND classid = $1 AND objid = $2", lockProcess, id)
		if held == 0 {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Fatal("the killed process's lock stays")
}

func TestDamagedClusterIsRemade(t *testing.T) {
	dir := temp(t)
	_, first, leave := keeperIn(t, dir)
	leave()
	if first.Error != "" {
		t.Fatal(first.Error)
	}
	data := filepath.Join(dir, fmt.Sprintf("portal-storetest-%d", os.Geteuid()), "data", "postgres")
	if err := os.Truncate(filepath.Join(data, "global", "pg_control"), 3); err != nil {
		t.Fatal(err)
	}
	_, second, leave := keeperIn(t, dir)
	defer leave()
	if second.Error != "" || second.Template == "" {
		t.Errorf("greeting %+v", second)
	}
}

func TestForeignFolderIsRefused(t *testing.T) {
	dir := temp(t)
	file := filepath.Join(dir, fmt.Sprintf("portal-storetest-%d", os.Geteuid()))
	if err := os.Symlink("/tmp", file); err != nil {
		t.Fatal(err)
	}
	_, said, leave := keeperIn(t, dir)
	leave()
	if !strings.Contains(said.Error, "not a folder of this user") {
		t.Errorf("a foreign folder: %+v", said)
	}
	if _, _, err := prepare(t.Context(), filepath.Join(dir, "absent")); err == nil {
		t.Error("a missing folder for temporary files went unnoticed")
	}
}

func TestHashOf(t *testing.T) {
	base := fstest.MapFS{"1.sql": {Data: []byte("a")}, "2.sql": {Data: []byte("b")}}
	want, err := hashOf(base, "x")
	if err != nil || len(want) != 20 {
		t.Fatal(want, err)
	}
	tests := map[string]struct {
		fsys fstest.MapFS
		more []string
		same bool
	}{
		"the same":          {fstest.MapFS{"2.sql": {Data: []byte("b")}, "1.sql": {Data: []byte("a")}}, []string{"x"}, true},
		"other content":     {fstest.MapFS{"1.sql": {Data: []byte("a")}, "2.sql": {Data: []byte("c")}}, []string{"x"}, false},
		"other name":        {fstest.MapFS{"1.sql": {Data: []byte("a")}, "3.sql": {Data: []byte("b")}}, []string{"x"}, false},
		"another file":      {fstest.MapFS{"1.sql": {Data: []byte("a")}}, []string{"x"}, false},
		"other rest":        {base, []string{"y"}, false},
		"split differently": {base, []string{"x", ""}, false},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			got, err := hashOf(tt.fsys, tt.more...)
			if err != nil || (got == want) != tt.same {
				t.Errorf("= %q, %v; base %q", got, err, want)
			}
		})
	}
}

func TestOwnerOf(t *testing.T) {
	tests := map[string]struct {
		id int32
		ok bool
	}{
		"hp_test_42_1":         {42, true},
		testPrefixOf(7) + "99": {7, true},
		"hp_test_x_1":          {0, false},
		"hp_test_42":           {0, false},
		"hp_template_42_1":     {0, false},
		"portal":               {0, false},
		"hp_test_99999999999_": {0, false},
	}
	for name, want := range tests {
		id, ok := ownerOf(name)
		if ok != want.ok || (ok && id != want.id) {
			t.Errorf("ownerOf(%q) = %d, %v", name, id, ok)
		}
	}
}

func TestOtherDatabase(t *testing.T) {
	got, err := otherDatabase("postgres://u@/portal?host=%2Ftmp%2Fs", "hp_x")
	if err != nil || got != "postgres://u@/hp_x?host=%2Ftmp%2Fs" {
		t.Errorf("= %q, %v", got, err)
	}
	if _, err := otherDatabase("postgres://u@/%zz", "x"); err == nil {
		t.Error("a damaged address passed")
	}
}
