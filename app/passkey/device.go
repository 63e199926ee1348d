package passkey

import (
	"bytes"
	"encoding/hex"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/go-webauthn/webauthn/webauthn"
)

// maxTransports bounds the list that an authenticator may tell.
const maxTransports = 8

// deviceOf reads what the authenticator says of itself from a verified record.
func deviceOf(record *webauthn.Credential) Device {
	d := Device{AAGUID: uuid(record.Authenticator.AAGUID), MaySync: record.Flags.BackupEligible, Synced: record.Flags.BackupState}
	for _, t := range record.Transport {
		d.Transports = append(d.Transports, string(t))
	}
	return d
}

// uuid words 16 bytes as a UUID. All zeros, or another length, say nothing.
func uuid(id []byte) string {
	if len(id) != 16 || bytes.Equal(id, make([]byte, 16)) {
		return ""
	}
	h := hex.EncodeToString(id)
	return strings.Join([]string{h[:8], h[8:12], h[12:16], h[16:20], h[20:]}, "-")
}

// storable reports whether the record and device of a new passkey fit the store.
// PostgreSQL's jsonb takes no NUL.
func storable(record []byte, d Device) bool {
	if bytes.Contains(record, []byte(`\u0000`)) || len(d.Transports) > maxTransports {
		return false
	}
	for _, t := range d.Transports {
		if !plain(t, maxName) {
			return false
		}
	}
	return true
}

// defaultName is the name of a passkey that its owner gave none.
func defaultName(d Device, at time.Time) string {
	if name := maker(d.AAGUID); name != "" {
		return name
	}
	return "Passkey of " + at.UTC().Format("2 January 2006")
}

// cleanName checks the name that a person gives a passkey; empty is allowed.
func cleanName(name string) (string, error) {
	name = strings.TrimSpace(name)
	if !plain(name, maxName) {
		return "", refuse(CodeName, nil)
	}
	return name, nil
}

// plain reports whether text is valid, without control characters and at most
// limit characters long.
func plain(text string, limit int) bool {
	if !utf8.ValidString(text) || utf8.RuneCountInString(text) > limit {
		return false
	}
	return strings.IndexFunc(text, func(r rune) bool { return unicode.IsControl(r) || unicode.Is(unicode.Cf, r) }) < 0
}

// maker names what keeps passkeys of this AAGUID; empty where it is not known.
// The id is the authenticator's own word: good for a name, not for a decision.
func maker(aaguid string) string {
	switch aaguid {
	case "fbfc3007-154e-4ecc-8c0b-6e020557d7bd", "dd4ec289-e01d-41c9-bb89-70fa845d4bf2":
		return "iCloud Keychain"
	case "ea9b8d66-4d01-1d21-3ce4-b6b48cb575d4":
		return "Google Password Manager"
	case "08987058-cadc-4b81-b6e1-30de50dcbe96", "9ddd1817-af5a-4672-a2b9-3e3dd95000a9", "6028b017-b1d4-4c02-b4b3-afcdafc96bb2":
		return "Windows Hello"
	case "adce0002-35bc-c60a-648b-0b25f1f05503":
		return "Chrome on Mac"
	case "771b48fd-d3d4-4f74-9232-fc157ab0507a":
		return "Edge on Mac"
	default:
		return orVendor(aaguid)
	}
}

// orVendor goes on where maker ends: password managers, then security keys.
func orVendor(aaguid string) string {
	switch aaguid {
	case "bada5566-a7aa-401f-bd96-45619a55120d":
		return "1Password"
	case "d548826e-79b4-db40-a3d8-11116f7e8349":
		return "Bitwarden"
	case "531126d6-e717-415c-9320-3d9aa6981239":
		return "Dashlane"
	case "0ea242b4-43c4-4a1b-8b17-dd6d0b6baec6":
		return "Keeper"
	case "b84e4048-15dc-4dd0-8640-f4f60813c8af":
		return "NordPass"
	case "50726f74-6f6e-5061-7373-50726f746f6e":
		return "Proton Pass"
	case "53414d53-554e-4700-0000-000000000000":
		return "Samsung Pass"
	case "f3809540-7f14-49c1-a8b3-8f813b225541":
		return "Enpass"
	case "fdb141b2-5d84-443e-8a35-4698c205a502":
		return "KeePassXC"
	case "cb69481e-8ff7-4039-93ec-0a2729a154a8", "ee882879-721c-4913-9775-3dfcce97072a",
		"fa2b99dc-9e39-4257-8f92-4a30d23c4118", "2fc0579f-8113-47ea-b116-bb5a8db9202a", "c5ef55ff-ad9a-4b9f-b580-adebafe026d0":
		return "YubiKey 5"
	default:
		return ""
	}
}
