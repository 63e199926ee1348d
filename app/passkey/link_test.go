package passkey_test

import (
	"strings"
	"testing"

	"healthportal/app/passkey"
	"healthportal/app/passkey/passkeytest"
)

func TestOrigins(t *testing.T) {
	tests := []struct {
		origin, problem string
	}{
		{"https://portal.example.org", ""},
		{"https://portal.example.org:8443", ""},
		{"http://localhost:8080", ""},
		{"http://localhost", ""},
		{"http://portal.example.org", "https"},
		{"http://127.0.0.1:8080", "IP address"},
		{"https://[::1]:8080", "IP address"},
		{"https://portal.example.org/", "scheme, host and port only"},
		{"https://portal.example.org/x", "scheme, host and port only"},
		{"https://user@portal.example.org", "scheme, host and port only"},
		{"portal.example.org", "scheme, host and port only"},
		{"", "scheme, host and port only"},
		{"https://a b", "not a URL"},
		{"ftp://portal.example.org", "https"},
	}
	for _, tt := range tests {
		_, serviceErr := passkey.New(passkey.Config{Origin: tt.origin, RPName: "x"}, &passkeytest.Store{}, &passkeytest.Store{})
		for _, err := range []error{serviceErr, passkey.CheckOrigin(tt.origin)} {
			switch {
			case tt.problem == "" && err != nil:
				t.Errorf("%q: %v", tt.origin, err)
			case tt.problem != "" && (err == nil || !strings.Contains(err.Error(), tt.problem)):
				t.Errorf("%q: got %v, want an error that names %q", tt.origin, err, tt.problem)
			}
		}
	}
}

func TestLinkTokens(t *testing.T) {
	token, hash := passkey.NewLinkToken()
	other, otherHash := passkey.NewLinkToken()
	if len(token) != 43 || len(hash) != 32 || token == other || string(hash) == string(otherHash) || strings.Contains(string(hash), token) {
		t.Errorf("token %q, hash %x", token, hash)
	}
}
