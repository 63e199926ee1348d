package portable

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"healthportal/app/health"
)

func row(change ...func(*Row)) Row {
	r := Row{health.Identifier{System: "urn:s", Value: "p1"}, &health.Observation{Metric: "heart_rate", EffectiveAt: time.Date(2026, 3, 1, 9, 0, 0, 0, time.UTC),
		OffsetMinutes: 60, HasOffset: true, Value: 60, HasValue: true, Unit: "/min", Status: health.Final, Source: "src", ExternalID: "o1"}}
	for _, c := range change {
		c(&r)
	}
	return r
}

func TestWriteFile(t *testing.T) {
	var b bytes.Buffer
	w := NewWriter(&b)
	person := Person{Identifier: row().Person, Person: health.Person{FamilyName: "F", Sex: health.UnknownSex}}
	later := row(func(r *Row) { r.EffectiveAt = r.EffectiveAt.Add(time.Second) })
	for _, err := range []error{w.WritePerson(person), w.Write(row()), w.Write(row()), w.Write(later)} {
		if err != nil {
			t.Fatal(err)
		}
	}
	rows, sum, err := w.Close()
	lines := strings.SplitAfter(b.String(), "\n")
	want := []string{header, `{"person":{"system":"urn:s","value":"p1"},"identifiers":[],"family_name":"F","sex":"unknown","synthetic":false}` + "\n",
		good("", "") + "\n", good("", "") + "\n", good("10:00:00", "10:00:01") + "\n", fmt.Sprintf("{\"rows\":4,\"sha256\":\"%x\"}\n", sum), ""}
	if strings.Join(lines, "|") != strings.Join(want, "|") || rows != 4 || err != nil {
		t.Errorf("%s%d rows, %v", b.String(), rows, err)
	}
	if sum != sha256.Sum256([]byte(strings.Join(lines[:5], ""))) {
		t.Error("the sum is not that of the bytes before the trailer")
	}
	if w.Write(row()) == nil {
		t.Error("a row was written behind the trailer")
	}
	if list, err := readAll(t, b.String()); err != nil || len(list) != 4 {
		t.Errorf("%d records, %v", len(list), err)
	}
}

func TestWhatCannotBeWritten(t *testing.T) {
	tests := []struct {
		name   string
		change func(*Row)
		want   error
	}{
		{"no person", func(r *Row) { r.Person = health.Identifier{} }, errPerson},
		{"NUL", func(r *Row) { r.ValueText = "a\x00b" }, errNUL},
		{"broken UTF-8", func(r *Row) { r.Device = "\xff" }, errUTF8},
		{"no time", func(r *Row) { r.EffectiveAt = time.Time{} }, errNoTime},
		{"nanoseconds", func(r *Row) { r.EffectiveAt = r.EffectiveAt.Add(1) }, errFine},
		{"the year 10000", func(r *Row) { r.EffectiveAt = time.Date(9999, 12, 31, 23, 30, 0, 0, time.UTC) }, errYear},
		{"nanoseconds of a change", func(r *Row) { r.Updated = time.Date(2026, 3, 1, 9, 0, 0, 1, time.UTC) }, errFine},
		{"a change in the year 10000", func(r *Row) { r.Updated = time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC) }, errYear},
		{"far zone", func(r *Row) { r.OffsetMinutes = -841 }, errOffset},
		{"half days", func(r *Row) { r.EndDay = health.Day{Year: 2026, Month: 3, Dom: 1} }, errHalfDay},
		{"half days otherwise", func(r *Row) { r.StartDay, r.EffectiveEnd = health.Day{Year: 2026, Month: 3, Dom: 1}, r.EffectiveAt }, errHalfDay},
	}
	for _, tt := range tests {
		var b bytes.Buffer
		w := NewWriter(&b)
		err := w.Write(row(tt.change))
		if !errors.Is(err, tt.want) {
			t.Errorf("%s: %v", tt.name, err)
		}
		if _, cmpErr := Compare(row(), row(tt.change)); cmpErr == nil {
			t.Errorf("%s: compared", tt.name)
		}
		if _, _, cerr := w.Close(); cerr == nil || b.Len() > 0 {
			t.Errorf("%s: the file was closed as a whole one", tt.name)
		}
	}
	if _, err := AppendRow(nil, Row{Person: row().Person}); err == nil {
		t.Error("a row without an observation was written")
	}
	if err := NewWriter(&bytes.Buffer{}).WritePerson(Person{}); !errors.Is(err, errPerson) {
		t.Error(err)
	}
}

func TestOrderIsHeld(t *testing.T) {
	other := func(v string) func(*Row) { return func(r *Row) { r.Person.Value = v } }
	early := func(r *Row) { r.EffectiveAt = r.EffectiveAt.Add(-time.Second) }
	day := func(d int) func(*Row) {
		return func(r *Row) { r.StartDay, r.EffectiveAt = health.Day{Year: 2026, Month: 3, Dom: d}, time.Time{} }
	}
	tests := []struct {
		name          string
		first, second Row
		ok            bool
	}{
		{"the same", row(), row(), true},
		{"person", row(), row(other("p2"), early), true},
		{"person backwards", row(), row(other("p0")), false},
		{"person as bytes", row(other("Z")), row(other("a")), true},
		{"time backwards", row(), row(early), false},
		{"a day before its first hours", row(day(1)), row(), true},
		{"a day after its first hours", row(), row(day(1)), false},
		{"the next day", row(), row(day(2)), true},
		{"equal times by their bytes", row(), row(func(r *Row) { r.ExternalID = "o2" }), true},
		{"equal times backwards", row(), row(func(r *Row) { r.ExternalID = "o0" }), false},
		{"without id behind those with one", row(), row(func(r *Row) { r.ExternalID = "" }), true},
	}
	for _, tt := range tests {
		w := NewWriter(&bytes.Buffer{})
		if err := w.Write(tt.first); err != nil {
			t.Fatal(err)
		}
		if err := w.Write(tt.second); (err == nil) != tt.ok || err != nil && !errors.Is(err, ErrOrder) {
			t.Errorf("%s: %v", tt.name, err)
		}
	}
	w := NewWriter(&bytes.Buffer{})
	if err := errors.Join(w.Write(row())); err != nil {
		t.Fatal(err)
	}
	if err := w.WritePerson(Person{Identifier: row().Person}); !errors.Is(err, ErrOrder) {
		t.Errorf("a person behind their observations: %v", err)
	}
}

type fullDisk struct{}

func (fullDisk) Write([]byte) (int, error) { return 0, errors.New("disk full") }

func TestWriteError(t *testing.T) {
	w := NewWriter(fullDisk{})
	var err error
	for i := 0; i < 10_000 && err == nil; i++ {
		err = w.Write(row())
	}
	if err == nil || !strings.Contains(err.Error(), "disk full") {
		t.Errorf("got %v", err)
	}
	if _, _, err := NewWriter(fullDisk{}).Close(); err == nil {
		t.Error("a file that was not written was closed")
	}
}

func TestIdentity(t *testing.T) {
	id := func(s, v string) health.Identifier { return health.Identifier{System: s, Value: v} }
	number := id(health.SystemRecordNumber, "R1")
	tests := []struct {
		name    string
		person  health.Person
		ids     []health.Identifier
		want    health.Identifier
		further []health.Identifier
	}{
		{"record number", health.Person{RecordNumber: "R1"}, []health.Identifier{id("urn:b", "1"), number, id("urn:a", "2")}, number, []health.Identifier{id("urn:a", "2"), id("urn:b", "1")}},
		{"record number that is no identifier yet", health.Person{RecordNumber: "R1"}, nil, number, nil},
		{"least identifier", health.Person{}, []health.Identifier{id("urn:b", "1"), id("urn:a", "2"), id("urn:a", "10")}, id("urn:a", "10"), []health.Identifier{id("urn:a", "2"), id("urn:b", "1")}},
		{"as bytes", health.Person{}, []health.Identifier{id("urn:a", "é"), id("urn:a", "z"), id("urn:Z", "1")}, id("urn:Z", "1"), []health.Identifier{id("urn:a", "z"), id("urn:a", "é")}},
		{"nothing but the public id", health.Person{PublicID: "x"}, nil, id(SystemPublicID, "x"), nil},
	}
	for _, tt := range tests {
		got, further := Identity(tt.person, tt.ids)
		if got != tt.want || fmt.Sprint(further) != fmt.Sprint(tt.further) {
			t.Errorf("%s: %v, %v", tt.name, got, further)
		}
		// In the importing portal the identifiers are these, and the choice is the same.
		again, rest := Identity(tt.person, append([]health.Identifier{got}, further...))
		if again != got || fmt.Sprint(rest) != fmt.Sprint(further) {
			t.Errorf("%s: then %v, %v", tt.name, again, rest)
		}
	}
}
