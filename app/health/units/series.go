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
	var ok bool
	if converted.Range, ok = rangeIn(s, unit); !ok {
		return s, false
	}
	for i, p := range s.Points {
		if p.Bounds, ok = boundsIn(s, p.Bounds, unit); !ok {
			return s, false
		}
		for _, o := range []*health.Outside{&p.Below, &p.Above} {
			var err error
			if *o, err = outsideIn(s, *o, unit); err != nil {
				return s, false
			}
		}
		if p.Used == 0 {
			converted.Points[i] = p
			continue
		}
		for _, v := range []*float64{&p.Min, &p.Mean, &p.Max, &p.Sum, &p.LeftOut} {
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

// boundsIn are bounds of the series in another unit.
func boundsIn(s health.Series, bounds []health.Bound, unit string) ([]health.Bound, bool) {
	if len(bounds) == 0 {
		return nil, true
	}
	list := make([]health.Bound, len(bounds))
	for i, b := range bounds {
		var err error
		if b.Value, err = Convert(s.Metric.Code, b.Value, s.Unit, unit); err != nil {
			return nil, false
		}
		list[i] = b
	}
	return list, true
}

// rangeIn is the series' reference range in another unit.
func rangeIn(s health.Series, unit string) (*health.Range, bool) {
	if s.Range == nil {
		return nil, true
	}
	r := *s.Range
	var err error
	r.Low, r.High, err = ConvertRange(s.Metric.Code, r.Low, r.High, s.Unit, unit)
	return &r, err == nil
}

// outsideIn are values outside a range in another unit.
func outsideIn(s health.Series, o health.Outside, unit string) (health.Outside, error) {
	if o.N == 0 {
		return o, nil
	}
	var err error
	o.Furthest, err = Convert(s.Metric.Code, o.Furthest, s.Unit, unit)
	return o, err
}
