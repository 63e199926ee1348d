package audit

import (
	"crypto/hmac"
	"crypto/sha256"
	"errors"
	"fmt"
	"log/slog"
)

// Key is a secret key and the id by which rows and heads name it. Printing it
// shows the id alone.
type Key struct {
	ID     string
	Secret []byte
}

// String names the key without its secret.
func (k Key) String() string { return "key " + k.ID }

// GoString is String, for %#v.
func (k Key) GoString() string { return "audit.Key{" + k.ID + "}" }

// LogValue is String for slog.
func (k Key) LogValue() slog.Value { return slog.StringValue(k.String()) }

// Keys are the keys of the log. Chain makes the hashes of entries, Head signs
// the heads of chains; they differ, so that whoever can rewrite a chain can't
// make heads for it.
type Keys struct {
	Chain, Head Key
	// OldChain and OldHead find keys of former times by id; nil where there are none.
	OldChain, OldHead func(id string) (secret []byte, ok bool)
}

// minSecret is the least length of a secret, in bytes.
const minSecret = 16

// ErrBadKeys says that the log can't work with its keys.
var ErrBadKeys = errors.New("the keys of the audit log are not usable")

func (k Keys) validate() error {
	for name, key := range map[string]Key{"chain": k.Chain, "head": k.Head} {
		if !validChain(key.ID) || len(key.Secret) < minSecret {
			return fmt.Errorf("%w: the %s key needs an id of a-z, 0-9 and - and at least %d bytes", ErrBadKeys, name, minSecret)
		}
	}
	return nil
}

func (k Keys) chain(id string) ([]byte, bool) { return find(k.Chain, k.OldChain, id) }

func (k Keys) head(id string) ([]byte, bool) { return find(k.Head, k.OldHead, id) }

func find(current Key, old func(string) ([]byte, bool), id string) ([]byte, bool) {
	if id == current.ID {
		return current.Secret, true
	}
	if old == nil {
		return nil, false
	}
	return old(id)
}

// sign is the signature of a text under one of the log's forms.
func sign(secret []byte, form, text string) []byte {
	mac := hmac.New(sha256.New, secret)
	mac.Write(appendText(appendText(nil, form), text))
	return mac.Sum(nil)
}
