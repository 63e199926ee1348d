package csvfile

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"healthportal/app/health"
	"healthportal/app/intake"
)

var _ intake.Source = (*Reader)(nil)

// read reads a file to its end.
func read(t testing.TB, m Mapping, file string) (list []intake.Record, err error) {
	t.Helper()
	r, err := New(strings.NewReader(file), m)
	if err != nil {
		t.Fatal(err)
	}
	for {
		rec, err := r.Next()
		if errors.Is(err, io.EOF) {
			if sum := sha256.Sum256([]byte(file)); !bytes.Equal(sum[:], r.SHA256()) {
				t.Errorf("the file's sum is %x, got %x", sum, r.SHA256())
			}
			return list, nil
		}
		if err != nil {
			return list, err
		}
		list = append(list, rec)
	}
}

// shape describes records: "2:1" is line 2 with one value, "3!" one that was refused, "4-" a blank one.
func shape(list []intake.Record) string {
	parts := make([]string, len(list))
	for i, rec := range list {
		switch {
		case rec.Blank:
			parts[i] = fmt.Sprintf("%d-", rec.Line)
		case len(rec.Problems) > 0:
			parts[i] = fmt.Sprintf("%d!", rec.Line)
		default:
			parts[i] = fmt.Sprintf("%d:%d", rec.Line, len(rec.Observations))
		}
	}
	return strings.Join(parts, " ")
}

// one reads a file of one value.
func one(t *testing.T, m Mapping, file string) health.Observation {
	t.Helper()
	list, err := read(t, m, file)
	if err != nil || len(list) != 1 || len(list[0].Observations) != 1 {
		t.Fatalf("%+v, %v", list, err)
	}
	return list[0].Observations[0]
}

const head = "effective,metric,value,unit\n"

func TestAllColumns(t *testing.T) {
	header := strings.Join(Fields()[:fieldCount-1], ",")
	file := header + "\n" + `urn:healthportal:record-number,MRN-1,glucose,,http://loinc.org,2345-7,2026-03-01T10:00:00+01:00,2026-03-01T11:00:00+01:00,5.50,mmol/L,<,note,,mg,4,6.5,H,amended,lab,Meter 3,x1,s1,g1,2026-03-02T08:00:00.5+01:00` + "\n"
	list, err := read(t, Mapping{}, file)
	if err != nil || len(list) != 1 || len(list[0].Observations) != 1 {
		t.Fatalf("%+v, %v", list, err)
	}
	o := list[0].Observations[0]
	if o.RefLow == nil || *o.RefLow != 4 || o.RefHigh == nil || *o.RefHigh != 6.5 {
		t.Errorf("range %v to %v", o.RefLow, o.RefHigh)
	}
	o.RefLow, o.RefHigh = nil, nil
	at := time.Date(2026, 3, 1, 9, 0, 0, 0, time.UTC)
	want := health.Observation{Metric: "glucose", CodeSystem: health.SystemLOINC, Code: "2345-7", EffectiveAt: at, EffectiveEnd: at.Add(time.Hour), OffsetMinutes: 60, HasOffset: true,
		Value: 5.5, HasValue: true, Comparator: "<", ValueText: "note", Unit: "mmol/L", OrigValue: "5.50", OrigUnit: "mg", Flag: "H", Status: "amended", Source: "lab", Device: "Meter 3",
		ExternalID: "x1", Slot: "s1", Group: "g1", Updated: time.Date(2026, 3, 2, 7, 0, 0, 500_000_000, time.UTC)}
	if o != want {
		t.Errorf("got  %+v\nwant %+v", o, want)
	}
	if list[0].Subject != (health.Identifier{System: health.SystemRecordNumber, Value: "MRN-1"}) || list[0].Line != 2 {
		t.Errorf("%+v", list[0])
	}
}

func TestDefaults(t *testing.T) {
	list, err := read(t, Mapping{}, head+"2026-03-01,heart_rate,60,/min\n")
	if err != nil || len(list) != 1 {
		t.Fatal(list, err)
	}
	o := list[0].Observations[0]
	if list[0].Subject != (health.Identifier{}) || o.Source != "csv" || o.Status != health.Final || o.HasOffset || o.StartDay != o.EndDay || o.StartDay.Dom != 1 {
		t.Errorf("%+v", list[0])
	}
}

func TestFrames(t *testing.T) {
	const line = "2026-03-01,heart_rate,60,/min"
	wide := func(n int) string { return "2026-03-01,csv:x,," + strings.Repeat("x", n) }
	tests := []struct{ name, file, want string }{
		{"header only", head, ""},
		{"header without newline", strings.TrimSpace(head), ""},
		{"one line", head + line + "\n", "2:1"},
		{"no final newline", head + line, "2:1"},
		{"CR at the end of the file", head + line + "\r", "2:1"},
		{"CRLF", strings.ReplaceAll(head, "\n", "\r\n") + line + "\r\n" + line + "\r\n", "2:1 3:1"},
		{"byte order mark", byteOrderMark + head + line, "2:1"},
		{"byte order mark and quotes", byteOrderMark + strings.Replace(head, "effective", `"effective"`, 1) + line, "2:1"},
		{"blank lines", head + "\n" + line + "\n\r\n,,,\n" + line, "2- 3:1 4- 5- 6:1"},
		{"spaces are not blank", head + " \n" + line, "2! 3:1"},
		{"too few fields", head + "2026-03-01,heart_rate,60\n" + line, "2! 3:1"},
		{"too many fields", head + line + ",\n" + line, "2! 3:1"},
		{"quoted", head + `"2026-03-01","heart_rate","60","/min"` + "\n" + line, "2:1 3:1"},
		{"line breaks in a cell", head + "2026-03-01,heart_rate,60,\"a\nb\r\nc\"\n" + line, "2:1 5:1"},
		{"quotes in a cell", head + "2026-03-01,heart_rate,60,\"a\"\"b\"\"\"\n" + line, "2:1 3:1"},
		{"stray quote", head + "2026-03-01,heart_rate,60,a\"b\n" + line, "2! 3:1"},
		{"stray quote behind a quoted cell", head + "2026-03-01,heart_rate,60,\"a\"b\n" + line, "2! 3:1"},
		{"stray quote before a cell with a line break", head + "2026-03-01,heart_rate,a\"b,\"x\n" + line + "\"\n" + line, "2! 4:1"},
		{"space before a quote", head + "2026-03-01,heart_rate,60, \"a\"\n" + line, "2! 3:1"},
		{"longer than the buffer", head + wide(3<<20) + "\n" + line, "2! 3:1"},
		{"too long", head + wide(MaxRecord) + "\n" + line, "2! 3:1"},
		{"too long at the end", head + wide(MaxRecord), "2!"},
		{"long quoted cell", head + "2026-03-01,heart_rate,60,\"" + strings.Repeat("x\n", 1<<20) + "\"\n" + line, "2! 1048579:1"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			list, err := read(t, Mapping{}, tt.file)
			if got := shape(list); err != nil || got != tt.want {
				t.Errorf("got %q, want %q; %v", got, tt.want, err)
			}
		})
	}
}

// Of a file that was cut within its last cell nothing else tells.
func TestLastLineWithoutEnd(t *testing.T) {
	const line = "2026-03-01,heart_rate,60,/min"
	for file, want := range map[string]string{
		head: "", head + line + "\n": "", head + line + "\r\n\r\n": "", "": "",
		head + line:                             "line 2 is the last one",
		head + line + "\n" + line:               "line 3 is the last one",
		head + line + "\n2026-03-01,heart_rate": "line 3 is the last one",
		strings.TrimSuffix(head, "\n"):          "line 1 is the last one",
	} {
		r, err := New(strings.NewReader(file), Mapping{})
		if err != nil {
			t.Fatal(err)
		}
		for err == nil {
			_, err = r.Next()
		}
		notes := strings.Join(r.Notes(), "; ")
		if !strings.HasPrefix(notes, want) || want == "" && notes != "" {
			t.Errorf("%q: notes %q, want %q", file, notes, want)
		}
	}
}

func TestFilesThatCannotBeRead(t *testing.T) {
	const line = "2026-03-01,heart_rate,60,/min\n"
	utf16 := func(s string, bom bool, swap bool) string {
		var b []byte
		if bom {
			s = "\ufeff" + s
		}
		for _, c := range s {
			if swap {
				b = append(b, byte(c>>8), byte(c))
			} else {
				b = append(b, byte(c), byte(c>>8))
			}
		}
		return string(b)
	}
	tests := []struct {
		name, file string
		before     string
		want       error
		words      string
	}{
		{"empty", "", "", ErrHeader, "the file is empty"},
		{"nothing but a mark", byteOrderMark, "", ErrHeader, "the file is empty"},
		{"blank header", "\n" + line, "", ErrHeader, "the first line is blank"},
		{"endless header", strings.Repeat("x", MaxRecord+1), "", ErrHeader, "longer than 16 MiB"},
		{"quote in the header", "a\"b,effective\n", "", ErrHeader, "quote"},
		{"CR alone", strings.ReplaceAll(head+line, "\n", "\r"), "", ErrHeader, "CR alone"},
		{"UTF-16 with mark", utf16(head+line, true, false), "", ErrEncoding, "iconv -f UTF-16LE -t UTF-8"},
		{"UTF-16, the other way round", utf16(head+line, true, true), "", ErrEncoding, "iconv -f UTF-16BE"},
		{"UTF-16 without mark", utf16(head+line, false, false), "", ErrEncoding, "UTF-16LE"},
		{"UTF-16 without mark, the other way round", utf16(head+line, false, true), "", ErrEncoding, "UTF-16BE"},
		{"UTF-32", "\xff\xfe\x00\x00e\x00\x00\x00", "", ErrEncoding, "UTF-32LE"},
		{"UTF-32, the other way round", "\x00\x00\xfe\xff\x00\x00\x00e", "", ErrEncoding, "UTF-32BE"},
		{"Latin-1", head + line + "2026-03-01,csv:x,60,\xb5g/L\n", "", ErrEncoding, "line 3 it is ISO-8859-1"},
		{"Windows", head + "2026-03-01,csv:x,60,\x80\n", "", ErrEncoding, "line 2 it is WINDOWS-1252"},
		{"Latin-1 far behind", head + strings.Repeat(line, 5000) + "2026-03-01,csv:x,60,\xb5g/L\n", "many", ErrEncoding, "line 5002 it is ISO-8859-1"},
		{"endless quote", head + line + "2026-03-01,csv:x,60,\"open\n" + line + line, "2:1", ErrQuote, "begins in line 3"},
		{"endless quote at the end", head + line + "\"", "2:1", ErrQuote, "begins in line 3"},
		{"endless quote of many lines", head + line + "2026-03-01,csv:x,60,\"" + strings.Repeat(line, MaxRecord/20), "2:1", ErrQuote, "begins in line 3"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			list, err := read(t, Mapping{}, tt.file)
			if !errors.Is(err, tt.want) || !strings.Contains(err.Error(), tt.words) || tt.before != "many" && shape(list) != tt.before {
				t.Errorf("%q, %v", shape(list[:min(3, len(list))]), err)
			}
			if err != nil && strings.Contains(err.Error(), "60") {
				t.Errorf("the error quotes the file: %v", err)
			}
		})
	}
}

// A character on the border of the piece that is looked at first is whole.
func TestCutCharacter(t *testing.T) {
	for n := range 4 {
		file := head + "2026-03-01,csv:x,60," + strings.Repeat("x", 200) + "\n"
		file += strings.Repeat("\n", 1<<16-len(file)-n) + "2026-03-01,csv:x,60,😀\n"
		if list, err := read(t, Mapping{}, file); err != nil || len(list[len(list)-1].Observations) != 1 {
			t.Errorf("%d bytes before: %v", n, err)
		}
	}
}

// repeated gives the same piece n times.
type repeated struct {
	piece string
	n     int
	rest  string
}

func (r *repeated) Read(p []byte) (int, error) {
	if r.rest == "" {
		if r.n == 0 {
			return 0, io.EOF
		}
		r.n--
		r.rest = r.piece
	}
	n := copy(p, r.rest)
	r.rest = r.rest[n:]
	return n, nil
}

func TestMemoryIsBounded(t *testing.T) {
	for name, tt := range map[string]struct {
		begin string
		want  error
	}{"100 MB line": {"2026-03-01,csv:x,60,", nil}, "100 MB in quotes": {"2026-03-01,csv:x,60,\"", ErrQuote}} {
		file := io.MultiReader(strings.NewReader(head+tt.begin), &repeated{piece: strings.Repeat("x", 1000), n: 100_000}, strings.NewReader("\n2026-03-01,heart_rate,60,/min\n"))
		r, err := New(file, Mapping{})
		if err != nil {
			t.Fatal(err)
		}
		rec, err := r.Next()
		if !errors.Is(err, tt.want) || err == nil && (len(rec.Problems) != 1 || !strings.Contains(rec.Problems[0], "16 MiB")) {
			t.Errorf("%s: %+v, %v", name, rec, err)
		}
		if err == nil {
			if rec, err := r.Next(); err != nil || rec.Line != 3 || len(rec.Observations) != 1 {
				t.Errorf("%s: the next line came as %+v, %v", name, rec, err)
			}
		}
		if cap(r.in.buf) > 3*MaxRecord {
			t.Errorf("%s: %d bytes are kept", name, cap(r.in.buf))
		}
	}
}

func TestReadErrors(t *testing.T) {
	broken := errors.New("disk on fire")
	for _, before := range []string{"", head, head + "2026-03-01,heart_rate,60,/min\n2026-"} {
		r, err := New(io.MultiReader(strings.NewReader(before), iotestErr{broken}), Mapping{})
		if err != nil {
			t.Fatal(err)
		}
		for err == nil {
			_, err = r.Next()
		}
		if !errors.Is(err, broken) {
			t.Errorf("after %q: %v", before, err)
		}
	}
}

type iotestErr struct{ err error }

func (e iotestErr) Read([]byte) (int, error) { return 0, e.err }

func TestPanelsAndIDs(t *testing.T) {
	const head = "person_system,person,effective,metric,value,external_id,slot\n"
	at := func(person, metric, value, id, slot string) string {
		return "urn:s," + person + ",2026-03-01," + metric + "," + value + "," + id + "," + slot + "\n"
	}
	tests := []struct{ name, file, want string }{
		{"a panel", at("p", "bp_systolic", "120", "x", "a") + at("p", "bp_diastolic", "80", "x", "b"), "2:2"},
		{"a correction", at("p", "heart_rate", "60", "x", "") + at("p", "heart_rate", "61", "x", ""), "2:1 3:1"},
		{"one id for two metrics", at("p", "heart_rate", "60", "x", "") + at("p", "spo2", "98", "x", ""), "2:1 3!"},
		{"of two persons", at("p", "heart_rate", "60", "x", "") + at("q", "spo2", "98", "x", ""), "2:1 3:1"},
		{"no id", at("p", "heart_rate", "60", "", "") + at("p", "spo2", "98", "", ""), "2:1 3:1"},
		{"slot without id", at("p", "heart_rate", "60", "", "a"), "2!"},
		{"no person", at("", "heart_rate", "60", "", ""), "2!"},
	}
	for _, tt := range tests {
		list, err := read(t, Mapping{}, head+tt.file)
		if got := shape(list); err != nil || got != tt.want {
			t.Errorf("%s: got %q, want %q; %v", tt.name, got, tt.want, err)
		}
	}
}

func TestOwnExport(t *testing.T) {
	const head = "portal_export,effective,metric,value,text,ref_low,device,code_system,code\r\n"
	line := "1,2026-03-01T10:00:00Z,text:Mood,-3,'=1+1,-5,''quoted,,\r\n"
	o := one(t, Mapping{}, head+line)
	if o.ValueText != "=1+1" || o.Device != "'quoted" || o.Value != -3 || *o.RefLow != -5 || o.Metric != "text:Mood" {
		t.Errorf("%+v", o)
	}
	// Elsewhere the apostrophe is the source's own, and metrics of other systems need their code.
	foreign := strings.NewReplacer("portal_export,", "", "1,2026", "2026", "text:Mood", "csv:Mood").Replace(head + line)
	if o := one(t, Mapping{}, foreign); o.ValueText != "'=1+1" || o.Device != "''quoted" {
		t.Errorf("%+v", o)
	}
	if o := one(t, Mapping{Guarded: true}, foreign); o.ValueText != "=1+1" || o.Device != "'quoted" {
		t.Errorf("%+v", o)
	}
	list, err := read(t, Mapping{}, head+strings.Replace(line, "1,", "2,", 1))
	if err != nil || shape(list) != "2!" || !strings.Contains(list[0].Problems[0], "later portal") {
		t.Errorf("%+v, %v", list, err)
	}
}

// FuzzReader holds every line to the promises of the package.
func FuzzReader(f *testing.F) {
	f.Add(head+"2026-03-01,heart_rate,60,/min\n", false)
	f.Add(byteOrderMark+"effective;metric;value;unit\r\n2026-03-01 10:00;csv:x;<7,2;\"a\r\nb\"\r\n", true)
	f.Add("portal_export,effective,code_system,code,text,external_id,slot\n1,2026-03-01T10:00:00.5Z,loinc,8867-4,'=1,x,s\n", false)
	f.Add("effective,metric,value,external_id,updated\n2026-03-01T10:00:00Z,heart_rate,60,x,2026-03-02 10:00\n", false)
	f.Add(head+"a\"b,\"x\n,,\n\"", false)
	f.Fuzz(func(t *testing.T, file string, comma bool) {
		list, err := read(t, Mapping{Zone: "Europe/Berlin", DecimalComma: comma}, file)
		if err != nil && !errors.Is(err, ErrHeader) && !errors.Is(err, ErrEncoding) && !errors.Is(err, ErrQuote) {
			t.Fatal(err)
		}
		last := 1
		for _, rec := range list {
			if rec.Line <= last {
				t.Errorf("line %d behind line %d", rec.Line, last)
			}
			last = rec.Line
			if rec.Blank != (len(rec.Observations)+len(rec.Problems) == 0) {
				t.Errorf("line %d vanished without a reason", rec.Line)
			}
			for _, o := range rec.Observations {
				if o.Metric == "" || o.Status == "" || o.Source == "" || (o.EffectiveAt.IsZero() && o.StartDay.IsZero()) {
					t.Errorf("line %d: an incomplete observation", rec.Line)
				}
				if !o.HasValue && o.ValueText == "" && o.Status != health.EnteredInError {
					t.Errorf("line %d: an observation without value", rec.Line)
				}
				if u := o.Updated; !u.IsZero() && (u.Year() < 1900 || u.Nanosecond()%1000 != 0 || o.ExternalID == "") {
					t.Errorf("line %d: a time of change that can't be kept", rec.Line)
				}
				if intake.CheckObservation(&o) != nil {
					t.Errorf("line %d: an observation that can't be stored", rec.Line)
				}
			}
		}
	})
}
