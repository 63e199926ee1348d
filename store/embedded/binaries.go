package embedded

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// oldest is the first major version that the portal's SQL runs on.
const oldest = 15

const installHint = "install it with `apt-get install postgresql` (Debian, Ubuntu) or `brew install postgresql@17` (macOS), " +
	"name its folder in PG_BINDIR, or set DATABASE_URL to a running server"

// installation is a folder with the server's programs.
type installation struct {
	dir          string
	major, minor int
}

func (i installation) program(name string) string { return filepath.Join(i.dir, name) }

// usualPlaces are where distributions and Homebrew keep servers out of PATH.
func usualPlaces() []string {
	return []string{
		"/usr/lib/postgresql/*/bin",
		"/usr/pgsql-*/bin",
		"/usr/local/pgsql/bin",
		"/opt/homebrew/opt/postgresql@*/bin",
		"/usr/local/opt/postgresql@*/bin",
		"/home/linuxbrew/.linuxbrew/opt/postgresql@*/bin",
		"/Applications/Postgres.app/Contents/Versions/*/bin",
	}
}

// findInstallation returns the newest usable installation; where the cluster
// exists already, of exactly its major version (cluster 0: any).
func findInstallation(ctx context.Context, binDir string, owner account, cluster int) (installation, error) {
	dirs := []string{binDir}
	if binDir == "" {
		dirs = candidates()
	}
	var found []installation
	var reasons []error
	for _, dir := range dirs {
		inst, err := inspectInstallation(ctx, dir, owner)
		if err != nil {
			reasons = append(reasons, err)
			continue
		}
		found = append(found, inst)
	}
	return choose(found, reasons, binDir, cluster)
}

func choose(found []installation, reasons []error, binDir string, cluster int) (installation, error) {
	slices.SortStableFunc(found, func(a, b installation) int {
		return (b.major-a.major)*1000 + b.minor - a.minor
	})
	var have []string
	for _, inst := range found {
		if inst.major >= oldest && (cluster == 0 || inst.major == cluster) {
			return inst, nil
		}
		have = append(have, fmt.Sprintf("%d.%d in %s", inst.major, inst.minor, inst.dir))
	}
	where := "PATH and the usual folders"
	if binDir != "" {
		where = "PG_BINDIR " + binDir
	}
	switch {
	case cluster != 0 && len(found) > 0:
		return installation{}, fmt.Errorf("%w: the data was made by PostgreSQL %d, found only %s (looked in %s); "+
			"install PostgreSQL %d, for example with `apt-get install postgresql-%d`, or name its folder in PG_BINDIR",
			ErrVersion, cluster, strings.Join(have, ", "), where, cluster, cluster)
	case len(found) > 0:
		return installation{}, fmt.Errorf("%w: PostgreSQL %d or later is needed, found only %s (looked in %s); %s",
			ErrNoBinaries, oldest, strings.Join(have, ", "), where, installHint)
	case len(reasons) > 0:
		return installation{}, fmt.Errorf("%w: PostgreSQL %d or later is needed (looked in %s; %w); %s",
			ErrNoBinaries, oldest, where, reasons[0], installHint)
	default:
		return installation{}, fmt.Errorf("%w: PostgreSQL %d or later is needed (looked in %s); %s", ErrNoBinaries, oldest, where, installHint)
	}
}

// candidates are the folders with a program named postgres, each once.
func candidates() []string {
	var dirs []string
	add := func(program string) {
		if real, err := filepath.EvalSymlinks(program); err == nil {
			if dir := filepath.Dir(real); !slices.Contains(dirs, dir) {
				dirs = append(dirs, dir)
			}
		}
	}
	if program, err := exec.LookPath("postgres"); err == nil {
		add(program)
	}
	for _, pattern := range usualPlaces() {
		// The patterns are constants: Glob's only error, a bad pattern, can't occur.
		programs, err := filepath.Glob(filepath.Join(pattern, "postgres"))
		if err != nil {
			continue
		}
		for _, program := range programs {
			add(program)
		}
	}
	return dirs
}

// inspectInstallation asks the server for its version, as the user who will run it.
func inspectInstallation(ctx context.Context, dir string, owner account) (installation, error) {
	inst := installation{dir: dir}
	for _, name := range []string{"postgres", "initdb"} {
		info, err := os.Stat(inst.program(name))
		if errors.Is(err, fs.ErrNotExist) {
			return inst, fmt.Errorf("no program %s in %s", name, dir)
		}
		if err != nil {
			return inst, err
		}
		if !info.Mode().IsRegular() {
			return inst, fmt.Errorf("%s is not a program", inst.program(name))
		}
	}
	out, err := output(ctx, inst.program("postgres"), "/", owner, "--version")
	if err != nil {
		return inst, fmt.Errorf("ask %s for its version: %w", inst.program("postgres"), err)
	}
	inst.major, inst.minor, err = parseVersion(out)
	if err != nil {
		return inst, fmt.Errorf("ask %s for its version: %w", inst.program("postgres"), err)
	}
	return inst, nil
}

// output runs a short program as owner in dir and returns what it prints.
func output(ctx context.Context, program, dir string, owner account, args ...string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	cmd := exec.CommandContext(ctx, program, args...) //nolint:gosec // the program is the server that the operator installed
	var out bytes.Buffer
	cmd.Dir, cmd.Env, cmd.SysProcAttr, cmd.Stdout = dir, childEnv(), owner.attributes(), &out
	cmd.WaitDelay = time.Second
	if err := cmd.Run(); err != nil {
		return "", err
	}
	return out.String(), nil
}

// childEnv is all that the server's programs see of the environment: PG*
// variables of the operator must not steer the private server.
func childEnv() []string {
	return []string{"PATH=/usr/local/bin:/usr/bin:/bin", "LC_ALL=C", "TZ=UTC"}
}

// parseVersion reads "postgres (PostgreSQL) 15.14 (Debian ...)" and "... 17beta1".
func parseVersion(s string) (major, minor int, err error) {
	m := regexp.MustCompile(`\(PostgreSQL\) (\d{1,4})(?:\.(\d{1,4}))?`).FindStringSubmatch(s)
	if m == nil {
		return 0, 0, fmt.Errorf("unknown answer %q", strings.TrimSpace(s))
	}
	if major, err = strconv.Atoi(m[1]); err != nil {
		return 0, 0, fmt.Errorf("version %q: %w", m[1], err)
	}
	if m[2] != "" {
		if minor, err = strconv.Atoi(m[2]); err != nil {
			return 0, 0, fmt.Errorf("version %q: %w", m[2], err)
		}
	}
	return major, minor, nil
}
