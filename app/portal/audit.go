package portal

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"os/user"
	"path/filepath"
	"time"

	"healthportal/app/access"
	"healthportal/app/audit"
	"healthportal/app/health"
	"healthportal/app/keyring"
)

// auditDrain is how long the end waits for entries that are being written.
const auditDrain = 15 * time.Second

// HeadsDir is the folder of the audit log's signed heads, below the data folder.
func (p *Portal) HeadsDir() string { return filepath.Join(p.Config.DataDir, "audit") }

// Audit opens the audit log once, which starts a chain for this process. Close
// of the Portal ends it.
func (p *Portal) Audit(ctx context.Context) (*audit.Log, error) {
	if p.journal != nil {
		return p.journal, nil
	}
	keys, err := p.auditKeys(ctx)
	if err != nil {
		return nil, err
	}
	host, err := os.Hostname()
	if err != nil {
		host = "" // the chain says which keys and heads it has all the same
	}
	log, err := audit.Open(ctx, audit.Config{Store: p.DB, Keys: keys, HeadsDir: p.HeadsDir(), Host: host, Now: time.Now, Logger: p.Log})
	if err != nil {
		return nil, fmt.Errorf("audit log: %w", err)
	}
	p.journal = log
	return log, nil
}

// closeAudit ends the log's chain, while the database is still there.
func (p *Portal) closeAudit() error {
	if p.journal == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), auditDrain)
	defer cancel()
	if err := p.journal.Close(ctx); err != nil {
		return fmt.Errorf("audit log: %w", err)
	}
	return nil
}

func (p *Portal) auditKeys(ctx context.Context) (audit.Keys, error) {
	ring, err := p.Keys(ctx)
	if err != nil {
		return audit.Keys{}, err
	}
	byID := func(purpose keyring.Purpose) func(string) ([]byte, bool) {
		return func(id string) ([]byte, bool) {
			k, err := ring.ByID(purpose, id)
			return k.Secret, err == nil
		}
	}
	current := func(purpose keyring.Purpose) audit.Key {
		k := ring.Current(purpose)
		return audit.Key{ID: k.ID, Secret: k.Secret}
	}
	return audit.Keys{
		Chain: current(keyring.AuditChain), OldChain: byID(keyring.AuditChain),
		Head: current(keyring.AuditHeads), OldHead: byID(keyring.AuditHeads),
	}, nil
}

// Act is what a command did, for the audit log.
type Act struct {
	// Command is the command's name without "portal".
	Command string
	Kind    access.Kind
	// Subject is the thing concerned by its public id; it may be empty.
	Subject string
	// Person is the patient concerned; 0 for none or several.
	Person health.PersonID
	// Detail is what else is known: ids, counts, filters.
	Detail map[string]any
}

// Record writes into the audit log what a command did, with err as its outcome,
// and who ran it on this machine; it passes err on. Call it before the command
// shows what it got: where the log fails, so does the command.
func (p *Portal) Record(ctx context.Context, a Act, err error) error {
	// What was done stays done when the command is interrupted: it is recorded.
	ctx = context.WithoutCancel(ctx)
	log, lerr := p.Audit(ctx)
	if lerr == nil {
		lerr = log.Append(ctx, a.entry(err))
	}
	if lerr != nil {
		return errors.Join(err, fmt.Errorf("the command could not be recorded: %w", lerr))
	}
	return err
}

// osUser is who runs the command on this machine.
func osUser() string {
	if u, err := user.Current(); err == nil {
		return u.Username
	}
	return fmt.Sprint("uid ", os.Getuid())
}

func (a Act) entry(err error) audit.Entry {
	e := audit.Entry{Kind: a.Kind, Outcome: audit.Done, Subject: a.Subject, PersonID: int64(a.Person), Route: "command " + a.Command}
	if err != nil {
		e.Outcome = audit.Failed
	}
	detail := map[string]any{"os_user": osUser()}
	maps.Copy(detail, a.Detail)
	if text, jerr := json.Marshal(detail); jerr == nil { // commands give texts and numbers, which can't fail
		e.Detail = string(text)
	}
	return e
}

// VerifyAudit verifies the whole audit log against the heads of this data folder
// and of further ones.
func (p *Portal) VerifyAudit(ctx context.Context, heads []string) (audit.Report, error) {
	keys, err := p.auditKeys(ctx)
	if err != nil {
		return audit.Report{}, err
	}
	if _, err := os.Stat(p.HeadsDir()); err == nil {
		heads = append([]string{p.HeadsDir()}, heads...)
	} else if !errors.Is(err, fs.ErrNotExist) {
		return audit.Report{}, fmt.Errorf("heads of the audit log: %w", err)
	}
	return audit.Verify(ctx, audit.VerifyConfig{Reader: p.DB, Keys: keys, HeadsDirs: heads})
}
