package units

import "healthportal/app/health"

// Series turns the numbers of a daily series into another unit; false, and the
// series as it was, where that can't be done. The sum of a metric that is no total
// is the converted mean times the count: zero points differ between units.
func Series(s health.Series, unit string) (health.Series, bool) {
	if _, err := Convert(s.Metric.Code, 1, s.Unit, unit); err != nil {
		return s, false
	}
	converted := s
	converted.Unit = unit
	converted.Points = make([]health.DayPoint, len(s.Points))
	for i, p := range s.Points {
		if p.Used == 0 {
			converted.Points[i] = p
			continue
		}
		for _, v := range []*float64{&p.Min, &p.Mean, &p.Max, &p.Sum} {
			var err error
			if *v, err = Convert(s.Metric.Code, *v, s.Unit, unit); err != nil {
				return s, false
			}
		}
		if s.Metric.Kind != health.Total {
			p.Sum = p.Mean * float64(p.Used)
		}
		converted.Points[i] = p
	}
	return converted, true
}
