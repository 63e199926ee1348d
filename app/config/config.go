// Package config is the only reader of the environment: it checks all settings
// at once and returns them as a value. It imports nothing of ours. It also
// carries the time zone database, so that zones are known on every machine.
package config

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"net/netip"
	"net/url"
	"strings"
	"time"
	_ "time/tzdata" // machines without zoneinfo must not change what a patient's day is
)

// Config is the portal's environment, checked. The zero value is not valid; get
// one from Load. Printing it, by fmt or slog, masks secrets.
type Config struct {
	// DatabaseURL is the address of PostgreSQL; empty means the embedded one.
	// It may hold a password.
	DatabaseURL string
	// RedisURL is the address of Redis; empty means the in-process cache. It may hold a password.
	RedisURL string
	// AlertWebhookURL receives alerts by POST; empty means none. Its path is often a secret.
	AlertWebhookURL string
	// Addr is the host:port to listen at; port 0 takes a free one.
	Addr string
	// MetricsAddr is the host:port at which metrics are answered; empty means nowhere.
	MetricsAddr string
	// Origin is the scheme://host[:port] that browsers show, without a slash at the end.
	Origin string
	// DataDir is the folder of the embedded database, the mirror and other private data.
	DataDir string
	// KeysDir is the folder of secret keys, outside DataDir.
	KeysDir string
	// ManifestPath is the genomics manifest's file.
	ManifestPath string
	// TimeZone is PORTAL_TIMEZONE; nil where unset, so that the manifest's zone can apply.
	TimeZone *time.Location
	// TrustedProxies are the networks whose X-Forwarded-For is believed; empty means none.
	TrustedProxies []netip.Prefix
	// RateLimit is how many requests per second one user, key or address may make for long; 1 or more.
	RateLimit int
	// ExportCheckRows is how many rows may be exported without a fresh passkey check; 0 or more.
	ExportCheckRows int
	// LogFormat is "text" or "json".
	LogFormat string
	// LogLevel is the least level that is logged.
	LogLevel slog.Level
	// PGBinDir is the only folder searched for the embedded PostgreSQL's programs; empty searches the usual places.
	PGBinDir string

	// The environment, for addresses that the manifest names by variable.
	env map[string]string
}

// RPID is the WebAuthn relying party id: the origin's host name, never an address.
func (c Config) RPID() string {
	u, err := url.Parse(c.Origin)
	if err != nil {
		return "" // Load has refused such an origin
	}
	return u.Hostname()
}

// Secure reports whether browsers reach the portal by https.
func (c Config) Secure() bool { return strings.HasPrefix(c.Origin, "https://") }

// DSN returns the database address in the environment variable that the
// manifest's dsn_env names; ok is false where it is unset or empty. For
// DATABASE_URL and HP_DSN it is DatabaseURL, whichever of the two was set.
func (c Config) DSN(name string) (dsn string, ok bool) {
	if name == nameDatabase || name == nameDatabaseAlias {
		return c.DatabaseURL, c.DatabaseURL != ""
	}
	dsn = c.env[name]
	return dsn, dsn != ""
}

// String lists the settings with secrets masked.
func (c Config) String() string {
	zone := "unset"
	if c.TimeZone != nil {
		zone = c.TimeZone.String()
	}
	return fmt.Sprintf("database=%s redis=%s alerts=%s addr=%s metrics=%s origin=%s data=%s keys=%s manifest=%s timezone=%s proxies=%v rate=%d exportcheck=%d log=%s/%s pgbin=%s",
		maskDSN(c.DatabaseURL), maskDSN(c.RedisURL), maskWebhook(c.AlertWebhookURL), c.Addr, c.MetricsAddr, c.Origin, c.DataDir, c.KeysDir,
		c.ManifestPath, zone, c.TrustedProxies, c.RateLimit, c.ExportCheckRows, c.LogFormat, c.LogLevel, c.PGBinDir)
}

// GoString is String, so that %#v masks secrets as well.
func (c Config) GoString() string { return "config.Config{" + c.String() + "}" }

// LogValue is String for slog.
func (c Config) LogValue() slog.Value { return slog.StringValue(c.String()) }

// MarshalJSON writes String's masked list; a Config is not meant to be stored.
func (c Config) MarshalJSON() ([]byte, error) {
	return json.Marshal(c.String())
}
