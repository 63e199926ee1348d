package detect

import (
	"archive/zip"
	"bytes"
	"encoding/binary"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"unicode/utf16"
)

const observation = `{"resourceType":"Observation","id":"o1","status":"final"}`

func wide(s string) string {
	var b bytes.Buffer
	if err := binary.Write(&b, binary.LittleEndian, utf16.Encode([]rune(s))); err != nil {
		panic(err)
	}
	return b.String()
}

func TestFormats(t *testing.T) {
	long := strings.Repeat("x", HeadSize)
	tests := []struct {
		name, data string
		want       Format
	}{
		{"empty", "", FHIRNDJSON},
		{"blank", " \r\n\n", FHIRNDJSON},
		{"byte order mark only", "\xef\xbb\xbf", FHIRNDJSON},
		{"one line", observation, FHIRNDJSON},
		{"lines", observation + "\n" + observation + "\n", FHIRNDJSON},
		{"byte order mark", "\xef\xbb\xbf\n" + observation, FHIRNDJSON},
		{"another resource", `{"resourceType":"Condition"}`, FHIRNDJSON},
		{"resourceType last", `{"code":{"a":[1,{}]},"id":"x","resourceType":"Observation"}`, FHIRNDJSON},
		{"a first line that is damaged", `{"resourceType":"Observation",` + "\n" + observation, FHIRNDJSON},
		{"a first line that is cut", "{damaged\n" + observation, FHIRNDJSON},
		{"a first line that is no JSON", "hello\n" + observation, FHIRNDJSON},
		{"a very long line", `{"resourceType":"Observation","note":"` + long + `"}`, FHIRNDJSON},
		{"a line of another kind before", `{"a":1}` + "\n" + observation, FHIRNDJSON},
		{"Bundle", `{"resourceType":"Bundle","type":"searchset"}`, FHIRBundle},
		{"Bundle over lines", "{\n  \"resourceType\": \"Bundle\",\n  \"entry\": [ {\n", FHIRBundle},
		{"Bundle, entries first", `{"entry":[{"resource":` + observation + `}],"resourceType":"Bundle"}`, FHIRBundle},
		{"Bundle, entries first and long", `{"entry":[{"resource":{"a":"` + long + `"}}],"resourceType":"Bundle"}`, FHIRBundle},
		{"portal", `{"format":"health-portal-observations","version":1}` + "\n{}", Portal},
		{"portal, format not first", `{"version":1,"format":"health-portal-observations"}`, Portal},
		{"Apple Health", "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<!DOCTYPE HealthData [\n<!ELEMENT HealthData (ExportDate)>\n]>\n<HealthData locale=\"en_US\">", AppleHealth},
		{"Apple Health without prolog", "<HealthData\n locale=\"en_US\">", AppleHealth},
		{"CSV", "time,value\n2026-03-01T10:00:00Z,60\n", CSV},
		{"CSV, semicolons and umlauts", "Größe;Wert\n1;2", CSV},
		{"CSV, tabs", "a\tb", CSV},
		{"CSV, quoted", "\"a\",\"b\"\n", CSV},
		{"CSV, cut within a character", "a,b\n" + strings.Repeat("x", HeadSize-5) + "é", CSV},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, zipped, err := File(strings.NewReader(tt.data), int64(len(tt.data)))
			if err != nil || got != tt.want || zipped {
				t.Errorf("got %q, %v", got, err)
			}
			if parsed, err := ParseFormat(string(got)); err != nil || parsed != got {
				t.Errorf("%q is not the name of a format: %v", got, err)
			}
		})
	}
}

func TestWhatIsNotAccepted(t *testing.T) {
	tests := []struct{ name, data, looks string }{
		{"UTF-16", "\xff\xfe" + wide(observation), "UTF-16"},
		{"UTF-16 without a mark", wide(observation), "UTF-16"},
		{"UTF-16 CSV, the other way round", "\x00a\x00,\x00b", "UTF-16"},
		{"gzip", "\x1f\x8b\x08\x00", "gzip"},
		{"zip, from a stream", "PK\x03\x04", "a zip"},
		{"empty zip", "PK\x05\x06", "empty zip"},
		{"PDF", "%PDF-1.7", "a PDF"},
		{"Excel of old", "\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "Excel"},
		{"SQLite", "SQLite format 3\x00", "SQLite"},
		{"HL7 v2", "MSH|^~\\&|LAB", "HL7 version 2"},
		{"VCF", "##fileformat=VCFv4.2\n", "a VCF"},
		{"FHIR XML", `<?xml version="1.0"?><Observation xmlns="http://hl7.org/fhir"><id value="x"/></Observation>`, "FHIR in XML"},
		{"FHIR XML with a prefix", `<f:Bundle xmlns:f="http://hl7.org/fhir">`, "FHIR in XML"},
		{"CDA", `<ClinicalDocument xmlns="urn:hl7-org:v3">`, "clinical document"},
		{"web page", "<!doctype html>\n<html><title>Sign in</title>", "web page"},
		{"GPS route", `<gpx version="1.1">`, "GPS route"},
		{"other XML", "<data/>", "XML of an unknown kind"},
		{"only a comment", "<!-- licence -->\n\n", "without a root element"},
		{"a long comment", "<!-- " + strings.Repeat("x", HeadSize) + "-->", "looks like XML:"},
		{"JSON array", "[" + observation + "]", "a JSON array"},
		{"pretty resource", "{\n  \"resourceType\": \"Observation\",\n  \"id\": \"x\"\n}\n", "over several lines"},
		{"pretty resource, begun on the first line", "{ \"resourceType\": \"Observation\",\n  \"id\": \"x\"\n}\n", "over several lines"},
		{"other JSON", `{"a":1}`, "JSON of an unknown kind"},
		{"long other JSON", `{"a":"` + strings.Repeat("x", HeadSize), "first 64 KiB"},
		{"cut JSON", `{"a":`, "damaged JSON"},
		{"no JSON", `{damaged`, "damaged JSON"},
		{"Open mHealth body", `{"heart_rate":{"value":50}}`, "Open mHealth"},
		{"Open mHealth data point", `{"header":{"schema_id":{"namespace":"omh"}},"body":{}}`, "Open mHealth"},
		{"cut within an inner object", `{"a":{"b":1,"c`, "damaged JSON"},
		{"cut within an inner value", `{"a":{"b":[1,`, "damaged JSON"},
		{"CDA with a prefix", `<c:ClinicalDocument xmlns:x="urn:a">`, "clinical document"},
		{"plain text", "hello\nworld", "plain text"},
		{"Latin-1", "Gr\xf6\xdfe;Wert\n", "not UTF-8"},
		{"binary", "\x01\x02\x00\x03\x04", "binary data"},
		{"blank beyond the head", strings.Repeat(" ", HeadSize+1), "blank space"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			head := tt.data[:min(len(tt.data), HeadSize)]
			got, err := Head([]byte(head), len(head) == len(tt.data))
			var words *Error
			if got != "" || !errors.As(err, &words) || !strings.Contains(err.Error(), tt.looks) {
				t.Fatalf("got %q, %v; want %q", got, err, tt.looks)
			}
			if words.Do == "" || !strings.Contains(err.Error(), "accepted are") {
				t.Errorf("it does not say what to do: %v", err)
			}
		})
	}
	if _, err := ParseFormat("xml"); err == nil || !strings.Contains(err.Error(), "fhir-bundle") {
		t.Errorf("%v", err)
	}
}

func zipOf(t testing.TB, names ...string) []byte {
	t.Helper()
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	for _, name := range names {
		if _, err := w.Create(name); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestZips(t *testing.T) {
	tests := []struct {
		names []string
		looks string // empty: an Apple Health export
	}{
		{[]string{"apple_health_export/export_cda.xml", "apple_health_export/export.xml"}, ""},
		{[]string{"export.xml"}, ""},
		{[]string{"apple_health_export/Exportación.xml"}, ""},
		{[]string{"renamed/Export.xml", "data.json"}, ""},
		{[]string{"something.xml"}, ""},
		{[]string{"apple_health_export/export_cda.xml"}, "without an Apple Health export"},
		{[]string{"xl/workbook.xml"}, "Excel"},
		{[]string{"word/document.xml"}, "Word"},
		{[]string{"Observation.ndjson"}, "zip of data files"},
		{[]string{"photo.jpg"}, "without an Apple Health export"},
	}
	for _, tt := range tests {
		data := zipOf(t, tt.names...)
		got, zipped, err := File(bytes.NewReader(data), int64(len(data)))
		if (err == nil) != (tt.looks == "") || err != nil && !strings.Contains(err.Error(), tt.looks) || err == nil && got != AppleHealth || !zipped {
			t.Errorf("%v: %q, zipped %v, %v", tt.names, got, zipped, err)
		}
	}
	data := zipOf(t, "export.xml")
	if _, _, err := File(bytes.NewReader(data[:len(data)-5]), int64(len(data)-5)); err == nil || !strings.Contains(err.Error(), "cut off") {
		t.Errorf("cut off: %v", err)
	}
}

type failing struct{}

func (failing) ReadAt([]byte, int64) (int, error) { return 0, errors.New("disk on fire") }

func TestUnreadableFile(t *testing.T) {
	if _, _, err := File(failing{}, 10); err == nil || !strings.Contains(err.Error(), "on fire") {
		t.Errorf("%v", err)
	}
}

func TestRealFiles(t *testing.T) {
	const folder = "../../../../shared/fixtures/health"
	if _, err := os.Stat(folder); errors.Is(err, os.ErrNotExist) {
		t.Skip("the shared fixtures are not here")
	}
	want := map[string]string{
		"Alfonzo975_Hickle134_cd3d3588-94fc-b980-9e94-0390d989d921.json": string(FHIRBundle),
		"Dino214_Parisian75_40d82b80-b682-cd8b-da6d-396809878641.json":   string(FHIRBundle),
		"DiagnosticReport-new.ndjson":                                    string(FHIRNDJSON),
		"Observation.ndjson":                                             string(FHIRNDJSON),
		"Observation.xml":                                                "XML without a root element",
		"apple.export.xml":                                               string(AppleHealth),
		"apple_health_export/export.xml":                                 string(AppleHealth),
	}
	list, err := filepath.Glob(folder + "/omh.*.json")
	if err != nil || len(list) < 8 {
		t.Fatalf("%d Open mHealth files, %v", len(list), err)
	}
	for _, file := range list {
		want[filepath.Base(file)] = "Open mHealth JSON"
	}
	for name, looks := range want {
		data, err := os.ReadFile(filepath.Join(folder, name))
		if err != nil {
			t.Fatal(err)
		}
		got, _, err := File(bytes.NewReader(data), int64(len(data)))
		if string(got) != looks && (err == nil || !strings.Contains(err.Error(), looks)) {
			t.Errorf("%s: %q, %v; want %q", name, got, err, looks)
		}
	}
}

// FuzzDetect holds to a format or an error, the same for a file and its head.
func FuzzDetect(f *testing.F) {
	f.Add([]byte(observation))
	f.Add([]byte("{\"resourceType\":\"Bundle\",\n\"entry\":[{}]}"))
	f.Add([]byte("<?xml version=\"1.0\"?><a:b xmlns:a=\"http://hl7.org/fhir\"/>"))
	f.Add([]byte("a;b\n1;2"))
	f.Add(zipOf(f, "apple_health_export/export.xml"))
	f.Fuzz(func(t *testing.T, data []byte) {
		got, zipped, err := File(bytes.NewReader(data), int64(len(data)))
		if (err == nil) != slices.Contains(Formats(), got) {
			t.Errorf("format %q, %v", got, err)
		}
		if zipped {
			return
		}
		head, herr := Head(data[:min(len(data), HeadSize)], len(data) <= HeadSize)
		if head != got || (herr == nil) != (err == nil) {
			t.Errorf("the head says %q, %v; the file %q, %v", head, herr, got, err)
		}
	})
}
