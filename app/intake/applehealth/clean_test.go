package applehealth

import (
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"
	"unicode/utf8"
)

func TestCleaner(t *testing.T) {
	tests := []struct{ name, in, want string }{
		{"nothing", "", ""},
		{"plain", "abc\t\r\n", "abc\t\r\n"},
		{"two, three and four bytes", "é€🩺", "é€🩺"},
		{"NUL", "a\x00b", "a" + mark + "b"},
		{"control characters", "\x01\x08\x0b\x0c\x1f", strings.Repeat(mark, 5)},
		{"delete is allowed", "\x7f", "\x7f"},
		{"lone bytes", "\x80\xc3\xff", strings.Repeat(mark, 3)},
		{"an overlong slash", "\xc0\xaf", strings.Repeat(mark, 2)},
		{"half a pair", "\xed\xa0\x80", strings.Repeat(mark, 3)},
		{"beyond Unicode", "\xf4\x90\x80\x80", strings.Repeat(mark, 4)},
		{"noncharacters", "\ufffe\uffff", mark + mark},
		{"the replacement character stays", "\ufffd", "\ufffd"},
		{"cut at the end", "a\xf0\x9f\xa9", "a" + strings.Repeat(mark, 3)},
		{"good after bad", "\xffé\x00€", mark + "é" + mark + "€"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			for shift := range 4 {
				pad := strings.Repeat("x", 16-shift)
				for _, wrap := range []func(io.Reader) io.Reader{func(r io.Reader) io.Reader { return r }, iotest.OneByteReader, iotest.DataErrReader} {
					got, err := io.ReadAll(newCleanerFree(wrap(strings.NewReader(pad + tt.in))))
					if err != nil || string(got) != pad+tt.want {
						t.Fatalf("shift %d: %v, got %q", shift, err, got[len(pad)-1:])
					}
				}
			}
		})
	}
}

// newCleanerFree reads in chunks of 16 bytes and never finds an element too long.
func newCleanerFree(r io.Reader) io.Reader {
	c := newCleaner(r)
	c.buf = make([]byte, 16)
	return readerFunc(func(p []byte) (int, error) {
		c.tokenBegins()
		return c.Read(p)
	})
}

func TestCleanerStops(t *testing.T) {
	c := newCleaner(strings.NewReader(strings.Repeat("x", 3*maxElement)))
	got, err := io.Copy(io.Discard, c)
	if !errors.Is(err, errElement) || got < maxElement || got > maxElement+2*chunk {
		t.Errorf("%d bytes, %v", got, err)
	}
	if !errors.Is(c.broken(), errElement) {
		t.Error(c.broken())
	}
	whole := newCleaner(strings.NewReader("x"))
	if _, err := io.ReadAll(whole); err != nil || whole.broken() != nil {
		t.Errorf("%v, %v", err, whole.broken())
	}
}

func FuzzCleaner(f *testing.F) {
	for _, s := range []string{"", "abc", "é€🩺", "a\x00", "\xff\xed\xa0\x80", "\uffff", mark, "\xf0\x9f"} {
		f.Add([]byte(s), uint8(3))
	}
	f.Fuzz(func(t *testing.T, b []byte, size uint8) {
		want := naive(string(b))
		r := readerFunc(func() func([]byte) (int, error) {
			left := b
			return func(p []byte) (int, error) {
				if len(left) == 0 {
					return 0, io.EOF
				}
				n := copy(p[:min(len(p), int(size)%7+1)], left)
				left = left[n:]
				return n, nil
			}
		}())
		got, err := io.ReadAll(newCleanerFree(r))
		if err != nil || string(got) != want || !utf8.Valid(got) {
			t.Fatalf("%q is %q, want %q (%v)", b, got, want, err)
		}
	})
}

// naive cleans a whole text rune by rune.
func naive(s string) string {
	var out strings.Builder
	for i, c := range s {
		_, n := utf8.DecodeRuneInString(s[i:])
		bad := c == utf8.RuneError && n == 1
		if bad || c == 0xFFFE || c == 0xFFFF || (c < 0x20 && c != 9 && c != 10 && c != 13) {
			c = 0x10FFFF
		}
		out.WriteRune(c)
	}
	return out.String()
}
