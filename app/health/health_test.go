package health

import (
	"encoding/hex"
	"errors"
	"math"
	"strings"
	"testing"
	"time"
)

func zone(t *testing.T, name string) *time.Location {
	t.Helper()
	loc, err := time.LoadLocation(name)
	if err != nil {
		t.Fatal(err)
	}
	return loc
}

func day(y int, m time.Month, d int) Day { return Day{y, m, d} }

func TestCatalogue(t *testing.T) {
	codes, loinc := map[string]bool{}, map[string]string{}
	for _, m := range Catalogue() {
		if m.Code == "" || m.Name == "" || m.Unit == "" || len(m.LOINC) == 0 || codes[m.Code] {
			t.Errorf("metric %+v is incomplete or stands twice", m)
		}
		codes[m.Code] = true
		if m.High != 0 && m.High <= m.Low {
			t.Errorf("%s: bounds %v to %v", m.Code, m.Low, m.High)
		}
		for _, c := range m.LOINC {
			if other, ok := loinc[c]; ok {
				t.Errorf("LOINC %s is both %s and %s", c, other, m.Code)
			}
			loinc[c] = m.Code
			if got, ok := ByLOINC(c); !ok || got.Code != m.Code {
				t.Errorf("ByLOINC(%s) = %s", c, got.Code)
			}
		}
	}
	if _, ok := ByLOINC("0-0"); ok {
		t.Error("an unknown code has a metric")
	}
	Catalogue()[0].Code = "changed"
	if Catalogue()[0].Code == "changed" {
		t.Error("the catalogue can be changed from outside")
	}
}

func TestDays(t *testing.T) {
	d := day(2024, 2, 28)
	for _, tt := range []struct{ got, want string }{
		{d.AddDays(1).String(), "2024-02-29"}, {d.AddDays(2).String(), "2024-03-01"}, {d.AddDays(-28).String(), "2024-01-31"},
		{d.FirstOfMonth().String(), "2024-02-01"}, {d.AddMonths(11).String(), "2025-01-01"}, {d.AddMonths(-2).String(), "2023-12-01"},
		{Day{}.String(), ""}, {DayOf(time.Date(2026, 3, 29, 23, 59, 0, 0, zone(t, "Asia/Tokyo"))).String(), "2026-03-29"},
	} {
		if tt.got != tt.want {
			t.Errorf("got %s, want %s", tt.got, tt.want)
		}
	}
	if n := d.DaysUntil(day(2025, 2, 28)); n != 366 {
		t.Errorf("a leap year has %d days", n)
	}
	if !d.Before(d.AddDays(1)) || d.Before(d) || !(Day{}).IsZero() || d.IsZero() {
		t.Error("comparison")
	}
	for s, ok := range map[string]bool{"2026-02-28": true, "2026-02-29": false, "2026-2-3": false, "": false, "2026-02-28T00:00:00Z": false, "28.02.2026": false} {
		if _, err := ParseDay(s); (err == nil) != ok {
			t.Errorf("ParseDay(%q): %v", s, err)
		}
	}
}

func TestDayStart(t *testing.T) {
	for _, tt := range []struct{ zone, day, want string }{
		{"UTC", "2026-03-29", "2026-03-29T00:00:00Z"},
		{"Europe/Berlin", "2026-03-29", "2026-03-28T23:00:00Z"},
		{"Europe/Berlin", "2026-10-25", "2026-10-24T22:00:00Z"},
		{"America/Santiago", "2026-09-06", "2026-09-06T04:00:00Z"}, // midnight does not exist
		{"Asia/Kolkata", "2026-01-01", "2025-12-31T18:30:00Z"},
	} {
		d, err := ParseDay(tt.day)
		if err != nil {
			t.Fatal(err)
		}
		start := d.Start(zone(t, tt.zone))
		if got := start.UTC().Format(time.RFC3339); got != tt.want || DayOf(start) != d || DayOf(start.Add(-time.Second)) != d.AddDays(-1) {
			t.Errorf("%s in %s begins at %s, want %s", tt.day, tt.zone, got, tt.want)
		}
	}
}

func TestCursors(t *testing.T) {
	for _, c := range []Cursor{
		{time.Date(2026, 3, 29, 1, 2, 3, 456_000, time.UTC), 42},
		{time.Date(1900, 1, 1, 0, 0, 0, 0, time.UTC), 1},
		{time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC), math.MaxInt64},
	} {
		got, err := ParseCursor(c.String())
		if err != nil || !got.At.Equal(c.At) || got.ID != c.ID {
			t.Errorf("%v came back as %v, %v", c, got, err)
		}
	}
	good := Cursor{time.Date(2026, 3, 29, 1, 2, 3, 0, time.UTC), 42}.String()
	for _, s := range []string{"", "x", good + "A", good[1:], strings.Repeat("A", 22), strings.Repeat("_", 22), "' OR 1=1 --", good[:21] + "="} {
		if _, err := ParseCursor(s); !errors.Is(err, ErrBadCursor) {
			t.Errorf("ParseCursor(%q): %v", s, err)
		}
	}
}

func FuzzParseCursor(f *testing.F) {
	f.Add(Cursor{time.Date(2026, 3, 29, 1, 2, 3, 0, time.UTC), 42}.String())
	f.Fuzz(func(t *testing.T, s string) {
		if c, err := ParseCursor(s); err == nil && c.String() != s {
			t.Errorf("%q and %q are the same cursor", s, c.String())
		}
	})
}

func TestFilters(t *testing.T) {
	for size, want := range map[int]int{0: DefaultPageSize, -5: DefaultPageSize, 1: 1, 200: 200, 100_000: MaxPageSize} {
		e, p := EventFilter{Size: size}, PatientFilter{Size: size}
		if err := errors.Join(e.Validate(), p.Validate()); err != nil || e.Size != want || p.Size != want {
			t.Errorf("size %d became %d and %d, %v", size, e.Size, p.Size, err)
		}
	}
	for size, want := range map[int]int{0: DefaultPageSize, 201: 201, 1000: MaxLargePage, 100_000: MaxLargePage} {
		if f := (EventFilter{Size: size, Large: true}); f.Validate() != nil || f.Size != want {
			t.Errorf("a large page of %d became %d", size, f.Size)
		}
	}
	c := &Cursor{}
	for _, f := range []EventFilter{{After: c, Before: c}, {From: day(2026, 1, 2), To: day(2026, 1, 1)}} {
		if f.Validate() == nil {
			t.Errorf("%+v was accepted", f)
		}
	}
	if f := (EventFilter{From: day(2026, 1, 1), To: day(2026, 1, 1)}); f.Validate() != nil {
		t.Error("a range of one day was refused")
	}
	if f := (PatientFilter{After: "a", Before: "b"}); f.Validate() == nil {
		t.Error("two cursors were accepted")
	}
}

func TestStatus(t *testing.T) {
	for s, ok := range map[string]bool{"final": true, "entered-in-error": true, "cancelled": true, "Final": false, "": false, "draft": false} {
		if _, err := ParseStatus(s); (err == nil) != ok {
			t.Errorf("ParseStatus(%q): %v", s, err)
		}
	}
	if EnteredInError.Visible() || !Final.Visible() || !Preliminary.Visible() {
		t.Error("visibility")
	}
}

func TestCheckTime(t *testing.T) {
	now := time.Date(2026, 4, 1, 12, 0, 0, 0, time.UTC)
	for at, ok := range map[time.Time]bool{
		now: true, now.Add(24 * time.Hour): true, now.Add(24*time.Hour + 1): false,
		time.Date(1900, 1, 1, 0, 0, 0, 0, time.UTC): true, time.Date(1899, 12, 31, 23, 59, 59, 0, time.UTC): false, {}: false,
	} {
		err := CheckTime(at, now)
		if (err == nil) != ok || (err != nil && (!errors.Is(err, ErrImplausibleTime) || strings.Contains(err.Error(), at.Format("15:04")))) {
			t.Errorf("%s: %v", at, err)
		}
	}
}

func TestLocalDay(t *testing.T) {
	berlin := zone(t, "Europe/Berlin")
	at := time.Date(2026, 3, 28, 22, 30, 0, 0, time.UTC) // 23:30
	for name, tt := range map[string]struct {
		o    Observation
		want string
	}{
		"instant":         {Observation{Metric: "heart_rate", EffectiveAt: at}, "2026-03-28"},
		"interval":        {Observation{Metric: "steps", EffectiveAt: at, EffectiveEnd: at.Add(8 * time.Hour)}, "2026-03-28"},
		"sleep":           {Observation{Metric: "sleep_duration", EffectiveAt: at, EffectiveEnd: at.Add(8 * time.Hour)}, "2026-03-29"},
		"endless sleep":   {Observation{Metric: "sleep_duration", EffectiveAt: at, EffectiveEnd: at.Add(80 * time.Hour)}, "2026-03-28"},
		"sleep w/o end":   {Observation{Metric: "sleep_duration", EffectiveAt: at}, "2026-03-28"},
		"whole day":       {Observation{Metric: "heart_rate", StartDay: day(2026, 3, 28), EndDay: day(2026, 3, 28)}, "2026-03-28"},
		"whole day sleep": {Observation{Metric: "sleep_duration", StartDay: day(2026, 3, 28), EndDay: day(2026, 3, 28)}, "2026-03-28"},
	} {
		tt.o.InZone(berlin)
		if got := tt.o.LocalDay(berlin).String(); got != tt.want {
			t.Errorf("%s: %s, want %s", name, got, tt.want)
		}
	}
	short := Observation{StartDay: day(2026, 3, 29), EndDay: day(2026, 3, 29)}
	short.InZone(berlin)
	if got := short.EffectiveEnd.Sub(short.EffectiveAt); got != 23*time.Hour {
		t.Errorf("the day of the change to summer time has %s", got)
	}
}

func TestDedupe(t *testing.T) {
	low := 1.0
	base := Observation{Metric: "heart_rate", CodeSystem: "s", Code: "c", EffectiveAt: time.Unix(1e9, 0), Value: 60, HasValue: true,
		Unit: "/min", Status: Final, Source: "x", ExternalID: "id"}
	changes := map[string]func(*Observation){
		"metric": func(o *Observation) { o.Metric = "spo2" }, "code": func(o *Observation) { o.Code = "d" },
		"time": func(o *Observation) { o.EffectiveAt = o.EffectiveAt.Add(time.Microsecond) }, "end": func(o *Observation) { o.EffectiveEnd = o.EffectiveAt },
		"value": func(o *Observation) { o.Value = 60.5 }, "no value": func(o *Observation) { o.HasValue = false },
		"comparator": func(o *Observation) { o.Comparator = "<" }, "text": func(o *Observation) { o.ValueText = "x" },
		"unit": func(o *Observation) { o.Unit = "Hz" }, "digits": func(o *Observation) { o.OrigValue = "60.0" },
		"range": func(o *Observation) { o.RefLow = &low }, "other end of the range": func(o *Observation) { o.RefHigh = &low },
		"flag": func(o *Observation) { o.Flag = "H" }, "status": func(o *Observation) { o.Status = Preliminary },
		"source": func(o *Observation) { o.Source = "y" }, "id": func(o *Observation) { o.ExternalID = "other" },
		"slot": func(o *Observation) { o.Slot = "1" }, "whole day": func(o *Observation) { o.StartDay = day(2026, 1, 1) },
		"fields that run together": func(o *Observation) { o.Source, o.ExternalID = "xi", "d" },
	}
	seen := map[ContentID]string{base.Dedupe(1): "base", base.Dedupe(2): "another person"}
	for name, change := range changes {
		o := base
		change(&o)
		id := o.Dedupe(1)
		if other, ok := seen[id]; ok {
			t.Errorf("%s is the same content as %s", name, other)
		}
		seen[id] = name
	}
	same := base
	same.EffectiveAt, same.OffsetMinutes, same.HasOffset = base.EffectiveAt.In(time.FixedZone("", 3600)), 60, true
	same.Device, same.MetricName = "another label", "Another name"
	if same.Dedupe(1) != base.Dedupe(1) {
		t.Error("the same instant and value in other clothes is other content")
	}
	if KeyOf("a") == KeyOf("b") {
		t.Error("two ids have one key")
	}
}

// What is stored was identified by these digests: another one would be stored again.
func TestDedupeStaysTheSame(t *testing.T) {
	low := 1.0
	base := Observation{Metric: "heart_rate", CodeSystem: "s", Code: "c", EffectiveAt: time.Unix(1e9, 0), Value: 60, HasValue: true,
		Unit: "/min", Status: Final, Source: "x", ExternalID: "id"}
	long := base
	long.HasValue, long.ValueText, long.RefLow = false, strings.Repeat("x", 600), &low
	long.StartDay, long.EndDay, long.EffectiveEnd = day(2026, 1, 1), Day{}, time.Unix(1e9, 0)
	for want, o := range map[string]Observation{"ac06c8a0c7fe4fce6cc2df433821727e": base, "57cbfc566593bbe2e5fb33b3c9ac4d11": long} {
		if id := o.Dedupe(1); hex.EncodeToString(id[:]) != want {
			t.Errorf("the digest is %x, not %s", id, want)
		}
	}
}

func TestPersons(t *testing.T) {
	p := Person{FamilyName: "Muster", GivenName: "Anna", BirthDate: day(1984, 2, 29)}
	for on, want := range map[Day]int{day(2026, 2, 28): 41, day(2026, 3, 1): 42, day(2024, 2, 29): 40, day(1984, 2, 29): 0} {
		if got, ok := p.Age(on); !ok || got != want {
			t.Errorf("on %s: %d, want %d", on, got, want)
		}
	}
	if _, ok := p.Age(day(1984, 2, 28)); ok {
		t.Error("an age before birth")
	}
	if _, ok := (Person{}).Age(day(2026, 1, 1)); ok {
		t.Error("an age without birth date")
	}
	for want, n := range map[string]Person{"Muster, Anna": p, "Muster": {FamilyName: "Muster"}, "Anna": {GivenName: "Anna"}, "Unnamed patient": {}} {
		if n.Name() != want {
			t.Errorf("name %q, want %q", n.Name(), want)
		}
	}
	if ParseSex("female") != Female || ParseSex("F") != UnknownSex || ParseSex("") != UnknownSex {
		t.Error("sexes")
	}
	if (Person{TimeZone: "Asia/Tokyo"}).Zone(time.UTC).String() != "Asia/Tokyo" || (Person{TimeZone: "No/Where"}).Zone(time.UTC) != time.UTC || (Person{}).Zone(time.UTC) != time.UTC {
		t.Error("zones")
	}
}

func TestCompleted(t *testing.T) {
	known := Person{ID: 1, PublicID: "x", FamilyName: "F", Sex: UnknownSex}
	more := Person{FamilyName: "Other", GivenName: "G", RecordNumber: "R", BirthDate: day(1980, 1, 1), Sex: Female, TimeZone: "UTC", Synthetic: true}
	got, changed := known.Completed(more)
	want := Person{ID: 1, PublicID: "x", FamilyName: "F", RecordNumber: "R", BirthDate: day(1980, 1, 1), Sex: Female, TimeZone: "UTC", Synthetic: true}
	if got != want || !changed {
		t.Errorf("got %+v", got)
	}
	if again, changed := got.Completed(more); changed || again != got {
		t.Errorf("completed twice: %+v", again)
	}
}

func TestNamesAlike(t *testing.T) {
	named := func(s string) Person {
		family, given, _ := strings.Cut(s, ", ")
		return Person{FamilyName: family, GivenName: given}
	}
	for _, tt := range []struct {
		a, b string
		want bool
	}{
		{"Muster, Anna", "Muster, Anna", true}, {"Müller, Johanna", "Muller, Johanna", true}, {"Mueller, Johanna", "Müller, Johanna", true},
		{"Meier, Hans", "Meyer, Hans", true}, {"Meier, Hans", "Mayr, Hans", false}, {"Anna, Muster", "Muster, Anna", true},
		{"Schmidt, Jo", "Schmidt, Joanna", true}, {"Schmidt, Anna", "Schmidt, Karl", false}, {"Garcia-Lopez, Ana", "García López, Ana", true},
		{"Hernandez, Maria", "Hernandes, Mariah", true}, {"Wieß, Jan", "Wiess, Jan", true}, {"Łukasz, Jan", "Lukasz, Jan", true},
		{", ", ", ", false}, {"Muster, ", "Muster, Anna", false}, {"Mutser, Anna", "Muster, Anna", true}, {"Ng, Li", "Ng, Wu", false},
	} {
		if got := NamesAlike(named(tt.a), named(tt.b)); got != tt.want || NamesAlike(named(tt.b), named(tt.a)) != got {
			t.Errorf("%q and %q: alike %v, want %v", tt.a, tt.b, got, tt.want)
		}
	}
}

func TestImportCounts(t *testing.T) {
	if got := (ImportCounts{1, 2, 3, 4}).Add(ImportCounts{10, 20, 30, 40}); got != (ImportCounts{11, 22, 33, 44}) {
		t.Errorf("got %+v", got)
	}
}
