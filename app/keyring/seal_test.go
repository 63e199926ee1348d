package keyring

import (
	"bytes"
	"errors"
	"strings"
	"testing"
	"time"
)

const someContext = "research-cursor|user 7"

func TestSeal(t *testing.T) {
	k := testKey(ViewIDs)
	seen := map[string]bool{}
	for _, plain := range []string{"", "x", "a longer text with 2026-03-29", strings.Repeat("long ", 2000)} {
		token := Seal(k, someContext, []byte(plain))
		got, err := Unseal(k, someContext, token)
		if err != nil || string(got) != plain {
			t.Errorf("%.10q comes back as %.10q, %v", plain, got, err)
		}
		if strings.ContainsAny(token, "+/=&?# ") || len(plain) > 5 && strings.Contains(token, plain) || seen[token] {
			t.Errorf("the token is no token: %.60s", token)
		}
		seen[token] = true
		if seen[Seal(k, someContext, []byte(plain))] {
			t.Error("the same text gives the same token")
		}
	}
}

// Each single changed, added or missing character makes a token invalid.
func TestSealedTokenCannotBeChanged(t *testing.T) {
	k := testKey(ViewIDs)
	token := Seal(k, someContext, []byte("plain text"))
	for i := range token {
		for _, c := range []byte("Aa0-_.=\n\x00") {
			changed := token[:i] + string(c) + token[i+1:]
			if _, err := Unseal(k, someContext, changed); changed != token && !errors.Is(err, ErrToken) {
				t.Fatalf("byte %d as %q: %v", i, c, err)
			}
			if _, err := Unseal(k, someContext, token[:i]+string(c)+token[i:]); !errors.Is(err, ErrToken) {
				t.Fatalf("%q put in at %d: %v", c, i, err)
			}
		}
		if _, err := Unseal(k, someContext, token[:i]); !errors.Is(err, ErrToken) {
			t.Fatalf("cut at %d: %v", i, err)
		}
	}
}

func TestUnsealRefusals(t *testing.T) {
	k := testKey(ViewIDs)
	other := newKey(ViewIDs, time.Now())
	sameID := other
	sameID.ID = k.ID
	otherPurpose := k
	otherPurpose.Purpose = DownloadTokens
	token := Seal(k, someContext, []byte("x"))
	tests := []struct {
		name, context, token string
		key                  Key
	}{
		{"another context", "research-cursor|user 8", token, k},
		{"no context", "", token, k},
		{"another key", someContext, token, other},
		{"another secret", someContext, token, sameID},
		{"another purpose", someContext, token, otherPurpose},
		{"empty", someContext, "", k},
		{"id alone", someContext, k.ID, k},
		{"id and dot", someContext, k.ID + ".", k},
		{"too short", someContext, k.ID + ".AAAA", k},
		{"too long", someContext, token + strings.Repeat("A", maxToken), k},
		{"a signature", someContext, Sign(k, time.Now(), someContext), k},
		{"not base64", someContext, k.ID + ".%%%%", k},
	}
	for _, tt := range tests {
		if plain, err := Unseal(tt.key, tt.context, tt.token); !errors.Is(err, ErrToken) || plain != nil {
			t.Errorf("%s: %q, %v", tt.name, plain, err)
		}
	}
}

func TestRingSeals(t *testing.T) {
	p := newPlace(t)
	r, other := p.open(), p.open()
	before := r.Seal(ViewIDs, someContext, []byte("old"))
	_, err := r.Rotate(t.Context(), ViewIDs)
	p.do(err)
	after := r.Seal(ViewIDs, someContext, []byte("new"))
	for token, want := range map[string]string{before: "old", after: "new"} {
		for _, ring := range []*Ring{r, other} {
			if plain, err := ring.Unseal(ViewIDs, someContext, token); err != nil || string(plain) != want {
				t.Errorf("%s: %q, %v", want, plain, err)
			}
		}
		if _, err := r.Unseal(DownloadTokens, someContext, token); !errors.Is(err, ErrToken) {
			t.Errorf("opened for another purpose: %v", err)
		}
	}
	for _, bad := range []string{"", ".", "../../x.abc", "abcdefghij23.AAAA", strings.Repeat("a", 12) + "." + strings.Repeat("A", 99)} {
		if _, err := r.Unseal(ViewIDs, someContext, bad); !errors.Is(err, ErrToken) {
			t.Errorf("%q: %v", bad, err)
		}
		if err := r.Check(DownloadTokens, bad, time.Now()); !errors.Is(err, ErrToken) {
			t.Errorf("%q: %v", bad, err)
		}
	}
}

func TestSign(t *testing.T) {
	k := testKey(DownloadTokens)
	now := time.Date(2026, 3, 29, 12, 0, 0, 0, time.UTC)
	token := Sign(k, now.Add(2*time.Minute), "report-1", "key-9")
	sameID := newKey(DownloadTokens, now)
	sameID.ID = k.ID
	tests := []struct {
		name, token string
		key         Key
		at          time.Time
		parts       []string
		want        error
	}{
		{"good", token, k, now, []string{"report-1", "key-9"}, nil},
		{"at the last second", token, k, now.Add(119 * time.Second), []string{"report-1", "key-9"}, nil},
		{"expired", token, k, now.Add(2 * time.Minute), []string{"report-1", "key-9"}, ErrExpired},
		{"another report", token, k, now, []string{"report-2", "key-9"}, ErrToken},
		{"another key holder", token, k, now, []string{"report-1", "key-8"}, ErrToken},
		{"parts cut elsewhere", token, k, now, []string{"report-1k", "ey-9"}, ErrToken},
		{"parts joined", token, k, now, []string{"report-1key-9"}, ErrToken},
		{"a part more", token, k, now, []string{"report-1", "key-9", ""}, ErrToken},
		{"no parts", token, k, now, nil, ErrToken},
		{"another secret", token, sameID, now, []string{"report-1", "key-9"}, ErrToken},
		{"another key", token, newKey(DownloadTokens, now), now, []string{"report-1", "key-9"}, ErrToken},
		{"a later expiry", strings.Replace(token, ".t", ".u", 1), k, now, []string{"report-1", "key-9"}, ErrToken},
		{"expired and another's", token, k, now.Add(time.Hour), []string{"report-2", "key-9"}, ErrToken},
		{"empty", "", k, now, nil, ErrToken},
		{"a sealed token", Seal(k, "report-1", nil), k, now, []string{"report-1", "key-9"}, ErrToken},
		{"no expiry", k.ID + "..AAAA", k, now, nil, ErrToken},
		{"expiry with a sign", strings.Replace(token, ".t", ".+t", 1), k, now, []string{"report-1", "key-9"}, ErrToken},
	}
	for _, tt := range tests {
		if err := Check(tt.key, tt.token, tt.at, tt.parts...); !errors.Is(err, tt.want) {
			t.Errorf("%s: %v, want %v", tt.name, err, tt.want)
		}
	}
}

func TestRingSigns(t *testing.T) {
	p := newPlace(t)
	r, now := p.open(), time.Now()
	token := r.Sign(DownloadTokens, now.Add(time.Minute), "a", "b")
	_, err := r.Rotate(t.Context(), DownloadTokens)
	p.do(err)
	if err := r.Check(DownloadTokens, token, now, "a", "b"); err != nil {
		t.Errorf("after a rotation: %v", err)
	}
	if err := r.Check(ViewIDs, token, now, "a", "b"); !errors.Is(err, ErrToken) {
		t.Errorf("for another purpose: %v", err)
	}
}

// Only the very token that was made opens.
func FuzzUnseal(f *testing.F) {
	k := testKey(ViewIDs)
	// Written down, because each process of a fuzz run would seal another one.
	const made = "abcdefghij23.VEEEVQIA_KifaWgyfggCX_IP3uETlBaMwoU1INxiO_A_6s0RU5gsTDk2CLV5"
	f.Add(made)
	f.Add(made[:20])
	f.Add(k.ID + ".")
	f.Add(strings.Replace(made, "A", "B", 1))
	f.Add("..\n..")
	f.Fuzz(func(t *testing.T, token string) {
		plain, err := Unseal(k, someContext, token)
		if (err == nil) != (token == made) {
			t.Errorf("%q opens: %v", token, err)
		}
		if err == nil && !bytes.Equal(plain, []byte("plain")) {
			t.Errorf("%q opens as %q", token, plain)
		}
	})
}

func FuzzCheck(f *testing.F) {
	k := testKey(DownloadTokens)
	now := time.Date(2026, 3, 29, 12, 0, 0, 0, time.UTC)
	made := Sign(k, now.Add(time.Minute), "report", "key")
	f.Add(made)
	f.Add(made + ".")
	f.Add(k.ID + ".t.AAAA")
	f.Add("a.-zzzzzzzzzzzzzzzzzzz.b")
	f.Fuzz(func(t *testing.T, token string) {
		if err := Check(k, token, now, "report", "key"); (err == nil) != (token == made) {
			t.Errorf("%q: %v", token, err)
		}
	})
}
