package applehealth

import (
	"maps"
	"slices"
)

// LeftOut is a kind of content that an export holds and that is not stored,
// because it is no Observation.
type LeftOut struct {
	// Kind is the element's name, or a few words.
	Kind string `json:"kind"`
	// Count is how many were passed over.
	Count int `json:"count"`
}

// LeftOut says what was passed over so far, by kind in alphabetical order.
func (r *Reader) LeftOut() []LeftOut {
	list := make([]LeftOut, 0, len(r.leftOut))
	for _, k := range slices.Sorted(maps.Keys(r.leftOut)) {
		list = append(list, LeftOut{k, r.leftOut[k]})
	}
	return list
}

// The kinds of what is passed over that are not elements of HealthData.
const (
	kindChild     = "unknown elements within a Record or Correlation"
	kindAttribute = "unknown attributes of Records"
	kindMe        = "characteristics of Me other than birth date and sex"
)

// child counts an element within a Record or Correlation that is no Record.
func (r *Reader) child(name string) {
	switch name {
	case "MetadataEntry", "HeartRateVariabilityMetadataList":
		r.leftOut[name]++
	default:
		r.leftOut[kindChild]++
	}
}
