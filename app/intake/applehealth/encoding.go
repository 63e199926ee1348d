package applehealth

import (
	"bytes"
	"errors"
	"fmt"
	"regexp"
	"strings"
)

var errEncoding = errors.New("the file is not UTF-8")

// sniff refuses UTF-16 and UTF-32, which are known by their first bytes.
func sniff(head []byte) error {
	switch {
	case len(head) == 0:
		return errEmpty
	case bytes.HasPrefix(head, []byte{0xFE, 0xFF}), bytes.HasPrefix(head, []byte{0xFF, 0xFE}),
		bytes.HasPrefix(head, []byte{'<', 0}), bytes.HasPrefix(head, []byte{0, '<'}), bytes.HasPrefix(head, []byte{0, 0}):
		return errEncoding
	case bytes.HasPrefix(head, []byte("PK\x03\x04")):
		return fmt.Errorf("%w: it is a zip, and has to be opened as one", errProlog)
	}
	return nil
}

// instruction passes over <?...?> and refuses encodings other than UTF-8.
func (p *prolog) instruction() {
	found := regexp.MustCompile(`^<\?xml\s(?:.*\s)?encoding\s*=\s*["']([^"']*)["']`).FindStringSubmatch(p.until("?>"))
	if p.err != nil || found == nil {
		return
	}
	switch strings.ToUpper(found[1]) {
	case "UTF-8", "UTF8", "US-ASCII":
	default:
		p.err = errEncoding
	}
}
