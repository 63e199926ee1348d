package cli_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Everything that came in goes into another, empty portal and comes out again,
// byte for byte; and so once more.
func TestRoundTripBetweenPortals(t *testing.T) {
	here, there := newOffice(t), newOffice(t)
	here.run("import", "events", "--create-persons", here.write("b.json", bundle(line("1", "60"), line("2", "72.50")))).want(t, 0)
	here.run("import", "events", "--person", "R-1", here.write("export.xml", appleExport)).want(t, 0)
	here.run("import", "events", "--person", "R-1", "--zone", "Europe/Berlin",
		here.write("x.csv", "effective,metric,value,unit,text,external_id\n2026-03-29 01:59,glucose,5.40,mmol/L,,g1\n2026-03-29,csv:mood,,,\"gut, sehr\",\n2026-03-29 03:00,glucose,<2,mg/dL,,g2\n")).want(t, 0)
	// What the source said of the time of a change moves along, so that the other portal orders versions as this one does.
	dated := func(value, updated string) string {
		return strings.Replace(line("3", value), `"id":"3"`, `"id":"3","meta":{"lastUpdated":"`+updated+`"}`, 1)
	}
	here.run("import", "events", here.write("dated.ndjson", dated("64", "2026-03-29T12:00:00.1234567+02:00"))).want(t, 0)
	const folder = "../../../shared/fixtures/health"
	if _, err := os.Stat(folder); err == nil {
		here.run("import", "events", "--create-persons", filepath.Join(folder, "Observation.ndjson")).want(t, 0)
	} else if !errors.Is(err, fs.ErrNotExist) {
		t.Fatal(err)
	}
	first := here.run("export", "--all").want(t, 0).out
	r := there.run("import", "events", "--create-persons", there.write("moved.ndjson", first)).want(t, 0, "portal-ndjson")
	if n := strings.Count(first, `"effective":`); n < 7 || strings.Count(first, "\n") < n {
		t.Fatalf("%d lines of events, %s", n, r.out)
	}
	older := dated("63", "2026-03-28T12:00:00Z")
	there.run("import", "events", there.write("older.ndjson", older)).want(t, 0, "older than what was known").rows(t, "outdated", "1", "corrected", "0")
	there.run("import", "list").want(t, 0, "OUTDATED")
	there.run("import", "list", "--json").want(t, 0, `"outdated": 1`)
	second := there.run("export", "--all").want(t, 0).out
	if !strings.Contains(first, `"updated":"2026-03-29T10:00:00.123456Z"`) {
		t.Error("the export does not say when the source changed a value")
	}
	if first != second {
		a, b := strings.Split(first, "\n"), strings.Split(second, "\n")
		for i := range min(len(a), len(b)) {
			if a[i] != b[i] {
				t.Fatalf("line %d of %d and %d:\n%s\n%s", i+1, len(a), len(b), a[i], b[i])
			}
		}
		t.Fatalf("%d lines became %d", len(a), len(b))
	}
	there.run("import", "events", there.write("again.ndjson", second)).want(t, 0).rows(t, "stored", "0", "corrected", "0", "refused", "0")
}
