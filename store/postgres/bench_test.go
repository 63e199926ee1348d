package postgres_test

import (
	"bytes"
	"fmt"
	"testing"
	"time"

	"healthportal/app/access"
	"healthportal/app/health"
	"healthportal/app/intake"
	"healthportal/app/intake/fhir"
	"healthportal/store/postgres"
	"healthportal/store/storetest"
)

// wearable writes n heart rates of each of several persons, one every ten minutes.
func wearable(persons, n int) []byte {
	var b bytes.Buffer
	start := time.Date(2024, 3, 1, 0, 0, 0, 0, time.UTC)
	for p := range persons {
		for i := range n {
			at := start.Add(time.Duration(i) * 10 * time.Minute).Format(time.RFC3339)
			fmt.Fprintf(&b, `{"resourceType":"Observation","id":"hr-%d-%d","status":"final","code":{"coding":[{"system":"http://loinc.org","code":"8867-4","display":"Heart rate"}]},"subject":{"reference":"Patient/p%d"},"effectiveDateTime":"%s","valueQuantity":{"value":%d.%d,"unit":"/min","system":"http://unitsofmeasure.org","code":"/min"},"device":{"display":"Wrist sensor"}}`+"\n",
				p, i, p, at, 50+i%60, i%10)
		}
	}
	return b.Bytes()
}

// BenchmarkImport measures reading and storing together, per event.
func BenchmarkImport(b *testing.B) {
	test := storetest.Open(b)
	db, err := postgres.Open(b.Context(), test.DSN())
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(db.Close)
	file := wearable(10, max(1, b.N/10))
	b.SetBytes(int64(len(file) / b.N))
	b.ResetTimer()
	r, err := intake.Import(b.Context(), fhir.NewReader(bytes.NewReader(file)), db, intake.Options{CreatePersons: true, Now: now})
	if err != nil {
		b.Fatal(err)
	}
	if r.Refused > 0 {
		b.Fatal(r.Summary())
	}
}

// BenchmarkRead measures the reading alone, per event.
func BenchmarkRead(b *testing.B) {
	file := wearable(1, b.N)
	b.SetBytes(int64(len(file) / b.N))
	b.ReportAllocs()
	b.ResetTimer()
	r := fhir.NewReader(bytes.NewReader(file))
	for range b.N {
		if rec, err := r.Next(); err != nil || len(rec.Observations) != 1 {
			b.Fatal(rec.Problems, err)
		}
	}
}

// BenchmarkReads measures what one page of a person with a year of data asks for.
func BenchmarkReads(b *testing.B) {
	test := storetest.Open(b)
	db, err := postgres.Open(b.Context(), test.DSN())
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(db.Close)
	if _, err := intake.Import(b.Context(), fhir.NewReader(bytes.NewReader(wearable(2, 50_000))), db, intake.Options{CreatePersons: true, Now: now}); err != nil {
		b.Fatal(err)
	}
	scope := access.One(1)
	middle := &health.Cursor{At: time.Date(2024, 9, 1, 0, 0, 0, 0, time.UTC), ID: 1}
	month := health.Day{Year: 2024, Month: time.September, Dom: 1}
	for name, read := range map[string]func() error{
		"first page": func() error { _, err := db.EventPage(b.Context(), scope, health.EventFilter{Person: 1}); return err },
		"deep page": func() error {
			_, err := db.EventPage(b.Context(), scope, health.EventFilter{Person: 1, After: middle})
			return err
		},
		"one day": func() error {
			_, err := db.EventPage(b.Context(), scope, health.EventFilter{Person: 1, Metric: "heart_rate", From: month, To: month})
			return err
		},
		"metrics": func() error { _, err := db.PersonMetrics(b.Context(), scope, 1); return err },
		"month": func() error {
			_, err := db.Series(b.Context(), scope, 1, "heart_rate", days(month, month.AddDays(30)))
			return err
		},
	} {
		b.Run(name, func(b *testing.B) {
			for range b.N {
				if err := read(); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
