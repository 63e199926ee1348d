package config

import (
	"net/url"
	"strings"
)

const mask = "***"

// maskDSN hides all of an address but scheme, host, database and user.
func maskDSN(s string) string {
	if s == "" {
		return "unset"
	}
	if !strings.Contains(s, "://") {
		// The key=value form has quoting rules of its own; no part of it is worth the risk.
		return "set (" + mask + ")"
	}
	u, err := url.Parse(s)
	if err != nil {
		return "set (" + mask + ")"
	}
	out := u.Scheme + "://"
	if u.User != nil {
		out += url.User(u.User.Username()).String()
		if _, has := u.User.Password(); has {
			out += ":" + mask
		}
		out += "@"
	}
	out += u.Host + u.EscapedPath()
	if u.RawQuery != "" {
		out += "?" + mask // libpq takes password= here, too
	}
	return out
}

// maskWebhook keeps the host: the path is the secret of most chat services.
func maskWebhook(s string) string {
	if s == "" {
		return "unset"
	}
	u, err := url.Parse(s)
	if err != nil {
		return "set (" + mask + ")"
	}
	return u.Scheme + "://" + u.Host + "/" + mask
}
