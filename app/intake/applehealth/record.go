package applehealth

import (
	"encoding/xml"
	"strings"

	"healthportal/app/health"
	"healthportal/app/intake"
)

// The lengths, in bytes, that the store can hold and index.
const (
	maxName = 500
	maxText = 64 << 10
)

// The reasons for which a Record is refused.
const (
	reasonTwice     = "an attribute stands twice"
	reasonCharacter = "an attribute holds a character that can't be kept (NUL, a control character, or broken UTF-8)"
	reasonMissing   = "an attribute is missing or empty: type, sourceName, startDate and endDate are needed"
	reasonType      = "the type is not a HealthKit identifier"
	reasonStart     = "startDate is not a date, time and offset (2018-09-10 02:28:55 -0700)"
	reasonEnd       = "endDate is not a date, time and offset (2018-09-10 02:28:55 -0700)"
	reasonEarly     = "startDate or endDate lies before 1900"
	reasonBackwards = "the period ends before it begins"
	reasonLong      = "sourceName, device, unit or value is longer than can be stored"
	reasonUnit      = "the unit is missing"
	reasonValue     = "the value is missing"
)

// fields are the attributes of a Record that are kept.
type fields struct {
	typ, unit, value, source, device, start, end string
}

// record reads a Record's attributes; its children add nothing to it.
func (r *Reader) record(list []xml.Attr, rec *intake.Record) {
	f, reason := r.fields(list)
	if reason == "" {
		var o health.Observation
		if o, reason = r.observation(&f); reason == "" {
			rec.Blank = false
			rec.Observations = []health.Observation{o}
			return
		}
	}
	refuse(rec, reason)
}

func (r *Reader) fields(list []xml.Attr) (f fields, reason string) {
	// These two are documented as not kept.
	var version, created string
	seen := 0
	for i := range list {
		a := &list[i]
		var into *string
		bit := 1
		switch a.Name.Local {
		case "type":
			into, bit = &f.typ, 1<<1
		case "unit":
			into, bit = &f.unit, 1<<2
		case "value":
			into, bit = &f.value, 1<<3
		case "sourceName":
			into, bit = &f.source, 1<<4
		case "device":
			into, bit = &f.device, 1<<5
		case "startDate":
			into, bit = &f.start, 1<<6
		case "endDate":
			into, bit = &f.end, 1<<7
		case "sourceVersion":
			into, bit = &version, 1<<8
		case "creationDate":
			into, bit = &created, 1<<9
		}
		if into == nil || a.Name.Space != "" {
			r.leftOut[kindAttribute]++
			continue
		}
		if seen&bit != 0 {
			return f, reasonTwice
		}
		seen |= bit
		if strings.Contains(a.Value, mark) {
			return f, reasonCharacter
		}
		*into = a.Value
	}
	return f, ""
}

// observation is what a Record says, or the reason why it is refused.
func (r *Reader) observation(f *fields) (health.Observation, string) {
	o := health.Observation{Source: oneLine(f.source), Device: oneLine(device(f.device)), Status: health.Final}
	f.unit = oneLine(f.unit)
	if reason := f.check(&o); reason != "" {
		return o, reason
	}
	if reason := period(f, &o); reason != "" {
		return o, reason
	}
	k := r.kind(f.typ)
	o.Metric, o.MetricName, o.CodeSystem, o.Code = k.metric, k.name, SystemHealthKit, f.typ
	if k.paired {
		o.Group = group(&o)
	}
	switch {
	case f.typ == typeSleep && sleep(f.value, &o):
		o.Group = r.nights.group(&o)
		return o, ""
	case k.category, !k.quantity && f.unit == "":
		return o, category(f, k, &o)
	default:
		return o, r.quantity(f, k, &o)
	}
}

// check refuses what is missing, or could not be stored as it is.
func (f *fields) check(o *health.Observation) string {
	switch {
	case f.typ == "" || o.Source == "" || f.start == "" || f.end == "":
		return reasonMissing
	case !identifier(f.typ):
		return reasonType
	case len(o.Source) > maxName || len(o.Device) > maxName || len(f.unit) > maxName/2 || len(f.value) > maxText:
		return reasonLong
	default:
		return ""
	}
}
