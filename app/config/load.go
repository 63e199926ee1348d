package config

import (
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// ErrInvalid is what every error of Load wraps: a mistake of whoever set the
// environment, as opposed to a failure.
var ErrInvalid = errors.New("invalid settings")

// Problems are all that Load found wrong, one line each: which variable, what is
// wrong, what to do. Values of secret settings are not repeated.
type Problems []string

// Error joins the lines.
func (p Problems) Error() string { return strings.Join(p, "\n") }

// Unwrap makes errors.Is(err, ErrInvalid) true.
func (p Problems) Unwrap() error { return ErrInvalid }

// maxRate is the highest rate limit: in effect, none.
const maxRate = 1_000_000

// maxExportCheck is more rows than a patient has: in effect, only whole patients are checked.
const maxExportCheck = 1_000_000_000

// loader collects problems while the settings are read.
type loader struct {
	env      map[string]string
	problems Problems
}

// Load reads the settings from env, which has the form of os.Environ(): NAME=value;
// of repeated names the first counts, as for the operating system. An empty value
// counts as unset. The error is of type Problems.
func Load(env []string) (Config, error) {
	l := &loader{env: map[string]string{}}
	for _, pair := range env {
		name, value, ok := strings.Cut(pair, "=")
		if _, seen := l.env[name]; ok && !seen {
			l.env[name] = value
		}
	}
	l.refuseUnknown()
	c := Config{
		DatabaseURL:     l.database(),
		RedisURL:        l.redis(),
		AlertWebhookURL: l.webhook(),
		Addr:            l.addr(),
		MetricsAddr:     l.metricsAddr(),
		DataDir:         l.get(nameData),
		KeysDir:         l.get(nameKeys),
		ManifestPath:    l.get(nameManifest),
		TimeZone:        l.zone(),
		TrustedProxies:  l.proxies(),
		RateLimit:       l.number(nameRate, 1, maxRate),
		ExportCheckRows: l.number(nameExportCheck, 0, maxExportCheck),
		LogFormat:       l.choice(nameLogFormat, "text", "json"),
		LogLevel:        l.level(),
		PGBinDir:        l.get(namePGBin),
		env:             l.env,
	}
	c.Origin = l.origin(c.Addr)
	l.keepApart(c.DataDir, c.KeysDir)
	if len(l.problems) > 0 {
		return Config{}, l.problems
	}
	return c, nil
}

// get returns the value of a setting, or its default.
func (l *loader) get(name string) string {
	if v := l.env[name]; v != "" {
		return v
	}
	return defaultOf(name)
}

func (l *loader) problem(format string, args ...any) {
	l.problems = append(l.problems, fmt.Sprintf(format, args...))
}

// refuseUnknown names PORTAL_ variables that mean nothing, because a misspelt
// setting would otherwise be silently without effect.
func (l *loader) refuseUnknown() {
	var unknown []string
	for name := range l.env {
		known := slices.ContainsFunc(Settings(), func(s Setting) bool { return s.Name == name })
		if strings.HasPrefix(name, prefix) && !known {
			unknown = append(unknown, name)
		}
	}
	slices.Sort(unknown)
	for _, name := range unknown {
		l.problem("%s: unknown setting; did you mean %s?", name, nearest(name))
	}
	if _, set := l.env[nameRetired]; set {
		l.problem("%s: one key for everything is not supported; unset it and make a key with its own rights and expiry by `portal apikey add`", nameRetired)
	}
}

func (l *loader) choice(name string, allowed ...string) string {
	v := l.get(name)
	if !slices.Contains(allowed, v) {
		l.problem("%s: %q is not one of %s", name, v, strings.Join(allowed, ", "))
	}
	return v
}

// number reads a whole number that does what it is there for and does not overflow.
func (l *loader) number(name string, least, most int) int {
	v := l.get(name)
	n, err := strconv.Atoi(v)
	if err != nil || n < least || n > most {
		l.problem("%s: %q is not a whole number from %d to %d", name, v, least, most)
		return 0
	}
	return n
}

func (l *loader) level() slog.Level {
	switch l.choice(nameLogLevel, "debug", "info", "warn", "error") {
	case "debug":
		return slog.LevelDebug
	case "warn":
		return slog.LevelWarn
	case "error":
		return slog.LevelError
	default:
		return slog.LevelInfo
	}
}

// keepApart refuses keys inside the data folder, and data inside the keys'
// folder: whoever gets a copy of the one must not get the other.
func (l *loader) keepApart(data, keys string) {
	d, errData := filepath.Abs(data)
	k, errKeys := filepath.Abs(keys)
	if errData != nil || errKeys != nil {
		l.problem("%s, %s: the current folder can't be found; give absolute paths", nameData, nameKeys)
		return
	}
	if within(d, k) || within(k, d) {
		l.problem("%s: %q and %s %q lie inside one another; keep keys apart from the data that they protect", nameKeys, keys, nameData, data)
	}
}

func within(outer, inner string) bool {
	rel, err := filepath.Rel(outer, inner)
	return err == nil && rel != ".." && !strings.HasPrefix(rel, ".."+string(filepath.Separator))
}
