package portal

import (
	"fmt"
	"time"

	"healthportal/app/apikey"
	"healthportal/app/keyring"
)

// APIKeys is the service that makes, checks and revokes the keys of programs.
func (p *Portal) APIKeys() *apikey.Service { return apikey.NewService(p.DB, time.Now, p.Log) }

// Zone is the site's time zone.
func (p *Portal) Zone() (*time.Location, error) {
	m, err := p.Manifest()
	if err != nil {
		return nil, err
	}
	return p.zone(m), nil
}

// downloadTokens signs the addresses of files with the ring's key for them.
type downloadTokens struct{ ring *keyring.Ring }

// Sign makes a token that is valid until expires for exactly these parts.
func (d downloadTokens) Sign(expires time.Time, parts ...string) string {
	return d.ring.Sign(keyring.DownloadTokens, expires, parts...)
}

// Check fails for a token that was not made for these parts, or has expired at now.
func (d downloadTokens) Check(token string, now time.Time, parts ...string) error {
	if err := d.ring.Check(keyring.DownloadTokens, token, now, parts...); err != nil {
		return fmt.Errorf("download token: %w", err)
	}
	return nil
}
