package demo

import (
	"math"
	"math/rand/v2"
	"time"
)

// hearts writes the heart rates of a day, every few minutes while the sensor is worn.
func (s *simulation) hearts() {
	r := s.dice.on(s.record, "heart rate", s.now.n)
	step := time.Duration(s.watch.every) * time.Minute
	read := reading{code: heartRate(), source: wearable, device: wristSensor}
	s.drift = 0
	for t := s.now.start; t.Before(s.now.end); t = t.Add(step) {
		// Drawn even when nothing is measured, so that charging shifts nothing.
		jitter, noise, wander := time.Duration(r.IntN(150))*time.Second, about(r, 0, 1), r.NormFloat64()
		s.drift = 0.85*s.drift + 1.5*wander
		read.at = t.Add(jitter)
		if !read.at.Before(s.now.end) || !s.wearing(read.at) {
			continue
		}
		read.value = s.rate(read.at, noise, r)
		s.w.observe(&read)
	}
}

// rate is the heart rate at t per minute. noise is a standard normal number.
func (s *simulation) rate(t time.Time, noise float64, r *rand.Rand) float64 {
	rest := s.body.restingHR + 9*s.now.fever
	peak := 208 - 0.7*float64(s.age(s.now.day))
	var v float64
	switch since := t.Sub(s.now.exercise); {
	case s.asleep(t):
		// Lowest about two hours before getting up.
		dip := math.Cos(s.now.wake.Add(-2*time.Hour).Sub(t).Hours() / 6 * math.Pi)
		v = rest*(0.97-0.05*dip) + 2.2*noise + 0.4*s.drift
	case s.now.effort > 0 && since >= 0 && since < s.now.effort:
		ramp := min(1, since.Minutes()/12)
		v = rest + (0.78*peak-rest)*(0.55+0.45*ramp) + 6*noise
	default:
		hour := t.Sub(s.now.start).Hours()
		v = rest + 13 + 5*math.Sin((hour-8)/24*2*math.Pi) + s.drift + 4.5*noise
	}
	if s.now.irregular {
		v += 14 + 17*r.NormFloat64()
	}
	return math.Round(min(max(v, 38), peak))
}

// morning writes what the sensor sums up of a night: resting rate, variability,
// saturation, breathing and sleep.
func (s *simulation) morning() {
	r := s.dice.on(s.record, "morning", s.now.n)
	rest, sdnn := about(r, s.body.restingHR, 1.8)+8*s.now.fever, about(r, s.usualSDNN(), 6)
	after := time.Duration(2+r.IntN(6)) * time.Minute
	if s.now.irregular {
		sdnn += 55
	}
	at := s.now.wake.Add(after)
	s.w.observe(&reading{code: restingRate(), at: at, value: math.Round(rest), source: wearable, device: wristSensor})
	if !s.yesterday.night {
		return
	}
	c := variability()
	s.w.observe(&reading{code: c, at: at, value: round(max(8, sdnn/(1+s.now.fever/3)), c), source: wearable, device: wristSensor})
	s.slept(r)
}

// slept writes the measurements of a night with the sensor.
func (s *simulation) slept(r *rand.Rand) {
	night := s.now.wake.Sub(s.yesterday.bed)
	for i := range 3 {
		at := s.yesterday.bed.Add(night * time.Duration(i+1) / 4).Truncate(time.Minute)
		spo2 := min(100, math.Round(about(r, 96.8, 1)-0.7*s.now.fever))
		s.w.observe(&reading{code: saturation(), at: at, value: spo2, source: wearable, device: wristSensor})
		c := breathing()
		breaths := about(r, s.usualBreaths(), 0.7) + 1.6*s.now.fever
		s.w.observe(&reading{code: c, at: at, value: round(breaths, c), source: wearable, device: wristSensor})
	}
	awake := time.Duration(18+r.IntN(50)) * time.Minute
	s.w.observe(&reading{
		code: sleep(), at: s.yesterday.bed, end: s.now.wake,
		value: math.Floor((night - awake).Minutes()), source: wearable, device: wristSensor,
	})
}

// walk writes the steps of every hour in which the sensor is worn; zero is a count like any other.
func (s *simulation) walk() {
	r := s.dice.on(s.record, "steps", s.now.n)
	read := reading{code: steps(), source: wearable, device: wristSensor}
	pace := s.body.daySteps / 12 * max(0.15, 1-0.4*s.now.fever)
	for t := s.now.start; t.Before(s.now.end); t = read.end {
		read.at, read.end = t, minTime(t.Add(time.Hour), s.now.end)
		share := r.ExpFloat64()
		middle := t.Add(30 * time.Minute)
		if !s.wearing(middle) {
			continue
		}
		read.value = 0
		if !s.asleep(middle) {
			read.value = math.Floor(min(share*pace, 9000))
		}
		s.w.observe(&read)
	}
}

func minTime(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}

// usualSDNN falls with age, in milliseconds.
func (s *simulation) usualSDNN() float64 { return max(22, 74-0.55*float64(s.age(s.now.day))) }

// usualBreaths is the breathing rate in sleep, per minute.
func (s *simulation) usualBreaths() float64 {
	if age := s.age(s.now.day); age < 14 {
		return 20.5 - 0.35*float64(age)
	}
	return 14.6
}
