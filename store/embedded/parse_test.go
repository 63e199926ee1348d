package embedded

import (
	"context"
	"errors"
	"os"
	"os/user"
	"path/filepath"
	"testing"

	"github.com/jackc/pgx/v5"
)

func TestParseVersion(t *testing.T) {
	tests := []struct {
		in           string
		major, minor int
		ok           bool
	}{
		{"postgres (PostgreSQL) 15.14 (Debian 15.14-0+deb12u1)\n", 15, 14, true},
		{"postgres (PostgreSQL) 17beta1", 17, 0, true},
		{"postgres (PostgreSQL) 18", 18, 0, true},
		{"postgres (PostgreSQL) 9.6.24", 9, 6, true},
		{"postgres (EnterpriseDB) x", 0, 0, false},
		{"", 0, 0, false},
	}
	for _, tt := range tests {
		major, minor, err := parseVersion(tt.in)
		if major != tt.major || minor != tt.minor || (err == nil) != tt.ok {
			t.Errorf("parseVersion(%q) = %d, %d, %v", tt.in, major, minor, err)
		}
	}
}

func TestChoose(t *testing.T) {
	found := []installation{{"/a", 14, 20}, {"/b", 16, 2}, {"/c", 17, 1}, {"/d", 16, 11}}
	tests := []struct {
		name    string
		found   []installation
		cluster int
		dir     string
		err     error
	}{
		{"newest", found, 0, "/c", nil},
		{"newest minor of the cluster's major", found, 16, "/d", nil},
		{"none of the cluster's major", found, 15, "", ErrVersion},
		{"too old", found[:1], 0, "", ErrNoBinaries},
		{"none", nil, 0, "", ErrNoBinaries},
		{"none for a cluster", nil, 15, "", ErrNoBinaries},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := choose(append([]installation(nil), tt.found...), nil, "", tt.cluster)
			if got.dir != tt.dir || !errors.Is(err, tt.err) {
				t.Errorf("choose = %q, %v", got.dir, err)
			}
		})
	}
}

func TestParsePostmaster(t *testing.T) {
	tests := []struct {
		name, in string
		want     postmaster
		ok       bool
	}{
		{"complete", "42\n/data\n1700000000\n5432\n/tmp/s\n\n  1 2\nready   \n", postmaster{42, "/tmp/s"}, true},
		{"being written", "42\n/data\n1700000000\n5432\n/tm", postmaster{42, ""}, true},
		{"number only", "42\n", postmaster{42, ""}, true},
		{"empty", "", postmaster{}, false},
		{"words", "postmaster\n", postmaster{}, false},
		{"single-user server", "-42\n", postmaster{}, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := parsePostmaster(tt.in)
			if got != tt.want || (err == nil) != tt.ok {
				t.Errorf("= %+v, %v", got, err)
			}
		})
	}
}

func TestDSN(t *testing.T) {
	for _, dir := range []string{"/tmp/portal-1-abc", "/tmp/with space & sign"} {
		cfg, err := pgx.ParseConfig(dsn(dir, "portal"))
		if err != nil {
			t.Fatal(err)
		}
		if cfg.Host != dir || cfg.Port != 5432 || cfg.User != "portal" || cfg.Database != "portal" || cfg.Password != "" || cfg.TLSConfig != nil {
			t.Errorf("%s: %+v", dir, cfg.Config)
		}
	}
}

func TestLastLine(t *testing.T) {
	tests := map[string]string{
		"":                                      "",
		"one":                                   "one",
		"x\ninitdb: error: no space\nhint: y\n": "initdb: error: no space",
		"LOG: a\nFATAL: cause\nLOG: down":       "FATAL: cause",
		"a\nb\n":                                "b",
	}
	for in, want := range tests {
		if got := lastLine(in); got != want {
			t.Errorf("lastLine(%q) = %q, want %q", in, got, want)
		}
	}
}

func TestLookUp(t *testing.T) {
	find := func(u user.User, err error) func(string) (*user.User, error) {
		return func(string) (*user.User, error) { return &u, err }
	}
	tests := []struct {
		name string
		user user.User
		err  error
		ok   bool
	}{
		{"fine", user.User{Uid: "101", Gid: "104", Username: "postgres"}, nil, true},
		{"unknown", user.User{}, errors.New("unknown"), false},
		{"root by another name", user.User{Uid: "0", Gid: "0", Username: "toor"}, nil, false},
		{"no number", user.User{Uid: "S-1-5", Gid: "1"}, nil, false},
		{"no group number", user.User{Uid: "5", Gid: "-2"}, nil, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			a, err := lookUp("x", find(tt.user, tt.err))
			if (err == nil) != tt.ok || (tt.ok && (a.uid != 101 || a.gid != 104 || !a.switches())) {
				t.Errorf("= %+v, %v", a, err)
			}
			if !tt.ok && !errors.Is(err, ErrServerUser) {
				t.Errorf("error = %v", err)
			}
		})
	}
}

func TestLookAt(t *testing.T) {
	cwd, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	ctx := context.Background()
	if got := lookAt(ctx, os.Getpid(), cwd); got != processServer {
		t.Errorf("a process that works in the folder: %v", got)
	}
	if got := lookAt(ctx, os.Getpid(), t.TempDir()); got != processOther {
		t.Errorf("a process that works elsewhere: %v", got)
	}
	if got := lookAt(ctx, os.Getpid(), filepath.Join(cwd, "absent")); got != processOther {
		t.Errorf("a folder that is not there: %v", got)
	}
	if got := lookAt(ctx, 999999999, cwd); got != processGone {
		t.Errorf("no process: %v", got)
	}
	if got := lookAtPs(ctx, os.Getpid(), cwd); got != processOther {
		t.Errorf("ps: not a server: %v", got)
	}
	if got := lookAtPs(ctx, 999999999, cwd); got != processGone {
		t.Errorf("ps: no process: %v", got)
	}
}

func TestObstacle(t *testing.T) {
	base := filepath.Dir(dataDir(t))
	closed := filepath.Join(base, "closed")
	if err := os.MkdirAll(filepath.Join(closed, "inner"), 0o700); err != nil {
		t.Fatal(err)
	}
	stranger := &cluster{owner: account{uid: 54321, gid: 54321}}
	if got := stranger.obstacle(filepath.Join(closed, "inner")); got != closed {
		t.Errorf("obstacle = %q, want %q", got, closed)
	}
	if got := stranger.obstacle(base); got != "" {
		t.Errorf("obstacle = %q", got)
	}
	own := &cluster{owner: account{uid: uint32(os.Geteuid()), gid: uint32(os.Getegid())}}
	if got := own.obstacle(filepath.Join(closed, "inner")); got != "" {
		t.Errorf("obstacle = %q", got)
	}
}
