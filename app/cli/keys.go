package cli

import (
	"errors"
	"fmt"
	"text/tabwriter"
	"time"

	"healthportal/app/keyring"
	"healthportal/app/portal"
)

type keysCommands struct {
	List   keysListCommand   `cmd:"" help:"List the portal's secret keys and whether they fit the database; never the secrets."`
	Rotate keysRotateCommand `cmd:"" help:"Make a new key for a purpose; old ones stay for what they protect."`
	Adopt  keysAdoptCommand  `cmd:"" help:"Take over a key of the folder that the database does not know."`
	Forget keysForgetCommand `cmd:"" help:"Record that a key is lost for good, so that the portal starts without it."`
}

type keysListCommand struct {
	JSON bool `name:"json" help:"Print JSON."`
}

// listedSecret is a key as `keys list --json` prints it. Times are UTC.
type listedSecret struct {
	Purpose     keyring.Purpose `json:"purpose"`
	ID          string          `json:"id"`
	State       keyring.State   `json:"state"`
	Fingerprint string          `json:"fingerprint"`
	Created     time.Time       `json:"created"`
	Retired     *time.Time      `json:"retired"`
	Lost        *time.Time      `json:"lost"`
}

// Run lists the keys.
func (c keysListCommand) Run(r *run) (err error) {
	p, err := r.open()
	if err != nil {
		return err
	}
	defer closing(p, &err)
	list, err := p.KeyList(r.ctx)
	if err != nil {
		return err
	}
	if c.JSON {
		rows := make([]listedSecret, len(list))
		for i, k := range list {
			rows[i] = listedSecret{k.Purpose, k.ID, k.State, k.Fingerprint, k.Created, orNil(k.Retired), orNil(k.Lost)}
		}
		return r.printJSON(rows)
	}
	return r.printSecrets(list)
}

func orNil(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}

func (r *run) printSecrets(list []keyring.Status) error {
	if len(list) == 0 {
		_, err := fmt.Fprintln(r.Stdout, "There are no keys yet: the first start of the portal makes them.")
		return err
	}
	w := tabwriter.NewWriter(r.Stdout, 0, 4, 2, ' ', 0)
	fmt.Fprintln(w, "PURPOSE\tID\tSTATE\tCREATED (UTC)\tRETIRED (UTC)\tFINGERPRINT") //nolint:errcheck // Flush reports it
	for _, k := range list {
		retired := ""
		if !k.Retired.IsZero() {
			retired = k.Retired.Format(time.DateTime)
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\n", k.Purpose, k.ID, k.State, k.Created.Format(time.DateTime), retired, k.Fingerprint) //nolint:errcheck // Flush reports it
	}
	if err := w.Flush(); err != nil {
		return fmt.Errorf("print: %w", err)
	}
	return nil
}

type keysRotateCommand struct {
	Purpose string `arg:"" help:"audit-chain, audit-heads, pseudonyms, date-shift, download-tokens or view-ids."`
	Yes     bool   `name:"yes" help:"Rotate also where that changes what researchers have published."`
}

// Run rotates the key of a purpose.
func (c keysRotateCommand) Run(r *run) (err error) {
	purpose, err := keyring.ParsePurpose(c.Purpose)
	if err != nil {
		return usageError{err}
	}
	if what := changes(purpose); what != "" && !c.Yes {
		return usageError{fmt.Errorf("rotating %s changes %s, for good; add --yes if that is meant", purpose, what)}
	}
	p, err := r.open()
	if err != nil {
		return err
	}
	defer closing(p, &err)
	k, err := p.RotateKey(r.ctx, purpose)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(r.Stdout, "%s/%s is the current key. Copy the key folder to its escrow, and restart the portals that run: they go on with the old key until then.\n", purpose, k.ID)
	return err
}

// changes says what a rotation breaks that was published already.
func changes(p keyring.Purpose) string {
	switch p {
	case keyring.Pseudonyms:
		return "every participant's pseudonym: those in notes, exports and papers lead nowhere"
	case keyring.DateShift:
		return "every date that researchers see: those in notes, exports and papers no longer agree with the portal, and whoever has both can compare two shifts"
	default:
		return ""
	}
}

type keysAdoptCommand struct {
	Purpose string `arg:"" help:"The key's purpose, as keys list shows it."`
	ID      string `arg:"" help:"The key's id."`
}

// Run adopts a key.
func (c keysAdoptCommand) Run(r *run) error {
	return r.withKey(c.Purpose, func(p *portal.Portal, purpose keyring.Purpose) error {
		return p.AdoptKey(r.ctx, purpose, c.ID)
	}, fmt.Sprintf("%s/%s belongs to this database now.\n", c.Purpose, c.ID))
}

type keysForgetCommand struct {
	Purpose string `arg:"" help:"The key's purpose, as keys list shows it."`
	ID      string `arg:"" help:"The id of a key that keys list shows as missing."`
}

// Run records a loss.
func (c keysForgetCommand) Run(r *run) error {
	return r.withKey(c.Purpose, func(p *portal.Portal, purpose keyring.Purpose) error {
		return p.ForgetKey(r.ctx, purpose, c.ID)
	}, fmt.Sprintf("%s/%s is recorded as lost. What it protected can't be read or verified any more.\n", c.Purpose, c.ID))
}

// withKey changes one key and says done, also where further keys still keep the
// portal from starting.
func (r *run) withKey(purpose string, change func(*portal.Portal, keyring.Purpose) error, done string) (err error) {
	known, err := keyring.ParsePurpose(purpose)
	if err != nil {
		return usageError{err}
	}
	p, err := r.open()
	if err != nil {
		return err
	}
	defer closing(p, &err)
	err = change(p, known)
	if errors.Is(err, portal.ErrKeysRemain) {
		fmt.Fprintf(r.Stderr, "portal: %v\n", err)
	} else if err != nil {
		return err
	}
	_, err = fmt.Fprint(r.Stdout, done)
	return err
}
