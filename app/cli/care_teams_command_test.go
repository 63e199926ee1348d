package cli_test

import (
	"encoding/json"
	"strings"
	"testing"
)

// teamOffice has the patients R-1 (FHIR id a) and the users m.weber and k.klein.
func teamOffice(t *testing.T) *office {
	t.Helper()
	o := newOffice(t)
	o.run("user", "add", "m.weber", "--role", "clinician").want(t, 0)
	o.run("user", "add", "k.klein", "--role", "clinician").want(t, 0)
	o.run("import", "events", "--create-persons", o.write("b.json", bundle(line("1", "60")))).want(t, 0)
	return o
}

// seen are the patients whom a user sees now, by record number.
func (o *office) seen(user string) string {
	o.t.Helper()
	return o.one(`SELECT coalesce(string_agg(p.record_number, ' ' ORDER BY p.record_number), '')
		FROM auth.user_account u, LATERAL auth.persons_of(u.id) AS of (id) JOIN health.person p ON p.id = of.id WHERE u.name = $1`, user)
}

// A care team's file decides who sees whom: what it says is done once, and shown by a dry run before.
func TestImportCareTeams(t *testing.T) {
	o := teamOffice(t)
	file := o.write("teams.csv", "team,user,record_number,from,to\nWard 7,m.weber,,2020-01-01,\nWard 7,,R-1,2020-01-01,\nWard 7,k.klein,,2020-01-01,2020-12-31\n")
	o.run("import", "care-teams", file, "--dry-run").want(t, 0, "import care-teams (dry run, nothing was stored): 3 memberships read: 3 added", "new care team: Ward 7")
	if got := o.seen("m.weber"); got != "" {
		t.Fatalf("after a dry run m.weber sees %q", got)
	}
	o.run("import", "care-teams", file).want(t, 0, "import care-teams: 3 memberships read: 3 added, 0 changed, 0 unchanged, 0 refused", "new care team: Ward 7")
	if w, k := o.seen("m.weber"), o.seen("k.klein"); w != "R-1" || k != "" {
		t.Errorf("m.weber sees %q, k.klein, whose time is over, %q", w, k)
	}
	r := o.run("import", "care-teams", file).want(t, 0, "0 added, 0 changed, 3 unchanged")
	if strings.Contains(r.errOut, "new care team") {
		t.Errorf("the team is new again: %s", r.errOut)
	}
	// An end in the past takes the patients away.
	o.run("import", "care-teams", o.write("end.csv", "team,user,record_number,from,to\nWard 7,m.weber,,2020-01-01,2021-01-01\n")).want(t, 0, "0 added, 1 changed")
	if got := o.seen("m.weber"); got != "" {
		t.Errorf("m.weber, whose time is over, sees %q", got)
	}
}

// Refused lines are named with their line, the others are stored, and nobody is made or guessed.
func TestImportCareTeamsRefusals(t *testing.T) {
	o := teamOffice(t)
	text := strings.Join([]string{
		"team,user,record_number,from,to",
		"Ward 7,m.weber,,2020-01-01,",           // 2
		"Ward 7,n.nobody,,2020-01-01,",          // 3: unknown
		"Ward 7,,R-2,2020-01-01,",               // 4: unknown
		"Ward 7,,r-1,2020-01-01,",               // 5: numbers are exact
		"Ward 7,m.weber,R-1,2020-01-01,",        // 6: both
		"Ward 7,,,2020-01-01,",                  // 7: neither
		"Ward 7,k.klein,,01.02.2020,",           // 8: order of day and month
		"Ward 7,k.klein,,2020-02-30,",           // 9: no day
		"Ward 7,k.klein,,2021-01-01,2020-01-01", // 10: backwards
		"Ward 7,m.weber,,2020-06-01,",           // 11: overlaps line 2
		",k.klein,,2020-01-01,",                 // 12: no team
		"Ward 7,k.klein,2020-01-01,",            // 13: too few cells
		"Ward 7,,R-1,2020-01-01,",               // 14
	}, "\n")
	file := o.write("teams.csv", text)
	r := o.run("import", "care-teams", file).want(t, 1, "13 memberships read: 2 added, 0 changed, 0 unchanged, 11 refused")
	for _, n := range []string{"3", "4", "5", "6", "7", "8", "9", "10", "11", "12", "13"} {
		if strings.Count(r.errOut, "line "+n+": ") != 1 {
			t.Errorf("line %s is not named once: %s", n, r.errOut)
		}
	}
	if got := o.seen("m.weber"); got != "R-1" {
		t.Errorf("m.weber sees %q", got)
	}
	if got := o.one(`SELECT count(*)::text FROM auth.user_account`); got != "2" {
		t.Errorf("%s users", got)
	}
	if got := o.one(`SELECT count(*)::text FROM health.person`); got != "1" {
		t.Errorf("%s patients", got)
	}
	var report struct {
		Read, Refused, Unchanged int
		Problems                 []struct {
			Line   int
			Reason string
		}
	}
	r = o.run("import", "care-teams", file, "--json").want(t, 1)
	if err := json.Unmarshal([]byte(r.out), &report); err != nil || report.Read != 13 || report.Refused != 11 || report.Unchanged != 2 || len(report.Problems) != 11 || report.Problems[0].Line != 3 {
		t.Errorf("%+v, %v\n%s", report, err, r.out)
	}
}

// Files that can't be taken as a whole change nothing, not even by their good lines.
func TestImportCareTeamsFromBadFiles(t *testing.T) {
	o := teamOffice(t)
	const good = "Ward 7,m.weber,,2020-01-01,\nWard 7,,R-1,2020-01-01,\n"
	for name, tt := range map[string]struct{ file, text, says string }{
		"empty":             {"t.csv", "", "the file is empty"},
		"no header":         {"t.csv", good, "unknown column"},
		"another column":    {"t.csv", "team,user,record_number,from,to,note\n" + good, `unknown column "note"`},
		"a column twice":    {"t.csv", "team,user,user,from,to\n" + good, "stands twice"},
		"Latin-1":           {"t.csv", "team,user,record_number,from,to\nStation \xdc,m.weber,,2020-01-01,\n" + good, "not UTF-8"},
		"an endless quote":  {"t.csv", "team,user,record_number,from,to\n" + good + "\"Ward 7,m.weber,,2020-01-01,\n", "not CSV"},
		"damaged JSON":      {"t.json", `{"resourceType":"CareTeam",`, "not FHIR JSON"},
		"no CareTeam":       {"t.ndjson", `{"resourceType":"Patient","id":"a"}`, "no CareTeam"},
		"an unknown ending": {"t.xlsx", good, "--format csv or --format fhir"},
	} {
		t.Run(name, func(t *testing.T) {
			code := 1
			if name == "an unknown ending" {
				code = 2
			}
			r := o.run("import", "care-teams", o.write(tt.file, tt.text)).want(t, code, tt.says)
			if strings.Contains(r.out, "import care-teams:") {
				t.Errorf("a report of a file that was not taken: %s", r.out)
			}
		})
	}
	o.run("import", "care-teams", o.dir+"/nowhere.csv").want(t, 1, "nowhere.csv")
	if got := o.one(`SELECT count(*)::text FROM auth.care_team`); got != "0" {
		t.Errorf("%s care teams were made", got)
	}
	if w := o.seen("m.weber"); w != "" {
		t.Errorf("m.weber sees %q", w)
	}
}

// FHIR says the same as CSV, also from standard input.
func TestImportCareTeamsFromFHIR(t *testing.T) {
	o := teamOffice(t)
	const team = `{"resourceType":"CareTeam","status":"active","name":"Ward 7","subject":{"reference":"Patient/a"},"period":{"start":"2020-01-01"},` +
		`"participant":[{"member":{"type":"Practitioner","identifier":{"system":"urn:health-portal:user","value":"m.weber"}}},{"member":{"reference":"RelatedPerson/x"}}]}`
	run(t.Context(), o.env, team, "import", "care-teams", "-").want(t, 2, "--format")
	run(t.Context(), o.env, team, "import", "care-teams", "-", "--format", "fhir").want(t, 0, "2 memberships read: 2 added", "1 participants who are neither staff nor patients left out")
	if got := o.seen("m.weber"); got != "R-1" {
		t.Errorf("m.weber sees %q", got)
	}
}
