package cli_test

import (
	"archive/zip"
	"bytes"
	"os"
	"strings"
	"testing"
	"time"

	"healthportal/app/health"
	"healthportal/app/intake/portable"
)

// oneLine is an export of the portal with a heart rate of one person.
func oneLine(t *testing.T) string {
	t.Helper()
	var out bytes.Buffer
	w := portable.NewWriter(&out)
	row := portable.Row{Person: health.Identifier{System: health.SystemRecordNumber, Value: "R-1"}, Observation: &health.Observation{
		Metric: "heart_rate", CodeSystem: health.SystemLOINC, Code: "8867-4", EffectiveAt: time.Date(2026, 3, 1, 9, 0, 0, 0, time.UTC), HasOffset: true, OffsetMinutes: 60,
		Value: 61, HasValue: true, Unit: "/min", Status: health.Final, Source: "monitor",
	}}
	if err := w.Write(row); err != nil {
		t.Fatal(err)
	}
	if _, _, err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

// An export of the portal comes in whole, or says that it is cut.
func TestImportPortalNDJSON(t *testing.T) {
	o := newOffice(t)
	text := oneLine(t)
	file := o.write("export.ndjson", text)
	o.run("import", "events", file).want(t, 1, "the person is not known here").rows(t, "refused", "1")
	o.run("import", "events", "--create-persons", o.write("b.json", bundle())).want(t, 0)
	o.run("import", "events", file).want(t, 0, "portal-ndjson").rows(t, "stored", "1")
	o.run("import", "events", file).want(t, 0).rows(t, "repeated", "1")
	cut := text[:strings.LastIndex(strings.TrimSpace(text), "\n")+1]
	o.run("import", "events", o.write("cut.ndjson", cut)).want(t, 1, "1 row")
}

// A spreadsheet's file comes in by its columns' names, or by a mapping.
func TestImportCSV(t *testing.T) {
	o := newOffice(t)
	o.run("import", "events", "--create-persons", o.write("b.json", bundle())).want(t, 0)
	plain := o.write("plain.csv", "effective,metric,value,unit\n2026-03-01T10:00:00+01:00,heart_rate,61,/min\n2026-03-01 11:00,heart_rate,62,/min\n")
	o.run("import", "events", plain).want(t, 1, "name the person with --person").rows(t, "stored", "0")
	o.run("import", "events", "--person", "R-1", plain).want(t, 1, "line 3: ", "zone").rows(t, "stored", "1", "refused", "1")
	o.run("import", "events", "--person", "R-1", "--zone", "Europe/Berlin", plain).want(t, 0).rows(t, "stored", "1", "repeated", "1")

	german := o.write("puls.csv", "Zeit;Puls;Bemerkung\n2026-03-02 10:00;61,5;ruhig\n")
	o.run("import", "events", "--person", "R-1", german).want(t, 1, "names no known column")
	mapping := o.write("puls.yaml", "columns: {Zeit: effective, Puls: value}\nignore: [Bemerkung]\nconstants: {metric: heart_rate, unit: /min}\nzone: Europe/Berlin\ndecimal_comma: true\n")
	o.run("import", "events", "--person", "R-1", "--mapping", mapping, german).want(t, 0).rows(t, "stored", "1")
	flags := []string{"import", "events", "--person", "R-1", "--zone", "Europe/Berlin", "--map", "Zeit=effective", "--map", "Puls=value", "--map", "Bemerkung=-", "--set", "metric=heart_rate", "--set", "unit=/min"}
	o.run(append(flags, o.write("punkt.csv", "Zeit;Puls;Bemerkung\n2026-03-03 10:00;61.5;ruhig\n"))...).want(t, 0).rows(t, "stored", "1")
	o.run(append(flags, "--map", "Puls=unit", german)...).want(t, 2, "mapped twice")
}

const appleExport = `<?xml version="1.0" encoding="UTF-8"?>
<HealthData locale="en_US">
 <ExportDate value="2026-03-04 10:36:11 +0100"/>
 <Me HKCharacteristicTypeIdentifierDateOfBirth="1980-01-02" HKCharacteristicTypeIdentifierBiologicalSex="HKBiologicalSexFemale"/>
 <Record type="HKQuantityTypeIdentifierOxygenSaturation" sourceName="Watch" device="&lt;&lt;HKDevice: 0x282a45810&gt;, name:Apple Watch&gt;" unit="%" startDate="2026-03-01 02:28:55 +0100" endDate="2026-03-01 02:28:55 +0100" value="0.97"/>
 <Record type="HKQuantityTypeIdentifierBodyMass" sourceName="Scale" unit="lb" startDate="2026-03-01 07:00:00 +0100" endDate="2026-03-01 07:00:00 +0100" value="150"/>
 <Workout workoutActivityType="HKWorkoutActivityTypeWalking" duration="20"/>
</HealthData>
`

// The Health app's export comes in for the person who is named, whom it must not contradict.
func TestImportAppleHealth(t *testing.T) {
	o := newOffice(t)
	o.run("import", "events", "--create-persons", o.write("b.json", bundle())).want(t, 0)
	export := o.write("export.xml", appleExport)
	o.run("import", "events", "--person", "R-1", export).want(t, 0, "apple-health", "Workout 1").rows(t, "stored", "2", "left out", "1")
	o.run("import", "events", "--person", "R-1", o.zip("export.zip", "apple_health_export/export.xml", appleExport)).want(t, 0).rows(t, "repeated", "2")
	other := o.write("other.xml", strings.Replace(appleExport, "1980-01-02", "1981-01-02", 1))
	r := o.run("import", "events", "--person", "R-1", other).want(t, 1, "nothing was stored")
	if strings.Contains(r.errOut, "1981") || strings.Contains(r.errOut, "1980") {
		t.Errorf("the message repeats a birth date: %s", r.errOut)
	}
	o.run("import", "events", "--person", "R-1", o.write("cut.xml", appleExport[:len(appleExport)-40])).want(t, 1, "it was cut off")
	o.run("import", "list").want(t, 0, "cut off", "Cut off before the end of the file: ", "import the same file again", "portal import undo ID")
	o.run("import", "list", "--json").want(t, 0, `"state": "cut off"`)
}

// zip writes a zip with one entry and returns its path.
func (o *office) zip(name, entry, text string) string {
	o.t.Helper()
	var out bytes.Buffer
	w := zip.NewWriter(&out)
	e, err := w.Create(entry)
	if err == nil {
		_, err = e.Write([]byte(text))
	}
	if err == nil {
		err = w.Close()
	}
	if err != nil {
		o.t.Fatal(err)
	}
	path := o.write(name, "")
	if err := os.WriteFile(path, out.Bytes(), 0o600); err != nil {
		o.t.Fatal(err)
	}
	return path
}
