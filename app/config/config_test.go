package config

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"reflect"
	"strings"
	"testing"
)

func TestDefaults(t *testing.T) {
	c, err := Load([]string{"HOME=/root", "PATH=/bin"})
	if err != nil {
		t.Fatal(err)
	}
	c.env = nil
	want := Config{
		Addr: "127.0.0.1:8080", Origin: "http://localhost:8080", DataDir: "./.portal", KeysDir: "./.portal-keys",
		ManifestPath: "docs/genomics_data_manifest.yaml", LogFormat: "text", LogLevel: slog.LevelInfo, RateLimit: 50, ExportCheckRows: 10000,
	}
	if !reflect.DeepEqual(c, want) {
		t.Errorf("= %+v, want %+v", c, want)
	}
	if c.TimeZone != nil {
		t.Error("an unset time zone is not to be seen")
	}
	if c.Secure() || c.RPID() != "localhost" {
		t.Errorf("Secure %v, RPID %q", c.Secure(), c.RPID())
	}
}

func TestEverythingSet(t *testing.T) {
	c, err := Load([]string{
		"DATABASE_URL=postgres://u:p@db:5432/portal?sslmode=verify-full", "REDIS_URL=rediss://cache:6379/1", "ALERT_WEBHOOK_URL=https://alerts.example/x",
		"PORTAL_ADDR=0.0.0.0:9000", "PORTAL_METRICS_ADDR=10.1.2.3:9090", "PORTAL_ORIGIN=https://portal.example", "PORTAL_DATA=/srv/portal", "PORTAL_KEYS=/etc/portal/keys",
		"PORTAL_TIMEZONE=Europe/Berlin", "PORTAL_TRUSTED_PROXIES=10.0.0.0/8, 192.0.2.7,fd00::/8", "GENOMICS_MANIFEST=/etc/portal/m.yaml",
		"LOG_FORMAT=json", "LOG_LEVEL=debug", "PORTAL_RATE_LIMIT=200", "PORTAL_EXPORT_CHECK_ROWS=0", "PG_BINDIR=/opt/pg/bin",
	})
	if err != nil {
		t.Fatal(err)
	}
	if c.TimeZone == nil || c.TimeZone.String() != "Europe/Berlin" {
		t.Errorf("TimeZone = %v", c.TimeZone)
	}
	proxies := []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("192.0.2.7/32"), netip.MustParsePrefix("fd00::/8")}
	if !reflect.DeepEqual(c.TrustedProxies, proxies) {
		t.Errorf("TrustedProxies = %v", c.TrustedProxies)
	}
	c.TimeZone, c.TrustedProxies, c.env = nil, nil, nil
	want := Config{
		DatabaseURL: "postgres://u:p@db:5432/portal?sslmode=verify-full", RedisURL: "rediss://cache:6379/1", AlertWebhookURL: "https://alerts.example/x",
		Addr: "0.0.0.0:9000", MetricsAddr: "10.1.2.3:9090", Origin: "https://portal.example", DataDir: "/srv/portal", KeysDir: "/etc/portal/keys",
		ManifestPath: "/etc/portal/m.yaml", LogFormat: "json", LogLevel: slog.LevelDebug, RateLimit: 200, PGBinDir: "/opt/pg/bin",
	}
	if !reflect.DeepEqual(c, want) {
		t.Errorf("= %+v, want %+v", c, want)
	}
	if !c.Secure() || c.RPID() != "portal.example" {
		t.Errorf("Secure %v, RPID %q", c.Secure(), c.RPID())
	}
}

func TestGoodValues(t *testing.T) {
	tests := []struct {
		env  string
		read func(Config) any
		want any
	}{
		{"HP_DSN=host=/tmp dbname=x", func(c Config) any { return c.DatabaseURL }, "host=/tmp dbname=x"},
		{"HP_DSN=postgresql:///x?host=/tmp", func(c Config) any { return c.DatabaseURL }, "postgresql:///x?host=/tmp"},
		{"DATABASE_URL=postgres://u@a:5432,b:5432/x?sslmode=require", func(c Config) any { return c.DatabaseURL }, "postgres://u@a:5432,b:5432/x?sslmode=require"},
		{"REDIS_URL=unix:///run/redis.sock", func(c Config) any { return c.RedisURL }, "unix:///run/redis.sock"},
		{"ALERT_WEBHOOK_URL=http://127.0.0.1:9/x", func(c Config) any { return c.AlertWebhookURL }, "http://127.0.0.1:9/x"},
		{"PORTAL_ADDR=[::1]:8443", func(c Config) any { return c.Origin }, "http://localhost:8443"},
		{"PORTAL_ADDR=:80", func(c Config) any { return c.Origin }, "http://localhost"},
		{"PORTAL_ORIGIN=http://localhost:9000", func(c Config) any { return c.Origin }, "http://localhost:9000"},
		{"PORTAL_ORIGIN=http://demo.localhost:9000", func(c Config) any { return c.RPID() }, "demo.localhost"},
		{"PORTAL_ORIGIN=https://xn--bcher-kva.example:8443", func(c Config) any { return c.RPID() }, "xn--bcher-kva.example"},
		{"PORTAL_TIMEZONE=UTC", func(c Config) any { return c.TimeZone.String() }, "UTC"},
		{"LOG_LEVEL=warn", func(c Config) any { return c.LogLevel }, slog.LevelWarn},
		{"LOG_LEVEL=error", func(c Config) any { return c.LogLevel }, slog.LevelError},
		{"LOG_LEVEL=", func(c Config) any { return c.LogLevel }, slog.LevelInfo},
		{"PORTAL_DATA=/x/keys-not", func(c Config) any { return c.DataDir }, "/x/keys-not"},
	}
	for _, tt := range tests {
		t.Run(tt.env, func(t *testing.T) {
			c, err := Load([]string{tt.env})
			if err != nil {
				t.Fatal(err)
			}
			if got := tt.read(c); got != tt.want {
				t.Errorf("= %v, want %v", got, tt.want)
			}
		})
	}
}

func TestBadValues(t *testing.T) {
	tests := []struct {
		env   []string
		words []string // all in the one problem's line
	}{
		{[]string{"PORTAL_ADRR=x"}, []string{"PORTAL_ADRR", "unknown", "PORTAL_ADDR"}},
		{[]string{"PORTAL_TZ=UTC"}, []string{"PORTAL_TZ", "did you mean PORTAL_"}},
		{[]string{"PORTAL_RATE_LIMIT=0"}, []string{"PORTAL_RATE_LIMIT", "from 1 to"}},
		{[]string{"PORTAL_EXPORT_CHECK_ROWS=-1"}, []string{"PORTAL_EXPORT_CHECK_ROWS", "from 0 to"}},
		{[]string{"PORTAL_RATE_LIMIT=2.5"}, []string{"PORTAL_RATE_LIMIT", "whole number"}},
		{[]string{"PORTAL_RATE_LIMIT=99999999999999999999"}, []string{"PORTAL_RATE_LIMIT"}},
		{[]string{"PORTAL_TIMEZON="}, []string{"PORTAL_TIMEZONE"}},
		{[]string{"HP_API_KEY=secret-x"}, []string{"HP_API_KEY", "portal apikey add"}},
		{[]string{"HP_API_KEY="}, []string{"HP_API_KEY"}},
		{[]string{"DATABASE_URL=postgres://a/b", "HP_DSN=postgres://c/d"}, []string{"DATABASE_URL", "HP_DSN", "differ"}},
		{[]string{"DATABASE_URL=mysql://a/b"}, []string{"DATABASE_URL", "mysql"}},
		{[]string{"DATABASE_URL=portal"}, []string{"DATABASE_URL", "postgres://"}},
		{[]string{"HP_DSN=postgres://u:secret-%zz@h/d"}, []string{"HP_DSN", "percent-encode"}},
		{[]string{"REDIS_URL=localhost:6379"}, []string{"REDIS_URL", "redis://"}},
		{[]string{"REDIS_URL=redis://"}, []string{"REDIS_URL", "redis://"}},
		{[]string{"REDIS_URL=redis://:secret-%zz@h"}, []string{"REDIS_URL", "percent-encode"}},
		{[]string{"ALERT_WEBHOOK_URL=alerts"}, []string{"ALERT_WEBHOOK_URL", "https://"}},
		{[]string{"ALERT_WEBHOOK_URL=http://alerts.example/secret-x"}, []string{"ALERT_WEBHOOK_URL", "clear"}},
		{[]string{"ALERT_WEBHOOK_URL=https://h/secret-%zz"}, []string{"ALERT_WEBHOOK_URL"}},
		{[]string{"PORTAL_ADDR=8080"}, []string{"PORTAL_ADDR", "host:port"}},
		{[]string{"PORTAL_ADDR=localhost:http"}, []string{"PORTAL_ADDR", "http", "65535"}},
		{[]string{"PORTAL_ADDR=localhost:70000"}, []string{"PORTAL_ADDR", "70000"}},
		{[]string{"PORTAL_ADDR=127.0.0.1:0"}, []string{"PORTAL_ADDR", "PORTAL_ORIGIN"}},
		{[]string{"PORTAL_ADDR=a b:1"}, []string{"PORTAL_ADDR", "not a host"}},
		{[]string{"PORTAL_METRICS_ADDR=9090"}, []string{"PORTAL_METRICS_ADDR", "host:port", "127.0.0.1:9090"}},
		{[]string{"PORTAL_METRICS_ADDR=:0"}, []string{"PORTAL_METRICS_ADDR", "nobody would find"}},
		{[]string{"PORTAL_METRICS_ADDR=http://x:1"}, []string{"PORTAL_METRICS_ADDR", "host:port"}},
		{[]string{"PORTAL_METRICS_ADDR=localhost:70000"}, []string{"PORTAL_METRICS_ADDR", "70000"}},
		{[]string{"PORTAL_ORIGIN=portal.example"}, []string{"PORTAL_ORIGIN", "https://"}},
		{[]string{"PORTAL_ORIGIN=ftp://portal.example"}, []string{"PORTAL_ORIGIN", "not an origin"}},
		{[]string{"PORTAL_ORIGIN=https://:8443"}, []string{"PORTAL_ORIGIN", "not an origin"}},
		{[]string{"PORTAL_ORIGIN=https://portal.example/"}, []string{"PORTAL_ORIGIN", "write https://portal.example"}},
		{[]string{"PORTAL_ORIGIN=https://portal.example/app?x#y"}, []string{"PORTAL_ORIGIN", "write https://portal.example"}},
		{[]string{"PORTAL_ORIGIN=HTTPS://portal.example"}, []string{"PORTAL_ORIGIN", "write https://portal.example"}},
		{[]string{"PORTAL_ORIGIN=https://me@portal.example"}, []string{"PORTAL_ORIGIN", "user name"}},
		{[]string{"PORTAL_ORIGIN=https://Portal.example"}, []string{"PORTAL_ORIGIN", "https://portal.example"}},
		{[]string{"PORTAL_ORIGIN=http://portal.example"}, []string{"PORTAL_ORIGIN", "https://portal.example"}},
		{[]string{"PORTAL_ORIGIN=https://192.0.2.1"}, []string{"PORTAL_ORIGIN", "IP address"}},
		{[]string{"PORTAL_ORIGIN=http://127.0.0.1:8080"}, []string{"PORTAL_ORIGIN", "IP address", "localhost"}},
		{[]string{"PORTAL_ORIGIN=https://[::1]:8443"}, []string{"PORTAL_ORIGIN", "IP address"}},
		{[]string{"PORTAL_ORIGIN=https://127.1"}, []string{"PORTAL_ORIGIN", "IP address"}},
		{[]string{"PORTAL_ORIGIN=https://0x7f000001"}, []string{"PORTAL_ORIGIN", "IP address"}},
		{[]string{"PORTAL_ORIGIN=https://bücher.example"}, []string{"PORTAL_ORIGIN", "xn--"}},
		{[]string{"PORTAL_ORIGIN=https://-a.example"}, []string{"PORTAL_ORIGIN", "not a host name"}},
		{[]string{"PORTAL_ORIGIN=https://" + strings.Repeat("a.", 130) + "b"}, []string{"PORTAL_ORIGIN", "not a host name"}},
		{[]string{"PORTAL_ORIGIN=https://portal.example:443"}, []string{"PORTAL_ORIGIN", "leave out"}},
		{[]string{"PORTAL_ORIGIN=http://localhost:80"}, []string{"PORTAL_ORIGIN", "leave out"}},
		{[]string{"PORTAL_ORIGIN=https://portal.example:"}, []string{"PORTAL_ORIGIN", "port is missing"}},
		{[]string{"PORTAL_ORIGIN=https://portal.example:99999"}, []string{"PORTAL_ORIGIN", "99999"}},
		{[]string{"PORTAL_TIMEZONE=Berlin"}, []string{"PORTAL_TIMEZONE", "Berlin", "IANA"}},
		{[]string{"PORTAL_TIMEZONE=Local"}, []string{"PORTAL_TIMEZONE", "Local"}},
		{[]string{"PORTAL_TIMEZONE=../../etc/passwd"}, []string{"PORTAL_TIMEZONE"}},
		{[]string{"PORTAL_TRUSTED_PROXIES=proxy.example"}, []string{"PORTAL_TRUSTED_PROXIES", "proxy.example"}},
		{[]string{"PORTAL_TRUSTED_PROXIES=10.0.0.0/8,"}, []string{"PORTAL_TRUSTED_PROXIES", `""`}},
		{[]string{"PORTAL_TRUSTED_PROXIES=0.0.0.0/0"}, []string{"PORTAL_TRUSTED_PROXIES", "anybody"}},
		{[]string{"PORTAL_TRUSTED_PROXIES=10.0.0.5/8"}, []string{"PORTAL_TRUSTED_PROXIES", "10.0.0.0/8", "10.0.0.5"}},
		{[]string{"LOG_FORMAT=xml"}, []string{"LOG_FORMAT", "xml", "text, json"}},
		{[]string{"LOG_LEVEL=INFO"}, []string{"LOG_LEVEL", "debug, info, warn, error"}},
		{[]string{"PORTAL_KEYS=./.portal/keys"}, []string{"PORTAL_KEYS", "apart"}},
		{[]string{"PORTAL_DATA=/x", "PORTAL_KEYS=/x"}, []string{"PORTAL_KEYS", "apart"}},
		{[]string{"PORTAL_DATA=/keys/data", "PORTAL_KEYS=/keys/"}, []string{"PORTAL_KEYS", "apart"}},
	}
	for _, tt := range tests {
		t.Run(strings.Join(tt.env, " "), func(t *testing.T) {
			c, err := Load(tt.env)
			var problems Problems
			if !errors.As(err, &problems) || len(problems) != 1 || !errors.Is(err, ErrInvalid) {
				t.Fatalf("= %v, %v, want one problem", c, err)
			}
			if strings.Contains(problems[0], "\n") || strings.Contains(problems[0], "secret-") {
				t.Errorf("more than one line, or a secret: %q", problems[0])
			}
			for _, w := range tt.words {
				if !strings.Contains(problems[0], w) {
					t.Errorf("%q is not in %q", w, problems[0])
				}
			}
		})
	}
}

func TestAllProblemsAtOnce(t *testing.T) {
	_, err := Load([]string{"PORTAL_B=1", "PORTAL_A=1", "LOG_LEVEL=loud", "PORTAL_TIMEZONE=Mars", "HP_API_KEY=k"})
	lines := strings.Split(fmt.Sprint(err), "\n")
	want := []string{"PORTAL_A:", "PORTAL_B:", "HP_API_KEY:", "PORTAL_TIMEZONE:", "LOG_LEVEL:"}
	if len(lines) != len(want) {
		t.Fatalf("lines = %q", lines)
	}
	for i := range want {
		if !strings.HasPrefix(lines[i], want[i]) {
			t.Errorf("line %d = %q, want %s", i, lines[i], want[i])
		}
	}
}

func TestFirstOfRepeatedNamesCounts(t *testing.T) {
	c, err := Load([]string{"LOG_FORMAT=json", "LOG_FORMAT=xml", "no equals sign", "=C:=odd"})
	if err != nil || c.LogFormat != "json" {
		t.Errorf("= %v, %v", c, err)
	}
	if _, err := Load([]string{"DATABASE_URL=postgres:///b", "HP_DSN=postgres:///b"}); err != nil {
		t.Errorf("two equal addresses: %v", err)
	}
}

func TestDSN(t *testing.T) {
	c, err := Load([]string{"HP_DSN=postgres:///b", "LAB_DSN=postgres://lab/x", "EMPTY_DSN="})
	if err != nil {
		t.Fatal(err)
	}
	tests := map[string]string{
		"DATABASE_URL": "postgres:///b", "HP_DSN": "postgres:///b", "LAB_DSN": "postgres://lab/x", "EMPTY_DSN": "", "ABSENT": "",
	}
	for name, want := range tests {
		if got, ok := c.DSN(name); got != want || ok != (want != "") {
			t.Errorf("DSN(%s) = %q, %v", name, got, ok)
		}
	}
}

// No way of printing a Config shows a secret.
func TestSecretsAreMasked(t *testing.T) {
	urls := []string{
		"postgres://user:s3cret@db/portal?sslmode=require", "postgres://db/portal?password=s3cret&user=u&sslmode=verify-ca",
		"host=db password=s3cret sslmode=disable", "host=db password='s3 s3cret' sslmode=require",
	}
	for _, dsn := range urls {
		c, err := Load([]string{
			"DATABASE_URL=" + dsn, "REDIS_URL=redis://:s3cret@cache:6379/0", "ALERT_WEBHOOK_URL=https://hooks.example/services/s3cret",
			"LAB_DSN=postgres://u:s3cret@lab/x", "PORTAL_TIMEZONE=UTC",
		})
		if err != nil {
			t.Fatal(err)
		}
		var log bytes.Buffer
		slog.New(slog.NewTextHandler(&log, nil)).Info("start", "config", c)
		slog.New(slog.NewJSONHandler(&log, nil)).Info("start", "config", &c)
		asJSON, err := json.Marshal(map[string]any{"config": c})
		if err != nil {
			t.Fatal(err)
		}
		printed := fmt.Sprintf("%s %v %+v %#v %v %+v", c, c, c, c, &c, []Config{c}) + log.String() + string(asJSON)
		if strings.Contains(printed, "s3cret") {
			t.Errorf("%s: a secret is printed: %s", dsn, printed)
		}
		if !strings.Contains(printed, "hooks.example") || !strings.Contains(printed, "cache:6379") {
			t.Errorf("hosts are not printed: %s", printed)
		}
	}
}

func TestMask(t *testing.T) {
	tests := map[string]string{
		"":                        "unset",
		"postgres://u:p@h:1/d":    "postgres://u:***@h:1/d",
		"postgres://u@h/d":        "postgres://u@h/d",
		"postgres:///d?host=/tmp": "postgres:///d?***",
		"host=h":                  "set (***)",
		"postgres://u:%zz@h/d":    "set (***)",
		"redis://:p@h:6379/0":     "redis://:***@h:6379/0",
	}
	for in, want := range tests {
		if got := maskDSN(in); got != want {
			t.Errorf("maskDSN(%q) = %q, want %q", in, got, want)
		}
	}
	for in, want := range map[string]string{"": "unset", "https://h/p?q": "https://h/***", "https://h/%zz": "set (***)"} {
		if got := maskWebhook(in); got != want {
			t.Errorf("maskWebhook(%q) = %q, want %q", in, got, want)
		}
	}
}

func TestSettings(t *testing.T) {
	seen := map[string]bool{}
	for _, s := range Settings() {
		if s.Name == "" || s.Meaning == "" || !strings.HasSuffix(s.Meaning, ".") || seen[s.Name] {
			t.Errorf("%+v", s)
		}
		seen[s.Name] = true
		if s.Default == "" {
			continue
		}
		if _, err := Load([]string{s.Name + "=" + s.Default}); err != nil {
			t.Errorf("the default of %s is refused: %v", s.Name, err)
		}
	}
	if defaultOf("ABSENT") != "" {
		t.Error("an unknown setting has a default")
	}
}

func TestDistance(t *testing.T) {
	tests := []struct {
		a, b string
		want int
	}{{"", "", 0}, {"a", "", 1}, {"", "abc", 3}, {"kitten", "sitting", 3}, {"PORTAL_ADRR", "PORTAL_ADDR", 1}, {"same", "same", 0}}
	for _, tt := range tests {
		if got := distance(tt.a, tt.b); got != tt.want {
			t.Errorf("distance(%q, %q) = %d, want %d", tt.a, tt.b, got, tt.want)
		}
	}
}

func TestDocumentedExamplesLoad(t *testing.T) {
	examples := documentedExamples(t)
	for _, s := range Settings() {
		value := examples[s.Name]
		if value == "" {
			t.Errorf("docs/configuration.md gives no example of %s", s.Name)
			continue
		}
		if _, err := Load([]string{s.Name + "=" + value}); err != nil {
			t.Errorf("docs/configuration.md: %v", err)
		}
	}
}
