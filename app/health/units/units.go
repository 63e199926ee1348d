// Package units converts the numbers of the catalogue's metrics between the
// units in use. Conversion is per metric: a mmol/L of glucose is another mass
// than one of cholesterol, and what is not listed is not converted. Every
// conversion rises with the value, so that ranges keep their order and
// comparators their direction.
package units

import (
	"errors"
	"fmt"
	"math"
	"math/big"
	"strconv"
	"sync"

	"healthportal/app/health"
)

// NoConversionError says that values of a metric can't be converted from one
// unit to the other: one of the two is unknown, or measures something else.
type NoConversionError struct {
	// Metric is the metric's code, From and To are the units as they were given.
	Metric, From, To string
}

// Error names the metric only: units are text of whoever sent them.
func (e *NoConversionError) Error() string {
	return fmt.Sprintf("no conversion between these two units is known for the metric %q", e.Metric)
}

// ErrNotHeld says that a converted number is too large, too small or no number at all.
var ErrNotHeld = errors.New("the converted value can't be held as a number")

// entry is a metric of the catalogue with the units of its quantity.
type entry struct {
	metric health.Metric
	scales []scale
}

// base is the catalogue's unit.
func (e *entry) base() string { return e.metric.Unit }

func (e *entry) find(ucum string) *scale {
	for i := range e.scales {
		if e.scales[i].ucum == ucum {
			return &e.scales[i]
		}
	}
	return nil
}

// entries has the catalogue's metrics by code; it is made once and then only read.
var entries = sync.OnceValue(func() map[string]*entry {
	table := map[string]*entry{}
	known := quantities()
	for _, m := range health.Catalogue() {
		for _, q := range known {
			if q.has(m.Code) {
				table[m.Code] = &entry{m, q.scales}
			}
		}
	}
	return table
})

// Convert turns a value of a metric from one unit into another. Units may be
// spelt in any way that Canonical reads. The float64 stands for the decimal
// number that the source wrote, which is converted exactly and rounded once: 98.6
// [degF] are 37 Cel. It fails with a *NoConversionError, or with ErrNotHeld.
func Convert(metric string, value float64, from, to string) (float64, error) {
	a, b := scaleOf(metric, from), scaleOf(metric, to)
	if a == nil || b == nil {
		return 0, &NoConversionError{metric, from, to}
	}
	if a == b {
		return value, nil
	}
	x, ok := new(big.Rat).SetString(strconv.FormatFloat(value, 'g', -1, 64))
	if !ok { // not a number, or infinite
		return 0, ErrNotHeld
	}
	x.Add(x.Mul(x, a.by), a.plus)
	x.Quo(x.Sub(x, b.plus), b.by)
	f, _ := x.Float64()
	if math.IsInf(f, 0) || (f == 0 && x.Sign() != 0) {
		return 0, ErrNotHeld
	}
	return f, nil
}

func scaleOf(metric, unit string) *scale {
	e := entries()[metric]
	if e == nil {
		return nil
	}
	ucum, ok := Canonical(metric, unit)
	if !ok {
		return nil
	}
	return e.find(ucum)
}

// ConvertRange turns the bounds of a range of a metric; an open side stays open.
func ConvertRange(metric string, low, high *float64, from, to string) (newLow, newHigh *float64, err error) {
	for _, side := range []struct {
		in  *float64
		out **float64
	}{{low, &newLow}, {high, &newHigh}} {
		if side.in == nil {
			continue
		}
		f, err := Convert(metric, *side.in, from, to)
		if err != nil {
			return nil, nil, err
		}
		*side.out = &f
	}
	return newLow, newHigh, nil
}

// Choices are the UCUM units that readers may see a metric in, the catalogue's
// first; none for metrics outside the catalogue.
func Choices(metric string) []string {
	e := entries()[metric]
	if e == nil {
		return nil
	}
	var list []string
	for i := range e.scales {
		if e.scales[i].shown {
			list = append(list, e.scales[i].ucum)
		}
	}
	return list
}
