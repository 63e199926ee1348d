package cli

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"healthportal/app/access"
	"healthportal/app/apikey"
	"healthportal/app/health"
)

type apikeyCommands struct {
	Add    apikeyAddCommand    `cmd:"" help:"Make an API key and print it, the only time that it is shown."`
	List   apikeyListCommand   `cmd:"" help:"List the API keys, without their secrets."`
	Revoke apikeyRevokeCommand `cmd:"" help:"End an API key at once."`
}

type apikeyAddCommand struct {
	User    string   `name:"user" required:"" help:"Short name of the owner: the key uses this person's rights."`
	Scope   []string `name:"scope" required:"" help:"What the key opens, repeatable: patients.read, events.read, reports.read."`
	Expires string   `name:"expires" required:"" help:"Last day as YYYY-MM-DD (to its end, in the site's time zone), or a time to live: 90d, 12w, 36h. At most 366 days."`
	Name    string   `name:"name" help:"What the key is for."`
}

// Run makes the key and prints nothing but the key on standard output.
func (c apikeyAddCommand) Run(r *run) (err error) {
	ask := apikey.Request{Owner: c.User, Name: c.Name}
	for _, name := range c.Scope {
		scope, err := access.ParseScope(name)
		if err != nil {
			return usageError{err}
		}
		ask.Scopes = append(ask.Scopes, scope)
	}
	// Bad usage is told before anything is opened; the zone is known only then.
	if _, err := apikey.ParseExpires(c.Expires, time.Now(), time.UTC); err != nil {
		return usageError{fmt.Errorf("--expires %q: %w", c.Expires, err)}
	}
	p, err := r.open()
	if err != nil {
		return err
	}
	defer closing(p, &err)
	zone, err := p.Zone()
	if err != nil {
		return err
	}
	if ask.Expires, err = apikey.ParseExpires(c.Expires, time.Now(), zone); err != nil {
		return usageError{err}
	}
	made, err := p.APIKeys().Make(r.ctx, byCommand, ask)
	act := did(access.KindKeyAdd, "apikey add", made.Key.ID, map[string]any{"owner": made.Key.Owner.UserID, "scopes": ask.Scopes, "expires": ask.Expires.Format(time.RFC3339)})
	if err = p.Record(r.ctx, act, err); err != nil {
		return addFailed(c.User, err)
	}
	if idle := idleScopes(made.Key); idle != "" {
		fmt.Fprintf(r.Stderr, "portal: the roles of %s do not grant %s now: the key opens nothing by it\n", c.User, idle)
	}
	_, err = fmt.Fprintln(r.Stdout, made.Text)
	return err
}

// addFailed is bad usage where the flags can't be used, whoever the user is.
func addFailed(user string, err error) error {
	var field *apikey.FieldError
	switch {
	case errors.Is(err, apikey.ErrNoOwner):
		return fmt.Errorf("API key for %q: %w: portal user list shows who there is", user, err)
	case errors.As(err, &field):
		return usageError{fmt.Errorf("--%s: %w", field.Field, err)}
	default:
		return err
	}
}

// idleScopes are the scopes that the owner's present roles don't grant.
func idleScopes(k apikey.Key) string {
	effective := k.Effective()
	var idle []string
	for _, s := range k.Scopes {
		if !slices.Contains(effective, s) {
			idle = append(idle, string(s))
		}
	}
	return strings.Join(idle, ", ")
}

type apikeyListCommand struct {
	JSON bool `name:"json" help:"Print JSON."`
}

// Run lists all keys, newest first.
func (c apikeyListCommand) Run(r *run) (err error) {
	p, err := r.open()
	if err != nil {
		return err
	}
	defer closing(p, &err)
	keys, err := p.APIKeys().List(r.ctx, 0)
	if err != nil {
		return err
	}
	now := time.Now()
	if c.JSON {
		list := make([]listedKey, len(keys))
		for i, k := range keys {
			list[i] = newListedKey(k, now)
		}
		return r.printJSON(list)
	}
	return r.printKeys(keys, now)
}

// listedKey is a key as `apikey list --json` prints it. Times are UTC.
type listedKey struct {
	ID              string              `json:"id"`
	Name            string              `json:"name"`
	User            string              `json:"user"`
	Scopes          []access.Permission `json:"scopes"`
	EffectiveScopes []access.Permission `json:"effective_scopes"`
	State           apikey.State        `json:"state"`
	Created         time.Time           `json:"created"`
	Expires         time.Time           `json:"expires"`
	LastUsed        *time.Time          `json:"last_used"`
	Revoked         *time.Time          `json:"revoked"`
}

func newListedKey(k apikey.Key, now time.Time) listedKey {
	l := listedKey{ID: k.ID, Name: k.Name, User: k.Owner.Name, Scopes: k.Scopes, EffectiveScopes: k.Effective(), State: k.StateAt(now),
		Created: k.Created, Expires: k.Expires}
	if !k.LastUsed.IsZero() {
		l.LastUsed = &k.LastUsed
	}
	if !k.Revoked.IsZero() {
		l.Revoked = &k.Revoked
	}
	return l
}

func (r *run) printKeys(keys []apikey.Key, now time.Time) error {
	w := tabwriter.NewWriter(r.Stdout, 0, 4, 2, ' ', 0)
	fmt.Fprintln(w, "ID\tNAME\tUSER\tSCOPES\tSTATE\tEXPIRES\tLAST USED") //nolint:errcheck // Flush reports it
	for _, k := range keys {
		scopes := make([]string, len(k.Scopes))
		for i, s := range k.Scopes {
			scopes[i] = string(s)
		}
		used := "never"
		if !k.LastUsed.IsZero() {
			used = k.LastUsed.Format(time.RFC3339)
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\t%s\n", k.ID, k.Name, k.Owner.Name, strings.Join(scopes, ","), k.StateAt(now), //nolint:errcheck // Flush reports it
			k.Expires.Format(time.RFC3339), used)
	}
	if err := w.Flush(); err != nil {
		return fmt.Errorf("print: %w", err)
	}
	return nil
}

type apikeyRevokeCommand struct {
	ID string `arg:"" help:"Id of the key, as portal apikey list prints it; a whole key that leaked is taken too."`
}

// Run ends the key. It never prints what it was given: that may be a whole key.
func (c apikeyRevokeCommand) Run(r *run) (err error) {
	id := c.ID
	if whole, _, err := apikey.Parse(c.ID); err == nil {
		id = whole
	}
	if !apikey.ValidID(id) {
		return usageError{errors.New("this is no id of an API key: it has 16 letters and digits, portal apikey list shows them")}
	}
	p, err := r.open()
	if err != nil {
		return err
	}
	defer closing(p, &err)
	err = p.APIKeys().Revoke(r.ctx, byCommand, id)
	err = p.Record(r.ctx, did(access.KindKeyRevoke, "apikey revoke", id, nil), err)
	if errors.Is(err, health.ErrNotFound) {
		return fmt.Errorf("there is no API key %s: portal apikey list shows which there are", id)
	}
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(r.Stdout, "The API key %s is revoked.\n", id)
	return err
}
