package config

import (
	"net/url"
	"regexp"
	"slices"
	"strings"
)

// verified is the sslmode in which PostgreSQL's client encrypts and makes sure who answers.
const verified = "verify-full"

// keyValue finds the parts of an address of the form "key=value ...", quoted values as well.
var keyValue = regexp.MustCompile(`(\w+)\s*=\s*(?:'((?:[^'\\]|\\.)*)'|(\S*))`)

// way is how a database address is reached.
type way struct {
	hosts []string
	// mode is sslmode as written; empty where the address says nothing.
	mode string
}

// wayOf reads the hosts and the sslmode of an address.
func wayOf(dsn string) way {
	var w way
	add := func(hosts string) {
		for host := range strings.SplitSeq(hosts, ",") {
			if host != "" {
				w.hosts = append(w.hosts, host)
			}
		}
	}
	if u, err := url.Parse(dsn); err == nil && u.Scheme != "" {
		for part := range strings.SplitSeq(u.Host, ",") {
			add((&url.URL{Host: part}).Hostname())
		}
		q := u.Query()
		add(strings.Join(append(q["host"], q["hostaddr"]...), ","))
		w.mode = q.Get("sslmode")
		return w
	}
	for _, m := range keyValue.FindAllStringSubmatch(dsn, -1) {
		switch value := m[2] + m[3]; m[1] {
		case "sslmode":
			w.mode = value
		case "host", "hostaddr":
			add(value)
		}
	}
	return w
}

// remote reports whether any of the hosts is another machine: neither this one
// nor a socket in a folder.
func (w way) remote() bool {
	return slices.ContainsFunc(w.hosts, func(h string) bool { return !strings.HasPrefix(h, "/") && !isLoopback(h) })
}

// secured refuses an address of another machine that leaves open whether the
// connection is encrypted: the client would go on in the clear and say nothing.
func (l *loader) secured(name, dsn string) {
	w := wayOf(dsn)
	if w.mode == "" {
		w.mode = l.env["PGSSLMODE"]
	}
	if !w.remote() || w.mode != "" && w.mode != "prefer" && w.mode != "allow" {
		return
	}
	l.problem("%s: the database is on another machine, and the connection might be in the clear; add sslmode=%s, or say by another sslmode what is wanted", name, verified)
}

// Unverified names the settings whose connection leads to another machine without
// making sure who answers there, each in a sentence for the log.
func (c Config) Unverified() []string {
	var found []string
	if w := wayOf(c.DatabaseURL); w.remote() && w.mode != verified && (w.mode != "" || c.env["PGSSLMODE"] != verified) {
		found = append(found, nameDatabase+": nothing makes sure who answers as the database; use sslmode="+verified)
	}
	if u, err := url.Parse(c.RedisURL); err == nil && u.Scheme == "redis" && !isLoopback(u.Hostname()) {
		found = append(found, nameRedis+": sessions travel in the clear; use rediss://")
	}
	return found
}
