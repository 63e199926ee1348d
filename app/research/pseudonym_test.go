package research

import (
	"errors"
	"math"
	"regexp"
	"strings"
	"testing"

	"healthportal/app/health"
	"healthportal/app/keyring"
)

func TestPseudonyms(t *testing.T) {
	key := pocket(1).Current(keyring.Pseudonyms)
	other := pocket(2).Current(keyring.Pseudonyms)
	form := regexp.MustCompile(`^p[a-z2-7]{26}$`)
	seen := map[string]bool{}
	for _, id := range []health.PersonID{1, 2, 3, 255, 256, 1 << 40, math.MaxInt64} {
		name := makePseudonym(key, id)
		if !form.MatchString(name) || seen[name] || name != makePseudonym(key, id) {
			t.Errorf("%d is called %q", id, name)
		}
		seen[name] = true
		if got, ok := readPseudonym(key, name); !ok || got != id {
			t.Errorf("%q is read as %d, %v; want %d", name, got, ok, id)
		}
		if got, ok := readPseudonym(other, name); ok || got != 0 {
			t.Errorf("%q is read with a foreign key as %d", name, got)
		}
		if makePseudonym(other, id) == name {
			t.Errorf("%d has one name under two keys", id)
		}
	}
}

func TestBadPseudonyms(t *testing.T) {
	v := NewView(cohort(1), pocket(1))
	good := v.pseudonym(1)
	bad := []string{"", "p", "1", "0123456789abcdef0123456789abcdef", good[1:], good + "a", good[:26], strings.ToUpper(good), "q" + good[1:],
		" " + good, good + "\n", good[:10] + "\n" + good[11:], good[:26] + "=", strings.Repeat("p", 27), strings.Repeat("a", 100_000), "p" + strings.Repeat("\x00", 26),
		makePseudonym(pocket(1).Current(keyring.Pseudonyms), 0), makePseudonym(pocket(1).Current(keyring.Pseudonyms), -1)}
	for _, name := range bad {
		if id, err := v.Person(name); !errors.Is(err, health.ErrNotFound) || id != 0 {
			t.Errorf("%.40q: %d, %v", name, id, err)
		}
	}
	if id, err := v.Person(good); err != nil || id != 1 {
		t.Errorf("the good one: %d, %v", id, err)
	}
	// Each character counts, the last one's spare bits included.
	for i := 1; i < len(good); i++ {
		for _, c := range "abcdefghijklmnopqrstuvwxyz234567" {
			changed := good[:i] + string(c) + good[i+1:]
			if _, err := v.Person(changed); err == nil && changed != good {
				t.Fatalf("%q is accepted for %q", changed, good)
			}
		}
	}
}

func FuzzReadPseudonym(f *testing.F) {
	key := pocket(1).Current(keyring.Pseudonyms)
	f.Add(makePseudonym(key, 1))
	f.Add("p")
	f.Add("p" + strings.Repeat("7", 26))
	f.Add(strings.Repeat("p\n", 20))
	f.Fuzz(func(t *testing.T, name string) {
		if id, ok := readPseudonym(key, name); ok && makePseudonym(key, id) != name {
			t.Errorf("%q is a second name of a participant", name)
		}
	})
}

func TestShift(t *testing.T) {
	key, other := pocket(1).Current(keyring.DateShift), pocket(2).Current(keyring.DateShift)
	seen, moved := map[int]int{}, 0
	for id := health.PersonID(1); id <= 20_000; id++ {
		n := shift(key, id)
		if n > -leastShift || n < -mostShift || n != shift(key, id) {
			t.Fatalf("person %d is shifted by %d", id, n)
		}
		seen[n]++
		if shift(other, id) != n {
			moved++
		}
	}
	if len(seen) != mostShift-leastShift+1 || moved < 19_000 {
		t.Errorf("%d shifts are in use, %d differ under another key", len(seen), moved)
	}
	for n, persons := range seen {
		if persons > 150 { // the mean is 60
			t.Errorf("%d persons of 20,000 are shifted by %d days", persons, n)
		}
	}
	if (shiftDay(health.Day{}, -30) != health.Day{}) {
		t.Error("an open day was shifted")
	}
}
