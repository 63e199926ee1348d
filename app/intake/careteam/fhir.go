package careteam

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"
	"unicode/utf8"

	"healthportal/app/access"
	"healthportal/app/health"
	"healthportal/app/intake/fhir"
)

// UserSystem is the identifier system of user names. A practitioner without an
// identifier of it must have exactly one, which then is the user name.
const UserSystem = "urn:health-portal:user"

// The elements of FHIR R4 that are read.
type (
	resource struct {
		ResourceType string        `json:"resourceType"`
		ID           string        `json:"id"`
		Identifier   []identifier  `json:"identifier"`
		Entry        []entry       `json:"entry"`
		Status       string        `json:"status"`
		Name         any           `json:"name"`
		Period       period        `json:"period"`
		Subject      *reference    `json:"subject"`
		Participant  []participant `json:"participant"`
		Practitioner *reference    `json:"practitioner"`
	}
	entry struct {
		FullURL  string   `json:"fullUrl"`
		Resource resource `json:"resource"`
	}
	identifier struct {
		System string `json:"system"`
		Value  string `json:"value"`
	}
	reference struct {
		Reference  string      `json:"reference"`
		Type       string      `json:"type"`
		Identifier *identifier `json:"identifier"`
	}
	period struct {
		Start string `json:"start"`
		End   string `json:"end"`
	}
	participant struct {
		Member *reference `json:"member"`
		Period period     `json:"period"`
	}
)

// numbered is a resource with its place in the file.
type numbered struct {
	resource
	line int
}

// fhirFile resolves references within one file.
type fhirFile struct {
	byReference map[string]*resource
	site        *time.Location
	out         parsed
}

// readFHIR reads a Bundle or NDJSON. Participants are matched by an identifier
// whose value is a user's name; patients by record number or by the identifier
// under which they were imported.
func readFHIR(body []byte, site *time.Location) (parsed, error) {
	body = bytes.TrimPrefix(body, []byte("\xef\xbb\xbf"))
	if !utf8.Valid(body) {
		return parsed{}, errors.New("the file is not UTF-8, as FHIR JSON is")
	}
	teams, all, err := resources(body)
	if err != nil {
		return parsed{}, err
	}
	if len(teams) == 0 {
		return parsed{}, errors.New("the file holds no CareTeam resource")
	}
	f := fhirFile{byReference: all, site: site}
	for i := range teams {
		f.team(&teams[i])
	}
	return f.out, nil
}

// resources reads JSON values one after the other; a Bundle's entries count as
// lines of their own.
func resources(body []byte) (teams []numbered, byReference map[string]*resource, err error) {
	in := json.NewDecoder(bytes.NewReader(body))
	byReference = map[string]*resource{}
	take := func(line int, full string, r *resource) {
		if r.ResourceType == "CareTeam" {
			teams = append(teams, numbered{*r, line})
		}
		byReference[r.ResourceType+"/"+r.ID] = r
		if full != "" {
			byReference[full] = r
		}
	}
	for line := 1; ; line++ {
		r := new(resource)
		err := in.Decode(r)
		if errors.Is(err, io.EOF) {
			return teams, byReference, nil
		}
		if err != nil {
			return nil, nil, fmt.Errorf("resource %d is not FHIR JSON: %w; nothing was stored", line, err)
		}
		if r.ResourceType != "Bundle" {
			take(line, "", r)
			continue
		}
		for i := range r.Entry {
			take(i+1, r.Entry[i].FullURL, &r.Entry[i].Resource)
		}
	}
}

func (f *fhirFile) problem(line int, format string, args ...any) {
	f.out.problems = append(f.out.problems, Problem{line, fmt.Sprintf(format, args...)})
}

// team adds the memberships of one CareTeam: its subject and its participants.
func (f *fhirFile) team(t *numbered) {
	text, _ := t.Name.(string)
	name, err := access.TeamName(text)
	if err != nil {
		f.problem(t.line, "CareTeam without a usable name: %v", err)
		return
	}
	if t.Status != "active" && t.Status != "inactive" {
		f.problem(t.line, "status %q: only active and inactive care teams are taken over", t.Status)
		return
	}
	whole, err := f.period(t.Period)
	if err != nil {
		f.problem(t.line, "period: %v", err)
		return
	}
	if t.Status == "inactive" && whole.To.IsZero() {
		f.problem(t.line, "the care team is inactive, but its period has no end: nobody knows when it ended")
		return
	}
	f.subject(t, access.TeamLine{Line: t.line, Team: name, Period: whole})
	for i, p := range t.Participant {
		f.participant(t.line, i+1, p, access.TeamLine{Line: t.line, Team: name, Period: whole})
	}
}

func (f *fhirFile) subject(t *numbered, line access.TeamLine) {
	switch {
	case t.Subject == nil:
		f.problem(t.line, "the element subject is missing: no patient to put into the team")
		return
	case t.Subject.Reference != "":
		line.Patient = fhir.PatientIdentifier(t.Subject.Reference)
	case t.Subject.Identifier != nil:
		line.Patient = health.Identifier{System: t.Subject.Identifier.System, Value: t.Subject.Identifier.Value}
	}
	if line.Patient.Value == "" || line.Patient.System == "" || len(line.Patient.System)+len(line.Patient.Value) > 4*maxText || strings.ContainsRune(line.Patient.System+line.Patient.Value, 0) {
		f.problem(t.line, "the subject is neither a reference to a Patient nor an identifier with system and value")
		return
	}
	f.out.lines = append(f.out.lines, line)
}

// participant adds a member of the staff. Relatives and organisations have no account here.
func (f *fhirFile) participant(line, number int, p participant, member access.TeamLine) {
	if p.Member == nil {
		f.problem(line, "participant %d names no member", number)
		return
	}
	own, err := f.period(p.Period)
	if err != nil {
		f.problem(line, "participant %d: period: %v", number, err)
		return
	}
	member.Period = narrow(member.Period, own)
	names, staff := f.names(p.Member, 0)
	switch {
	case !staff:
		f.out.leftOut++
	case len(names) != 1:
		f.problem(line, "participant %d has %d identifiers: one of them, of the system %s or the only one, must be the user name", number, len(names), UserSystem)
	case len(names[0]) > maxText || strings.ContainsRune(names[0], 0):
		f.problem(line, "participant %d: the identifier is no user name", number)
	default:
		member.User = strings.ToLower(strings.TrimSpace(names[0]))
		f.out.lines = append(f.out.lines, member)
	}
}

// names are the identifier values of a practitioner; staff is false for anybody else.
func (f *fhirFile) names(ref *reference, depth int) (names []string, staff bool) {
	if ref.Identifier != nil && ref.Reference == "" {
		return []string{ref.Identifier.Value}, ref.Type == "" || strings.HasPrefix(ref.Type, "Practitioner")
	}
	found, ok := f.byReference[ref.Reference]
	if !ok {
		// What is not in the file can't be told apart from what has no account, unless it says so.
		return nil, strings.Contains("/"+ref.Reference, "/Practitioner") || strings.HasPrefix(ref.Type, "Practitioner")
	}
	switch {
	case found.ResourceType == "Practitioner":
		for _, id := range found.Identifier {
			if id.System == UserSystem {
				return []string{id.Value}, true
			}
			names = append(names, id.Value)
		}
		return names, true
	case found.ResourceType == "PractitionerRole" && found.Practitioner != nil && depth == 0:
		return f.names(found.Practitioner, 1)
	default:
		return nil, found.ResourceType == "PractitionerRole"
	}
}

func (f *fhirFile) period(p period) (access.Period, error) {
	from, err := instant(p.Start, f.site, false)
	if err != nil {
		return access.Period{}, fmt.Errorf("start: %w", err)
	}
	to, err := instant(p.End, f.site, true)
	if err != nil {
		return access.Period{}, fmt.Errorf("end: %w", err)
	}
	return access.Period{From: from, To: to}, nil
}

// narrow is the part of the team's time that is the participant's as well.
func narrow(team, own access.Period) access.Period {
	if own.From.IsZero() || own.From.Before(team.From) {
		own.From = team.From
	}
	if own.To.IsZero() || !team.To.IsZero() && team.To.Before(own.To) {
		own.To = team.To
	}
	return own
}
