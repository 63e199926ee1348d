package config

import (
	"net"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// database returns the one address in DATABASE_URL and HP_DSN. Errors of
// url.Parse repeat the address with its password, so they are not passed on.
func (l *loader) database() string {
	main, alias := l.env[nameDatabase], l.env[nameDatabaseAlias]
	if main != "" && alias != "" && main != alias {
		l.problem("%s, %s: both are set and differ; unset one", nameDatabase, nameDatabaseAlias)
		return ""
	}
	name, dsn := nameDatabase, main
	if main == "" {
		name, dsn = nameDatabaseAlias, alias
	}
	if dsn == "" {
		return ""
	}
	if !strings.Contains(dsn, "://") {
		if !strings.Contains(dsn, "=") {
			l.problem("%s: not a database address; write postgres://user@host:5432/database or host=... dbname=...", name)
		}
		l.secured(name, dsn)
		return dsn
	}
	u, err := url.Parse(dsn)
	switch {
	case err != nil:
		l.problem("%s: not a valid URL; percent-encode special characters in the password", name)
	case u.Scheme != "postgres" && u.Scheme != "postgresql":
		l.problem("%s: the scheme is %q; write postgres://user@host:5432/database", name, u.Scheme)
	default:
		l.secured(name, dsn)
	}
	return dsn
}

func (l *loader) redis() string {
	v := l.env[nameRedis]
	if v == "" {
		return ""
	}
	u, err := url.Parse(v)
	switch {
	case err != nil:
		l.problem("%s: not a valid URL; percent-encode special characters in the password", nameRedis)
	case u.Scheme == "unix" && u.Path != "":
	case u.Scheme != "redis" && u.Scheme != "rediss" || u.Hostname() == "":
		l.problem("%s: write redis://host:6379/0, rediss:// for TLS, or unix:///path/to/socket", nameRedis)
	}
	return v
}

func (l *loader) webhook() string {
	v := l.env[nameWebhook]
	if v == "" {
		return ""
	}
	u, err := url.Parse(v)
	switch {
	case err != nil || u.Hostname() == "" || (u.Scheme != "https" && u.Scheme != "http"):
		l.problem("%s: not a valid URL; write https://host/path", nameWebhook)
	case u.Scheme == "http" && !isLoopback(u.Hostname()):
		l.problem("%s: alerts would travel in the clear; write https://", nameWebhook)
	}
	return v
}

func (l *loader) addr() string {
	v := l.get(nameAddr)
	if l.hostPort(nameAddr, v, defaultOf(nameAddr)) == "0" && l.env[nameOrigin] == "" {
		l.problem("%s: port 0 takes any free port; set %s to the address that people will open", nameAddr, nameOrigin)
	}
	return v
}

// metricsAddr is where metrics are answered: nowhere, or a port of its own.
func (l *loader) metricsAddr() string {
	v := l.get(nameMetrics)
	if v == "" {
		return ""
	}
	const example = "127.0.0.1:9090"
	if l.hostPort(nameMetrics, v, example) == "0" {
		l.problem("%s: port 0 takes any free port, which nobody would find; write for example %s", nameMetrics, example)
	}
	return v
}

// hostPort checks an address to listen at and returns its port; empty where there is none.
func (l *loader) hostPort(name, v, example string) string {
	host, port, err := net.SplitHostPort(v)
	if err != nil {
		l.problem("%s: %q is not host:port; write for example %s", name, v, example)
		return ""
	}
	if strings.ContainsAny(host, "/ @") {
		l.problem("%s: %q is not a host; write for example %s", name, host, example)
	}
	n, err := strconv.ParseUint(port, 10, 16)
	if err != nil {
		l.problem("%s: %q is not a port; write a number from 0 to 65535", name, port)
		return ""
	}
	return strconv.FormatUint(n, 10)
}

// origin checks PORTAL_ORIGIN; unset it is localhost at the port of addr.
func (l *loader) origin(addr string) string {
	v := l.env[nameOrigin]
	if v == "" {
		_, port, err := net.SplitHostPort(addr)
		if err != nil {
			return defaultOf(nameOrigin) // addr has been refused already
		}
		return localOrigin(port)
	}
	u, err := url.Parse(v)
	if err != nil || u.Hostname() == "" || (u.Scheme != "https" && u.Scheme != "http") {
		l.problem("%s: %q is not an origin; write for example https://portal.example", nameOrigin, v)
		return v
	}
	l.originParts(v, u)
	return v
}

func localOrigin(port string) string {
	if port == "80" {
		return "http://localhost"
	}
	return "http://localhost:" + port
}

func (l *loader) originParts(v string, u *url.URL) {
	host := u.Hostname()
	local := host == "localhost" || strings.HasSuffix(host, ".localhost")
	plain := u.Scheme + "://" + u.Host
	switch {
	case u.User != nil:
		l.problem("%s: a user name has no place in it; write %s", nameOrigin, plain)
	case v != plain:
		l.problem("%s: %q has more than scheme, host and port, or capital letters in the scheme; write %s", nameOrigin, v, plain)
	case host != strings.ToLower(host):
		l.problem("%s: browsers write host names in small letters; write %s", nameOrigin, strings.ToLower(plain))
	case isAddress(host):
		l.problem("%s: %q is an IP address, which passkeys can't be bound to; write a host name, or http://localhost:8080 on this machine", nameOrigin, host)
	case !validHost(host):
		l.problem("%s: %q is not a host name; write for example https://portal.example (non-ASCII names in their xn-- form)", nameOrigin, host)
	case u.Scheme == "http" && !local:
		l.problem("%s: browsers allow passkeys without https on localhost only; write https://%s", nameOrigin, u.Host)
	default:
		l.originPort(u)
	}
}

func (l *loader) originPort(u *url.URL) {
	port := u.Port()
	if port == "" {
		if strings.HasSuffix(u.Host, ":") {
			l.problem("%s: the port is missing after the colon; write %s://%s", nameOrigin, u.Scheme, u.Hostname())
		}
		return
	}
	if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 {
		l.problem("%s: %q is not a port; write a number from 1 to 65535", nameOrigin, port)
	}
	if (u.Scheme == "https" && port == "443") || (u.Scheme == "http" && port == "80") {
		l.problem("%s: browsers leave out the usual port %s; write %s://%s", nameOrigin, port, u.Scheme, u.Hostname())
	}
}

func isAddress(host string) bool {
	_, err := netip.ParseAddr(host)
	if err == nil {
		return true
	}
	// Browsers also read 127.1 and 0x7f000001 as addresses.
	last := host[strings.LastIndexByte(strings.TrimSuffix(host, "."), '.')+1:]
	return strings.HasPrefix(last, "0x") || strings.Trim(last, "0123456789.") == ""
}

func isLoopback(host string) bool {
	addr, err := netip.ParseAddr(host)
	return host == "localhost" || (err == nil && addr.IsLoopback())
}

func validHost(host string) bool {
	if len(host) > 253 {
		return false
	}
	return !slices.ContainsFunc(strings.Split(host, "."), func(label string) bool {
		bad := strings.Trim(label, "abcdefghijklmnopqrstuvwxyz0123456789-") != ""
		return label == "" || len(label) > 63 || bad || label[0] == '-' || label[len(label)-1] == '-'
	})
}

func (l *loader) zone() *time.Location {
	v := l.env[nameZone]
	if v == "" {
		return nil
	}
	zone, err := time.LoadLocation(v)
	if err != nil || v == "Local" {
		l.problem("%s: %q is not a time zone; write an IANA name such as Europe/Berlin or UTC", nameZone, v)
		return nil
	}
	return zone
}

func (l *loader) proxies() []netip.Prefix {
	v := l.env[nameProxies]
	if v == "" {
		return nil
	}
	var list []netip.Prefix
	for part := range strings.SplitSeq(v, ",") {
		part = strings.TrimSpace(part)
		p, err := parsePrefix(part)
		switch {
		case err != nil:
			l.problem("%s: %q is not a network; write for example 10.0.0.0/8, or one address", nameProxies, part)
		case p.Bits() == 0:
			l.problem("%s: %q would let anybody claim any address; name the proxies' own networks", nameProxies, part)
		case p != p.Masked():
			l.problem("%s: %q has bits beyond its length; write %s or %s", nameProxies, part, p.Masked(), p.Addr())
		default:
			list = append(list, p)
		}
	}
	return list
}

func parsePrefix(s string) (netip.Prefix, error) {
	if strings.Contains(s, "/") {
		return netip.ParsePrefix(s)
	}
	addr, err := netip.ParseAddr(s)
	if err != nil {
		return netip.Prefix{}, err
	}
	return addr.Prefix(addr.BitLen())
}
