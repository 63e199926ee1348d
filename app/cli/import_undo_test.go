package cli_test

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// heartRates are Observations of a patient, one an hour.
func heartRates(patient, id string, values ...int) string {
	var b strings.Builder
	for i, v := range values {
		fmt.Fprintf(&b, `{"resourceType":"Observation","id":"%s%d","status":"final","code":{"coding":[{"system":"http://loinc.org","code":"8867-4"}]},`+
			`"subject":{"reference":"Patient/%s"},"effectiveDateTime":"2026-03-01T%02d:00:00Z","valueQuantity":{"value":%d,"code":"/min"}}`+"\n", id, i, patient, 10+i, v)
	}
	return b.String()
}

func (o *office) one(sql string, args ...any) string {
	o.t.Helper()
	conn, err := pgx.Connect(o.t.Context(), o.dsn)
	if err != nil {
		o.t.Fatal(err)
	}
	defer conn.Close(context.Background()) //nolint:errcheck // nothing is pending
	var text string
	if err := conn.QueryRow(o.t.Context(), sql, args...).Scan(&text); err != nil {
		o.t.Fatalf("%s: %v", sql, err)
	}
	return text
}

func TestImportUndoUsage(t *testing.T) {
	o := &office{t: t}
	o.run("import", "undo").want(t, 2, "id")
	o.run("import", "undo", "seven", "--yes").want(t, 2, "seven")
	o.run("import", "undo", "7").want(t, 2, "--dry-run", "--yes")
	o.run("import", "undo", "7", "--yes", "--dry-run").want(t, 2, "--dry-run", "--yes")
	o.run("import", "undo", "--help").want(t, 0, "Take back", "--dry-run")
}

func TestImportUndo(t *testing.T) {
	o := newOffice(t)
	o.run("import", "list").want(t, 0, "ID", "STATE")
	first := o.write("a.ndjson", heartRates("a", "x", 60, 61))
	o.run("import", "events", first, "--create-persons").want(t, 0).rows(t, "stored", "2")
	o.run("import", "events", o.write("b.ndjson", heartRates("a", "x", 60, 71, 72)), "--create-persons").want(t, 0).rows(t, "stored", "1", "repeated", "1", "corrected", "1")
	o.run("import", "list").want(t, 0, "fhir-ndjson", "finished")
	o.run("import", "undo", "1", "--dry-run").want(t, 1, "import 2 (1 observations)", "undo those first")
	o.run("import", "undo", "9", "--yes").want(t, 1, "undo import 9", "not found")
	o.run("import", "undo", "2", "--dry-run").want(t, 0, "import undo 2 (dry run, nothing was changed): 2 values taken away, 1 earlier ones current again")
	o.run("import", "undo", "2", "--yes").want(t, 0, "import undo 2: 2 values taken away, 1 earlier ones current again, 1 days counted anew\n")
	o.run("import", "undo", "2", "--yes").want(t, 1, "it was undone already, on ", " by ")
	r := o.run("import", "undo", "1", "--yes", "--json").want(t, 0)
	var report map[string]any
	if err := json.Unmarshal([]byte(r.out), &report); err != nil || report["rows"] != 2.0 || report["persons"] != 1.0 || report["empty_persons"] != 1.0 || report["import"] != 1.0 {
		t.Errorf("%v: %s", err, r.out)
	}
	var list []struct {
		ID       int64
		State    string
		Stored   int
		Undone   time.Time
		UndoneBy string         `json:"undone_by"`
		TookBack map[string]int `json:"took_back"`
	}
	if err := json.Unmarshal([]byte(o.run("import", "list", "--json").want(t, 0).out), &list); err != nil {
		t.Fatal(err)
	}
	if len(list) != 2 || list[0].ID != 2 || list[0].State != "undone" || list[0].UndoneBy == "" || list[0].Undone.IsZero() || list[0].TookBack["rows"] != 2 || list[1].Stored != 2 {
		t.Errorf("%+v", list)
	}
	o.run("import", "events", first, "--create-persons").want(t, 0).rows(t, "stored", "2", "repeated", "0")
	if got := o.one(`SELECT string_agg(outcome || ' ' || subject, ', ' ORDER BY at) FROM audit.entry WHERE kind = 'import.undo'`); got != "failed 9, done 2, failed 2, done 1" {
		t.Errorf("recorded %s", got)
	}
}

// Who repeated what is not recorded, so that the operator is told what to import again.
func TestImportUndoNamesRepetitions(t *testing.T) {
	o := newOffice(t)
	file := o.write("a.ndjson", heartRates("a", "x", 60))
	o.run("import", "events", file, "--create-persons").want(t, 0)
	o.run("import", "events", file).want(t, 0).rows(t, "repeated", "1")
	o.run("import", "undo", "1", "--yes").want(t, 0, "perhaps some of these: 2.", "1 persons that it made stay")
	o.run("import", "events", file).want(t, 0).rows(t, "stored", "1")
}
