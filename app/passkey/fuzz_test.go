package passkey_test

import (
	"errors"
	"testing"

	"healthportal/app/passkey"
)

// Whatever a body holds, it is refused, not a failure and not a sign-in.
func FuzzFinishSignIn(f *testing.F) {
	f.Add([]byte(""))
	f.Add([]byte(`{"id":"AA","rawId":"AA","type":"public-key","response":{}}`))
	f.Add([]byte(`{"id":"AA","rawId":"AA","type":"public-key","response":{"clientDataJSON":"e30","authenticatorData":"AA","signature":"AA","userHandle":"AA"}}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		w := newWorld(t)
		_, err := w.service.FinishSignIn(t.Context(), w.beginSignIn().CeremonyID, body)
		var refusal *passkey.Error
		if !errors.As(err, &refusal) {
			t.Fatalf("got %v, want a refusal", err)
		}
	})
}

// The same for enrolment.
func FuzzFinishEnrolment(f *testing.F) {
	f.Add([]byte(""), "")
	f.Add([]byte(`{"id":"AA","rawId":"AA","type":"public-key","response":{"clientDataJSON":"e30","attestationObject":"oA"}}`), "key")
	f.Fuzz(func(t *testing.T, body []byte, name string) {
		w := newWorld(t)
		token := w.user("ada")
		_, err := w.service.FinishEnrolment(t.Context(), w.beginEnrolment(token).CeremonyID, token, body, name)
		var refusal *passkey.Error
		if !errors.As(err, &refusal) {
			t.Fatalf("got %v, want a refusal", err)
		}
	})
}

// The same for a check and a further passkey within a session, whatever ceremony
// they name.
func FuzzFinishInSession(f *testing.F) {
	f.Add([]byte(""), "", "")
	f.Add([]byte(`{"id":"AA","rawId":"AA","type":"public-key","response":{"clientDataJSON":"e30","attestationObject":"oA"}}`), "x", "key")
	f.Fuzz(func(t *testing.T, body []byte, ceremony, name string) {
		w := newWorld(t)
		w.enrol(w.user("ada"))
		ada := w.userID("ada")
		begun, err := w.service.BeginAdd(t.Context(), ada, "s1")
		if err != nil {
			t.Fatal(err)
		}
		for _, id := range []string{ceremony, begun.CeremonyID, w.beginVerify("ada", "s1").CeremonyID} {
			var refusal *passkey.Error
			if _, err := w.service.FinishAdd(t.Context(), ada, "s1", id, body, name); !errors.As(err, &refusal) {
				t.Fatalf("add: got %v, want a refusal", err)
			}
			if _, err := w.service.FinishVerify(t.Context(), ada, "s1", id, body); !errors.As(err, &refusal) {
				t.Fatalf("check: got %v, want a refusal", err)
			}
		}
	})
}
