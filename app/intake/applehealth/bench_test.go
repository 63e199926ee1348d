package applehealth

import (
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"runtime"
	"testing"
	"time"
)

// generator writes an export of size bytes or a little more, shaped as a
// watch's: mostly heart rates with metadata, energy, steps and sleep. It holds
// one Record at a time, so that a test can read gigabytes from it.
type generator struct {
	size    int64
	left    []byte
	made    int64
	records int
	at      time.Time
	random  *rand.Rand
	done    bool
}

func newGenerator(size int64) *generator {
	g := &generator{size: size, at: time.Date(2016, 1, 1, 0, 0, 0, 0, time.UTC),
		random: rand.New(rand.NewPCG(1, 2))} //nolint:gosec // made-up values, the same each time
	g.left = []byte(xmlHead + doctype + "<HealthData locale=\"en_US\">\n <ExportDate value=\"2019-07-19 10:36:11 -0700\"/>\n" +
		` <Me HKCharacteristicTypeIdentifierDateOfBirth="1990-02-02" HKCharacteristicTypeIdentifierBiologicalSex="HKBiologicalSexMale"/>` + "\n")
	return g
}

func (g *generator) Read(p []byte) (int, error) {
	if len(g.left) == 0 {
		switch {
		case g.done:
			return 0, io.EOF
		case g.made >= g.size:
			g.done = true
			g.left = []byte("</HealthData>\n")
		default:
			g.record()
		}
	}
	n := copy(p, g.left)
	g.left = g.left[n:]
	g.made += int64(n)
	return n, nil
}

func (g *generator) record() {
	g.records++
	g.at = g.at.Add(61 * time.Second)
	start, end := g.at.Format("2006-01-02 15:04:05 -0700"), g.at.Add(time.Minute).Format("2006-01-02 15:04:05 -0700")
	const watch = ` sourceName="Ada’s Apple Watch" sourceVersion="4.3.1" device="&lt;&lt;HKDevice: 0x%x&gt;, name:Apple Watch, manufacturer:Apple Inc., model:Watch, hardware:Watch2,4, software:4.3.1&gt;"`
	source := fmt.Sprintf(watch, g.random.Uint32())
	switch r := g.random.IntN(100); {
	case r < 60:
		g.left = fmt.Appendf(g.left[:0], " <Record type=\"HKQuantityTypeIdentifierHeartRate\"%s unit=\"count/min\" creationDate=\"%s\" startDate=\"%s\" endDate=\"%s\" value=\"%d\">\n  <MetadataEntry key=\"HKMetadataKeyHeartRateMotionContext\" value=\"0\"/>\n </Record>\n", source, end, start, start, 50+g.random.IntN(100))
	case r < 85:
		g.left = fmt.Appendf(g.left[:0], " <Record type=\"HKQuantityTypeIdentifierActiveEnergyBurned\"%s unit=\"Cal\" creationDate=\"%s\" startDate=\"%s\" endDate=\"%s\" value=\"%.4f\"/>\n", source, end, start, end, g.random.Float64())
	case r < 95:
		g.left = fmt.Appendf(g.left[:0], " <Record type=\"HKQuantityTypeIdentifierStepCount\"%s unit=\"count\" creationDate=\"%s\" startDate=\"%s\" endDate=\"%s\" value=\"%d\"/>\n", source, end, start, end, g.random.IntN(200))
	default:
		g.left = fmt.Appendf(g.left[:0], " <Record type=\"HKCategoryTypeIdentifierSleepAnalysis\"%s creationDate=\"%s\" startDate=\"%s\" endDate=\"%s\" value=\"HKCategoryValueSleepAnalysisAsleepCore\"/>\n", source, end, start, end)
	}
}

// drain reads r to its end and counts Observations and Problems.
func drain(tb testing.TB, r *Reader) (observations, problems int) {
	tb.Helper()
	for {
		rec, err := r.Next()
		if errors.Is(err, io.EOF) {
			return observations, problems
		}
		if err != nil {
			tb.Fatal(err)
		}
		observations += len(rec.Observations)
		problems += len(rec.Problems)
	}
}

// The memory that is in use does not grow with the file.
func TestConstantMemory(t *testing.T) {
	used := func(size int64) uint64 {
		g := newGenerator(size)
		r := New(g)
		var most uint64
		for n := 0; ; n++ {
			_, err := r.Next()
			if errors.Is(err, io.EOF) {
				return most
			}
			if err != nil {
				t.Fatal(err)
			}
			if n%10_000 == 0 {
				runtime.GC()
				var m runtime.MemStats
				runtime.ReadMemStats(&m)
				most = max(most, m.HeapAlloc)
			}
		}
	}
	small := used(2 << 20)
	if large := used(16 << 20); large > small+2<<20 {
		t.Errorf("%d bytes in use with 16 MiB, %d with 2 MiB", large, small)
	}
}

// BenchmarkReader reads a generated export of 200 MB; the text is made
// beforehand, so that only the reading counts.
func BenchmarkReader(b *testing.B) {
	g := newGenerator(200_000_000)
	text, err := io.ReadAll(g)
	if err != nil {
		b.Fatal(err)
	}
	b.SetBytes(int64(len(text)))
	b.ReportAllocs()
	for b.Loop() {
		if n, problems := drain(b, New(bytesReader(text))); n != g.records || problems != 0 {
			b.Fatalf("%d Observations of %d, %d problems", n, g.records, problems)
		}
	}
	b.ReportMetric(float64(g.records)*float64(b.N)/b.Elapsed().Seconds(), "records/s")
}
