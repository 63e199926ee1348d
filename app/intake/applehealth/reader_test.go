package applehealth

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"healthportal/app/health"
	"healthportal/app/intake"
)

const xmlHead = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"

// doctype is as the exports of iOS 17 have it, shortened.
const doctype = `<!DOCTYPE HealthData [
<!-- HealthKit Export Version: 13 -->
<!ELEMENT HealthData (ExportDate,Me,(Record|Correlation|Workout)*)>
<!ATTLIST HealthData
  locale CDATA #REQUIRED
>
<!ELEMENT Record ((MetadataEntry|HeartRateVariabilityMetadataList)*)>
<!ATTLIST Record
  type          CDATA #REQUIRED
  unit          CDATA #IMPLIED
>
]>
`

// good is a heart rate; tests replace parts of it.
const good = `<Record type="HKQuantityTypeIdentifierHeartRate" sourceName="Watch" sourceVersion="4.3.1" device="&lt;&lt;HKDevice: 0x282a45810&gt;, name:Apple Watch, manufacturer:Apple, model:Watch, hardware:Watch2,4, software:4.3.1&gt;" unit="count/min" creationDate="2018-09-10 02:47:35 -0700" startDate="2018-09-10 02:28:55 -0700" endDate="2018-09-10 02:28:55 -0700" value="72"/>`

// with is the good record in which old is replaced.
func with(old, replacement string) string {
	if !strings.Contains(good, old) {
		panic("the good record does not hold " + old)
	}
	return strings.Replace(good, old, replacement, 1)
}

// export is a whole file around elements.
func export(elements string) string {
	return "<HealthData locale=\"en_US\">\n" + elements + "\n</HealthData>\n"
}

// readAll reads until the first error, io.EOF included.
func readAll(r *Reader) ([]intake.Record, error) {
	var list []intake.Record
	for {
		rec, err := r.Next()
		if err != nil {
			return list, err
		}
		list = append(list, rec)
	}
}

// mustRead reads a file that has to be read to its end.
func mustRead(t testing.TB, file string) ([]intake.Record, *Reader) {
	t.Helper()
	r := New(strings.NewReader(file))
	list, err := readAll(r)
	if !errors.Is(err, io.EOF) {
		t.Fatalf("stopped: %v", err)
	}
	return list, r
}

// single reads a file whose one element is one Observation.
func single(t testing.TB, element string) health.Observation {
	t.Helper()
	list, _ := mustRead(t, export(element))
	if len(list) != 1 || len(list[0].Observations) != 1 || len(list[0].Problems) != 0 {
		t.Fatalf("got %+v", list)
	}
	return list[0].Observations[0]
}

// reasonFor reads a file whose one element is refused.
func reasonFor(t testing.TB, element string) string {
	t.Helper()
	list, _ := mustRead(t, export(element))
	if len(list) != 1 || len(list[0].Observations) != 0 || len(list[0].Problems) != 1 {
		t.Fatalf("got %+v", list)
	}
	return list[0].Problems[0]
}

func bytesReader(b []byte) io.Reader { return bytes.NewReader(b) }

var _ intake.Source = (*Reader)(nil)

func TestFrames(t *testing.T) {
	tests := []struct {
		name, file             string
		observations, problems int
		lines                  []int
	}{
		{"no DOCTYPE", export(good), 1, 0, []int{2}},
		{"no final newline", strings.TrimSpace(export(good)), 1, 0, []int{2}},
		{"no Record", export(""), 0, 0, nil},
		{"empty root", `<HealthData/>`, 0, 0, nil},
		{"declaration and DOCTYPE", xmlHead + doctype + export(good), 1, 0, []int{15}},
		{"byte order mark", "\ufeff" + xmlHead + export(good), 1, 0, []int{3}},
		{"CRLF", strings.ReplaceAll(xmlHead+doctype+export(good+"\n"+good), "\n", "\r\n"), 2, 0, []int{15, 16}},
		{"comments everywhere", "<!-- a -->\n" + export("<!-- b > \n -->"+good+"<!-- c -->") + "<!-- d -->", 1, 0, []int{4}},
		{"instructions", "<?a b?>" + export("<?c d?>"+good), 1, 0, []int{2}},
		{"all on one line", strings.ReplaceAll(export(good+good+good), "\n", ""), 3, 0, []int{1, 1, 1}},
		{"attributes over many lines", export(strings.ReplaceAll(good, `" `, "\"\n   ") + good), 2, 0, []int{2, 10}},
		{"single quotes", export(strings.ReplaceAll(good, `"`, `'`)), 1, 0, []int{2}},
		{"a bare > in an attribute", export(strings.ReplaceAll(good, `&gt;`, `>`)), 1, 0, []int{2}},
		{"children", export(`<Record` + good[len("<Record"):len(good)-2] + ">\n<MetadataEntry key=\"k\" value=\"v\"/>\n</Record>\n" + good), 2, 0, []int{2, 5}},
		{"text among elements", export(good + "oops" + good), 2, 1, []int{2, 2, 2}},
		{"CDATA among elements", export("<![CDATA[oops]]>" + good), 1, 1, []int{2, 2}},
		{"text in a Record", export(`<Record` + good[len("<Record"):len(good)-2] + ">oops</Record>"), 1, 1, []int{2, 2}},
		{"an unknown element", export("<StateOfMind a=\"1\"><Record/>text</StateOfMind>\n" + good), 1, 1, []int{2, 3}},
		{"a Record of another namespace", export("<x:Record/>" + good), 1, 1, []int{2, 2}},
		{"refused between good ones", export(good + "\n" + with("72", "x") + "\n" + good), 2, 1, []int{2, 3, 4}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			observations, problems := 0, 0
			var lines []int
			list, _ := mustRead(t, tt.file)
			for _, rec := range list {
				if rec.Blank {
					t.Error("a blank record")
				}
				observations += len(rec.Observations)
				problems += len(rec.Problems)
				lines = append(lines, rec.Line)
			}
			if observations != tt.observations || problems != tt.problems || !slices.Equal(lines, tt.lines) {
				t.Errorf("%d Observations, %d problems, lines %v; want %d, %d, %v",
					observations, problems, lines, tt.observations, tt.problems, tt.lines)
			}
		})
	}
}

// How the bytes arrive makes no difference.
func TestChunks(t *testing.T) {
	file := xmlHead + doctype + export(with("Watch", "Ada’s 🩺 Watch")+"\n"+with("Watch", "a\x00b"))
	want, _ := mustRead(t, file)
	for name, wrap := range map[string]func(io.Reader) io.Reader{
		"byte by byte": iotest.OneByteReader, "halves": iotest.HalfReader, "data with the error": iotest.DataErrReader,
	} {
		got, err := readAll(New(wrap(strings.NewReader(file))))
		if !errors.Is(err, io.EOF) || fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("%s: %v\n%v\n%v", name, err, got, want)
		}
	}
}

func TestLeftOut(t *testing.T) {
	list, r := mustRead(t, export(`<ExportDate value="2019-07-19 10:36:11 -0700"/>
		<Workout workoutActivityType="HKWorkoutActivityTypeRunning"><MetadataEntry key="k" value="v"/><WorkoutStatistics/>
		 <WorkoutRoute><Location/>text</WorkoutRoute></Workout>
		<ActivitySummary/><ActivitySummary/>
		<ClinicalRecord/><Audiogram><SensitivityPoint/></Audiogram><VisionPrescription/>
		<Record type="HKQuantityTypeIdentifierHeartRateVariabilitySDNN" sourceName="W" unit="ms" startDate="2018-09-10 02:28:55 -0700" endDate="2018-09-10 02:28:55 -0700" value="40" more="1" x:value="2">
		<HeartRateVariabilityMetadataList><InstantaneousBeatsPerMinute bpm="80"/></HeartRateVariabilityMetadataList>
		<MetadataEntry key="k" value="v"/><Surprise/></Record>
		<Correlation type="t"><MetadataEntry key="k" value="v"/><Other/></Correlation>`))
	want := map[string]int{
		"ActivitySummary": 2, "Audiogram": 1, "ClinicalRecord": 1, "HeartRateVariabilityMetadataList": 1, "MetadataEntry": 2,
		"VisionPrescription": 1, "Workout": 1, kindAttribute: 2, kindChild: 2,
	}
	if got := r.LeftOutCounts(); !maps.Equal(got, want) {
		t.Errorf("got  %v\nwant %v", got, want)
	}
	if len(list) != 1 || len(list[0].Observations) != 1 || len(list[0].Problems) != 0 {
		t.Errorf("records %+v", list)
	}
}

func TestStopped(t *testing.T) {
	long := strings.Repeat("x", maxElement+4*chunk)
	tests := []struct {
		name, file string
		line, read int
		words      string
		cause      error
	}{
		{"empty", "", 1, 0, "the file is empty", ErrNotExport},
		{"white space only", " \n\n", 3, 0, "ends before its first element", ErrNotExport},
		{"a comment only", "<!-- licence -->\n", 2, 0, "ends before its first element", ErrNotExport},
		{"a comment that never ends", "<!-- licence", 1, 0, "ends before its first element", ErrNotExport},
		{"not XML", "type,value\n", 1, 0, "nothing here looks like XML", ErrNotExport},
		{"JSON", `{"resourceType":"Observation"}`, 1, 0, "nothing here looks like XML", ErrNotExport},
		{"a zip", "PK\x03\x04....", 1, 0, "it is a zip", ErrNotExport},
		{"UTF-16, little endian", "\xff\xfe<\x00H\x00", 1, 0, "not UTF-8", errEncoding},
		{"UTF-16, big endian", "\xfe\xff\x00<\x00H", 1, 0, "not UTF-8", errEncoding},
		{"UTF-16 without a mark", "<\x00H\x00e\x00", 1, 0, "not UTF-8", errEncoding},
		{"UTF-16 without a mark, big endian", "\x00<\x00H", 1, 0, "not UTF-8", errEncoding},
		{"UTF-32", "\x00\x00\xfe\xff", 1, 0, "not UTF-8", errEncoding},
		{"declared as Latin-1", "\n<?xml version=\"1.0\" encoding='ISO-8859-1'?>" + export(""), 2, 0, "not UTF-8", errEncoding},
		{"another root", "<ClinicalData/>", 1, 0, "its first element is not HealthData", ErrNotExport},
		{"a root of another namespace", "<a:HealthData/>", 1, 0, "its first element is not HealthData", ErrNotExport},
		{"the clinical document", xmlHead + "<ClinicalDocument xmlns=\"urn:hl7-org:v3\"/>", 2, 0, "clinical document (export_cda.xml)", ErrNotExport},
		{"a DOCTYPE that never ends", doctype[:60], 2, 0, "document type never ends", ErrNotExport},
		{"a very long DOCTYPE", "<!DOCTYPE HealthData [" + long + "]>" + export(good), 1, 0, "document type never ends", ErrNotExport},
		{"a very long comment first", "<!--" + long + "-->" + export(good), 1, 0, "more than 1 MiB stand before the first element", ErrNotExport},
		{"cut in a tag", export(good + good)[:600], 2, 1, "cut off", io.ErrUnexpectedEOF},
		{"cut between elements", "<HealthData>\n" + good + "\n", 3, 1, "cut off", io.ErrUnexpectedEOF},
		{"cut in a character", "<HealthData>\n" + good + "<Record sourceName=\"\xe2\x80", 2, 1, "cut off", io.ErrUnexpectedEOF},
		{"two exports in one file", export(good) + export(good), 4, 1, "goes on after the end", ErrNotExport},
		{"two files in one", export(good) + xmlHead + export(good), 5, 1, "goes on after the end", ErrNotExport},
		{"a tag that closes nothing", export(good + "</Record>"), 2, 1, "closed that is not open", nil},
		{"crossing tags", export("<Workout><MetadataEntry></Workout></MetadataEntry>"), 2, 0, "closed that is not open", nil},
		{"a closing tag first", "</HealthData>", 1, 0, "closed that is not open", nil},
		{"a closing tag last", export(good) + "</HealthData>", 4, 1, "closed that is not open", nil},
		{"an attribute without quotes", export(good + "\n" + with(`"72"`, `72`)), 3, 1, "the XML is damaged", nil},
		{"an attribute that never ends", export(good + "\n" + with(`value="72"`, `value="72`) + "\n" + good), 4, 1, "the XML is damaged", nil},
		{"a name with a space", export(with("value=", "Withings Link=")), 2, 0, "the XML is damaged", nil},
		{"NUL in a tag", export(good + with("value=", "val\x00ue=")), 2, 1, "the XML is damaged", nil},
		{"a character reference to NUL", export(with("72", "&#0;")), 2, 0, "the XML is damaged", nil},
		{"an entity of the DOCTYPE", "<!DOCTYPE HealthData [<!ENTITY me \"Ada\">]>\n" + export(with("Watch", "&me;")), 3, 0, "entity", nil},
		{"an entity bomb", `<!DOCTYPE HealthData [<!ENTITY a "aa"><!ENTITY b "&a;&a;">]>` + export(good+with("Watch", "&b;")), 2, 1, "entity", nil},
		{"an external entity", `<!DOCTYPE HealthData [<!ENTITY x SYSTEM "file:///etc/passwd">]>` + export(with("Watch", "&x;")), 2, 0, "entity", nil},
		{"a DOCTYPE among elements", export(good + "<!DOCTYPE a>"), 2, 1, "declaration stands among", nil},
		{"nested too deep", export(good + strings.Repeat("<a>", maxDepth)), 2, 2, "nested deeper", nil},
		{"a very long attribute", export(good + "\n" + with("Watch", long)), 3, 1, "longer than 1 MiB", errElement},
		{"a very long attribute that is passed over", export(good + "\n<Workout a=\"" + long + "\"/>"), 3, 1, "longer than 1 MiB", errElement},
		{"very long text", export(good + "\n<Workout>" + long + "</Workout>"), 3, 1, "longer than 1 MiB", errElement},
		{"a very long comment", export(good + "\n<!--" + long + "-->"), 3, 1, "longer than 1 MiB", errElement},
		{"very many attributes", export(good + "\n<Record" + strings.Repeat(` a="b"`, maxElement/4) + "/>"), 3, 1, "longer than 1 MiB", errElement},
		{"a very long name", export(good + "\n<" + long + "/>"), 3, 1, "longer than 1 MiB", errElement},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := New(strings.NewReader(tt.file))
			list, err := readAll(r)
			var e *Error
			if !errors.As(err, &e) || !strings.Contains(err.Error(), tt.words) || len(list) != tt.read {
				t.Fatalf("%v after %d records; want %q after %d", err, len(list), tt.words, tt.read)
			}
			if e.Line != tt.line || !strings.HasPrefix(err.Error(), fmt.Sprintf("line %d: ", tt.line)) {
				t.Errorf("%v; want line %d", err, tt.line)
			}
			if tt.cause != nil && !errors.Is(err, tt.cause) {
				t.Errorf("%v is not %v", err, tt.cause)
			}
			for _, content := range []string{"Ada", "passwd", "Watch", "ClinicalData", "me;", "Withings"} {
				if strings.Contains(err.Error(), content) {
					t.Errorf("%v quotes the file", err)
				}
			}
			if _, again := r.Next(); !errors.Is(again, err) {
				t.Errorf("then %v", again)
			}
		})
	}
}

// A line of any length is read, as long as its elements are not that long.
func TestLongLine(t *testing.T) {
	const n = 5 * maxElement / len(good)
	list, _ := mustRead(t, "<HealthData>"+strings.Repeat(good, n)+"</HealthData>")
	if len(list) != n {
		t.Errorf("%d records of %d", len(list), n)
	}
}

// An attribute of 100 MB is not held in memory.
func TestHugeAttribute(t *testing.T) {
	read := 0
	huge := io.MultiReader(strings.NewReader("<HealthData><Record type=\""), readerFunc(func(p []byte) (int, error) {
		n := min(len(p), 100_000_000-read)
		if n == 0 {
			return 0, io.EOF
		}
		for i := range n {
			p[i] = 'x'
		}
		read += n
		return n, nil
	}))
	if _, err := readAll(New(huge)); !errors.Is(err, errElement) {
		t.Errorf("got %v", err)
	}
	if read > 2*maxElement {
		t.Errorf("%d bytes were read", read)
	}
}

type readerFunc func([]byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }

func TestReadErrors(t *testing.T) {
	broken := errors.New("the disk is gone")
	whole := xmlHead + doctype + export(good+"\n"+good)
	for _, at := range []int{0, 2, 10, 80, len(xmlHead + doctype), len(xmlHead+doctype) + 100, len(whole) - 5} {
		r := New(io.MultiReader(strings.NewReader(whole[:at]), iotest.ErrReader(broken)))
		_, err := readAll(r)
		if !errors.Is(err, broken) || errors.Is(err, ErrNotExport) || !strings.Contains(err.Error(), "can't be read") {
			t.Errorf("after %d bytes: %v", at, err)
		}
	}
}

func TestSHA256(t *testing.T) {
	file := xmlHead + doctype + export(with("Watch", "a\x00\xff")) + "<!-- end -->\n\n"
	_, r := mustRead(t, file)
	want := sha256.Sum256([]byte(file))
	if got := r.SHA256(); !bytes.Equal(got, want[:]) {
		t.Errorf("%s, want %s", hex.EncodeToString(got), hex.EncodeToString(want[:]))
	}
	if r.Format() != "apple-health" {
		t.Error(r.Format())
	}
}
