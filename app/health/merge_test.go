package health_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"healthportal/app/health"
)

func TestCheckMerge(t *testing.T) {
	born := health.Day{Year: 1960, Month: 5, Dom: 4}
	full := health.Person{ID: 1, BirthDate: born, Sex: health.Female}
	other := func(change func(*health.Person)) health.Person {
		p := full
		p.ID = 2
		change(&p)
		return p
	}
	for _, tt := range []struct {
		name   string
		gone   health.Person
		why    string
		refuse string // empty: allowed
	}{
		{"alike", other(func(*health.Person) {}), "", ""},
		{"itself", full, "", "the same record"},
		{"unknown birth date and sex", other(func(p *health.Person) { p.BirthDate, p.Sex = health.Day{}, "" }), "", ""},
		{"unknown sex", other(func(p *health.Person) { p.Sex = health.UnknownSex }), "", ""},
		{"other birth date", other(func(p *health.Person) { p.BirthDate = born.AddDays(1) }), "", "birth dates differ"},
		{"other sex", other(func(p *health.Person) { p.Sex = health.Male }), "", "sexes differ"},
		{"other sex, with a reason", other(func(p *health.Person) { p.Sex = health.Male }), "typing error", ""},
		{"other sex, with spaces", other(func(p *health.Person) { p.Sex = health.Male }), "            ", "say why"},
		{"other sex, with a short reason", other(func(p *health.Person) { p.Sex = health.Male }), "fits", "10 letters"},
		{"made up", other(func(p *health.Person) { p.Synthetic = true }), "a good reason", "made up"},
		{"a short reason for nothing", other(func(*health.Person) {}), "x", "10 letters"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			err := health.CheckMerge(full, tt.gone, health.MergeChoices{Override: tt.why})
			if (err == nil) != (tt.refuse == "") || (err != nil && !strings.Contains(err.Error(), tt.refuse)) {
				t.Errorf("%v, want %q", err, tt.refuse)
			}
			var refused *health.MergeError
			if err != nil && (!errors.As(err, &refused) || strings.Contains(err.Error(), "1960")) {
				t.Errorf("%T quotes a value or is of another type: %v", err, err)
			}
		})
	}
}

func TestUndoErrors(t *testing.T) {
	built := &health.BuiltOnError{Uses: []health.ImportUse{{Import: 7, Count: 2}, {Import: 5, Count: 1}}}
	if got := built.Error(); !strings.Contains(got, "import 7 (2 observations), import 5 (1 observations); undo those first") {
		t.Error(got)
	}
	undone := &health.UndoneError{At: time.Date(2026, 3, 1, 2, 0, 0, 0, time.FixedZone("", 3600)), By: "root"}
	if got := undone.Error(); got != "it was undone already, on 2026-03-01 01:00:00 UTC by root" {
		t.Error(got)
	}
}
