package exportfile

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"testing"
)

func TestWriter(t *testing.T) {
	var b bytes.Buffer
	w := NewWriter(&b)
	if got := w.SHA256(); got != "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855" {
		t.Errorf("nothing hashes to %s", got)
	}
	for _, s := range []string{"ab", "", "c"} {
		if n, err := w.Write([]byte(s)); err != nil || n != len(s) {
			t.Errorf("%q: %d, %v", s, n, err)
		}
	}
	const abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
	if got := w.Proof(7); got != (Proof{7, 3, abc}) || w.Bytes() != 3 {
		t.Errorf("%+v", got)
	}
	if err := w.Trailer(7); err != nil {
		t.Fatal(err)
	}
	if err := w.Flush(); err != nil {
		t.Fatal(err)
	}
	if want := `abc{"rows":7,"sha256":"` + abc + `"}` + "\n"; b.String() != want || w.Bytes() != int64(len(want)) || w.SHA256() == abc {
		t.Errorf("%q", b.String())
	}
}

// half takes half of what it is given.
type half struct{}

var errFull = errors.New("full")

// Write fails halfway.
func (half) Write(p []byte) (int, error) { return len(p) / 2, errFull }

func TestWriterThatFails(t *testing.T) {
	w := NewWriter(half{})
	if n, err := w.Write([]byte("abc")); n != 3 || err != nil {
		t.Errorf("%d, %v", n, err)
	}
	if err := w.Flush(); !errors.Is(err, errFull) {
		t.Errorf("%v", err)
	}
	if got := w.Proof(0); got.Bytes != 3 || got.SHA256 != "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad" {
		t.Errorf("%+v", got)
	}
	if _, err := w.Write(make([]byte, 3*bufferSize)); !errors.Is(err, errFull) {
		t.Errorf("%v", err)
	}
}

// Whatever the pieces, the content comes through, counted and hashed.
func TestWriterInPieces(t *testing.T) {
	var b, want bytes.Buffer
	w := NewWriter(&b)
	for i := range 40 {
		piece := bytes.Repeat([]byte{byte(i)}, i*i*80+1)
		want.Write(piece)
		if n, err := w.Write(piece); err != nil || n != len(piece) {
			t.Fatalf("%d, %v", n, err)
		}
		if i%7 == 0 {
			w.SHA256()
		}
	}
	if err := w.Flush(); err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(want.Bytes())
	if !bytes.Equal(b.Bytes(), want.Bytes()) || w.Bytes() != int64(want.Len()) || w.SHA256() != hex.EncodeToString(sum[:]) {
		t.Errorf("%d bytes of %d", b.Len(), want.Len())
	}
}
