package keyring

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
)

func TestParsePurpose(t *testing.T) {
	for _, p := range Purposes() {
		if got, err := ParsePurpose(string(p)); err != nil || got != p {
			t.Errorf("%s: %v, %v", p, got, err)
		}
	}
	for _, bad := range []string{"", "Audit-Chain", "audit-chain ", "../audit-chain", "all"} {
		if _, err := ParsePurpose(bad); err == nil || !strings.Contains(err.Error(), "audit-chain, audit-heads, pseudonyms, date-shift, download-tokens, view-ids") {
			t.Errorf("%q: %v", bad, err)
		}
	}
}

// No way of printing may show the secret in any spelling.
func TestPrintingNeverShowsTheSecret(t *testing.T) {
	k := newKey(Pseudonyms, testKey(Pseudonyms).Created)
	type holder struct {
		K Key
		S Secret
		P *Key
	}
	var out bytes.Buffer
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%o", "%b", "%c", "%U", "%08d", "%T"} {
		fmt.Fprintf(&out, verb+"\n"+verb+"\n"+verb+"\n"+verb+"\n", k, &k, k.Secret, holder{k, k.Secret, &k})
	}
	for _, v := range []any{k, &k, k.Secret, holder{k, k.Secret, &k}, map[string]any{"k": k}} {
		text, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		out.Write(text)
		for _, h := range []slog.Handler{slog.NewJSONHandler(&out, nil), slog.NewTextHandler(&out, nil)} {
			slog.New(h).Info("key", "key", v)
		}
	}
	fmt.Fprintln(&out, errors.New(k.String()), k.GoString(), k.Secret.String(), k.Secret.GoString())
	raw := []byte(k.Secret)
	numbers := strings.Trim(fmt.Sprint(raw), "[]")
	for name, shown := range map[string]string{
		"raw": string(raw), "hex": fmt.Sprintf("%x", raw), "HEX": fmt.Sprintf("%X", raw), "base64": base64.StdEncoding.EncodeToString(raw),
		"base64url": base64.RawURLEncoding.EncodeToString(raw), "numbers": numbers, "start of numbers": numbers[:20],
	} {
		if strings.Contains(out.String(), shown) {
			t.Errorf("printed as %s", name)
		}
	}
	if !strings.Contains(out.String(), k.ID) || !strings.Contains(out.String(), "pseudonyms") {
		t.Error("printing a key does not say which it is")
	}
}

func TestFingerprint(t *testing.T) {
	k := testKey(AuditChain)
	if k.Fingerprint() != testKey(AuditChain).Fingerprint() || len(k.Fingerprint()) != 32 {
		t.Errorf("fingerprint %q", k.Fingerprint())
	}
	other := testKey(AuditHeads)
	renamed := k
	renamed.ID = "bbcdefghij23"
	changed := k
	changed.Secret = append(Secret{1}, k.Secret[1:]...)
	for _, o := range []Key{other, renamed, changed} {
		if o.Fingerprint() == k.Fingerprint() {
			t.Errorf("%v has the fingerprint of %v", o, k)
		}
	}
}

func TestNewKeysDiffer(t *testing.T) {
	seen := map[string]bool{}
	for range 100 {
		k := newKey(ViewIDs, testKey(ViewIDs).Created)
		if !reID.MatchString(k.ID) || len(k.Secret) != secretSize || seen[k.ID] || seen[string(k.Secret)] {
			t.Fatalf("a bad or repeated key %s", k.ID)
		}
		seen[k.ID], seen[string(k.Secret)] = true, true
	}
}

func TestFileRoundTrip(t *testing.T) {
	k := newKey(DateShift, testKey(DateShift).Created)
	text := encode(k)
	for name, form := range map[string]string{
		"as written": string(text), "Windows line ends": strings.ReplaceAll(string(text), "\n", "\r\n"), "without comment": strings.TrimPrefix(string(text), fileHead),
		"spaces and blank lines": "\n\n  " + strings.ReplaceAll(string(text), "\n", " \n\n"),
	} {
		got, err := decode([]byte(form))
		if err != nil || got.Purpose != k.Purpose || got.ID != k.ID || !got.Created.Equal(k.Created) || !bytes.Equal(got.Secret, k.Secret) {
			t.Errorf("%s: %v, %v", name, got, err)
		}
	}
}

func TestBadFiles(t *testing.T) {
	good := string(encode(testKey(AuditChain)))
	line := func(field string) string {
		_, rest, _ := strings.Cut(good, field+": ")
		value, _, _ := strings.Cut(rest, "\n")
		return field + ": " + value
	}
	tests := []struct{ name, text, want string }{
		{"empty", "", `no line "purpose:"`},
		{"half a line", good[:len(good)-30], "check"},
		{"without the end", strings.Replace(good, line("check"), "", 1), "half-written"},
		{"without secret", strings.Replace(good, line("secret"), "", 1), "half-written"},
		{"no pairs", "hello world\n", "line 1"},
		{"a field twice", good + line("id") + "\n", "each once"},
		{"another field", good + "owner: me\n", "lines other than"},
		{"unknown purpose", strings.Replace(good, "audit-chain", "everything", 1), "unknown purpose"},
		{"another purpose", strings.Replace(good, "audit-chain", "audit-heads", 1), "check line does not fit"},
		{"bad id", strings.Replace(good, "abcdefghij23", "ABC", 1), "id line"},
		{"another id", strings.Replace(good, "abcdefghij23", "bbcdefghij23", 1), "check line does not fit"},
		{"bad time", strings.Replace(good, "2026-03-29T12:00:00Z", "yesterday", 1), "created line"},
		{"another time", strings.Replace(good, "2026-03-29", "2026-03-28", 1), "check line does not fit"},
		{"not base64", strings.Replace(good, line("secret"), "secret: !!!", 1), "secret line"},
		{"too short", strings.Replace(good, line("secret"), "secret: AAAA", 1), "32 bytes"},
		{"another secret", strings.Replace(good, line("secret"), "secret: "+base64.StdEncoding.EncodeToString(make([]byte, 32)), 1), "check line does not fit"},
		{"binary", "\x00\xff\x00", "line 1"},
	}
	for _, tt := range tests {
		k, err := decode([]byte(tt.text))
		if err == nil || !strings.Contains(err.Error(), tt.want) || k.Secret != nil {
			t.Errorf("%s: %v, %v; want %q", tt.name, k, err, tt.want)
		}
		if err != nil && strings.Contains(err.Error(), "AAcOFRwj") {
			t.Errorf("%s: the error shows the secret: %v", tt.name, err)
		}
	}
}

func FuzzDecode(f *testing.F) {
	f.Add(encode(testKey(AuditChain)))
	f.Add([]byte("purpose: audit-chain\nid:\n"))
	f.Add([]byte("# comment\n\n: :\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		k, err := decode(text)
		if err != nil {
			return
		}
		again, err := decode(encode(k))
		if err != nil || again.Fingerprint() != k.Fingerprint() {
			t.Errorf("a file that is read can't be written and read again: %v", err)
		}
	})
}
