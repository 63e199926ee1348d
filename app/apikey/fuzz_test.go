package apikey_test

import (
	"errors"
	"regexp"
	"strings"
	"testing"
	"time"

	"healthportal/app/apikey"
)

// shape is a key's, written down a second time.
const shape = `\Ahp_[a-z2-7]{16}_[0-9A-Za-z]{43}\z`

func badKeys() []string {
	id, secret := strings.Repeat("a", 16), strings.Repeat("0", 43)
	good := "hp_" + id + "_" + secret
	return []string{"", "hp_", "hp__", good + "x", good[1:], good[:62], "HP_" + id + "_" + secret, "hp-" + id + "-" + secret,
		"hp_" + strings.Repeat("A", 16) + "_" + secret, "hp_" + strings.Repeat("1", 16) + "_" + secret, "hp_" + id + "_" + strings.Repeat("_", 43),
		"hp_" + id + "_" + secret[:42] + "\x00", "hp_" + id + "_" + secret[:42] + "-", "hp_" + id + "0" + secret + "0", " " + good, good + "\n",
		"hp_' OR 1=1;--abc_" + secret, "hp_" + id + "_" + strings.Repeat("é", 21) + "0", strings.Repeat("hp_", 21), strings.Repeat("A", 1<<20), "Bearer " + good}
}

func TestParse(t *testing.T) {
	id, secret, err := apikey.Parse("hp_abcdefgh234567zz_" + strings.Repeat("aZ9", 14) + "x")
	if err != nil || id != "abcdefgh234567zz" || secret != strings.Repeat("aZ9", 14)+"x" {
		t.Errorf("%q, %q, %v", id, secret, err)
	}
	for _, key := range badKeys() {
		id, secret, err := apikey.Parse(key)
		if !errors.Is(err, apikey.ErrMalformed) || id+secret != "" {
			t.Errorf("%.80q: %q, %q, %v", key, id, secret, err)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add("hp_abcdefgh234567zz_" + strings.Repeat("aZ9", 14) + "x")
	for _, key := range badKeys() {
		f.Add(key)
	}
	re := regexp.MustCompile(shape)
	f.Fuzz(func(t *testing.T, key string) {
		id, secret, err := apikey.Parse(key)
		if (err == nil) != re.MatchString(key) {
			t.Fatalf("%q: %v", key, err)
		}
		if err == nil && "hp_"+id+"_"+secret != key {
			t.Fatalf("%q became %q and %q", key, id, secret)
		}
		if err != nil && key != "" && len(key) > 6 && strings.Contains(err.Error(), key) {
			t.Fatalf("the error quotes %q", key)
		}
	})
}

func FuzzParseExpires(f *testing.F) {
	for _, s := range []string{"90d", "2026-03-29", "", "0h", "9999w", "-1d", "99999999999d", "2026-13-01", "w"} {
		f.Add(s)
	}
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	f.Fuzz(func(t *testing.T, s string) {
		at, err := apikey.ParseExpires(s, now, time.UTC)
		if (err == nil) == at.IsZero() && !strings.HasPrefix(s, "000") {
			t.Fatalf("%q: %v, %v", s, at, err)
		}
	})
}
