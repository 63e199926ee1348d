package fhir

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"runtime"
	"strings"
	"testing"
)

func drain(b *BundleReader) error {
	for {
		if _, err := b.Next(); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
	}
}

func TestBundleDigest(t *testing.T) {
	s := "\xef\xbb\xbf" + bundleOf("collection", entryOf(line("", "")), entryOf(patientOf("p1"))) + "\n\n"
	want := sha256.Sum256([]byte(s))
	for name, r := range map[string]io.Reader{"file, three readings": strings.NewReader(s), "stream": stream{strings.NewReader(s)}} {
		b := NewBundle(r)
		if b.Format() != "fhir-bundle" || len(b.SHA256()) != sha256.Size || b.Notes() != nil {
			t.Errorf("%s, unread: %s, %x, %v", name, b.Format(), b.SHA256(), b.Notes())
		}
		if err := drain(b); err != nil || !bytes.Equal(b.SHA256(), want[:]) {
			t.Errorf("%s: %x, %v", name, b.SHA256(), err)
		}
	}
}

// A reader that stands somewhere in a file begins there, every time.
func TestBundleBehindSomething(t *testing.T) {
	r := strings.NewReader("### " + bundleOf("collection", entryOf(line("", "")), entryOf(patientOf("p1"))))
	if _, err := r.Seek(4, io.SeekStart); err != nil {
		t.Fatal(err)
	}
	if list, err := readBundle(r); err != nil || outline(list) != "2:patient p1, 1:p1 60" {
		t.Errorf("%s, %v", outline(list), err)
	}
}

// changing is a file that is another one at each reading.
type changing struct {
	versions []string
	*strings.Reader
}

func (c *changing) Seek(offset int64, whence int) (int64, error) {
	if whence == io.SeekStart && len(c.versions) > 0 {
		c.Reader = strings.NewReader(c.versions[0])
		c.versions = c.versions[1:]
	}
	return c.Reader.Seek(offset, whence)
}

func TestFileThatChangesWhileItIsRead(t *testing.T) {
	first, second := bundleOf("collection", entryOf(line("", ""))), bundleOf("collection", entryOf(line("60", "61")))
	b := NewBundle(&changing{[]string{first, second}, strings.NewReader("")})
	if err := drain(b); err == nil || !strings.Contains(err.Error(), "changed while it was read") {
		t.Errorf("%v", err)
	}
	b = NewBundle(&changing{[]string{first, second[:50]}, strings.NewReader("")})
	if err := drain(b); err == nil || !strings.Contains(err.Error(), "cut off") {
		t.Errorf("%v", err)
	}
}

// unseekable is a file that can't go back once it was read.
type unseekable struct{ *strings.Reader }

var errSeek = errors.New("no way back")

func (u unseekable) Seek(offset int64, whence int) (int64, error) {
	if whence == io.SeekStart && u.Len() == 0 {
		return 0, errSeek
	}
	return u.Reader.Seek(offset, whence)
}

func TestBundleThatCannotBeRead(t *testing.T) {
	good := bundleOf("collection", entryOf(line("", "")))
	if err := drain(NewBundle(unseekable{strings.NewReader(good)})); !errors.Is(err, errSeek) {
		t.Errorf("no way back: %v", err)
	}
	for _, s := range []string{"", good[:2], good[:120]} {
		err := drain(NewBundle(brokenReader{strings.NewReader(s)}))
		if err == nil || !strings.Contains(err.Error(), "disk on fire") {
			t.Errorf("a disk that failed after %d bytes: %v", len(s), err)
		}
	}
}

// entries is a Bundle of any length that never exists as a whole.
type entries struct {
	left, n int
	next    func(n int) string
	buf     string
}

func (e *entries) Read(p []byte) (int, error) {
	if e.buf == "" {
		switch {
		case e.left < 0:
			return 0, io.EOF
		case e.left == 0:
			e.buf = "]}"
		default:
			e.buf = e.next(e.n)
			e.n++
		}
		e.left--
	}
	n := copy(p, e.buf)
	e.buf = e.buf[n:]
	return n, nil
}

// 80 MB of entries, two of them long and of a type that is passed over.
func TestMemoryOfALargeBundle(t *testing.T) {
	note := strings.Repeat("x", 8000)
	long := strings.Repeat(`["`+strings.Repeat("y", 1<<20)+`"],`, 2)
	r := &entries{left: 10_003, next: func(n int) string {
		switch {
		case n == 0:
			return `{"resourceType":"Bundle","type":"searchset","entry":[` + entryOf(patientOf("p1"))
		case n == 5000 || n == 5001:
			return ",\n" + entryOf(`{"resourceType":"List","x":[`+long+`[]]}`)
		default:
			return ",\n" + entryOf(line(`"id":"o1"`, fmt.Sprintf(`"id":"o%d","note":[{"text":"%s"}]`, n, note)))
		}
	}}
	b := NewBundle(r)
	var most uint64
	for n := 0; ; n++ {
		rec, err := b.Next()
		if errors.Is(err, io.EOF) {
			if n != 10_003 {
				t.Errorf("%d records", n)
			}
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		if rec.Line != n+1 || len(rec.Problems) > 0 {
			t.Fatalf("record %d: %+v", n, rec)
		}
		if n%500 == 0 || rec.LeftOut != "" {
			var m runtime.MemStats
			runtime.ReadMemStats(&m)
			most = max(most, m.HeapAlloc)
		}
	}
	if most > 32<<20 {
		t.Errorf("%d MiB were in use", most>>20)
	}
}
