package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"regexp"
	"strconv"
)

// The oldest versions that the portal works with.
const (
	oldestPostgres = 15
	oldestNode     = 20
)

// errMissing says that a need isn't on this machine at all.
var errMissing = errors.New("not found")

// need is one thing the demo or the tests use.
type need struct {
	name     string
	why      string
	packages []string // Debian's names
	brew     []string // Homebrew's names
	find     func(context.Context, machine) (string, error)
}

func needsFor(purpose string, env map[string]string) ([]need, error) {
	base := []need{postgres(env), node()}
	switch purpose {
	case "demo":
		if env["DATABASE_URL"] != "" || env["HP_DSN"] != "" {
			return []need{node()}, nil
		}
		return base, nil
	case "test":
		return append(base,
			program("C compiler", "the race detector needs it", []string{"gcc", "libc6-dev"}, []string{"gcc"}, "gcc", "cc", "clang"),
			program("Redis", "tests of the shared cache", []string{"redis-server"}, []string{"redis"}, "redis-server"),
			program("Chromium", "browser tests", []string{"chromium", "fonts-liberation"}, []string{"--cask chromium"},
				"chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome"),
			program("pdftotext", "tests that read printed pages", []string{"poppler-utils"}, []string{"poppler"}, "pdftotext"),
			program("jq", "tests that count imported files by other means", []string{"jq"}, []string{"jq"}, "jq"),
			program("xmllint", "tests that count imported files by other means", []string{"libxml2-utils"}, []string{"libxml2"}, "xmllint"),
		), nil
	}
	return nil, fmt.Errorf("-for %q isn't known; say demo or test", purpose)
}

// program is a need that any one of the commands meets.
func program(name, why string, packages, brew []string, commands ...string) need {
	return need{name: name, why: why, packages: packages, brew: brew,
		find: func(_ context.Context, m machine) (string, error) {
			for _, command := range commands {
				if path, err := m.lookPath(command); err == nil {
					return path, nil
				}
			}
			return "", errMissing
		}}
}

// postgres looks where store/embedded looks. A DATABASE_URL that the user
// set makes a server of our own unnecessary for the demo, not for the tests,
// which always use their own.
func postgres(env map[string]string) need {
	return need{
		name:     "PostgreSQL server",
		why:      fmt.Sprintf("the embedded default runs initdb and postgres, version %d or later", oldestPostgres),
		packages: []string{"postgresql"},
		brew:     []string{"postgresql@17"},
		find: func(ctx context.Context, m machine) (string, error) {
			return findPostgres(ctx, m, env["PG_BINDIR"])
		},
	}
}

func findPostgres(ctx context.Context, m machine, chosen string) (string, error) {
	if chosen != "" {
		version, err := serverVersion(ctx, m, chosen)
		if err != nil {
			return "", fmt.Errorf("PG_BINDIR=%s holds no PostgreSQL server (%w); correct or unset it", chosen, err)
		}
		if version < oldestPostgres {
			return "", fmt.Errorf("PG_BINDIR=%s holds version %d; %d or later is needed", chosen, version, oldestPostgres)
		}
		return chosen, nil
	}
	var folders []string
	if path, err := m.lookPath("initdb"); err == nil {
		folders = append(folders, filepath.Dir(path))
	}
	for _, pattern := range []string{"/usr/lib/postgresql/*/bin", "/usr/pgsql-*/bin",
		"/opt/homebrew/opt/postgresql*/bin", "/usr/local/opt/postgresql*/bin"} {
		folders = append(folders, m.glob(pattern)...)
	}
	for _, folder := range folders {
		if version, err := serverVersion(ctx, m, folder); err == nil && version >= oldestPostgres {
			return folder, nil
		}
	}
	return "", errMissing
}

// serverVersion answers the major version of the server in a folder that has
// both programs; client packages alone have neither.
func serverVersion(ctx context.Context, m machine, folder string) (int, error) {
	if _, err := m.output(ctx, filepath.Join(folder, "initdb"), "--version"); err != nil {
		return 0, err
	}
	text, err := m.output(ctx, filepath.Join(folder, "postgres"), "--version")
	if err != nil {
		return 0, err
	}
	return major(text)
}

// major reads the first number of "postgres (PostgreSQL) 15.18 (Debian …)"
// or "v20.20.2".
func major(text string) (int, error) {
	digits := regexp.MustCompile(`\d+`).FindString(text)
	if digits == "" {
		return 0, fmt.Errorf("no version in %q", text)
	}
	return strconv.Atoi(digits)
}

func node() need {
	return need{
		name:     "Node and npm",
		why:      fmt.Sprintf("npm fetches the browser assets; version %d or later", oldestNode),
		packages: []string{"nodejs", "npm"},
		brew:     []string{"node"},
		find: func(ctx context.Context, m machine) (string, error) {
			path, err := m.lookPath("node")
			if err != nil {
				return "", errMissing
			}
			text, err := m.output(ctx, path, "--version")
			if err != nil {
				return "", fmt.Errorf("%s --version: %w", path, err)
			}
			version, err := major(text)
			if err != nil {
				return "", fmt.Errorf("%s --version: %w", path, err)
			}
			if version < oldestNode {
				return "", fmt.Errorf("%s is version %d; version %d or later is needed (https://nodejs.org/en/download)",
					path, version, oldestNode)
			}
			if _, err := m.lookPath("npm"); err != nil {
				return "", fmt.Errorf("%s is there without npm; install npm (Debian: apt-get install -y --no-install-recommends npm)", path)
			}
			return path, nil
		},
	}
}
