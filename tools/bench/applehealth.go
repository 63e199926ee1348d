package main

import (
	"bufio"
	"fmt"
	"io"
	"math/rand/v2"
	"path/filepath"
	"time"
)

// appleSeed makes every run's export the same.
const appleSeed = 7

// appleStep is the time between two Records: two years hold a million.
const appleStep = 61 * time.Second

func (p *place) appleFile() string { return filepath.Join(p.dir, "export.xml") }

// writeApple writes an export of Apple Health with n Records, shaped as a
// watch's: mostly heart rates with metadata, energy, steps, and sleep. Nobody is
// described, so that it can be anybody's.
func writeApple(out io.Writer, n int) error {
	w := bufio.NewWriterSize(out, 1<<20)
	random := rand.New(rand.NewPCG(appleSeed, appleSeed)) //nolint:gosec // made-up values, the same each time
	fmt.Fprint(w, `<?xml version="1.0" encoding="UTF-8"?>`+"\n"+`<HealthData locale="en_US">`+"\n"+` <ExportDate value="2026-11-22 10:36:11 +0100"/>`+"\n")
	at := time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC).Add(-time.Duration(n) * appleStep)
	for range n {
		at = at.Add(appleStep)
		start, end := at.Format("2006-01-02 15:04:05 -0700"), at.Add(time.Minute).Format("2006-01-02 15:04:05 -0700")
		source := fmt.Sprintf(` sourceName="Apple Watch" sourceVersion="10.3.1" device="&lt;&lt;HKDevice: 0x%x&gt;, name:Apple Watch, manufacturer:Apple Inc., model:Watch, hardware:Watch6,4, software:10.3.1&gt;"`, random.Uint32())
		switch kind := random.IntN(100); {
		case kind < 60:
			fmt.Fprintf(w, " <Record type=\"HKQuantityTypeIdentifierHeartRate\"%s unit=\"count/min\" creationDate=\"%s\" startDate=\"%s\" endDate=\"%s\" value=\"%d\">\n  <MetadataEntry key=\"HKMetadataKeyHeartRateMotionContext\" value=\"0\"/>\n </Record>\n",
				source, end, start, start, 50+random.IntN(100))
		case kind < 85:
			fmt.Fprintf(w, " <Record type=\"HKQuantityTypeIdentifierActiveEnergyBurned\"%s unit=\"kcal\" creationDate=\"%s\" startDate=\"%s\" endDate=\"%s\" value=\"%.4f\"/>\n",
				source, end, start, end, random.Float64())
		case kind < 95:
			fmt.Fprintf(w, " <Record type=\"HKQuantityTypeIdentifierStepCount\"%s unit=\"count\" creationDate=\"%s\" startDate=\"%s\" endDate=\"%s\" value=\"%d\"/>\n",
				source, end, start, end, random.IntN(200))
		default:
			fmt.Fprintf(w, " <Record type=\"HKCategoryTypeIdentifierSleepAnalysis\"%s creationDate=\"%s\" startDate=\"%s\" endDate=\"%s\" value=\"HKCategoryValueSleepAnalysisAsleepCore\"/>\n",
				source, end, start, end)
		}
	}
	fmt.Fprint(w, "</HealthData>\n")
	if err := w.Flush(); err != nil {
		return fmt.Errorf("write the export of Apple Health: %w", err)
	}
	return nil
}
