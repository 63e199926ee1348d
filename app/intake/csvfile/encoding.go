package csvfile

import (
	"bytes"
	"errors"
	"fmt"
	"unicode/utf8"
)

// ErrEncoding says that a file is not UTF-8.
var ErrEncoding = errors.New("the file is not UTF-8")

const byteOrderMark = "\xef\xbb\xbf"

func encodingError(where, name string) error {
	return fmt.Errorf("%w: %s it is %s. Convert it: iconv -f %s -t UTF-8 file.csv > utf8.csv", ErrEncoding, where, name, name)
}

// sniff refuses other encodings than UTF-8 by the beginning of a file; whole says
// that head is all of it.
func sniff(head []byte, whole bool) error {
	const where = "by its first bytes"
	switch {
	case bytes.HasPrefix(head, []byte("\xff\xfe\x00\x00")):
		return encodingError(where, "UTF-32LE")
	case bytes.HasPrefix(head, []byte("\x00\x00\xfe\xff")):
		return encodingError(where, "UTF-32BE")
	case bytes.HasPrefix(head, []byte("\xff\xfe")):
		return encodingError(where, "UTF-16LE")
	case bytes.HasPrefix(head, []byte("\xfe\xff")):
		return encodingError(where, "UTF-16BE")
	case len(head) > 3 && head[0] == 0 && head[2] == 0:
		return encodingError(where, "UTF-16BE")
	case len(head) > 3 && head[1] == 0 && head[3] == 0:
		return encodingError(where, "UTF-16LE")
	}
	for cut := 0; !whole && cut < utf8.UTFMax-1 && !utf8.Valid(head); cut++ {
		head = head[:max(0, len(head)-1)] // the last character may be cut
	}
	if !utf8.Valid(head) {
		return notUTF8(head, bytes.Count(head[:firstBad(head)], []byte{'\n'})+1)
	}
	return nil
}

// notUTF8 guesses the encoding of text with bytes that UTF-8 doesn't have.
func notUTF8(b []byte, line int) error {
	name := "ISO-8859-1"
	for i := 0; i < len(b); {
		r, size := utf8.DecodeRune(b[i:])
		// Latin-1 has control characters where Windows has quotes, dashes and the euro.
		if r == utf8.RuneError && size == 1 && b[i] >= 0x80 && b[i] <= 0x9f {
			name = "WINDOWS-1252"
		}
		i += size
	}
	return encodingError(fmt.Sprintf("by a character of line %d", line), name)
}

func firstBad(b []byte) int {
	for i := 0; i < len(b); {
		r, size := utf8.DecodeRune(b[i:])
		if r == utf8.RuneError && size == 1 {
			return i
		}
		i += size
	}
	return len(b)
}
