package apikey

import (
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"strings"
)

const (
	// prefix names the portal's keys, so that people and secret scanners know one.
	prefix = "hp_"
	// idAlphabet has no characters that are taken for one another.
	idAlphabet = "abcdefghijklmnopqrstuvwxyz234567"
	idChars    = 16
	// secretAlphabet has no underscore, which parts the key.
	secretAlphabet = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
	// secretChars of 62 possible ones hold 256 bits.
	secretChars = 43
)

// ErrMalformed says that a text has not the shape of a key. It never quotes the text.
var ErrMalformed = errors.New("this is no API key: a key reads hp_<id>_<secret>")

// Parse takes a key apart. It accepts exactly what the portal hands out.
func Parse(key string) (id, secret string, err error) {
	rest, ok := strings.CutPrefix(key, prefix)
	if !ok || len(rest) != idChars+1+secretChars || rest[idChars] != '_' {
		return "", "", ErrMalformed
	}
	id, secret = rest[:idChars], rest[idChars+1:]
	if !ValidID(id) || !only(secret, secretAlphabet) {
		return "", "", ErrMalformed
	}
	return id, secret, nil
}

// ValidID reports whether id has the shape of a key's id.
func ValidID(id string) bool { return len(id) == idChars && only(id, idAlphabet) }

func only(s, alphabet string) bool {
	for i := range len(s) {
		if strings.IndexByte(alphabet, s[i]) < 0 {
			return false
		}
	}
	return true
}

// random draws n characters of the alphabet, each as likely as the others.
func random(alphabet string, n int) string {
	// Bytes beyond the last whole multiple would favour the first characters.
	limit := 256 - 256%len(alphabet)
	out, buf := make([]byte, 0, n), make([]byte, 64)
	for len(out) < n {
		rand.Read(buf) // never fails: crypto/rand ends the program instead
		for _, b := range buf {
			if int(b) < limit && len(out) < n {
				out = append(out, alphabet[int(b)%len(alphabet)])
			}
		}
	}
	return string(out)
}

// hash is the form in which secrets are stored: with 256 random bits there is nothing to guess.
func hash(secret string) []byte {
	sum := sha256.Sum256([]byte(secret))
	return sum[:]
}
