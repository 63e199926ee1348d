package portable

import (
	"bytes"
	"errors"
	"fmt"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"healthportal/app/health"
	"healthportal/app/intake"
)

// line holds the members of Observations and persons. A person's line is the one
// that has identifiers.
type line struct {
	Person      *identifier   `json:"person"`
	Identifiers *[]identifier `json:"identifiers"`

	Effective    string         `json:"effective"`
	EffectiveEnd string         `json:"effective_end"`
	Source       string         `json:"source"`
	ExternalID   string         `json:"external_id"`
	Slot         string         `json:"slot"`
	Group        string         `json:"group"`
	Metric       string         `json:"metric"`
	MetricName   string         `json:"metric_name"`
	CodeSystem   string         `json:"code_system"`
	Code         string         `json:"code"`
	Value        jsontext.Value `json:"value"`
	Comparator   string         `json:"comparator"`
	Text         string         `json:"text"`
	Unit         string         `json:"unit"`
	OrigValue    string         `json:"orig_value"`
	OrigUnit     string         `json:"orig_unit"`
	RefLow       jsontext.Value `json:"ref_low"`
	RefHigh      jsontext.Value `json:"ref_high"`
	Flag         string         `json:"flag"`
	Status       string         `json:"status"`
	Device       string         `json:"device"`
	Updated      string         `json:"updated"`

	RecordNumber string `json:"record_number"`
	FamilyName   string `json:"family_name"`
	GivenName    string `json:"given_name"`
	BirthDate    string `json:"birth_date"`
	Sex          string `json:"sex"`
	TimeZone     string `json:"time_zone"`
	Synthetic    bool   `json:"synthetic"`
}

type identifier struct {
	System string `json:"system"`
	Value  string `json:"value"`
}

func (id identifier) read() (health.Identifier, error) {
	if id.System == "" || id.Value == "" {
		return health.Identifier{}, errors.New("an identifier of the person lacks its system or its value")
	}
	known := health.Identifier(id)
	return known, intake.CheckIdentifier(known)
}

// read fills rec from a line. What it refuses it names without quoting it.
func (r *Reader) read(text []byte, rec *intake.Record) {
	var l line
	if text[0] != '{' {
		rec.Problems = []string{"the line is not a JSON object"}
		return
	}
	if err := json.Unmarshal(text, &l, json.RejectUnknownMembers(true)); err != nil {
		rec.Problems = []string{decodeProblem(err)}
		return
	}
	if l.Identifiers != nil {
		p, err := l.person()
		if err != nil {
			rec.Problems = []string{err.Error()}
			return
		}
		rec.Person = p
		return
	}
	o, err := r.observation(&l)
	if err == nil {
		rec.Subject, err = l.subject()
	}
	if err != nil {
		rec.Problems = []string{err.Error()}
		return
	}
	rec.Observations = []health.Observation{o}
}

func (l *line) subject() (health.Identifier, error) {
	if l.Person == nil {
		return health.Identifier{}, errors.New("the member person is missing: nobody to store the value under")
	}
	return l.Person.read()
}

// decodeProblem words a decoding error without quoting the line.
func decodeProblem(err error) string {
	var syntax *jsontext.SyntacticError
	var semantic *json.SemanticError
	switch {
	case errors.Is(err, jsontext.ErrDuplicateName):
		return "damaged JSON: a member stands twice in one object"
	case errors.As(err, &syntax):
		return fmt.Sprintf("damaged JSON at byte %d of the line", syntax.ByteOffset+1)
	case errors.Is(err, json.ErrUnknownName):
		return "the line has a member that the format doesn't know, which would be lost: a later version of the portal may know it"
	case errors.As(err, &semantic):
		return fmt.Sprintf("the member %s is of the wrong type", semantic.JSONPointer)
	default:
		return "the line can't be read as JSON"
	}
}

// checkHeader refuses other files and later versions.
func checkHeader(text []byte) error {
	var h struct {
		Format  string `json:"format"`
		Version int    `json:"version"`
	}
	text = bytes.TrimSpace(text)
	if len(text) == 0 || text[0] != '{' {
		return fmt.Errorf("%w: its first line is not the header %q", ErrFormat, Format)
	}
	// Further members may say where the file is from; they are no data.
	if err := json.Unmarshal(text, &h); err != nil || h.Format != Format {
		return fmt.Errorf("%w: its first line is not the header %q", ErrFormat, Format)
	}
	if h.Version != Version {
		return fmt.Errorf("%w: it is of version %d of the format, and this portal reads version %d; update the portal", ErrFormat, h.Version, Version)
	}
	return nil
}

func parseTrailer(text []byte) (rows int64, err error) {
	var t struct {
		Rows   *int64  `json:"rows"`
		SHA256 *string `json:"sha256"`
	}
	if err := json.Unmarshal(text, &t, json.RejectUnknownMembers(true)); err != nil {
		return 0, fmt.Errorf("trailer: %w", err)
	}
	if t.Rows == nil || t.SHA256 == nil {
		return 0, errors.New("trailer: a member is missing")
	}
	return *t.Rows, nil
}
