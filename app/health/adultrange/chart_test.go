package adultrange_test

import (
	"testing"
	"time"

	"healthportal/app/health"
	"healthportal/app/health/adultrange"
)

func standing(t *testing.T, metric string) adultrange.Standing {
	t.Helper()
	s, ok := adultrange.NewSheet([]adultrange.Act{signed(metric, adultrange.SignOff)}).Of(metric)
	if !ok || !s.SignedOff() {
		t.Fatalf("%s is not signed off", metric)
	}
	return s
}

func TestOutlying(t *testing.T) {
	at, p := day("2026-03-29"), person(health.Female)
	month := health.WindowAt(health.Days, at, time.UTC)
	got, ok := standing(t, "potassium").Outlying(p, month)
	if !ok || got.Person != 1 || got.Metric != "potassium" || got.From != day("2026-03-01") || got.To != day("2026-03-31") || got.Unit != "mmol/L" || *got.Low != 3.5 || *got.High != 5 {
		t.Errorf("%+v, %v", got, ok)
	}
	if got, ok = standing(t, "hdl").Outlying(p, health.WindowAt(health.Hours, at, time.UTC)); !ok || *got.Low != 50 || got.High != nil {
		t.Errorf("%+v, %v", got, ok)
	}
	if got, ok = standing(t, "bp_systolic").Outlying(p, month); !ok || got.Low != nil || *got.High != 120 {
		t.Errorf("%+v, %v", got, ok)
	}
	child := p
	child.BirthDate = day("2015-01-01")
	for name, asked := range map[string]func() (adultrange.Outlying, bool){
		"of a year": func() (adultrange.Outlying, bool) {
			return standing(t, "potassium").Outlying(p, health.WindowAt(health.Months, at, nil))
		},
		"of years": func() (adultrange.Outlying, bool) {
			return standing(t, "potassium").Outlying(p, health.WindowAt(health.Years, at, nil))
		},
		"of a child": func() (adultrange.Outlying, bool) { return standing(t, "potassium").Outlying(child, month) },
		"without sex": func() (adultrange.Outlying, bool) {
			return standing(t, "hdl").Outlying(person(health.UnknownSex), month)
		},
		"unsigned": func() (adultrange.Outlying, bool) { return adultrange.Standing{}.Outlying(p, month) },
	} {
		if got, ok := asked(); ok {
			t.Errorf("a chart %s asks for %+v", name, got)
		}
	}
}

func TestAttachToDays(t *testing.T) {
	at := day("2026-03-29")
	series := func() []health.Series {
		return []health.Series{
			{CodeSystem: health.SystemLOINC, Code: "2", Unit: "mmol/L", Points: []health.DayPoint{{Day: at}}},
			{CodeSystem: health.SystemLOINC, Code: "1", Unit: "mmol/L", Points: []health.DayPoint{{Day: at.AddDays(-1)}, {Day: at}}},
		}
	}
	flagged, other, elsewhere := value("potassium", 9), value("potassium", 9), value("potassium", 9)
	flagged.Flag, other.Code, elsewhere.Day = "HH", "3", at.AddDays(5)
	events := []health.Event{value("potassium", 5.2), value("potassium", 6.5), value("potassium", 6), value("potassium", 3), value("potassium", 2.5), value("potassium", 4), flagged, other, elsewhere}
	list := series()
	standing(t, "potassium").Attach(list, person(health.Male), health.WindowAt(health.Days, at, time.UTC), events)
	point := list[1].Points[1]
	if point.Above != (health.Outside{N: 3, Furthest: 6.5}) || point.Below != (health.Outside{N: 2, Furthest: 2.5}) {
		t.Errorf("%+v", point)
	}
	for _, p := range []health.DayPoint{list[0].Points[0], list[1].Points[0]} {
		if p.Above.N+p.Below.N != 0 {
			t.Errorf("another point has %+v", p)
		}
	}
}

func TestAttachToHours(t *testing.T) {
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	at := day("2026-03-29") // the clocks go forward at 02:00
	w := health.WindowAt(health.Hours, at, berlin)
	hour := func(h int) time.Time { return time.Date(2026, 3, 29, h, 0, 0, 0, berlin) }
	list := []health.Series{{CodeSystem: health.SystemLOINC, Code: "1", Unit: "mmol/L", Points: []health.DayPoint{{Day: at}, {Day: at, Start: hour(1)}, {Day: at, Start: hour(3)}, {Day: at, Start: hour(4)}}}}
	whole, one, three, edge := value("potassium", 6), value("potassium", 6.1), value("potassium", 6.2), value("potassium", 6.3)
	whole.StartDay, whole.EffectiveAt = at, hour(0)
	one.EffectiveAt = hour(1).Add(59 * time.Minute)
	three.EffectiveAt = hour(1).Add(time.Hour) // 03:00
	edge.EffectiveAt = hour(4)
	standing(t, "potassium").Attach(list, person(health.Male), w, []health.Event{whole, one, three, edge})
	for i, want := range []float64{6, 6.1, 6.2, 6.3} {
		if got := list[0].Points[i].Above; got != (health.Outside{N: 1, Furthest: want}) {
			t.Errorf("point %d: %+v, want one of %v", i, got, want)
		}
	}
}

func TestLooks(t *testing.T) {
	for zoom, want := range map[health.Zoom]bool{health.Years: false, health.Months: false, health.Days: true, health.Hours: true, "": false} {
		if got := adultrange.Looks(health.Window{Zoom: zoom}); got != want {
			t.Errorf("%q: %v", zoom, got)
		}
	}
}
