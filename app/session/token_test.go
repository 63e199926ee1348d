package session_test

import (
	"errors"
	"strings"
	"testing"

	"healthportal/app/session"
	"healthportal/app/session/sessiontest"
)

// Line 19: whatever a browser sends as its cookie, only the token itself opens
// the session, and nothing else changes it.
func FuzzToken(f *testing.F) {
	store := &sessiontest.Memory{}
	service := session.NewService(store, store, nil)
	token, err := service.Issue(f.Context(), session.New{UserID: 7, PasskeyID: 3})
	if err != nil {
		f.Fatal(err)
	}
	for _, seed := range []string{"", token, token[:42], token + "=", strings.ToLower(token), strings.Repeat("\x00", 43), strings.Repeat("\xff", 43), token + "; " + token} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, sent string) {
		if sent == token {
			return
		}
		ctx := t.Context()
		for name, call := range map[string]func() error{
			"lookup":   func() error { _, err := service.Lookup(ctx, sent); return err },
			"peek":     func() error { _, err := service.Peek(ctx, sent); return err },
			"verified": func() error { _, _, err := service.Verified(ctx, sent, 3); return err },
			"mode":     func() error { _, _, err := service.SetResearch(ctx, sent, true); return err },
		} {
			if err := call(); !errors.Is(err, session.ErrNone) {
				t.Errorf("%s %q: %v, want ErrNone", name, sent, err)
			}
		}
		if err := errors.Join(service.Lock(ctx, sent), service.Revoke(ctx, sent)); err != nil {
			t.Errorf("%q: %v", sent, err)
		}
		if got, err := service.Peek(ctx, token); err != nil || got.Locked {
			t.Errorf("%q changed the session: locked %v, %v", sent, got.Locked, err)
		}
	})
}
