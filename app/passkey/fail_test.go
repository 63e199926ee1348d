package passkey_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

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

// damaged is a ceremony store whose states can't be read.
type damaged struct{ *passkeytest.Store }

func (d damaged) TakeCeremony(ctx context.Context, idHash []byte) (passkey.Ceremony, error) {
	c, err := d.Store.TakeCeremony(ctx, idHash)
	c.State = []byte("{")
	return c, err
}

func TestDamagedCeremony(t *testing.T) {
	w := newWorld(t)
	key := w.enrol(w.user("ada"))
	service, err := passkey.New(passkey.Config{Origin: origin, RPName: "x", Now: func() time.Time { return w.clock }}, damaged{w.store}, w.store)
	if err != nil {
		t.Fatal(err)
	}
	begun, err := service.BeginSignIn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	_, err = service.FinishSignIn(t.Context(), begun.CeremonyID, w.get(begun.Options, key))
	var refusal *passkey.Error
	if err == nil || errors.As(err, &refusal) {
		t.Errorf("got %v, want a failure", err)
	}
}

func TestStoredDataIsDamaged(t *testing.T) {
	w := newWorld(t)
	key := w.enrol(w.user("ada"))
	token := w.link("ada")
	for _, step := range []string{"garbage", "changed"} {
		service, err := passkey.New(passkey.Config{Origin: origin, RPName: "x", Now: func() time.Time { return w.clock }},
			w.store, failAt{Store: w.store, step: step})
		if err != nil {
			t.Fatal(err)
		}
		begun, err := service.BeginSignIn(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		_, err = service.FinishSignIn(t.Context(), begun.CeremonyID, w.get(begun.Options, key))
		var refusal *passkey.Error
		switch step {
		case "changed":
			wantRefusal(t, err, passkey.CodeNotAccepted)
		default:
			if err == nil || errors.As(err, &refusal) {
				t.Errorf("%s: got %v, want a failure", step, err)
			}
		}
		if _, err := service.BeginEnrolment(t.Context(), token); step == "garbage" && err == nil {
			t.Error("a damaged passkey went unnoticed at enrolment")
		}
	}
}

// What the log gets of a refusal is the code and the cause; a refusal without a
// cause has its code only.
func TestErrorText(t *testing.T) {
	w := newWorld(t)
	token := w.user("ada")
	w.enrol(token)
	_, used := w.service.BeginEnrolment(t.Context(), token)
	_, unknown := w.service.BeginEnrolment(t.Context(), "x")
	if used.Error() != "passkey: link-used" || !strings.Contains(unknown.Error(), "link-unknown: the token has") {
		t.Errorf("%q and %q", used, unknown)
	}
	if errors.Unwrap(unknown) == nil {
		t.Error("the cause is lost")
	}
}
