package passkey

// CheckOrigin says what keeps a site at this address from having passkeys, or
// nothing. An address is scheme, host and port: https://portal.example.org:8443.
func CheckOrigin(origin string) error {
	_, err := rpHost(origin)
	return err
}

// NewLinkToken returns the token of a new enrolment link, and the hash under
// which the link is stored.
func NewLinkToken() (token string, tokenHash []byte) {
	token = secret()
	return token, hash(token)
}
