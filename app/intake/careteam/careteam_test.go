package careteam

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"healthportal/app/access"
	"healthportal/app/health"
)

// fakeTeams knows the user ada, and patients by record number MRN-1 and FHIR id p1.
type fakeTeams struct {
	got  []access.TeamLine
	dry  bool
	fail error
	seen map[string]bool
}

// ApplyTeamLine remembers the line.
func (f *fakeTeams) ApplyTeamLine(_ context.Context, line access.TeamLine, _ time.Time, dry bool) (access.Change, bool, error) {
	known := line.User == "ada" || line.RecordNumber == "MRN-1" || line.Patient == health.Identifier{System: health.SystemFHIR, Value: "p1"}
	switch {
	case f.fail != nil:
		return "", false, f.fail
	case line.Team == "Full":
		return "", false, access.ErrOverlap
	case !known:
		return "", false, fmt.Errorf("care team: %w", access.ErrNoMember)
	}
	f.got, f.dry = append(f.got, line), dry
	if f.seen == nil {
		f.seen = map[string]bool{}
	}
	key := line.Team + line.User + line.RecordNumber
	defer func() { f.seen[key], f.seen[line.Team] = true, true }()
	if f.seen[key] {
		return access.ChangeUnchanged, false, nil
	}
	return access.ChangeAdded, !f.seen[line.Team], nil
}

func berlin(t *testing.T) *time.Location {
	t.Helper()
	loc, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	return loc
}

func importing(t *testing.T, format Format, body string) (*fakeTeams, Report, error) {
	t.Helper()
	store := &fakeTeams{}
	report, err := Import(t.Context(), strings.NewReader(body), store,
		Options{Format: format, Site: berlin(t), Now: time.Date(2026, 4, 1, 12, 0, 0, 0, time.UTC)})
	return store, report, err
}

func TestCSV(t *testing.T) {
	store, report, err := importing(t, CSV, "\ufefffrom,to,team,user,record_number\r\n"+
		"2026-03-29,2026-03-29,Ward 7,ADA,\r\n"+
		"2026-03-29T08:00:00+02:00,,Ward 7,,MRN-1\r\n"+
		",,\"Ward, 8\",ada,\r\n"+
		",,Ward 7,ADA,\r\n")
	if err != nil {
		t.Fatal(err)
	}
	if got := report.Summary(); got != "4 memberships read: 3 added, 0 changed, 1 unchanged, 0 refused; 2 new teams" {
		t.Errorf("report %q", got)
	}
	// The day on which clocks go forward has 23 hours.
	first := store.got[0]
	if first.User != "ada" || first.From.Format(time.RFC3339) != "2026-03-28T23:00:00Z" || first.To.Format(time.RFC3339) != "2026-03-29T22:00:00Z" {
		t.Errorf("first line %+v", first)
	}
	if store.got[1].RecordNumber != "MRN-1" || store.got[1].From.Format(time.RFC3339) != "2026-03-29T06:00:00Z" || !store.got[1].To.IsZero() {
		t.Errorf("second line %+v", store.got[1])
	}
	if store.got[2].Team != "Ward, 8" {
		t.Errorf("third line %+v", store.got[2])
	}
}

func TestCSVLinesThatAreRefused(t *testing.T) {
	const head = "team,user,record_number,from,to\n"
	tests := []struct{ line, reason string }{
		{"Ward 7,nobody,,,", "no user is named \"nobody\""},
		{"Ward 7,,MRN-9,,", "no patient has this record number"},
		{"Ward 7,ada,MRN-1,,", "either user or record_number"},
		{"Ward 7,,,,", "either user or record_number"},
		{",ada,,,", "1 to 100 characters"},
		{strings.Repeat("x", 101) + ",ada,,,", "1 to 100 characters"},
		{"Ward 7,ada,,yesterday,", "from: \"yesterday\" is neither a day"},
		{"Ward 7,ada,,,2026-02-30", "to: \"2026-02-30\""},
		{"Ward 7,ada,,2026-03-29T08:00:00,", "with its zone"},
		{"Ward 7,ada,,2026-03-02,2026-02-01", "to is before from"},
		{"Ward 7,ada,,,1999-01-01", "to is before from"},
		{"Ward 7,ada,,0001-01-01T00:00:00Z,", "neither a day"},
		{"Full,ada,,,", "covers part of this time"},
		{"Ward 7,ada", "2 fields, the first line has 5"},
		{"Ward 7," + strings.Repeat("y", 300) + ",,,", "more than 256 bytes"},
		{"Ward 7,a\x00da,,,", "NUL"},
	}
	for _, tt := range tests {
		store, report, err := importing(t, CSV, head+"Ward 7,ada,,,\n"+tt.line+"\nWard 7,,MRN-1,,\n")
		if err != nil || report.Refused != 1 || report.Added != 2 || len(store.got) != 2 {
			t.Errorf("%q: %+v, %v; want one refused and both neighbours stored", tt.line, report, err)
			continue
		}
		if p := report.Problems[0]; p.Line != 3 || !strings.Contains(p.Reason, tt.reason) {
			t.Errorf("%q: %v, want %q", tt.line, p, tt.reason)
		}
	}
}

func TestFilesThatAreNone(t *testing.T) {
	tests := []struct {
		format     Format
		body, want string
	}{
		{CSV, "", "empty"},
		{CSV, "team;user\nWard;ada\n", "unknown column"},
		{CSV, "team,user,user\n", "stands twice"},
		{CSV, "team,from\n", "are needed"},
		{CSV, "team,user\n\"Ward,ada\n", "is not CSV"},
		{CSV, "team,user\nW\xe4rd,ada\n", "not UTF-8"},
		{FHIR, "", "no CareTeam"},
		{FHIR, "{", "is not FHIR JSON"},
		{FHIR, `{"resourceType":"Patient","id":"p1"}`, "no CareTeam"},
		{FHIR, "{\"resourceType\":\"\xff\"}", "not UTF-8"},
		{FHIR, `{"resourceType":"CareTeam","participant":7}`, "is not FHIR JSON"},
		{"xml", "<x/>", "unknown format"},
	}
	for _, tt := range tests {
		store, report, err := importing(t, tt.format, tt.body)
		if err == nil || !strings.Contains(err.Error(), tt.want) || len(store.got) != 0 || report.Read != 0 {
			t.Errorf("%s %q: %+v, %v; want an error with %q", tt.format, tt.body, report, err, tt.want)
		}
	}
}

func TestFailingStoreStopsTheImport(t *testing.T) {
	gone := errors.New("gone")
	_, err := Import(t.Context(), strings.NewReader("team,user\nWard 7,ada\n"), &fakeTeams{fail: gone},
		Options{Format: CSV, Site: time.UTC, Now: time.Now()})
	if !errors.Is(err, gone) || !strings.Contains(err.Error(), "line 2") {
		t.Errorf("= %v", err)
	}
}

func TestDryRun(t *testing.T) {
	store := &fakeTeams{}
	if _, err := Import(t.Context(), strings.NewReader("team,user\nWard 7,ada\n"), store, Options{Format: CSV, Site: time.UTC, DryRun: true}); err != nil || !store.dry {
		t.Errorf("dry %v, %v", store.dry, err)
	}
}

const bundle = `{"resourceType":"Bundle","entry":[
 {"fullUrl":"urn:uuid:1","resource":{"resourceType":"Practitioner","id":"d1","identifier":[{"system":"urn:npi","value":"99"},{"system":"urn:health-portal:user","value":"Ada"}]}},
 {"resource":{"resourceType":"PractitionerRole","id":"r1","practitioner":{"reference":"Practitioner/d1"}}},
 {"resource":{"resourceType":"RelatedPerson","id":"x"}},
 {"resource":{"resourceType":"CareTeam","status":"active","name":"Ward 7","period":{"start":"2026-01-01","end":"2026-12-31"},"subject":{"reference":"Patient/p1"},
  "participant":[
   {"member":{"reference":"urn:uuid:1"}},
   {"member":{"reference":"PractitionerRole/r1"},"period":{"start":"2026-02-01","end":"2027-06-01"}},
   {"member":{"type":"Practitioner","identifier":{"value":"ada"}}},
   {"member":{"reference":"RelatedPerson/x"}},
   {"member":{"reference":"Organization/o"}},
   {"member":{"reference":"Practitioner/missing"}},
   {}
 ]}}]}`

func TestFHIRBundle(t *testing.T) {
	store, report, err := importing(t, FHIR, bundle)
	if err != nil {
		t.Fatal(err)
	}
	if report.LeftOut != 2 || report.Refused != 2 || len(store.got) != 4 {
		t.Fatalf("report %+v, lines %+v", report, store.got)
	}
	if p := store.got[0]; p.Patient.Value != "p1" || p.Team != "Ward 7" || p.To.Format(time.RFC3339) != "2026-12-31T23:00:00Z" {
		t.Errorf("the patient's membership %+v", p)
	}
	if u := store.got[2]; u.User != "ada" || u.From.Format(time.RFC3339) != "2026-01-31T23:00:00Z" || u.To.Format(time.RFC3339) != "2026-12-31T23:00:00Z" {
		t.Errorf("a participant's time is not that within the team's: %+v", u)
	}
}

func TestFHIRProblems(t *testing.T) {
	tests := []struct{ team, reason string }{
		{`"status":"active","subject":{"reference":"Patient/p1"}`, "usable name"},
		{`"name":7,"status":"active"`, "usable name"},
		{`"name":"W","status":"entered-in-error"`, "only active and inactive"},
		{`"name":"W","status":"proposed"`, "only active and inactive"},
		{`"name":"W","status":"inactive"`, "has no end"},
		{`"name":"W","status":"active","period":{"start":"someday"}`, "period: start"},
		{`"name":"W","status":"active"`, "subject is missing"},
		{`"name":"W","status":"active","subject":{"reference":"Group/1"}`, "neither a reference"},
		{`"name":"W","status":"active","subject":{"identifier":{"value":"x"}}`, "neither a reference"},
		{`"name":"W","status":"active","subject":{"reference":"Patient/other"}`, "no patient has"},
		{`"name":"W","status":"active","subject":{"reference":"Patient/p1"},"participant":[{"member":{"identifier":{"value":"eve"}}}]`, "no user is named"},
		{`"name":"W","status":"active","subject":{"reference":"Patient/p1"},"participant":[{"member":{"identifier":{"value":"ada"}},"period":{"end":"x"}}]`, "period: end"},
	}
	for _, tt := range tests {
		_, report, err := importing(t, FHIR, `{"resourceType":"CareTeam",`+tt.team+"}\n")
		if err != nil || report.Refused != 1 || !strings.Contains(report.Problems[0].Reason, tt.reason) {
			t.Errorf("%s: %+v, %v; want %q", tt.team, report, err, tt.reason)
		}
	}
}

// Whatever a file holds: no panic, and every membership is accounted for.
func fuzz(f *testing.F, format Format) {
	f.Fuzz(func(t *testing.T, body string) {
		store := &fakeTeams{}
		r, err := Import(t.Context(), strings.NewReader(body), store, Options{Format: format, Site: time.UTC, Now: time.Now()})
		if r.Read != r.Added+r.Changed+r.Unchanged+r.Refused || len(r.Problems) != r.Refused {
			t.Errorf("%+v does not add up", r)
		}
		if err != nil && len(store.got) > 0 {
			t.Errorf("%v, after %d lines were applied", err, len(store.got))
		}
	})
}

func FuzzCSV(f *testing.F) {
	f.Add("team,user,record_number,from,to\nWard 7,ada,,2026-01-01,\n")
	f.Add("team,user\n\"Ward\n7\",ada\n")
	f.Add("\xef\xbb\xbfteam,record_number\r\n,\r\n")
	fuzz(f, CSV)
}

func FuzzFHIR(f *testing.F) {
	f.Add(bundle)
	f.Add(`{"resourceType":"CareTeam","name":"W","status":"active","subject":{"reference":"Patient/p1"}}`)
	f.Add(`{"resourceType":"Bundle","entry":[null,{}]}`)
	fuzz(f, FHIR)
}
