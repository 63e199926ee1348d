package keyring

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"strings"
)

// saltSize is half of the random part of a sealed token: each token is sealed
// with AES-256-GCM under a key of its own, so that no number of tokens wears the
// key out.
const (
	saltSize  = 12
	nonceSize = 12
	// maxToken bounds what is decoded of a foreign text, in bytes.
	maxToken = 16 << 10
)

// Seal encrypts plain so that only Unseal with the same key and context opens it.
// The token is "<key id>.<base64url>". context says what the token is for and
// for whom, such as "research-cursor|user 7"; it is bound, not stored.
func Seal(key Key, context string, plain []byte) string {
	random := make([]byte, saltSize+nonceSize)
	_, _ = rand.Read(random) // crypto/rand never fails
	sealed := gcm(key, random[:saltSize]).Seal(random, random[saltSize:], plain, bound(key, context))
	return key.ID + "." + base64.RawURLEncoding.EncodeToString(sealed)
}

// Unseal returns what Seal encrypted, or ErrToken where the token was changed,
// cut, or made with another key or for another context.
func Unseal(key Key, context, token string) ([]byte, error) {
	id, text, ok := strings.Cut(token, ".")
	if !ok || id != key.ID || len(token) > maxToken {
		return nil, fmt.Errorf("%w: it is not of this key", ErrToken)
	}
	raw, err := decodeText(text)
	if err != nil || len(raw) < saltSize+nonceSize {
		return nil, fmt.Errorf("%w: it is cut or changed", ErrToken)
	}
	plain, err := gcm(key, raw[:saltSize]).Open(nil, raw[saltSize:saltSize+nonceSize], raw[saltSize+nonceSize:], bound(key, context))
	if err != nil {
		return nil, fmt.Errorf("%w: it is changed or for another use", ErrToken)
	}
	return plain, nil
}

// Seal seals with the current key of a purpose.
func (r *Ring) Seal(p Purpose, context string, plain []byte) string {
	return Seal(r.Current(p), context, plain)
}

// Unseal opens a token of any key of a purpose, retired ones included. All that
// a foreign token can cause is an error that wraps ErrToken.
func (r *Ring) Unseal(p Purpose, context, token string) ([]byte, error) {
	key, err := r.keyOf(p, token)
	if err != nil {
		return nil, err
	}
	return Unseal(key, context, token)
}

func (r *Ring) keyOf(p Purpose, token string) (Key, error) {
	id, _, ok := strings.Cut(token, ".")
	if !ok || !reID.MatchString(id) {
		return Key{}, fmt.Errorf("%w: it names no key", ErrToken)
	}
	key, err := r.ByID(p, id)
	if err != nil {
		return Key{}, fmt.Errorf("%w: %w", ErrToken, err)
	}
	return key, nil
}

// decodeText refuses the second spellings that base64 decoders tolerate, so that
// a token can't be changed at all without becoming invalid.
func decodeText(text string) ([]byte, error) {
	raw, err := base64.RawURLEncoding.Strict().DecodeString(text)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrToken, err)
	}
	if base64.RawURLEncoding.EncodeToString(raw) != text {
		return nil, fmt.Errorf("%w: it is spelt in another way", ErrToken)
	}
	return raw, nil
}

// derive makes a key for one use out of a key, so that no two uses share one.
func derive(key Key, use string, salt []byte) []byte {
	mac := hmac.New(sha256.New, key.Secret)
	mac.Write(fmt.Appendf(nil, "healthportal %s\n%s\n%s\n", use, key.Purpose, key.ID))
	mac.Write(salt)
	return mac.Sum(nil)
}

func gcm(key Key, salt []byte) cipher.AEAD {
	block, err := aes.NewCipher(derive(key, "seal", salt))
	if err != nil {
		panic(err) // the key has 32 bytes
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		panic(err) // AES has the block size that GCM needs
	}
	return aead
}

func bound(key Key, context string) []byte {
	return []byte(string(key.Purpose) + "\x00" + key.ID + "\x00" + context)
}
