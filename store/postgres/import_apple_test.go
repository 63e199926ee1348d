package postgres_test

import (
	"errors"
	"io/fs"
	"math"
	"os"
	osexec "os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"healthportal/app/health"
	"healthportal/app/intake"
	"healthportal/app/intake/applehealth"
)

// xpath asks xmllint, which is none of the portal's parsers.
func xpath(t *testing.T, file, expression string) string {
	t.Helper()
	out, err := osexec.CommandContext(t.Context(), "xmllint", "--xpath", expression, file).Output()
	if err != nil {
		t.Fatalf("xmllint (task test installs it): %v", err)
	}
	return strings.TrimSpace(string(out))
}

func xpathNumber(t *testing.T, file, expression string) float64 {
	t.Helper()
	n, err := strconv.ParseFloat(xpath(t, file, expression), 64)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// Exports of the Health app, number for number.
func TestRealAppleExportsAgainstXMLLint(t *testing.T) {
	const folder = "../../../shared/fixtures/health"
	if _, err := os.Stat(folder); errors.Is(err, fs.ErrNotExist) {
		t.Skip("the shared fixtures are not here: ../shared/fixtures")
	}
	for _, name := range []string{"apple.export.xml", "apple_health_export/export.xml"} {
		t.Run(name, func(t *testing.T) {
			file := filepath.Join(folder, name)
			c := newClinic(t)
			owner := health.Identifier{System: health.SystemRecordNumber, Value: "R-1"}
			c.importApple(file, patient("a", "R-1", "F", "G", xpath(t, file, "string(//Me/@HKCharacteristicTypeIdentifierDateOfBirth)")), owner)
			rows, err := c.conn.Query(t.Context(), `SELECT code, count(*), sum(coalesce(orig_value::float8, value)) FROM health.event GROUP BY code`)
			if err != nil {
				t.Fatal(err)
			}
			defer rows.Close()
			seen := 0.0
			for rows.Next() {
				var code string
				var n, sum float64
				if err := rows.Scan(&code, &n, &sum); err != nil {
					t.Fatal(err)
				}
				of := `//Record[@type="` + code + `"]`
				wantN, wantSum := xpathNumber(t, file, "count("+of+")"), xpathNumber(t, file, "sum("+of+"/@value)")
				if n != wantN || math.Abs(sum-wantSum) > 1e-9 {
					t.Errorf("%s: %g values, sum %g; xmllint says %g, %g", code, n, sum, wantN, wantSum)
				}
				seen += n
			}
			if all := xpathNumber(t, file, "count(//Record)"); rows.Err() != nil || seen != all || all == 0 {
				t.Errorf("%g of %g records, %v", seen, all, rows.Err())
			}
			c.checkRollup()
		})
	}
}

// importApple stores a person and then the file as theirs, twice.
func (c *clinic) importApple(file, person string, owner health.Identifier) {
	c.t.Helper()
	c.load(person)
	for range 2 {
		f, err := os.Open(file)
		if err != nil {
			c.t.Fatal(err)
		}
		r, err := intake.Import(c.t.Context(), applehealth.New(f), c.db, intake.Options{Person: owner, Now: now})
		if err := errors.Join(err, f.Close()); err != nil || r.Refused != 0 {
			c.t.Fatalf("%s, problems %v, %v", r.Summary(), r.Problems, err)
		}
	}
}
