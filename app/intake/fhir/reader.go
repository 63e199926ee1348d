// Package fhir reads FHIR R4 Observation and Patient resources from NDJSON, one
// resource per line, streaming. A line that can't be read is reported with its
// number and a reason that holds no names and no values; the next lines are read.
package fhir

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"io"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"healthportal/app/health"
	"healthportal/app/intake"
)

// MaxLine is the longest line that is read, in bytes; longer ones are refused.
const MaxLine = 16 << 20

// Reader reads one file. It implements intake.Source.
type Reader struct {
	in   *bufio.Reader
	sum  hash.Hash
	line int
	// long is the buffer of lines that don't fit into in's.
	long    []byte
	metrics map[string]health.Metric
}

// NewReader returns a reader of r, which it does not close.
func NewReader(r io.Reader) *Reader {
	sum := sha256.New()
	metrics := map[string]health.Metric{}
	for _, m := range health.Catalogue() {
		for _, code := range m.LOINC {
			metrics[code] = m
		}
	}
	return &Reader{in: bufio.NewReaderSize(io.TeeReader(r, sum), 1<<20), sum: sum, metrics: metrics}
}

// Format is "fhir-ndjson".
func (r *Reader) Format() string { return "fhir-ndjson" }

// SHA256 is the digest of the bytes read so far: the file's, once Next returned io.EOF.
func (r *Reader) SHA256() []byte { return r.sum.Sum(nil) }

var errTooLong = errors.New("line too long")

// Next reads one line. The last line needs no newline; CRLF and a byte order
// mark at the start are accepted.
func (r *Reader) Next() (intake.Record, error) {
	line, err := r.readLine()
	rec := intake.Record{Line: r.line}
	switch {
	case errors.Is(err, errTooLong):
		rec.Problems = []string{fmt.Sprintf("the line is longer than %d MiB", MaxLine>>20)}
		return rec, nil
	case err != nil:
		return rec, err
	}
	if r.line == 1 {
		line = bytes.TrimPrefix(line, []byte("\xef\xbb\xbf"))
	}
	line = bytes.Trim(line, " \t\r")
	if len(line) == 0 {
		rec.Blank = true
		return rec, nil
	}
	r.read(line, &rec)
	return rec, nil
}

// readLine returns the next line without its newline; the bytes are valid until the next call.
func (r *Reader) readLine() ([]byte, error) {
	part, err := r.in.ReadSlice('\n')
	if err == nil {
		r.line++
		return part[:len(part)-1], nil
	}
	r.long = r.long[:0]
	tooLong := false
	for errors.Is(err, bufio.ErrBufferFull) {
		if tooLong = tooLong || len(r.long)+len(part) > MaxLine; !tooLong {
			r.long = append(r.long, part...)
		}
		part, err = r.in.ReadSlice('\n')
	}
	switch {
	case err == nil:
		part = part[:len(part)-1]
	case !errors.Is(err, io.EOF):
		return nil, fmt.Errorf("after line %d: %w", r.line, err)
	case len(part) == 0 && len(r.long) == 0 && !tooLong:
		return nil, io.EOF
	}
	r.line++
	if tooLong || len(r.long)+len(part) > MaxLine {
		return nil, errTooLong
	}
	r.long = append(r.long, part...)
	return r.long, nil
}

// read fills rec from a line that is not blank.
func (r *Reader) read(line []byte, rec *intake.Record) {
	if line[0] != '{' {
		rec.Problems = []string{"the line is not a JSON object"}
		return
	}
	var res resource
	if err := json.Unmarshal(line, &res); err != nil {
		rec.Problems = []string{decodeProblem(line, err)}
		return
	}
	switch res.ResourceType {
	case "Observation":
		r.observation(&res, rec)
	case "Patient":
		r.patient(&res, rec)
	default:
		rec.Problems = []string{resourceTypeProblem(res.ResourceType)}
	}
}

func resourceTypeProblem(t string) string {
	if t == "" {
		return "the element resourceType is missing"
	}
	return "the resource is neither an Observation nor a Patient"
}

// decodeProblem words a decoding error without quoting the line.
func decodeProblem(line []byte, err error) string {
	var syntax *jsontext.SyntacticError
	var semantic *json.SemanticError
	switch {
	case errors.Is(err, jsontext.ErrDuplicateName):
		return "damaged JSON: an element stands twice in one object"
	case errors.As(err, &syntax):
		return fmt.Sprintf("damaged JSON at byte %d of the line", syntax.ByteOffset+1)
	case errors.As(err, &semantic):
		var head struct {
			ResourceType jsontext.Value `json:"resourceType"`
		}
		if json.Unmarshal(line, &head) == nil && !known(head.ResourceType) {
			return resourceTypeProblem(string(head.ResourceType))
		}
		return fmt.Sprintf("the element %s is of the wrong type", semantic.JSONPointer)
	default:
		return "the line can't be read as JSON"
	}
}

func known(resourceType jsontext.Value) bool {
	return string(resourceType) == `"Observation"` || string(resourceType) == `"Patient"`
}
