package document

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"path"
	"slices"
	"strings"
	"time"

	"healthportal/app/genomics"
)

// SidecarName is the name of the file that tells about the report name.
func SidecarName(name string) string { return name + ".json" }

// MaxSidecar is the largest sidecar that is read, in bytes.
const MaxSidecar = 1 << 20

// Sidecar is what the JSON file beside a report says; docs/report_sidecar.schema.json
// is its schema. Fields that it leaves out, or that are wrong, are zero.
type Sidecar struct {
	Patient     genomics.PatientRef
	Kind        string
	Title       string
	Status      genomics.ReportStatus
	GeneratedAt time.Time
	Risk        genomics.Risk
	Summary     string
	// Supersedes is relative to the root.
	Supersedes string
	Synthetic  bool
	// File and Format repeat the report's own name and type, when given.
	File   string
	Format string
	// Problems say what is wrong, without values.
	Problems []string
	// Untrusted is set when the patient can't be taken on the sidecar's word:
	// it is damaged, names nobody readable, or tells about another file.
	Untrusted bool
}

// ParseSidecar reads the sidecar of the report with the given base name. It
// never fails: what is wrong becomes a problem.
func ParseSidecar(data []byte, report string) Sidecar {
	s := &Sidecar{Status: genomics.UnknownStatus}
	top, err := members(data)
	if err != nil {
		return Sidecar{Status: genomics.UnknownStatus, Untrusted: true, Problems: []string{"the sidecar is damaged: " + err.Error()}}
	}
	for _, m := range top {
		s.member(m)
	}
	if s.File != "" && s.File != report {
		s.distrust("the sidecar tells about another file")
	}
	if format, _ := genomics.FormatOf(report); s.Format != "" && s.Format != string(format) {
		s.distrust("the sidecar names another format than the file has")
	}
	return *s
}

func (s *Sidecar) distrust(problem string) {
	s.Untrusted = true
	s.problem("%s", problem)
}

func (s *Sidecar) problem(format string, args ...any) {
	s.Problems = append(s.Problems, fmt.Sprintf(format, args...))
}

func (s *Sidecar) member(m member) {
	switch m.key {
	case "patient":
		s.patient(m.value)
	case "kind":
		s.kind(m)
	case "title":
		s.Title = s.text(m)
	case "status":
		s.status(m)
	case "generated_at":
		s.generated(m)
	case "risk":
		s.risk(m.value)
	case "summary":
		s.Summary = s.text(m)
	case "supersedes":
		s.supersedes(m)
	case "synthetic":
		if json.Unmarshal(m.value, &s.Synthetic) != nil {
			s.problem("the sidecar's synthetic is neither true nor false")
		}
	case "file":
		s.File = s.text(m)
	case "format":
		s.Format = s.text(m)
	case "$schema":
	default:
		s.problem("the sidecar has a key that the portal does not know")
	}
}

func (s *Sidecar) kind(m member) {
	v := s.text(m)
	if v != "" && !genomics.ValidKind(v) {
		s.problem("the sidecar's kind is not made of lower-case letters, digits and hyphens")
		return
	}
	s.Kind = v
}

func (s *Sidecar) status(m member) {
	v := s.text(m)
	if v == "" {
		return
	}
	st, ok := genomics.ParseReportStatus(v)
	if !ok {
		s.problem("the sidecar's status is none of preliminary, final, amended, withdrawn, unknown")
	}
	s.Status = st
}

func (s *Sidecar) patient(raw json.RawMessage) {
	if bytes.Equal(raw, []byte("null")) {
		return
	}
	list, err := members(raw)
	if err != nil {
		s.distrust("the sidecar's patient is no object with record_number, or system and value")
		return
	}
	var record string
	for _, m := range list {
		switch m.key {
		case "record_number":
			record = s.text(m)
		case "system":
			s.Patient.System = s.text(m)
		case "value":
			s.Patient.Value = s.text(m)
		default:
			s.problem("the sidecar's patient has a key that the portal does not know")
		}
	}
	pair := s.Patient.System != "" && s.Patient.Value != ""
	switch {
	case record != "" && s.Patient == (genomics.PatientRef{}):
		s.Patient.Value = record
	case record == "" && pair:
	default:
		s.Patient = genomics.PatientRef{}
		s.distrust("the sidecar's patient needs either record_number, or system and value")
	}
}

func (s *Sidecar) risk(raw json.RawMessage) {
	list, err := members(raw)
	if err != nil {
		s.problem("the sidecar's risk is no object")
		return
	}
	for _, m := range list {
		switch m.key {
		case "level":
			s.Risk.Level = s.text(m)
		case "scale":
			s.Risk.Scale = s.text(m)
		case "tool":
			s.Risk.Tool = s.text(m)
		case "score":
			s.Risk.Score = s.score(m)
		default:
			s.problem("the sidecar's risk has a key that the portal does not know")
		}
	}
	if s.Risk.Level != "" && (s.Risk.Scale == "" || s.Risk.Tool == "") {
		s.problem("the sidecar's risk level lacks its scale or tool")
	}
}

// score keeps a number's digits as they are written.
func (s *Sidecar) score(m member) string {
	var n json.Number
	dec := json.NewDecoder(bytes.NewReader(m.value))
	dec.UseNumber()
	if m.value[0] != '"' && dec.Decode(&n) == nil {
		return n.String()
	}
	return s.text(m)
}

func (s *Sidecar) generated(m member) {
	v := s.text(m)
	if v == "" {
		return
	}
	at, err := time.Parse(time.RFC3339Nano, v)
	if err != nil || at.Year() < 1990 || at.Year() > 2200 {
		s.problem("the sidecar's generated_at is no RFC 3339 time with its zone")
		return
	}
	s.GeneratedAt = at.UTC().Truncate(time.Microsecond)
}

func (s *Sidecar) supersedes(m member) {
	v := s.text(m)
	if v == "" {
		return
	}
	if path.IsAbs(v) || path.Clean(v) != v || strings.HasPrefix(v, "../") || strings.Contains(v, `\`) {
		s.problem("the sidecar's supersedes is no path relative to the root")
		return
	}
	s.Supersedes = v
}

// text reads a string member; null counts as left out.
func (s *Sidecar) text(m member) string {
	if bytes.Equal(m.value, []byte("null")) {
		return ""
	}
	var v string
	if json.Unmarshal(m.value, &v) != nil {
		s.problem("the sidecar's %s is no text", m.key)
		return ""
	}
	return genomics.CleanText(v)
}

// member is one key of an object, known to be plain ASCII when it is ours.
type member struct {
	key   string
	value json.RawMessage
}

// members takes an object apart. It refuses a key that stands twice, because
// readers differ about which one counts, and anything after the object.
func members(data []byte) ([]member, error) {
	data = bytes.TrimPrefix(data, []byte("\xEF\xBB\xBF"))
	dec := json.NewDecoder(bytes.NewReader(data))
	if t, err := dec.Token(); err != nil || t != json.Delim('{') {
		return nil, fmt.Errorf("it is no JSON object")
	}
	var list []member
	for dec.More() {
		t, err := dec.Token()
		key, ok := t.(string)
		if err != nil || !ok {
			return nil, damaged(data, dec)
		}
		var raw json.RawMessage
		if err := dec.Decode(&raw); err != nil {
			return nil, damaged(data, dec)
		}
		if slices.ContainsFunc(list, func(m member) bool { return m.key == key }) {
			return nil, fmt.Errorf("a key stands twice near line %d", lineAt(data, dec.InputOffset()))
		}
		list = append(list, member{key, raw})
	}
	if _, err := dec.Token(); err != nil {
		return nil, damaged(data, dec)
	}
	if _, err := dec.Token(); err != io.EOF {
		return nil, fmt.Errorf("something follows the object")
	}
	return list, nil
}

func damaged(data []byte, dec *json.Decoder) error {
	return fmt.Errorf("it is no valid JSON near line %d", lineAt(data, dec.InputOffset()))
}

func lineAt(data []byte, off int64) int {
	return 1 + bytes.Count(data[:min(off, int64(len(data)))], []byte("\n"))
}
