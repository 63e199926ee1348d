package passkey_test

import (
	"context"

	"healthportal/app/passkey"
	"healthportal/app/passkey/passkeytest"
)

type draft = passkeytest.Draft

// failAt is a store of which one step fails.
type failAt struct {
	*passkeytest.Store
	step string
	err  error
}

func (f failAt) UserByHandle(ctx context.Context, handle []byte) (passkey.User, error) {
	if f.step == "owner" {
		return passkey.User{}, f.err
	}
	return f.Store.UserByHandle(ctx, handle)
}

func (f failAt) LivePasskeys(ctx context.Context, userID int64) ([]passkey.Passkey, error) {
	switch f.step {
	case "passkeys":
		return nil, f.err
	case "garbage":
		return []passkey.Passkey{{ID: 1, UserID: userID, Record: []byte("{")}}, nil
	}
	return f.Store.LivePasskeys(ctx, userID)
}

func (f failAt) RecordPasskeyUse(ctx context.Context, use passkey.Use) error {
	switch f.step {
	case "record":
		return f.err
	case "changed":
		return passkey.ErrChanged
	}
	return f.Store.RecordPasskeyUse(ctx, use)
}

func (f failAt) TakeCeremony(ctx context.Context, idHash []byte) (passkey.Ceremony, error) {
	c, err := f.Store.TakeCeremony(ctx, idHash)
	if f.step == "state" {
		c.State = []byte("{")
	}
	return c, err
}
