package portal

import (
	"context"
	"errors"
	"fmt"

	"healthportal/app/access"
	"healthportal/app/keyring"
)

// KeyList lists every secret key with its state, also where they do not fit the database.
func (p *Portal) KeyList(ctx context.Context) ([]keyring.Status, error) {
	list, err := keyring.Inspect(ctx, p.Config.KeysDir, p.DB)
	if err != nil {
		return nil, fmt.Errorf("secret keys: %w", err)
	}
	return list, nil
}

// RotateKey makes a new current key of a purpose and records it.
func (p *Portal) RotateKey(ctx context.Context, purpose keyring.Purpose) (keyring.Key, error) {
	ring, err := p.Keys(ctx)
	if err != nil {
		return keyring.Key{}, err
	}
	old := ring.Current(purpose)
	fresh, err := ring.Rotate(ctx, purpose)
	act := Act{Command: "keys rotate", Kind: access.KindKeyRotate, Subject: string(purpose) + "/" + fresh.ID, Detail: map[string]any{"step": "rotate", "before": old.ID}}
	return fresh, p.Record(ctx, act, err)
}

// AdoptKey records a key of the folder that the database does not know.
func (p *Portal) AdoptKey(ctx context.Context, purpose keyring.Purpose, id string) error {
	if err := keyring.Adopt(ctx, p.Config.KeysDir, p.DB, purpose, id); err != nil {
		return fmt.Errorf("secret keys: %w", err)
	}
	return p.recordKey(ctx, "adopt", purpose, id)
}

// ForgetKey records that a key is lost for good.
func (p *Portal) ForgetKey(ctx context.Context, purpose keyring.Purpose, id string) error {
	if err := keyring.Forget(ctx, p.Config.KeysDir, p.DB, purpose, id); err != nil {
		return fmt.Errorf("secret keys: %w", err)
	}
	return p.recordKey(ctx, "forget", purpose, id)
}

// ErrKeysRemain says that a change of one key was made, and that others still
// keep the portal, and so its audit log, from being opened.
var ErrKeysRemain = errors.New("done, but not in the audit log yet")

func (p *Portal) recordKey(ctx context.Context, step string, purpose keyring.Purpose, id string) error {
	if _, err := p.Keys(ctx); err != nil {
		// ops.key has it with its time; the log can't be opened before the last key is settled.
		return fmt.Errorf("%w: %w", ErrKeysRemain, err)
	}
	return p.Record(ctx, Act{Command: "keys " + step, Kind: access.KindKeyRotate, Subject: string(purpose) + "/" + id, Detail: map[string]any{"step": step}}, nil)
}
