// Package keyring keeps the portal's secret keys in a folder of their own, apart
// from database and backup, and seals and signs with them. The database stores
// each key's fingerprint, so that a wrong or incomplete folder stops the start.
package keyring

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"strings"
	"time"
)

// Purpose says what a key is for. A key never serves two purposes.
type Purpose string

// The purposes, as file names, the database and `portal keys` spell them.
const (
	// AuditChain keys the chain of hashes through the audit log.
	AuditChain Purpose = "audit-chain"
	// AuditHeads signs the heads of those chains, which are kept elsewhere.
	AuditHeads Purpose = "audit-heads"
	// Pseudonyms turns persons into researchers' participants and back.
	Pseudonyms Purpose = "pseudonyms"
	// DateShift derives each person's shift of dates for researchers.
	DateShift Purpose = "date-shift"
	// DownloadTokens signs short-lived addresses of files.
	DownloadTokens Purpose = "download-tokens"
	// ViewIDs seals filters and positions that stand in addresses.
	ViewIDs Purpose = "view-ids"
)

// Purposes lists every purpose in the order in which commands show them.
func Purposes() []Purpose {
	return []Purpose{AuditChain, AuditHeads, Pseudonyms, DateShift, DownloadTokens, ViewIDs}
}

// ParsePurpose returns the purpose named s, or an error that lists the known ones.
func ParsePurpose(s string) (Purpose, error) {
	if slices.Contains(Purposes(), Purpose(s)) {
		return Purpose(s), nil
	}
	known := make([]string, 0, len(Purposes()))
	for _, p := range Purposes() {
		known = append(known, string(p))
	}
	return "", fmt.Errorf("unknown purpose %q: use one of %s", s, strings.Join(known, ", "))
}

// secretSize is the length of every key in bytes.
const secretSize = 32

// Secret is the bytes of a key. Printing it, in any way, shows none of them.
type Secret []byte

// Key is one secret key. Printing it shows purpose and id, never the secret.
type Key struct {
	Purpose Purpose
	// ID names the key for good: 12 characters a-z and 0-9.
	ID string
	// Created is when the key was made, in UTC to the microsecond.
	Created time.Time
	// Secret is 32 random bytes. Callers must not change them.
	Secret Secret
}

// Fingerprint recognizes the key without giving anything of it away: 32 hexadecimal characters.
func (k Key) Fingerprint() string {
	mac := hmac.New(sha256.New, k.Secret)
	mac.Write(fmt.Appendf(nil, "healthportal key fingerprint\n%s\n%s\n", k.Purpose, k.ID))
	return hex.EncodeToString(mac.Sum(nil)[:16])
}

const hidden = "(secret)"

// String names the key without its secret.
func (k Key) String() string { return "key " + string(k.Purpose) + "/" + k.ID + " " + hidden }

// GoString is String, for %#v.
func (k Key) GoString() string { return "keyring.Key{" + k.String() + "}" }

// Format writes String for every verb, so that none reaches the secret.
func (k Key) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, k.String()) }

// LogValue is String for slog.
func (k Key) LogValue() slog.Value { return slog.StringValue(k.String()) }

// MarshalJSON writes String; a Key is stored by the ring alone.
func (k Key) MarshalJSON() ([]byte, error) { return json.Marshal(k.String()) }

// String hides the secret.
func (Secret) String() string { return hidden }

// GoString hides the secret from %#v.
func (Secret) GoString() string { return hidden }

// Format hides the secret from every verb.
func (Secret) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, hidden) }

// LogValue hides the secret from slog.
func (Secret) LogValue() slog.Value { return slog.StringValue(hidden) }

// MarshalJSON hides the secret from JSON.
func (Secret) MarshalJSON() ([]byte, error) { return json.Marshal(hidden) }
