package demo

import (
	"math"
	"time"

	"healthportal/app/health"
)

// fevers writes temperatures: thrice a day in a fever, now and then without one.
func (s *simulation) fevers() {
	r := s.dice.on(s.record, "temperature", s.now.n)
	c, occasionally := temperature(), r.Float64() < 0.02
	hours := []float64{8, 14, 20}
	if s.now.fever == 0 {
		if !occasionally {
			return
		}
		hours = hours[:1]
	}
	for _, h := range hours {
		v := about(r, 36.6, 0.15) + s.now.fever + 0.02*(h-8)
		at := s.clock(s.now.day, h*60+about(r, 0, 12))
		s.w.observe(&reading{code: c, at: at, value: round(v, c), source: atHome, device: thermometer})
	}
}

// scales writes the weekly body weight, monthly for small children.
func (s *simulation) scales() {
	every := 7
	if s.watch.every == 0 && s.isChild(s.now.day) {
		every = 28
	}
	r := s.dice.on(s.record, "weight", s.now.n)
	at := s.clock(s.now.day, 412+about(r, 0, 14))
	c := weight()
	v := round(s.weighs(s.now.day)+about(r, 0, 0.35), c)
	if s.now.n%every == s.turn(every) && r.Float64() > 0.08 {
		s.w.observe(&reading{code: c, at: at, value: v, source: atHome, device: bodyScale})
	}
	// One slip of the pen in two years: a wrong decimal point, taken back.
	if s.record == "SYN-000102" && s.now.n%historyDays == 511 {
		s.w.observe(&reading{
			code: c, at: at.Add(6 * time.Hour), value: round(v/10, c),
			status: string(health.EnteredInError), source: ward,
		})
	}
}

// weighs follows the trend and the season, in kg.
func (s *simulation) weighs(d health.Day) float64 {
	reference := day(2026, 1, 1)
	years := float64(reference.DaysUntil(d)) / 365.25
	season := 0.006 * s.body.weight * math.Cos(2*math.Pi*years)
	return max(s.body.weight+s.body.kgPerYear*years+season, 0.3*s.body.weight)
}

// pressures writes the blood pressures measured at home.
func (s *simulation) pressures() {
	r := s.dice.on(s.record, "pressure", s.now.n)
	if s.now.n%s.body.bpEvery != s.turn(s.body.bpEvery) || r.Float64() < 0.07 {
		return
	}
	sys, dia := about(r, s.body.systolic, 7), about(r, s.body.diastolic, 5)
	at := s.clock(s.now.day, 445+about(r, 0, 20))
	s.w.pressure(at, systolic(), diastolic(), math.Round(sys), math.Round(min(dia, sys-18)))
}

// turn spreads the patients over the days of a period.
func (s *simulation) turn(every int) int {
	last := int(s.record[len(s.record)-1] - '0')
	return last * 3 % every
}
