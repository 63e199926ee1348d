package intake

import (
	"strings"
	"testing"
	"time"

	"healthportal/app/health"
)

// Two persons are one only where nothing fixed about them differs. What is not known
// contradicts nothing, and made-up data never joins a real record.
func TestContradictions(t *testing.T) {
	born := func(dom int) health.Day { return health.Day{Year: 1980, Month: time.January, Dom: dom} }
	full := health.Person{RecordNumber: "MRN-1", FamilyName: "Muster", GivenName: "Anna", BirthDate: born(2), Sex: health.Female}
	with := func(change func(*health.Person)) health.Person {
		p := full
		change(&p)
		return p
	}
	tests := []struct {
		name        string
		known, file health.Person
		want        string
	}{
		{"the same", full, full, ""},
		{"nothing known", health.Person{}, full, ""},
		{"nothing told", full, health.Person{}, ""},
		{"another birth date", full, with(func(p *health.Person) { p.BirthDate = born(3) }), "the birth date differs"},
		{"day and month exchanged", full, with(func(p *health.Person) { p.BirthDate = health.Day{Year: 1980, Month: time.February, Dom: 1} }), "the birth date differs"},
		{"birth date unknown here", with(func(p *health.Person) { p.BirthDate = health.Day{} }), full, ""},
		{"another sex", full, with(func(p *health.Person) { p.Sex = health.Male }), "the sex differs"},
		{"sex unknown in the file", full, with(func(p *health.Person) { p.Sex = health.UnknownSex }), ""},
		{"sex unknown here", with(func(p *health.Person) { p.Sex = health.UnknownSex }), full, ""},
		{"sex untold", full, with(func(p *health.Person) { p.Sex = "" }), ""},
		{"another number", full, with(func(p *health.Person) { p.RecordNumber = "MRN-2" }), "the record number differs"},
		{"a number with other letters", full, with(func(p *health.Person) { p.RecordNumber = "mrn-1" }), "the record number differs"},
		{"no number in the file", full, with(func(p *health.Person) { p.RecordNumber = "" }), ""},
		{"another name is no contradiction", full, with(func(p *health.Person) { p.FamilyName, p.GivenName = "Beispiel", "Berta" }), ""},
		{"made up, for a real person", full, with(func(p *health.Person) { p.Synthetic = true }), reasonReal},
		{"made up, for one who has a name only", health.Person{FamilyName: "Muster"}, with(func(p *health.Person) { p.Synthetic = true }), reasonReal},
		{"made up, for one who has a birth date only", health.Person{BirthDate: born(2)}, with(func(p *health.Person) { p.Synthetic = true }), reasonReal},
		{"made up, for one of whom nothing is known", health.Person{}, with(func(p *health.Person) { p.Synthetic = true }), ""},
		{"made up, for one who is, too", with(func(p *health.Person) { p.Synthetic = true }), with(func(p *health.Person) { p.Synthetic = true }), ""},
	}
	for _, tt := range tests {
		got := contradiction(tt.known, tt.file)
		if !strings.HasPrefix(got, tt.want) || tt.want == "" && got != "" {
			t.Errorf("%s: %q, want %q", tt.name, got, tt.want)
		}
		for _, secret := range []string{"Muster", "Anna", "1980", "MRN", "female", "male"} {
			if strings.Contains(got, secret) {
				t.Errorf("%s: the reason quotes the person: %q", tt.name, got)
			}
		}
	}
}
