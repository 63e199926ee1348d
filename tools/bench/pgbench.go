package main

import (
	"context"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// script is a pgbench script with the values of its variables.
type script struct {
	text string
	vars []string // name=value
}

// newScript writes statements for pgbench: each round trip a pipeline, each
// parameter a variable, which pgbench's prepared mode turns back into a parameter.
func newScript(trips [][]statement) (script, error) {
	var s script
	var b strings.Builder
	n := 0
	parameter := regexp.MustCompile(`\$(\d+)`)
	for _, trip := range trips {
		b.WriteString("\\startpipeline\n")
		for _, st := range trip {
			n++
			if colonWord().MatchString(st.sql) {
				return script{}, fmt.Errorf("pgbench would take a part of this statement for a variable: %s", st.sql)
			}
			prefix := fmt.Sprintf("s%d_", n)
			text := parameter.ReplaceAllStringFunc(st.sql, func(p string) string {
				i, err := strconv.Atoi(p[1:])
				if err != nil || i < 1 || i > len(st.texts) {
					return p // pgbench refuses it with its own words
				}
				switch text := st.texts[i-1]; {
				case text == nil:
					return "NULL"
				case *text == "": // pgbench has no empty variables
					return "''"
				}
				return ":" + prefix + p[1:]
			})
			for i, value := range st.texts {
				if value != nil && *value != "" {
					s.vars = append(s.vars, fmt.Sprintf("%s%d=%s", prefix, i+1, *value))
				}
			}
			b.WriteString(strings.TrimRight(strings.TrimSpace(text), ";") + ";\n")
		}
		b.WriteString("\\endpipeline\n")
	}
	s.text = b.String()
	return s, nil
}

// colonWord is what pgbench reads as a variable; casts have two colons.
func colonWord() *regexp.Regexp { return regexp.MustCompile(`(^|[^:]):[A-Za-z0-9_]`) }

// pgbench runs scripts on one database.
type pgbench struct {
	program, dsn, dir string
	clients           int
	span              time.Duration
	settings          map[string]string
}

// side measures transactions per second of a script. pgbench runs as long
// before, which doesn't count: it connects, fills caches and plans then, as our
// side has done. The second more is for its last line of progress, which may be
// lost.
func (p pgbench) side(name string, s script) (side, error) {
	file := filepath.Join(p.dir, name+".pgbench")
	if err := os.WriteFile(file, []byte(s.text), 0o600); err != nil {
		return nil, fmt.Errorf("write pgbench's script: %w", err)
	}
	counted := wholeSeconds(p.span)
	args := []string{"-n", "-M", "prepared", "-c", strconv.Itoa(p.clients), "-j", strconv.Itoa(min(p.clients, 2)),
		"-T", strconv.Itoa(2*counted + 1), "-P", "1", "-f", file}
	for _, v := range s.vars {
		args = append(args, "-D", v)
	}
	args = append(args, p.dsn)
	env := []string{"PGOPTIONS=" + pgOptions(p.settings)}
	return func(ctx context.Context) (float64, error) {
		// Progress goes to standard error, the final report to standard output.
		report, progress, err := outputs(ctx, env, p.program, args...)
		if err != nil {
			return 0, err
		}
		return parseTPS(report, progress, counted)
	}, nil
}

func wholeSeconds(d time.Duration) int { return int((d + time.Second - 1) / time.Second) }

// sessionSettings are the settings among a client's startup parameters.
func sessionSettings(startup map[string]string) map[string]string {
	settings := maps.Clone(startup)
	for _, name := range []string{"user", "database", "application_name"} {
		delete(settings, name)
	}
	return settings
}

// pgOptions gives pgbench the session settings of the store.
func pgOptions(startup map[string]string) string {
	settings := sessionSettings(startup)
	var parts []string
	for _, name := range slices.Sorted(maps.Keys(settings)) {
		value := strings.NewReplacer(`\`, `\\`, ` `, `\ `).Replace(settings[name])
		parts = append(parts, "-c "+name+"="+value)
	}
	return strings.Join(parts, " ")
}

// parseTPS reads transactions per second from pgbench's progress, the first
// warm seconds left out, once its report says that none failed.
func parseTPS(report, progress string, warm int) (float64, error) {
	if m := regexp.MustCompile(`(?m)^number of failed transactions: (\d+)`).FindStringSubmatch(report); m != nil && m[1] != "0" {
		return 0, fmt.Errorf("pgbench reports %s failed transactions", m[1])
	}
	if !regexp.MustCompile(`(?m)^number of transactions actually processed: [1-9]`).MatchString(report) {
		return 0, fmt.Errorf("pgbench reports no transactions: %q", report)
	}
	lines := regexp.MustCompile(`(?m)^progress: [0-9.]+ s, ([0-9.]+) tps`).FindAllStringSubmatch(progress, -1)
	if len(lines) <= warm {
		return 0, fmt.Errorf("pgbench told its progress %d times, more than %d are needed: %q", len(lines), warm, progress)
	}
	sum := 0.0
	for _, line := range lines[warm:] {
		tps, err := strconv.ParseFloat(line[1], 64)
		if err != nil {
			return 0, fmt.Errorf("pgbench's progress: %w", err)
		}
		sum += tps
	}
	return sum / float64(len(lines)-warm), nil
}
