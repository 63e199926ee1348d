// Package portal is the composition root: it opens the stores, builds the
// services and the server, and shuts them down in order.
package portal

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"path/filepath"
	"runtime/debug"
	"time"

	"healthportal/app/alert"
	"healthportal/app/audit"
	"healthportal/app/config"
	"healthportal/app/genomics"
	"healthportal/app/keyring"
	"healthportal/app/passkey"
	"healthportal/app/people"
	"healthportal/store/cache"
	"healthportal/store/embedded"
	"healthportal/store/mirror"
	"healthportal/store/postgres"
)

// SettingDemo is the name of the ops.setting that marks a database which the
// demo filled: everything in it is synthetic.
const SettingDemo = "demo"

// closeTimeout bounds the orderly end of the stores.
const closeTimeout = 20 * time.Second

// Portal is the opened stores of one process and what is built on them.
type Portal struct {
	Config   config.Config
	Log      *slog.Logger
	DB       *postgres.DB
	lease    *embedded.Lease
	mirror   *mirror.Mirror
	manifest *genomics.Manifest
	alerts   *alert.Sender
	ring     *keyring.Ring
	journal  *audit.Log
	sessions servedSessions
	// aggregates are of a serving portal.
	aggregates *cache.Aggregates
}

// Open opens the database, the embedded one where the configuration names none,
// and brings it up to date. Close the Portal after use.
func Open(ctx context.Context, cfg config.Config, log *slog.Logger) (_ *Portal, err error) {
	p := &Portal{Config: cfg, Log: log}
	defer func() {
		if err != nil {
			err = errors.Join(err, p.Close())
		}
	}()
	if p.Config.DataDir, err = embedded.PrepareDataDir(cfg.DataDir); err != nil {
		return nil, err
	}
	for _, what := range cfg.Unverified() {
		log.Warn("a connection to another machine is not verified", "what", what)
	}
	dsn := cfg.DatabaseURL
	if dsn == "" {
		p.lease, err = embedded.Open(ctx, p.embeddedOptions())
		if err != nil {
			return nil, err
		}
		dsn = p.lease.DSN()
	}
	if err := postgres.Migrate(ctx, dsn); err != nil {
		return nil, err
	}
	if p.DB, err = postgres.Open(ctx, dsn); err != nil {
		return nil, err
	}
	return p, nil
}

func (p *Portal) embeddedOptions() embedded.Options {
	return embedded.Options{DataDir: p.Config.DataDir, Durable: true, Logger: p.Log, BinDir: p.Config.PGBinDir}
}

// Close closes what is open, the database last.
func (p *Portal) Close() error {
	p.closeAlerts()
	ctx, cancel := context.WithTimeout(context.Background(), closeTimeout)
	defer cancel()
	var errs []error
	if p.mirror != nil {
		errs = append(errs, p.mirror.Close())
	}
	errs = append(errs, p.sessions.close(), p.closeAudit())
	if p.DB != nil {
		p.DB.Close()
	}
	if p.lease != nil {
		errs = append(errs, p.lease.Close(ctx))
	}
	return errors.Join(errs...)
}

// Manifest reads the manifest once.
func (p *Portal) Manifest() (*genomics.Manifest, error) {
	if p.manifest != nil {
		return p.manifest, nil
	}
	m, err := genomics.ReadManifest(p.Config.ManifestPath)
	if err != nil {
		return nil, err
	}
	p.manifest = m
	return m, nil
}

// adoptZone makes the configured zone the database's. A change moves the days of
// everybody without a zone of their own, so that only serving and importing do
// it, and say so.
func (p *Portal) adoptZone(ctx context.Context, m *genomics.Manifest) error {
	zone := p.zone(m)
	old, err := p.DB.SiteTimezone(ctx)
	if err != nil {
		return err
	}
	if old.String() == zone.String() {
		return nil
	}
	p.Log.Warn("the site's time zone changes: days of people without a zone of their own are counted anew", "from", old, "to", zone)
	return p.DB.SetSiteTimezone(ctx, zone)
}

// zone is PORTAL_TIMEZONE, else the manifest's, else UTC.
func (p *Portal) zone(m *genomics.Manifest) *time.Location {
	if p.Config.TimeZone != nil {
		return p.Config.TimeZone
	}
	if loc, err := time.LoadLocation(m.Site.TimeZone); err == nil && m.Site.TimeZone != "" {
		return loc
	}
	return time.UTC
}

// Mirror opens the local mirror of the report index once.
func (p *Portal) Mirror(ctx context.Context) (*mirror.Mirror, error) {
	if p.mirror != nil {
		return p.mirror, nil
	}
	m, err := mirror.Open(ctx, filepath.Join(p.Config.DataDir, "mirror"))
	if err != nil {
		return nil, err
	}
	p.mirror = m
	return m, nil
}

// Keys opens the ring of secret keys once. It refuses a folder that does not
// belong to the database.
func (p *Portal) Keys(ctx context.Context) (*keyring.Ring, error) {
	if p.ring != nil {
		return p.ring, nil
	}
	ring, err := keyring.Open(ctx, p.Config.KeysDir, p.DB)
	if err != nil {
		return nil, fmt.Errorf("secret keys: %w", err)
	}
	p.ring = ring
	return ring, nil
}

// Directory is the service that adds people and hands out enrolment links.
func (p *Portal) Directory() (*people.Directory, error) {
	d, err := people.New(people.Config{Origin: p.Config.Origin, Now: time.Now}, p.DB, p.DB, p.Sessions())
	if err != nil {
		return nil, fmt.Errorf("enrolment: %w", err)
	}
	return d, nil
}

func (p *Portal) passkeyConfig() passkey.Config {
	return passkey.Config{Origin: p.Config.Origin, RPName: "Health Portal", Now: time.Now}
}

// NewLogger makes the structured log that the configuration asks for.
func NewLogger(cfg config.Config, w io.Writer) *slog.Logger {
	opts := &slog.HandlerOptions{Level: cfg.LogLevel}
	if cfg.LogFormat == "json" {
		return slog.New(slog.NewJSONHandler(w, opts))
	}
	return slog.New(slog.NewTextHandler(w, opts))
}

// Version is the version of the program's build: a release tag, or the commit, or "development".
func Version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "development"
	}
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" && len(s.Value) >= 12 {
			return s.Value[:12]
		}
	}
	if v := info.Main.Version; v != "" && v != "(devel)" {
		return v
	}
	return "development"
}
