package keyring

import (
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base32"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"time"
)

const (
	fileHead   = "# Secret key of a Health Portal. Whoever reads it can undo what it protects; see docs/keys.md."
	fileEnding = ".key"
	// maxFile bounds what is read of a file that is no key at all.
	maxFile = 4096
)

var (
	reID      = regexp.MustCompile(`^[a-z0-9]{12}$`)
	idLetters = base32.NewEncoding("abcdefghijklmnopqrstuvwxyz234567").WithPadding(base32.NoPadding)
)

// newKey makes a key of 256 random bits.
func newKey(p Purpose, now time.Time) Key {
	id, secret := make([]byte, 8), make([]byte, secretSize)
	_, _ = rand.Read(id) // crypto/rand never fails: it ends the program instead
	_, _ = rand.Read(secret)
	return Key{Purpose: p, ID: idLetters.EncodeToString(id)[:12], Created: now.UTC().Truncate(time.Microsecond), Secret: secret}
}

func fileName(p Purpose, id string) string { return string(p) + "." + id + fileEnding }

// encode writes the text of a key's file. The check line makes a cut or changed
// file known as one before the key is used.
func encode(k Key) []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, "%s\npurpose: %s\nid: %s\ncreated: %s\nsecret: %s\n", fileHead, k.Purpose, k.ID,
		k.Created.UTC().Format(time.RFC3339Nano), base64.StdEncoding.EncodeToString(k.Secret))
	fmt.Fprintf(&b, "check: %s\n", check(k))
	return b.Bytes()
}

func check(k Key) string {
	sum := sha256.Sum256(fmt.Appendf(nil, "%s\n%s\n%s\n%x", k.Purpose, k.ID, k.Created.UTC().Format(time.RFC3339Nano), []byte(k.Secret)))
	return hex.EncodeToString(sum[:8])
}

// decode reads the text of a key's file. Comments, blank lines and Windows line
// ends are allowed, because keys come back from paper and other machines too.
func decode(text []byte) (Key, error) {
	values := map[string]string{}
	for n, line := range strings.Split(string(text), "\n") {
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		field, value, ok := strings.Cut(line, ":")
		if _, twice := values[field]; !ok || twice {
			return Key{}, fmt.Errorf("line %d is not one of purpose, id, created, secret, check, each once", n+1)
		}
		values[field] = strings.TrimSpace(value)
	}
	for _, field := range []string{"purpose", "id", "created", "secret", "check"} {
		if values[field] == "" {
			return Key{}, fmt.Errorf("it has no line %q: it is half-written or cut off", field+":")
		}
	}
	if len(values) != 5 {
		return Key{}, errors.New("it has lines other than purpose, id, created, secret and check")
	}
	return build(values)
}

func build(values map[string]string) (Key, error) {
	p, err := ParsePurpose(values["purpose"])
	if err != nil {
		return Key{}, err
	}
	created, err := time.Parse(time.RFC3339, values["created"])
	if err != nil {
		return Key{}, errors.New("its created line is not a time such as 2026-01-31T12:00:00Z")
	}
	secret, err := base64.StdEncoding.Strict().DecodeString(values["secret"])
	if err != nil || len(secret) != secretSize {
		return Key{}, fmt.Errorf("its secret line is not %d bytes in base64", secretSize)
	}
	k := Key{Purpose: p, ID: values["id"], Created: created.UTC(), Secret: secret}
	if !reID.MatchString(k.ID) {
		return Key{}, errors.New("its id line is not 12 characters a-z and 0-9")
	}
	if values["check"] != check(k) {
		return Key{}, errors.New("its check line does not fit the others: it was changed or mistyped")
	}
	return k, nil
}
