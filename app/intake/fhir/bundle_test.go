package fhir

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"healthportal/app/health"
	"healthportal/app/intake"
)

// stream is a reader that can't seek.
type stream struct{ io.Reader }

func readBundle(r io.Reader) ([]intake.Record, error) {
	b := NewBundle(r)
	var list []intake.Record
	for {
		rec, err := b.Next()
		if errors.Is(err, io.EOF) {
			return list, nil
		}
		if err != nil {
			return list, err
		}
		list = append(list, rec)
	}
}

// both reads a Bundle as a file and as a stream.
func both(t *testing.T, s string, check func(t *testing.T, list []intake.Record)) {
	t.Helper()
	for name, r := range map[string]io.Reader{"file": strings.NewReader(s), "stream": stream{strings.NewReader(s)}} {
		t.Run(name, func(t *testing.T) {
			list, err := readBundle(r)
			if err != nil {
				t.Fatal(err)
			}
			check(t, list)
		})
	}
}

func bundleOf(kind string, entries ...string) string {
	return `{"resourceType":"Bundle","type":"` + kind + `","entry":[` + strings.Join(entries, ",\n") + `]}`
}

// entryOf is an entry of a resource; more are further elements, each with a comma behind.
func entryOf(resource string, more ...string) string {
	return `{` + strings.Join(more, "") + `"resource":` + resource + `}`
}

func patientOf(id string) string { return `{"resourceType":"Patient","id":"` + id + `"}` }

// beat is a heart rate of a subject.
func beat(ref string) string { return line("Patient/p1", ref) }

// outline is what records hold, in short.
func outline(list []intake.Record) string {
	var parts []string
	for _, rec := range list {
		switch {
		case rec.Person != nil:
			parts = append(parts, fmt.Sprintf("%d:patient %s", rec.Line, rec.Person.Identifiers[0].Value))
		case rec.LeftOut != "":
			parts = append(parts, fmt.Sprintf("%d:left out %s", rec.Line, rec.LeftOut))
		case len(rec.Problems) > 0:
			parts = append(parts, fmt.Sprintf("%d:refused", rec.Line))
		default:
			parts = append(parts, fmt.Sprintf("%d:%s %v", rec.Line, rec.Subject.Value, rec.Observations[0].Value))
		}
	}
	return strings.Join(parts, ", ")
}

func TestBundleTypes(t *testing.T) {
	for _, kind := range []string{"transaction", "batch", "collection", "searchset", "document"} {
		both(t, bundleOf(kind, entryOf(patientOf("p1")), entryOf(`{"resourceType":"Condition","code":[1]}`), entryOf(line("", ""))), func(t *testing.T, list []intake.Record) {
			if got := outline(list); got != "1:patient p1, 2:left out Condition, 3:p1 60" {
				t.Errorf("%s: %s", kind, got)
			}
		})
	}
}

func TestEntryIsReadLikeALine(t *testing.T) {
	both(t, bundleOf("collection", entryOf(patientOf("p1")), entryOf(line("", ""))), func(t *testing.T, list []intake.Record) {
		if got, want := list[1].Observations[0], single(t, line("", "")); got != want {
			t.Errorf("got  %+v\nwant %+v", got, want)
		}
	})
}

// The lines of the report are those of the file, wherever it breaks them.
func TestBundleLines(t *testing.T) {
	s := "\xef\xbb\xbf{\n\"resourceType\" :\n\"Bundle\",\"meta\":{\"tag\":[\n\n]},\"type\":\"collection\"\r\n,\"entry\":\n[\n" +
		entryOf(strings.ReplaceAll(patientOf("p1"), ",", "\n,\n")) + "\n,\n\n" +
		entryOf("{\"resourceType\":\"Claim\",\n\"item\":[{\n\"a\":\"]}\\\"\"}\n]}", "\"link\":[\n],") + "," +
		entryOf(line("final", "done")) + "\n,5,\n" + entryOf(line("", "")) + "\n]\n}\n\n"
	both(t, s, func(t *testing.T, list []intake.Record) {
		if got := outline(list); got != "8:patient p1, 13:left out Claim, 17:refused, 18:refused, 19:p1 60" {
			t.Error(got)
		}
	})
}

func TestOrderOfEntries(t *testing.T) {
	const uuid = "urn:uuid:cd3d3588-94fc-b980-9e94-0390d989d921"
	s := bundleOf("transaction", entryOf(beat(uuid)), entryOf(`{"resourceType":"Claim"}`), entryOf(patientOf("p9"), `"fullUrl":"`+uuid+`",`), entryOf(beat("Patient/other")))
	list, err := readBundle(strings.NewReader(s))
	if got := outline(list); err != nil || got != "3:patient p9, 1:p9 60, 2:left out Claim, 4:other 60" {
		t.Errorf("file: %s, %v", got, err)
	}
	list, err = readBundle(stream{strings.NewReader(s)})
	if got := outline(list); err != nil || got != "2:left out Claim, 3:patient p9, 1:p9 60, 4:other 60" {
		t.Errorf("stream: %s, %v", got, err)
	}
	// Elements of the Bundle itself may stand in any order in a file.
	s = `{"entry":[` + entryOf(line("", "")) + `],"type":"searchset","total":1,"resourceType":"Bundle"}`
	if list, err = readBundle(strings.NewReader(s)); err != nil || outline(list) != "1:p1 60" {
		t.Errorf("header last: %s, %v", outline(list), err)
	}
	if _, err = readBundle(stream{strings.NewReader(s)}); err == nil || !strings.Contains(err.Error(), "by its file name") {
		t.Errorf("header last, stream: %v", err)
	}
}

func TestStreamsHoldBackOnlySoMuch(t *testing.T) {
	entries := make([]string, maxWaiting+1)
	for i := range entries {
		entries[i] = entryOf(line("", ""))
	}
	list, err := readBundle(stream{strings.NewReader(bundleOf("collection", entries[1:]...))})
	if err != nil || len(list) != maxWaiting {
		t.Errorf("%d records, %v", len(list), err)
	}
	if _, err = readBundle(stream{strings.NewReader(bundleOf("collection", entries...))}); err == nil || !strings.Contains(err.Error(), "by its file name") {
		t.Errorf("%v", err)
	}
	if list, err = readBundle(stream{strings.NewReader(bundleOf("collection", append([]string{entryOf(patientOf("p1"))}, entries...)...))}); err != nil || len(list) != maxWaiting+2 {
		t.Errorf("behind their Patient: %d records, %v", len(list), err)
	}
}

func TestReferences(t *testing.T) {
	const a, b = "0c5e3588-94fc-b980-9e94-0390d989d921", "1c5e3588-94fc-b980-9e94-0390d989d921"
	local := func(v string) health.Identifier { return health.Identifier{System: health.SystemFHIR, Value: v} }
	far := func(v string) health.Identifier {
		return health.Identifier{System: "https://a.example/fhir/Patient", Value: v}
	}
	full := func(s string) string { return `"fullUrl":"` + s + `",` }
	tests := []struct {
		name             string
		patient, obs     string
		patientID, owner health.Identifier // the zero owner: refused
	}{
		{"same id and UUID", entryOf(patientOf(a), full("urn:uuid:"+a)), entryOf(beat("urn:uuid:" + a)), local(a), local(a)},
		{"id other than the UUID", entryOf(patientOf("7"), full("urn:uuid:"+a)), entryOf(beat("urn:uuid:" + a)), local("7"), local("7")},
		{"no id", entryOf(`{"resourceType":"Patient"}`, full("urn:uuid:"+a)), entryOf(beat("urn:uuid:" + a)), local(a), local(a)},
		{"placeholder of this Bundle only", entryOf(patientOf("7"), full("urn:uuid:1")), entryOf(beat("urn:uuid:1")), local("7"), local("7")},
		{"UUID of elsewhere", entryOf(patientOf("7")), entryOf(beat("urn:uuid:" + b)), local("7"), local(b)},
		{"placeholder of nobody", entryOf(patientOf("7")), entryOf(beat("urn:uuid:1")), local("7"), health.Identifier{}},
		{"nil UUID of nobody", entryOf(patientOf("7")), entryOf(beat("urn:uuid:00000000-0000-0000-0000-000000000000")), local("7"), health.Identifier{}},
		{"relative, no server", entryOf(patientOf("7")), entryOf(beat("Patient/7")), local("7"), local("7")},
		{"relative on a server", entryOf(patientOf("7"), full("https://a.example/fhir/Patient/7")), entryOf(beat("Patient/7"), full("https://a.example/fhir/Observation/o1")), far("7"), far("7")},
		{"absolute", entryOf(patientOf("7"), full("https://a.example/fhir/Patient/7")), entryOf(beat("https://a.example/fhir/Patient/7/_history/2")), far("7"), far("7")},
		{"relative on another server", entryOf(patientOf("7"), full("https://a.example/fhir/Patient/7")), entryOf(beat("Patient/7"), full("http://b.example/Observation/o1")), far("7"),
			health.Identifier{System: "http://b.example/Patient", Value: "7"}},
		{"id from the server's address", entryOf(`{"resourceType":"Patient"}`, full("https://a.example/fhir/Patient/7")), entryOf(beat("Patient/7"), full("https://a.example/fhir/Observation/o1")), far("7"), far("7")},
		{"a fullUrl that is no address", entryOf(patientOf("7"), full("Patient/7")), entryOf(beat("Patient/7"), full("https://a.example")), local("7"), local("7")},
		{"two Patients, one fullUrl", entryOf(patientOf("7"), full("urn:uuid:"+a)) + "," + entryOf(patientOf("8"), full("urn:uuid:"+a)), entryOf(beat("urn:uuid:" + a)), local("7"), health.Identifier{}},
		{"no Patient at all", entryOf(beat("Group/1")), entryOf(beat("Device/1")), health.Identifier{}, health.Identifier{}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			both(t, bundleOf("collection", tt.patient, tt.obs), func(t *testing.T, list []intake.Record) {
				if p := list[0].Person; tt.patientID.Value != "" && (p == nil || p.Identifiers[0] != tt.patientID) {
					t.Errorf("patient %+v, problems %v", p, list[0].Problems)
				}
				last := list[len(list)-1]
				if last.Subject != tt.owner || (len(last.Problems) == 0) != (tt.owner.Value != "") {
					t.Errorf("subject %+v, problems %v", last.Subject, last.Problems)
				}
			})
		})
	}
}

func TestPanelWithoutID(t *testing.T) {
	part := `{"code":{"text":"x"},"valueInteger":1},{"code":{"text":"y"},"valueInteger":2}`
	s := bundleOf("transaction", entryOf(patientOf("p1")),
		entryOf(strings.Replace(line(`"valueQuantity"`, `"component":[`+part+`],"n"`), `"id":"o1",`, "", 1), `"fullUrl":"urn:uuid:0c5e3588-94fc-b980-9e94-0390d989d921",`))
	both(t, s, func(t *testing.T, list []intake.Record) {
		o := list[1].Observations
		if len(o) != 2 || o[0].Group == "" || o[0].Group != o[1].Group || o[0].ExternalID != "" {
			t.Errorf("%+v", o)
		}
	})
}

func TestRefusedEntries(t *testing.T) {
	long := strings.Repeat("x", MaxLine)
	tests := []struct{ name, entry, reason string }{
		{"null", `null`, "not a JSON object"},
		{"no resource", `{}`, "holds no resource"},
		{"resource null", `{"resource":null}`, "not a JSON object"},
		{"two resources", `{"resource":{},"resource":{}}`, "resource of the entry stands twice"},
		{"fullUrl is a number", `{"fullUrl":5,"resource":` + line("", "") + `}`, "fullUrl of the entry can't be read"},
		{"request is a text", `{"request":"PUT","resource":` + line("", "") + `}`, "request of the entry can't be read"},
		{"no resourceType", entryOf(`{"a":{"resourceType":"Observation"}}`), "resourceType is missing"},
		{"unknown resourceType", entryOf(`{"resourceType":"Obsrvtn"}`), "not one of FHIR R4"},
		{"nested Bundle", entryOf(bundleOf("searchset")), "file of its own"},
		{"element twice", entryOf(line(`"id":"o1"`, `"id":"o1","id":"o2"`)), "stands twice"},
		{"invalid UTF-8", entryOf(line("o1", "\xff")), "damaged JSON at byte"},
		{"wrong type", entryOf(line(`"final"`, `7`)), "the element /status is of the wrong type"},
		{"other id than the fullUrl", entryOf(line("", ""), `"fullUrl":"http://a.example/Observation/x",`), "another id"},
		{"other type than the fullUrl", entryOf(line("", ""), `"fullUrl":"http://a.example/Patient/o1",`), "another type"},
		{"resourceType is a number", entryOf(`{"resourceType":5,"x":{"resourceType":"Observation"}}`), "resourceType is missing"},
		{"patient that can't be read", entryOf(`{"resourceType":"Patient","id":7}`), "the element /id is of the wrong type"},
		{"patient of nobody", entryOf(`{"resourceType":"Patient"}`), "neither id nor identifier"},
		{"PATCH", entryOf(line("", ""), `"request":{"method":"PATCH","url":"Observation/o1"},`), "PATCH"},
		{"deleted", `{"request":{"method":"DELETE","url":"Observation/o1"}}`, "deleted at its source"},
		{"deleted by a search", `{"request":{"method":"delete","url":"/Observation?patient=1"}}`, "deleted at its source"},
		{"patient deleted", `{"request":{"method":"DELETE","url":"Patient/o1"}}`, "removes nobody"},
		{"PUT of nothing", `{"request":{"method":"PUT","url":"Observation/o1"}}`, "holds no resource"},
		{"large resource", entryOf(`{"note":["` + long + `"],"resourceType":"Observation"}`), "longer than 16 MiB"},
		{"large fullUrl", entryOf(line("", ""), `"fullUrl":"`+long+`",`), "fullUrl of the entry can't be read"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			both(t, bundleOf("transaction", entryOf(patientOf("p1")), tt.entry, entryOf(line("", ""))), func(t *testing.T, list []intake.Record) {
				if len(list) != 3 || len(list[1].Problems) != 1 || len(list[1].Observations) != 0 {
					t.Fatalf("%s", outline(list))
				}
				if got := list[1].Problems[0]; !strings.Contains(got, tt.reason) {
					t.Errorf("reason %q, want %q", got, tt.reason)
				}
				if outline(list[2:]) != "3:p1 60" {
					t.Errorf("what follows: %s", outline(list))
				}
			})
		})
	}
}

func TestLeftOutEntries(t *testing.T) {
	for entry, want := range map[string]string{
		entryOf(`{"resourceType":"OperationOutcome"}`, `"search":{"mode":"outcome"},`):                                           "OperationOutcome",
		`{"request":{"method":"DELETE","url":"Condition/1"}}`:                                                                    "Condition",
		`{"request":{"method":"GET","url":"Patient/1"}}`:                                                                         "requests without a resource",
		entryOf(`{"data":"` + strings.Repeat("x", MaxLine+5) + `","resourceType":"Binary"}`):                                     "Binary",
		entryOf(`{"x":[{"resourceType":"Observation"}],"resourceType":"Parameters","resource":{"a":[[[]]]}}`):                    "Parameters",
		entryOf(`{"contained":[` + strings.Repeat(`{"a":"`+strings.Repeat("y", 1<<20)+`"},`, 17) + `{}],"resourceType":"List"}`): "List",
	} {
		both(t, bundleOf("batch", entry), func(t *testing.T, list []intake.Record) {
			if len(list) != 1 || list[0].LeftOut != want {
				t.Errorf("got %s, want %s left out", outline(list), want)
			}
		})
	}
}

func TestBundlesRefusedAsAWhole(t *testing.T) {
	good := bundleOf("collection", entryOf(patientOf("p1")), entryOf(line("", "")))
	utf16 := func(s string) string {
		var b strings.Builder
		for _, c := range []byte(s) {
			b.WriteByte(c)
			b.WriteByte(0)
		}
		return b.String()
	}
	tests := []struct{ name, file, reason string }{
		{"empty", "", "empty"},
		{"blank", " \n", "empty"},
		{"XML", "<Bundle/>", "damaged JSON in line 1"},
		{"an array", "[]", "no JSON object"},
		{"another resource", line("", ""), "not a FHIR Bundle"},
		{"no resourceType", `{"type":"collection"}`, "not a FHIR Bundle"},
		{"resourceType is a number", `{"resourceType":5,"type":"collection"}`, "not a FHIR Bundle"},
		{"NDJSON", line("", "") + "\n" + line("", ""), "something follows"},
		{"no type", `{"resourceType":"Bundle","entry":[]}`, "has no type"},
		{"unknown type", bundleOf("heap"), "not one of FHIR R4"},
		{"message", bundleOf("message"), "type message is not read"},
		{"answer", bundleOf("transaction-response", `{"response":{"status":"201"}}`), "type transaction-response is not read"},
		{"cut off", good[:len(good)-20], "line 2, in the middle"},
		{"cut off behind an entry", good[:strings.Index(good, "\n")], "cut off"},
		{"cut off before the end", good[:len(good)-1], "cut off"},
		{"damaged", strings.Replace(good, `"status":"final"`, `"status" "final"`, 1), "damaged JSON in line 2"},
		{"damaged number", strings.Replace(good, `"value":60`, `"value":6x`, 1), "damaged JSON in line 2"},
		{"wrong bracket", strings.Replace(good, "}}]}", "}]]}", 1), "damaged JSON in line 2"},
		{"two Bundles", good + "\n" + good, "something follows the end of the Bundle"},
		{"something behind", good + "\n\nx", "damaged JSON in line 4"},
		{"entry is an object", `{"resourceType":"Bundle","type":"collection","entry":{}}`, "entry is not an array"},
		{"two lists of entries", good[:len(good)-1] + `,"entry":[]}`, "entry stands twice"},
		{"two types", strings.Replace(good, `"type"`, `"type":"batch","type"`, 1), "type stands twice"},
		{"two resourceTypes", strings.Replace(good, `"type"`, `"resourceType":"Bundle","type"`, 1), "resourceType stands twice"},
		{"UTF-16", "\xff\xfe" + utf16(good), "UTF-16"},
		{"UTF-16 without a mark", utf16(good), "UTF-16"},
		{"deeply nested", strings.Replace(good, `"id":"p1"`, `"x":`+strings.Repeat("[", 20_000)+strings.Repeat("]", 20_000), 1), "damaged JSON in line 1"},
		{"an endless text", strings.Replace(good, `"id":"p1"`, `"x":"`+strings.Repeat("x", 100<<20)+`"`, 1), "a single text is longer than 64 MiB"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			list, err := readBundle(strings.NewReader(tt.file))
			if err == nil || !strings.Contains(err.Error(), tt.reason) {
				t.Errorf("file: %v, want %q", err, tt.reason)
			}
			if len(list) != 0 {
				t.Errorf("of a file that can't be taken, %d records were", len(list))
			}
			_, err = readBundle(stream{strings.NewReader(tt.file)})
			if err == nil || !strings.Contains(err.Error(), tt.reason) {
				t.Errorf("stream: %v, want %q", err, tt.reason)
			}
		})
	}
}

func TestBundleWithoutEntries(t *testing.T) {
	for _, s := range []string{bundleOf("searchset"), `{"resourceType":"Bundle","type":"searchset","total":0}`} {
		both(t, s, func(t *testing.T, list []intake.Record) {
			if len(list) != 0 {
				t.Error(outline(list))
			}
		})
	}
}

func TestSearchPagesAreTold(t *testing.T) {
	for relation, notes := range map[string]int{"next": 1, "self": 0} {
		b := NewBundle(strings.NewReader(`{"resourceType":"Bundle","type":"searchset","link":[{"relation":"` + relation + `","url":"x"}]}`))
		if _, err := b.Next(); !errors.Is(err, io.EOF) || len(b.Notes()) != notes {
			t.Errorf("%s: %v, %v", relation, err, b.Notes())
		}
	}
}
