package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
)

const (
	osRelease       = "/etc/os-release"
	clusterConf     = "/etc/postgresql-common/createcluster.conf"
	clusterTemplate = "/usr/share/postgresql-common/createcluster.conf"
	noCluster       = "\n# Set while Health Portal's setup installs the server: the portal makes its own private cluster.\ncreate_main_cluster = false\n"
	systemd         = "/run/systemd/system"
)

func (s setup) debian() bool {
	text, err := s.machine.readFile(osRelease)
	if err != nil {
		return false
	}
	if _, err := s.machine.lookPath("apt-get"); err != nil {
		return false
	}
	return regexp.MustCompile(`(?m)^ID(_LIKE)?=.*\bdebian\b`).Match(text)
}

// advice is the commands that a person has to run here.
func (s setup) advice(missing []need, packages []string) string {
	if s.debian() {
		return "sudo apt-get update && sudo apt-get install -y --no-install-recommends " + strings.Join(packages, " ")
	}
	if _, err := s.machine.lookPath("brew"); err == nil {
		var commands []string
		for _, n := range missing {
			commands = append(commands, "brew install "+strings.Join(n.brew, " "))
		}
		return strings.Join(commands, " && ")
	}
	return "your system's package manager; Debian's names are " + strings.Join(packages, " ")
}

// install runs one apt-get update and one apt-get install.
func (s setup) install(ctx context.Context, packages []string) (err error) {
	fmt.Fprintf(s.out, "setup: installing %s\n", strings.Join(packages, " "))
	if slices.Contains(packages, "postgresql") {
		restore, err := s.preventCluster()
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, restore()) }()
	}
	// UCF_FORCE_CONFFOLD keeps the configuration that prevents a cluster.
	env := []string{"DEBIAN_FRONTEND=noninteractive", "UCF_FORCE_CONFFOLD=1"}
	wait := []string{"-o", "DPkg::Lock::Timeout=120"}
	if err := s.machine.run(ctx, env, "apt-get", append(wait, "update")...); err != nil {
		return fmt.Errorf("apt-get update: %w; mend the package sources and run the task again", err)
	}
	args := slices.Concat(wait, []string{"install", "-y", "--no-install-recommends"}, packages)
	if err := s.machine.run(ctx, env, "apt-get", args...); err != nil {
		return fmt.Errorf("apt-get install %s: %w", strings.Join(packages, " "), err)
	}
	return s.stopRedis(ctx, packages)
}

// preventCluster keeps Debian's package from making and starting a cluster
// "main"; the function it answers puts the configuration back.
func (s setup) preventCluster() (restore func() error, err error) {
	before, err := s.machine.readFile(clusterConf)
	existed := err == nil
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("reading %s: %w", clusterConf, err)
	}
	if err := s.machine.writeFile(clusterConf, append(slices.Clone(before), noCluster...)); err != nil {
		return nil, fmt.Errorf("keeping the package from making a cluster: %w", err)
	}
	return func() error {
		content := before
		if !existed {
			template, err := s.machine.readFile(clusterTemplate)
			if err != nil {
				content = []byte("# postgresql-common's defaults apply\n")
			} else {
				content = template
			}
		}
		if err := s.machine.writeFile(clusterConf, content); err != nil {
			return fmt.Errorf("putting %s back: %w; remove its create_main_cluster line by hand", clusterConf, err)
		}
		return nil
	}, nil
}

// stopRedis ends the server that Debian's package starts where no service
// manager decides; under systemd the system's choice stands.
func (s setup) stopRedis(ctx context.Context, packages []string) error {
	if !slices.Contains(packages, "redis-server") || len(s.machine.glob(systemd)) > 0 {
		return nil
	}
	if err := s.machine.run(ctx, nil, "service", "redis-server", "stop"); err != nil {
		return fmt.Errorf("stopping the redis-server that its package started: %w", err)
	}
	return nil
}
