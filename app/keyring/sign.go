package keyring

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Sign makes a token that is valid until expires (to the second) for exactly
// these parts, such as a report's id and a session's id. The parts are bound, not
// stored: Check must be told them again. Where the token has to carry them, use Seal.
// The token is "<key id>.<expiry in base 36>.<base64url>".
func Sign(key Key, expires time.Time, parts ...string) string {
	until := strconv.FormatInt(expires.Unix(), 36)
	return key.ID + "." + until + "." + base64.RawURLEncoding.EncodeToString(signature(key, until, parts))
}

// Check accepts a token that Sign made with this key for these parts and that
// has not expired at now. It returns ErrToken or, for a genuine one, ErrExpired.
func Check(key Key, token string, now time.Time, parts ...string) error {
	fields := strings.Split(token, ".")
	if len(token) > maxToken || len(fields) != 3 || fields[0] != key.ID {
		return fmt.Errorf("%w: it is not of this key", ErrToken)
	}
	expires, err := strconv.ParseInt(fields[1], 36, 64)
	if err != nil || strconv.FormatInt(expires, 36) != fields[1] {
		return fmt.Errorf("%w: its expiry is changed", ErrToken)
	}
	mac, err := decodeText(fields[2])
	if err != nil {
		return err
	}
	if !hmac.Equal(mac, signature(key, fields[1], parts)) {
		return fmt.Errorf("%w: it is changed or for another use", ErrToken)
	}
	if !now.Before(time.Unix(expires, 0)) {
		return ErrExpired
	}
	return nil
}

// Sign signs with the current key of a purpose.
func (r *Ring) Sign(p Purpose, expires time.Time, parts ...string) string {
	return Sign(r.Current(p), expires, parts...)
}

// Check checks a token of any key of a purpose, retired ones included.
func (r *Ring) Check(p Purpose, token string, now time.Time, parts ...string) error {
	key, err := r.keyOf(p, token)
	if err != nil {
		return err
	}
	return Check(key, token, now, parts...)
}

func signature(key Key, until string, parts []string) []byte {
	mac := hmac.New(sha256.New, derive(key, "sign", nil))
	for _, part := range append([]string{until}, parts...) {
		var size [8]byte
		binary.BigEndian.PutUint64(size[:], uint64(len(part)))
		mac.Write(size[:])
		mac.Write([]byte(part))
	}
	return mac.Sum(nil)
}
