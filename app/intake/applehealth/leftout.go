package applehealth

import "maps"

// LeftOutCounts counts what was passed over so far, because it is no
// Observation, by the element's name or a few words.
func (r *Reader) LeftOutCounts() map[string]int { return maps.Clone(r.leftOut) }

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
