package research

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base32"
	"encoding/binary"
	"strings"

	"healthportal/app/health"
	"healthportal/app/keyring"
)

// pseudonymStart keeps pseudonyms from looking like numbers or other ids.
const pseudonymStart = "p"

var letters = base32.NewEncoding("abcdefghijklmnopqrstuvwxyz234567").WithPadding(base32.NoPadding)

// makePseudonym encrypts the id, filled up with zeros, as one block of AES-256:
// always the same for the same key, reversible with the key alone, and with
// nothing to be stored. The zeros are the tag by which forged ones are known.
func makePseudonym(key keyring.Key, id health.PersonID) string {
	var block [aes.BlockSize]byte
	binary.BigEndian.PutUint64(block[:8], uint64(id)) //nolint:gosec // bits in, the same bits out
	pseudonymCipher(key).Encrypt(block[:], block[:])
	return pseudonymStart + letters.EncodeToString(block[:])
}

// readPseudonym returns the id in a pseudonym that was made with the key.
func readPseudonym(key keyring.Key, pseudonym string) (health.PersonID, bool) {
	text, ok := strings.CutPrefix(pseudonym, pseudonymStart)
	if !ok || len(text) != letters.EncodedLen(aes.BlockSize) {
		return 0, false
	}
	block, err := letters.DecodeString(text)
	// Line ends and spare bits would give one participant several names.
	if err != nil || len(block) != aes.BlockSize || letters.EncodeToString(block) != text {
		return 0, false
	}
	pseudonymCipher(key).Decrypt(block, block)
	id := health.PersonID(binary.BigEndian.Uint64(block[:8])) //nolint:gosec // bits in, the same bits out
	genuine := subtle.ConstantTimeCompare(block[8:], make([]byte, 8)) == 1
	if !genuine || id <= 0 {
		return 0, false
	}
	return id, true
}

func pseudonymCipher(key keyring.Key) cipher.Block {
	block, err := aes.NewCipher(keyed(key, "pseudonym"))
	if err != nil {
		panic(err) // HMAC-SHA-256 gives the 32 bytes that AES-256 takes
	}
	return block
}

// keyed derives 32 bytes from a key for one use.
func keyed(key keyring.Key, use string) []byte {
	mac := hmac.New(sha256.New, key.Secret)
	mac.Write([]byte("healthportal " + use))
	return mac.Sum(nil)
}

func (v *View) pseudonym(id health.PersonID) string {
	return makePseudonym(v.keys.Current(keyring.Pseudonyms), id)
}
