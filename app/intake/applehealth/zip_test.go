package applehealth

import (
	"archive/zip"
	"bytes"
	"crypto/sha256"
	"errors"
	"io"
	"strings"
	"testing"
)

// entry is one file of a zip.
type entry struct {
	name, content string
	store         bool
}

func zipped(t testing.TB, entries ...entry) []byte {
	t.Helper()
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	for _, e := range entries {
		h := &zip.FileHeader{Name: e.name, Method: zip.Deflate}
		if e.store {
			h.Method = zip.Store
		}
		f, err := w.CreateHeader(h)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(f, e.content); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func openZip(b []byte) (*Reader, error) { return OpenZip(bytes.NewReader(b), int64(len(b))) }

const clinical = xmlHead + "<?xml-stylesheet type=\"text/xsl\" href=\"CDA.xsl\"?>\n<ClinicalDocument xmlns=\"urn:hl7-org:v3\"/>"

func TestZip(t *testing.T) {
	file := xmlHead + doctype + export(good+"\n"+good)
	long := clinical + "<!--" + strings.Repeat("x", 4*len(file)) + "-->"
	tests := []struct {
		name    string
		entries []entry
	}{
		{"as Apple makes it", []entry{{name: "apple_health_export/export_cda.xml", content: long}, {name: "apple_health_export/export.xml", content: file},
			{name: "apple_health_export/workout-routes/route.gpx", content: "<gpx/>"}}},
		{"without a folder", []entry{{name: "export.xml", content: file}}},
		{"folder and file in another language", []entry{{name: "導出/导出.xml", content: file}, {name: "導出/export_cda.xml", content: long}}},
		{"a name that is not UTF-8", []entry{{name: "\xb5\xbc\xb3\xf6.xml", content: file}}},
		{"capital letters", []entry{{name: "EXPORT.XML", content: file}}},
		{"stored, not deflated", []entry{{name: "export.xml", content: file, store: true}}},
		{"the largest of two", []entry{{name: "a/export.xml", content: export(good)}, {name: "b/export.xml", content: file}, {name: "c/export.xml", content: export("")}}},
		{"a path out of the folder", []entry{{name: "../../export.xml", content: file}}},
		{"an absolute path", []entry{{name: "/etc/export.xml", content: file}}},
		{"NUL and backslashes", []entry{{name: "a\x00b\\..\\c.xml", content: file}}},
		{"resource forks", []entry{{name: "__MACOSX/._export.xml", content: "\x00\x05\x16\x07" + strings.Repeat("\x00", 9000)}, {name: "export.xml", content: file}}},
		{"an empty XML file", []entry{{name: "a.xml", content: ""}, {name: "export.xml", content: file}}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			b := zipped(t, tt.entries...)
			r, err := openZip(b)
			if err != nil {
				t.Fatal(err)
			}
			want := sha256.Sum256(b)
			if !bytes.Equal(r.SHA256(), want[:]) {
				t.Error("the digest before reading is not the zip's")
			}
			list, err := readAll(r)
			if !errors.Is(err, io.EOF) || len(list) != 2 || list[0].Line != 15 {
				t.Errorf("%v, %+v", err, list)
			}
			if !bytes.Equal(r.SHA256(), want[:]) {
				t.Error("the digest after reading is not the zip's")
			}
		})
	}
}

func TestRefusedZips(t *testing.T) {
	file := xmlHead + doctype + export(strings.Repeat(good+"\n", 2000))
	whole := zipped(t, entry{name: "apple_health_export/export.xml", content: file})
	many := make([]entry, maxCandidates+5)
	for i := range many {
		many[i] = entry{name: strings.Repeat("x", i+1) + ".xml", content: "<a>" + strings.Repeat(" ", 5000) + "</a>"}
	}
	many[len(many)-1].content = export(good)
	tests := []struct {
		name  string
		zip   []byte
		words string
	}{
		{"empty", nil, "no zip"},
		{"not a zip", []byte(file), "no zip"},
		{"cut in half", whole[:len(whole)/2], "no zip, or one that was cut off"},
		{"cut at its last byte", whole[:len(whole)-1], "cut off"},
		{"no entries", zipped(t), "no XML file"},
		{"no XML", zipped(t, entry{name: "a.csv", content: "a,b"}), "no XML file"},
		{"a folder called .xml", zipped(t, entry{name: "export.xml/"}), "no XML file"},
		{"only the clinical document", zipped(t, entry{name: "apple_health_export/export_cda.xml", content: clinical}), "begins with HealthData"},
		{"an XML file of another kind", zipped(t, entry{name: "export.xml", content: "<gpx/>"}), "begins with HealthData"},
		{"HealthData of another namespace", zipped(t, entry{name: "export.xml", content: "<a:HealthData/>"}), "begins with HealthData"},
		{"a very long name", zipped(t, entry{name: strings.Repeat("x", maxEntryName) + ".xml", content: file}), "no XML file"},
		{"one of very many files", zipped(t, many...), "begins with HealthData"},
		{"encrypted", setFlag(whole, 1), "1 of its 1 XML files can't be opened"},
		{"packed in another way", setMethod(whole, 9), "1 of its 1 XML files can't be opened"},
		{"damaged at its start", noBlock(whole), "1 of its 1 XML files can't be opened"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r, err := openZip(tt.zip)
			if r != nil || !errors.Is(err, ErrZip) || !strings.Contains(err.Error(), tt.words) {
				t.Fatalf("%v; want %q", err, tt.words)
			}
			if strings.Contains(err.Error(), "export_cda.xml\"") || strings.Contains(err.Error(), "apple_health_export") {
				t.Errorf("%v names an entry", err)
			}
		})
	}
}

// Damage further inside is found before anything is read, even where it makes
// one good number of another.
func TestDamagedZip(t *testing.T) {
	var text strings.Builder
	for i := range 3000 {
		text.WriteString(with("0x282a45810", "0x"+strings.Repeat("ab", i%30)+string(rune('a'+i%26))) + "\n")
	}
	whole := zipped(t, entry{name: "export.xml", content: xmlHead + export(text.String())})
	stored := zipped(t, entry{name: "export.xml", content: xmlHead + export(good), store: true})
	for name, b := range map[string][]byte{
		"in the middle": damage(whole, len(whole)/2), "checksum": damage(whole, bytes.LastIndex(whole, []byte("PK\x01\x02"))+16),
		"another number": bytes.Replace(stored, []byte(`value="72"`), []byte(`value="27"`), 1),
	} {
		r, err := openZip(b)
		if r != nil || !errors.Is(err, ErrZip) || !strings.Contains(err.Error(), "cut or damaged, and nothing of it was read") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// A disk that goes away while the zip is read stops the import at a line.
func TestZipThatGoesAway(t *testing.T) {
	b := zipped(t, entry{name: "export.xml", content: export(strings.Repeat(good+"\n", 20_000)), store: true})
	disk := &brokenLater{ReaderAt: bytes.NewReader(b)}
	r, err := OpenZip(disk, int64(len(b)))
	if err != nil {
		t.Fatal(err)
	}
	disk.gone = true
	_, err = readAll(r)
	var e *Error
	if !errors.As(err, &e) || !errors.Is(err, errDisk) || e.Line != 1 {
		t.Errorf("%v", err)
	}
}

type brokenLater struct {
	io.ReaderAt
	gone bool
}

func (r *brokenLater) ReadAt(p []byte, off int64) (int, error) {
	if r.gone {
		return 0, errDisk
	}
	return r.ReaderAt.ReadAt(p, off)
}

func damage(b []byte, at int) []byte {
	b = bytes.Clone(b)
	for i := at; i < min(at+4, len(b)); i++ {
		b[i] ^= 0xFF
	}
	return b
}

// noBlock makes the first block of the only entry one that deflate does not have.
func noBlock(b []byte) []byte {
	b = bytes.Clone(b)
	b[30+int(b[26])] = 0x07
	return b
}

// setFlag and setMethod change the entry's header in the directory.
func setFlag(b []byte, flag byte) []byte {
	b = bytes.Clone(b)
	b[bytes.LastIndex(b, []byte("PK\x01\x02"))+8] |= flag
	return b
}

func setMethod(b []byte, method byte) []byte {
	b = bytes.Clone(b)
	b[bytes.LastIndex(b, []byte("PK\x01\x02"))+10] = method
	return b
}

// brokenAt can't be read from some offset on.
type brokenAt struct {
	b  []byte
	at int64
}

var errDisk = errors.New("the disk is gone")

func (r brokenAt) ReadAt(p []byte, off int64) (int, error) {
	if off < r.at && off+int64(len(p)) > r.at {
		return 0, errDisk
	}
	return bytes.NewReader(r.b).ReadAt(p, off)
}

func TestUnreadableZip(t *testing.T) {
	b := zipped(t, entry{name: "a.csv", content: strings.Repeat("x", 5000), store: true}, entry{name: "export.xml", content: export(good)})
	_, err := OpenZip(brokenAt{b, 20}, int64(len(b)))
	if !errors.Is(err, errDisk) || !strings.Contains(err.Error(), "can't be read to its end") {
		t.Error(err)
	}
	_, err = OpenZip(brokenAt{b, int64(len(b)) - 10}, int64(len(b)))
	if !errors.Is(err, errDisk) || !strings.Contains(err.Error(), "the zip can't be read") {
		t.Error(err)
	}
}
