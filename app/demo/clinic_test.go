package demo

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"regexp"
	"strings"
	"testing"
	"time"

	"healthportal/app/access"
	"healthportal/app/health"
)

// testDay is late enough for every patient to have data.
func testDay() health.Day { return day(2026, 11, 22) }

func TestEveryRoleHasOneUser(t *testing.T) {
	seen := map[access.Role]int{}
	names := map[string]bool{}
	for _, u := range Users() {
		seen[u.Role]++
		if names[u.Name] || u.Name != strings.ToLower(u.Name) {
			t.Errorf("user name %q is used twice or not in lower case", u.Name)
		}
		names[u.Name] = true
		if !strings.HasSuffix(u.DisplayName, "(demo)") {
			t.Errorf("%s is not marked as demo", u.DisplayName)
		}
		if (u.Role == access.Clinician) != (len(u.Teams) > 0) {
			t.Errorf("%s has teams %v; only the clinician has some", u.Role, u.Teams)
		}
	}
	for _, r := range access.Roles() {
		if seen[r] != 1 {
			t.Errorf("role %s has %d users, want 1", r, seen[r])
		}
	}
}

func TestTeamsCoverThePatientsAndTheClinician(t *testing.T) {
	c := New(1, testDay())
	total := 0
	for _, team := range c.Teams() {
		if team.Patients == 0 {
			t.Errorf("team %s has no patients", team.Name)
		}
		total += team.Patients
		found := false
		for _, of := range Users()[0].Teams {
			found = found || of == team.Name
		}
		if !found {
			t.Errorf("the clinician is not in team %s", team.Name)
		}
	}
	if total != 16 || len(c.Patients()) != 16 {
		t.Errorf("teams hold %d patients, the clinic %d, want 16", total, len(c.Patients()))
	}
}

func TestPatientsAreVaried(t *testing.T) {
	record := regexp.MustCompile(`^SYN-\d{6}$`)
	records, zones, sexes := map[string]bool{}, map[string]int{}, map[health.Sex]int{}
	youngest, oldest := 200, 0
	for _, p := range New(1, testDay()).Patients() {
		if !record.MatchString(p.RecordNumber) || records[p.RecordNumber] {
			t.Errorf("record number %q is malformed or used twice", p.RecordNumber)
		}
		records[p.RecordNumber] = true
		if !p.Synthetic {
			t.Errorf("%s is not marked synthetic", p.RecordNumber)
		}
		for _, r := range p.Name() {
			if !inCodePage(r) {
				t.Errorf("the name of %s can't be printed in its reports: %q", p.RecordNumber, r)
			}
		}
		age, ok := p.Age(testDay())
		if !ok {
			t.Errorf("%s has no age", p.RecordNumber)
		}
		youngest, oldest = min(youngest, age), max(oldest, age)
		if _, err := time.LoadLocation(p.TimeZone); err != nil {
			t.Errorf("zone of %s: %v", p.RecordNumber, err)
		}
		zones[p.TimeZone]++
		sexes[p.Sex]++
	}
	if youngest != 3 || oldest != 91 {
		t.Errorf("ages run from %d to %d, want 3 to 91", youngest, oldest)
	}
	for _, z := range []string{"America/New_York", "Asia/Kolkata", "America/Santiago"} {
		if zones[z] != 1 {
			t.Errorf("%d patients live in %s, want 1", zones[z], z)
		}
	}
	for _, s := range []health.Sex{health.Male, health.Female, health.OtherSex} {
		if sexes[s] == 0 {
			t.Errorf("no patient is %s", s)
		}
	}
}

func TestTwoNamesLookAlikeInOneTeam(t *testing.T) {
	var alike []patient
	for _, p := range people() {
		if p.given == "Anna" {
			alike = append(alike, p)
		}
	}
	if len(alike) != 2 || alike[0].team != alike[1].team || alike[0].family == alike[1].family {
		t.Fatalf("the look-alikes are %d patients of one team with different names, want 2", len(alike))
	}
}

func TestPatientsAsFHIR(t *testing.T) {
	c := New(1, testDay())
	for _, team := range c.Teams() {
		var b bytes.Buffer
		if err := c.WritePatients(&b, team.Name); err != nil {
			t.Fatal(err)
		}
		dec := json.NewDecoder(&b)
		dec.DisallowUnknownFields()
		n := 0
		for ; ; n++ {
			var p fhirPatient
			if err := dec.Decode(&p); errors.Is(err, io.EOF) {
				break
			} else if err != nil {
				t.Fatal(err)
			}
			if p.ResourceType != "Patient" || p.ID == "" || p.Name[0].Family == "" || len(p.Name[0].Given) == 0 ||
				p.BirthDate == "" || p.Meta.Tag[0].Code != "HTEST" || p.Identifier[0].Type.Coding[0].Code != "MR" {
				t.Errorf("patient %s lacks something: %+v", p.ID, p)
			}
		}
		if n != team.Patients {
			t.Errorf("%s: wrote %d patients, want %d", team.Name, n, team.Patients)
		}
	}
}

func TestUnknownTeamIsAnError(t *testing.T) {
	c := New(1, testDay())
	for name, write := range map[string]func(io.Writer, string) error{"patients": c.WritePatients, "observations": c.WriteObservations} {
		err := write(io.Discard, "Dentistry")
		if err == nil || !strings.Contains(err.Error(), "Dentistry") {
			t.Errorf("%s of an unknown team: %v", name, err)
		}
	}
}

// full fails like a disk without space.
type full struct{ left int }

var errFull = errors.New("no space left")

func (f *full) Write(b []byte) (int, error) {
	if f.left -= len(b); f.left < 0 {
		return 0, errFull
	}
	return len(b), nil
}

func TestWriteErrorsAreReported(t *testing.T) {
	c := New(1, testDay())
	c.days = 30
	for _, room := range []int{0, 1 << 20} {
		if err := c.WriteObservations(&full{room}, Cardiology); !errors.Is(err, errFull) {
			t.Errorf("with room for %d bytes: %v, want the writer's error", room, err)
		}
	}
	if err := c.WritePatients(&full{}, Cardiology); !errors.Is(err, errFull) {
		t.Errorf("patients: %v, want the writer's error", err)
	}
}

func TestUnknownZoneIsAnError(t *testing.T) {
	c := New(1, testDay())
	c.patients[0].zone = "Europe/Nowhere"
	if err := c.WriteObservations(io.Discard, c.patients[0].team); err == nil || !strings.Contains(err.Error(), "time zone") {
		t.Errorf("unknown zone: %v", err)
	}
}

func TestDiceStreamsAreIndependent(t *testing.T) {
	draw := func(seed uint64, record, subject string, n int) float64 {
		return newDice(seed).chance(record, subject, n)
	}
	base := draw(1, "A", "x", 1)
	if draw(1, "A", "x", 1) != base {
		t.Error("the same stream gives other numbers")
	}
	for name, other := range map[string]float64{
		"seed": draw(2, "A", "x", 1), "record": draw(1, "B", "x", 1), "subject": draw(1, "A", "y", 1), "number": draw(1, "A", "x", 2),
	} {
		if other == base {
			t.Errorf("another %s gives the same number", name)
		}
	}
	d := newDice(1)
	d.chance("A", "y", 9)
	if d.chance("A", "x", 1) != base {
		t.Error("earlier draws change a stream")
	}
}
