package postgres_test

import (
	"encoding/json"
	"errors"
	"io/fs"
	"maps"
	"math"
	"os"
	osexec "os/exec"
	"path/filepath"
	"testing"

	"healthportal/app/intake"
	"healthportal/app/intake/detect"
	"healthportal/app/intake/fhir"
)

// countByJQ counts a file by other means than the portal's: per code the values,
// the numbers among them and their sum; and the resources by type.
const countByJQ = `
	[inputs | if .resourceType == "Bundle" then .entry[].resource else . end] as $all
	| {
	    types: ($all | group_by(.resourceType) | map({key: .[0].resourceType, value: length}) | from_entries),
	    codes: ([$all[] | select(.resourceType == "Observation")
	        | (.component // [])[], (if any(keys[]; startswith("value")) then . else empty end)
	        | {code: .code.coding[0].code, number: .valueQuantity.value}]
	      | group_by(.code)
	      | map({key: .[0].code, value: {values: length, numbers: map(select(.number != null)) | length, sum: (map(.number // 0) | add)}})
	      | from_entries)
	  }`

type codeCount struct {
	Values, Numbers int
	Sum             float64
}

type fileCount struct {
	Types map[string]int
	Codes map[string]codeCount
}

func jqCount(t *testing.T, file string) fileCount {
	t.Helper()
	out, err := osexec.CommandContext(t.Context(), "jq", "-n", countByJQ, file).Output()
	if err != nil {
		t.Fatalf("jq (task test installs it): %v", err)
	}
	var c fileCount
	if err := json.Unmarshal(out, &c); err != nil {
		t.Fatal(err)
	}
	return c
}

// Every FHIR file of real tools, entry for entry and number for number.
func TestRealFilesAgainstJQ(t *testing.T) {
	const folder = "../../../shared/fixtures/health"
	if _, err := os.Stat(folder); errors.Is(err, fs.ErrNotExist) {
		t.Skip("the shared fixtures are not here: ../shared/fixtures")
	}
	for _, name := range []string{"Observation.ndjson", "DiagnosticReport-new.ndjson",
		"Alfonzo975_Hickle134_cd3d3588-94fc-b980-9e94-0390d989d921.json", "Dino214_Parisian75_40d82b80-b682-cd8b-da6d-396809878641.json"} {
		t.Run(name, func(t *testing.T) {
			file := filepath.Join(folder, name)
			want := jqCount(t, file)
			c := newClinic(t)
			first, again := c.importFile(file), c.importFile(file)
			values := 0
			for _, code := range want.Codes {
				values += code.Values
			}
			wantCounts(t, first, values, 0, 0, 0)
			wantCounts(t, again, 0, values, 0, 0)
			lines := 0
			for _, n := range want.Types {
				lines += n
			}
			others := maps.Clone(want.Types)
			maps.DeleteFunc(others, func(kind string, _ int) bool { return kind == "Observation" || kind == "Patient" })
			if first.Lines != lines || first.Persons != want.Types["Patient"] || !maps.Equal(first.LeftOut, others) {
				t.Errorf("%s, left out %v; jq counts %v", first.Summary(), first.LeftOut, want.Types)
			}
			c.compareCodes(want.Codes)
			c.checkRollup()
		})
	}
}

func (c *clinic) importFile(name string) intake.Report {
	c.t.Helper()
	f, err := os.Open(name)
	if err != nil {
		c.t.Fatal(err)
	}
	defer f.Close() //nolint:errcheck // read only
	info, err := f.Stat()
	if err != nil {
		c.t.Fatal(err)
	}
	var src intake.Source = fhir.NewReader(f)
	if format, _, err := detect.File(f, info.Size()); err != nil {
		c.t.Fatal(err)
	} else if format == detect.FHIRBundle {
		src = fhir.NewBundle(f)
	}
	r, err := intake.Import(c.t.Context(), src, c.db, intake.Options{CreatePersons: true, Team: "Team", Now: now, BatchSize: 100})
	if err != nil {
		c.t.Fatal(err)
	}
	return r
}

func (c *clinic) compareCodes(want map[string]codeCount) {
	c.t.Helper()
	// orig_value holds the source's digits where the number is written otherwise, or in another unit.
	rows, err := c.conn.Query(c.t.Context(), `
		SELECT code, count(*), count(value), coalesce(sum(CASE WHEN value IS NOT NULL THEN coalesce(orig_value::float8, value) END), 0)
		FROM health.event WHERE superseded_at IS NULL GROUP BY code`)
	if err != nil {
		c.t.Fatal(err)
	}
	defer rows.Close()
	seen := 0
	for rows.Next() {
		var code string
		var got codeCount
		if err := rows.Scan(&code, &got.Values, &got.Numbers, &got.Sum); err != nil {
			c.t.Fatal(err)
		}
		seen++
		w := want[code]
		// Sums of floats depend on their order in the last digits.
		if got.Values != w.Values || got.Numbers != w.Numbers || math.Abs(got.Sum-w.Sum) > 1e-12*math.Abs(w.Sum) {
			c.t.Errorf("code %s: %+v, jq says %+v", code, got, w)
		}
	}
	if err := rows.Err(); err != nil || seen != len(want) {
		c.t.Errorf("%d codes of %d, %v", seen, len(want), err)
	}
}
