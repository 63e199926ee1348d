package static

import (
	"strconv"
	"strings"
)

// Encoded chooses the smallest body that a request's Accept-Encoding allows, and names its Content-Encoding; the name
// is empty for the plain body. Answers need "Vary: Accept-Encoding" wherever a variant exists.
func (f File) Encoded(acceptEncoding string) (body []byte, encoding string) {
	if f.Brotli != nil && accepts(acceptEncoding, "br") {
		return f.Brotli, "br"
	}
	if f.Gzip != nil && accepts(acceptEncoding, "gzip") {
		return f.Gzip, "gzip"
	}
	return f.Body, ""
}

// accepts tells whether an Accept-Encoding header names a coding with a weight above zero. A coding that only the
// star allows is not used: the plain file is always right.
func accepts(header, coding string) bool {
	for part := range strings.SplitSeq(header, ",") {
		name, parameters, _ := strings.Cut(part, ";")
		if !strings.EqualFold(strings.TrimSpace(name), coding) {
			continue
		}
		weight, found := strings.CutPrefix(strings.TrimSpace(parameters), "q=")
		if !found {
			return true
		}
		q, err := strconv.ParseFloat(strings.TrimSpace(weight), 64)
		return err == nil && q > 0
	}
	return false
}
