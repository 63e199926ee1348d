package postgres_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"healthportal/app/access"
	"healthportal/app/health"
	"healthportal/app/intake"
	"healthportal/app/intake/fhir"
)

// patient is a Patient line.
func patient(id, record, family, given, born string, parts ...string) string {
	line := `{"resourceType":"Patient","id":"` + id + `","name":[{"family":"` + family + `","given":["` + given + `"]}]`
	if born != "" {
		line += `,"birthDate":"` + born + `"`
	}
	if record != "" {
		line += `,"identifier":[{"type":{"coding":[{"code":"MR"}]},"system":"urn:hospital","value":"` + record + `"}]`
	}
	for _, p := range parts {
		line += "," + p
	}
	return line + "}\n"
}

func TestPatientsPages(t *testing.T) {
	c := newClinic(t)
	var file strings.Builder
	for i := range 23 {
		file.WriteString(patient(fmt.Sprintf("p%02d", i), fmt.Sprintf("R%02d", i), fmt.Sprintf("Family%d", i/4), "Same", "1980-01-02"))
	}
	file.WriteString(obs("p00", "2026-03-01T10:00:00Z", "60"))
	c.load(file.String())
	user := c.user("ann", "Team")
	all, err := c.db.Patients(t.Context(), user, health.PatientFilter{Size: 100})
	if err != nil || len(all.Patients) != 23 || all.Total != 23 || all.Next || all.Previous {
		t.Fatalf("all: %d of %d, %v", len(all.Patients), all.Total, err)
	}
	if all.Patients[0].LastDay.String() != "2026-03-01" || !all.Patients[1].LastDay.IsZero() {
		t.Errorf("last data: %v, %v", all.Patients[0].LastDay, all.Patients[1].LastDay)
	}
	f := health.PatientFilter{Size: 5}
	var pages []health.PatientPage
	n := 0
	for {
		p, err := c.db.Patients(t.Context(), user, f)
		if err != nil {
			t.Fatal(err)
		}
		for _, row := range p.Patients {
			if row.PublicID != all.Patients[n].PublicID {
				t.Fatalf("row %d differs", n)
			}
			n++
		}
		pages = append(pages, p)
		if !p.Next {
			break
		}
		f.After = p.Patients[len(p.Patients)-1].PublicID
	}
	if n != 23 || len(pages) != 5 {
		t.Errorf("%d rows on %d pages", n, len(pages))
	}
	back, err := c.db.Patients(t.Context(), user, health.PatientFilter{Size: 5, Before: pages[2].Patients[0].PublicID})
	if err != nil || len(back.Patients) != 5 || back.Patients[0].PublicID != pages[1].Patients[0].PublicID || !back.Previous || !back.Next {
		t.Errorf("back: %+v, %v", back, err)
	}
	first, err := c.db.Patients(t.Context(), user, health.PatientFilter{Size: 5, Before: pages[1].Patients[0].PublicID})
	if err != nil || first.Previous {
		t.Errorf("back to the first page: previous %v, %v", first.Previous, err)
	}
	if _, err := c.db.Patients(t.Context(), user, health.PatientFilter{After: "nobody"}); !errors.Is(err, health.ErrNotFound) {
		t.Errorf("unknown cursor: %v", err)
	}
	if _, err := c.db.Patients(t.Context(), user, health.PatientFilter{After: "a", Before: "b"}); err == nil {
		t.Error("both cursors: no error")
	}
}

func TestCareTeamsDecideWhoIsSeen(t *testing.T) {
	c := newClinic(t)
	c.load(patient("a", "R1", "Muster", "Anna", "1980-01-02", `"gender":"female"`, `"extension":[{"url":"http://hl7.org/fhir/StructureDefinition/timezone","valueCode":"Europe/Berlin"}]`))
	insider, outsider := c.user("ann", "Team"), c.user("bob", "Other team")
	id := one[string](c, `SELECT public_id FROM health.person`)
	if len(id) != 32 {
		t.Errorf("public id %q", id)
	}
	p, err := c.db.PersonByPublicID(t.Context(), insider, id)
	if err != nil || p.RecordNumber != "R1" || p.FamilyName != "Muster" || p.Sex != health.Female || p.BirthDate.String() != "1980-01-02" || p.TimeZone != "Europe/Berlin" {
		t.Errorf("insider: %+v, %v", p, err)
	}
	for name, call := range map[string]func() error{
		"outsider":        func() error { _, err := c.db.PersonByPublicID(t.Context(), outsider, id); return err },
		"outsider's page": func() error { _, err := c.db.Patient(t.Context(), outsider, id); return err },
		"no such person":  func() error { _, err := c.db.PersonByPublicID(t.Context(), insider, "x"); return err },
		"no such user":    func() error { _, err := c.db.PersonByPublicID(t.Context(), 999, id); return err },
	} {
		if err := call(); !errors.Is(err, health.ErrNotFound) {
			t.Errorf("%s: %v, want not found", name, err)
		}
	}
	if ids, err := c.db.PersonsOf(t.Context(), insider); err != nil || len(ids) != 1 || ids[0] != p.ID {
		t.Errorf("persons of the insider: %v, %v", ids, err)
	}
	if ids, err := c.db.PersonsOf(t.Context(), outsider); err != nil || len(ids) != 0 {
		t.Errorf("persons of the outsider: %v, %v", ids, err)
	}
	c.exec(`UPDATE auth.care_team_person SET valid_to = now()`)
	if _, err := c.db.PersonByPublicID(t.Context(), insider, id); !errors.Is(err, health.ErrNotFound) {
		t.Errorf("after leaving the team: %v", err)
	}
	if r := c.load(patient("a", "R1", "Muster", "Anna", "1980-01-02") + obs("a", "2026-03-01T10:00:00Z", "60")); r.Refused != 0 {
		t.Error(r.Summary())
	}
	if _, err := c.db.PersonByPublicID(t.Context(), insider, id); err != nil {
		t.Errorf("after a new import into the team: %v", err)
	}
}

func TestLookAlikes(t *testing.T) {
	c := newClinic(t)
	c.load(patient("a", "R1", "Müller", "Johanna", "1980-01-02") + patient("b", "R2", "Mueller", "Johanna", "1981-01-02") +
		patient("c", "R3", "Muller", "Johana", "1982-01-02") + patient("d", "R4", "Johanna", "Müller", "1983-01-02") +
		patient("e", "R5", "Meier", "Karl", "1984-01-02") + obs("unnamed", "2026-03-01T10:00:00Z", "60"))
	user := c.user("ann", "Team")
	for fhirID, want := range map[string]int{"a": 3, "e": 0, "unnamed": 0} {
		id := one[string](c, `SELECT p.public_id FROM health.person p JOIN health.person_identifier i ON i.person_id = p.id WHERE i.value = $1`, fhirID)
		p, err := c.db.Patient(t.Context(), user, id)
		if err != nil {
			t.Fatal(err)
		}
		if len(p.Alike) != want {
			t.Errorf("%s: %d alike, want %d", fhirID, len(p.Alike), want)
		}
	}
}

func TestPersonsFromFiles(t *testing.T) {
	tests := []struct {
		name    string
		files   []string
		refused int // in the last file
		persons int
		record  string // of person a
		born    string
	}{
		{"patient, then observation", []string{patient("a", "R1", "F", "G", "1980-01-02") + obs("a", "2026-03-01T10:00:00Z", "60")}, 0, 1, "R1", "1980-01-02"},
		{"observation, then patient", []string{obs("a", "2026-03-01T10:00:00Z", "60") + patient("a", "R1", "F", "G", "1980-01-02")}, 0, 1, "R1", "1980-01-02"},
		{"completed by a later file", []string{obs("a", "2026-03-01T10:00:00Z", "60"), patient("a", "R1", "F", "G", "1980-01-02")}, 0, 1, "R1", "1980-01-02"},
		{"same again", []string{patient("a", "R1", "F", "G", "1980-01-02"), patient("a", "R1", "F", "G", "1980-01-02")}, 0, 1, "R1", "1980-01-02"},
		{"other birth date", []string{patient("a", "R1", "F", "G", "1980-01-02"), patient("a", "R1", "F", "G", "1980-01-03") + obs("a", "2026-03-01T10:00:00Z", "60")}, 2, 1, "R1", "1980-01-02"},
		{"other sex", []string{patient("a", "R1", "F", "G", "", `"gender":"male"`), patient("a", "R1", "F", "G", "", `"gender":"female"`)}, 1, 1, "R1", ""},
		{"other record number", []string{patient("a", "R1", "F", "G", ""), patient("a", "R2", "F", "G", "")}, 1, 1, "R1", ""},
		{"other name is kept out", []string{patient("a", "R1", "F", "G", ""), patient("a", "R1", "Married", "G", "1980-01-02")}, 1, 1, "R1", "1980-01-02"},
		{"same record number under another id", []string{patient("a", "R1", "F", "G", "1980-01-02"), patient("z", "R1", "F", "G", "1980-01-02") + obs("z", "2026-03-01T10:00:00Z", "60")}, 0, 1, "R1", "1980-01-02"},
		{"same number of another hospital, other birth date", []string{patient("a", "R1", "F", "G", "1980-01-02"),
			strings.Replace(patient("z", "R1", "X", "Y", "1990-01-02"), "urn:hospital", "urn:other", 1) + obs("z", "2026-03-01T10:00:00Z", "60")}, 2, 1, "R1", "1980-01-02"},
		{"two persons in one line", []string{patient("a", "R1", "F", "G", "") + patient("b", "R2", "H", "I", ""), patient("a", "R2", "F", "G", "")}, 1, 2, "R1", ""},
		{"made-up data for a real person", []string{patient("a", "R1", "F", "G", ""),
			patient("a", "R1", "F", "G", "", `"meta":{"tag":[{"system":"http://terminology.hl7.org/CodeSystem/v3-ActReason","code":"HTEST"}]}`) + obs("a", "2026-03-01T10:00:00Z", "60")}, 2, 1, "R1", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := newClinic(t)
			var r intake.Report
			for _, f := range tt.files {
				r = c.load(f)
			}
			if r.Refused != tt.refused {
				t.Errorf("%s; want %d refused; %v", r.Summary(), tt.refused, r.Problems)
			}
			if n := one[int](c, `SELECT count(*) FROM health.person`); n != tt.persons {
				t.Errorf("%d persons, want %d", n, tt.persons)
			}
			got := one[string](c, `SELECT coalesce(record_number, '') || ' ' || coalesce(birth_date::text, '') FROM health.person WHERE id = $1`, int64(c.person("a")))
			if got != tt.record+" "+tt.born {
				t.Errorf("person a is %q", got)
			}
		})
	}
}

func TestUnknownPersonsAreRefused(t *testing.T) {
	c := newClinic(t)
	r, err := intake.Import(t.Context(), fhir.NewReader(strings.NewReader(obs("a", "2026-03-01T10:00:00Z", "60")+patient("b", "R", "F", "G", ""))), c.db, intake.Options{Now: now})
	if err != nil {
		t.Fatal(err)
	}
	wantCounts(t, r, 0, 0, 0, 2)
	if n := one[int](c, `SELECT count(*) FROM health.person`); n != 0 {
		t.Errorf("%d persons were made", n)
	}
}

func TestSyntheticOption(t *testing.T) {
	c := newClinic(t)
	c.load(obs("real", "2026-03-01T10:00:00Z", "60"))
	r, err := intake.Import(t.Context(), fhir.NewReader(strings.NewReader(obs("made-up", "2026-03-01T10:00:00Z", "60")+obs("real", "2026-03-01T11:00:00Z", "60"))), c.db,
		intake.Options{Now: now, CreatePersons: true, Synthetic: true})
	if err != nil {
		t.Fatal(err)
	}
	wantCounts(t, r, 1, 0, 0, 1)
	if !one[bool](c, `SELECT synthetic FROM health.person WHERE id = $1`, int64(c.person("made-up"))) {
		t.Error("the person is not marked as synthetic")
	}
}

func TestReadsEndWithTheRequest(t *testing.T) {
	c := newClinic(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := c.db.EventPage(ctx, access.One(1), health.EventFilter{Person: 1}); !errors.Is(err, context.Canceled) {
		t.Errorf("a cancelled read: %v", err)
	}
	if _, err := c.db.Patients(ctx, 1, health.PatientFilter{}); !errors.Is(err, context.Canceled) {
		t.Errorf("a cancelled list: %v", err)
	}
}
