// Package breakglass holds the pages of emergency access: finding and opening
// one patient, the banner while a patient is open, and the review queue.
package breakglass

import (
	"fmt"
	"strconv"
	"time"

	"healthportal/app/access"
	"healthportal/app/health"
	"healthportal/views/format"
	"healthportal/views/patients"
	"healthportal/views/ui"
)

// The addresses of the pages.
const (
	Path       = "/break-glass"
	FindPath   = Path + "/find"
	OpenPath   = Path + "/open"
	ReviewPath = "/admin/break-glass"
)

// endHref is where the access of a public id is ended.
func endHref(id string) string { return Path + "/" + id + "/end" }

// reviewHref is where the access of a public id is decided on.
func reviewHref(id string) string { return ReviewPath + "/" + id + "/review" }

// moment is a time of day with its date, in t's own zone.
func moment(t time.Time) string { return format.Date(health.DayOf(t)) + ", " + t.Format("15:04") }

// FindProps describe the page that explains and asks for the patient.
type FindProps struct {
	CSRF string
	// Open are the reader's accesses that hold now.
	Open []access.Emergency
	// Zone is the site's, in which times are shown.
	Zone *time.Location
	// Record and Born are what was typed.
	Record, Born           string
	RecordError, BornError string
	// Missed says that nobody matched.
	Missed bool
}

func (p FindProps) record() ui.FieldProps {
	return ui.FieldProps{ID: "record", Name: "record_number", Label: "Record number", Value: p.Record, Error: p.RecordError, Required: true, MaxLength: 200,
		Hint: "Exactly as on the wristband or in the record"}
}

func (p FindProps) born() ui.FieldProps {
	return ui.FieldProps{ID: "born", Name: "birth_date", Label: "Birth date", Type: ui.FieldDate, Value: p.Born, Error: p.BornError, Required: true}
}

func (p FindProps) openItems() []ui.Definition {
	items := make([]ui.Definition, 0, len(p.Open))
	for _, e := range p.Open {
		items = append(items, ui.Definition{Term: "Record no. " + orNone(e.RecordNumber), Content: openLine(e, e.Until().In(p.Zone).Format("15:04"), p.CSRF)})
	}
	return items
}

// OpenProps describe the page on which one patient has matched.
type OpenProps struct {
	CSRF, Record, Born string
	BirthDate          health.Day
	// Href leads to the patient, where that is open to the reader already.
	Href string
	// Reason is what was typed; Confirmed whether the box was ticked.
	Reason                    string
	Confirmed                 bool
	ReasonError, ConfirmError string
}

func (p OpenProps) facts() []ui.Definition {
	return []ui.Definition{{Term: "Record no.", Text: p.Record}, {Term: "Born", Text: format.LongDate(p.BirthDate)}}
}

func (p OpenProps) reason() ui.FieldProps {
	return ui.FieldProps{Name: "reason", Label: "Reason", Type: ui.FieldArea, Value: p.Reason, Error: p.ReasonError, Required: true, MaxLength: access.MaxReason,
		Hint: fmt.Sprintf("What is the emergency, and what do you need to know? %d to %d characters; a privacy officer reads it.", access.MinReason, access.MaxReason)}
}

func (p OpenProps) confirm() ui.FieldProps {
	return ui.FieldProps{Name: "confirm", Label: "This is an emergency, and I need this patient's data now", Type: ui.FieldCheckbox, Value: "yes",
		Checked: p.Confirmed, Error: p.ConfirmError, Required: true}
}

// BannerProps describe the banner of a patient who is open in an emergency.
type BannerProps struct {
	CSRF, ID string
	// Until is in the zone that is shown.
	Until time.Time
	// Swap replaces the banner that the page has already: for htmx.
	Swap bool
}

func orNone(number string) string {
	if number == "" {
		return "none"
	}
	return number
}

// QueueProps describe the review queue.
type QueueProps struct {
	CSRF string
	Page access.EmergencyPage
	// Reader is the user who reads the queue; MayReview whether that role decides.
	Reader    int64
	MayReview bool
	Now       time.Time
	Zone      *time.Location
	// After is the place in the decided part; empty at its start.
	After string
	// Refused is the form that came back.
	Refused Review
}

// Review is what was typed about one access, with what is wrong about it.
type Review struct {
	ID, Outcome, Note       string
	OutcomeError, NoteError string
}

// waitingItems are the facts of an access that waits for its review.
func (p QueueProps) items(e access.Emergency) []ui.Definition {
	until := e.Until().In(p.Zone)
	how := "ended at " + until.Format("15:04")
	switch {
	case e.Running(p.Now):
		how = "still open, until " + until.Format("15:04")
	case e.Ended.IsZero():
		how = "expired at " + until.Format("15:04")
	}
	items := []ui.Definition{
		{Term: "Who", Text: e.UserName},
		{Term: "Patient", Text: "record no. " + orNone(e.RecordNumber)},
		{Term: "Opened", Text: moment(e.Started.In(p.Zone))},
		{Term: "How long", Text: minutes(p.lasted(e)) + ", " + how},
		{Term: "Audit entries", Content: entriesLink(e)},
		{Term: "Reason", Content: longText(e.Reason)},
	}
	if !e.Reviewed.IsZero() {
		items = append(items, ui.Definition{Term: "Decided", Text: moment(e.Reviewed.In(p.Zone)) + " by " + e.ReviewedBy})
		if e.Note != "" {
			items = append(items, ui.Definition{Term: "Note", Content: longText(e.Note)})
		}
	}
	return items
}

// lasted is how long the access has held so far.
func (p QueueProps) lasted(e access.Emergency) time.Duration {
	if e.Running(p.Now) {
		return p.Now.Sub(e.Started)
	}
	return e.Until().Sub(e.Started)
}

func minutes(d time.Duration) string {
	if d < time.Minute {
		return "less than a minute"
	}
	return format.Things(int(d/time.Minute), "minute")
}

// state is why the access has no form, or empty.
func (p QueueProps) state(e access.Emergency) string {
	switch {
	case e.Running(p.Now):
		return "It can be decided once it has ended: more may be viewed until then."
	case e.UserID == p.Reader:
		return "This access is your own: somebody else decides on it."
	case !p.MayReview:
		return "A privacy officer decides on it."
	default:
		return ""
	}
}

func (p QueueProps) review(e access.Emergency) Review {
	if p.Refused.ID == e.PublicID {
		return p.Refused
	}
	return Review{ID: e.PublicID}
}

func (r Review) fields() []ui.FieldProps {
	return []ui.FieldProps{
		{ID: "outcome-" + r.ID, Name: "outcome", Label: "Outcome", Type: ui.FieldRadios, Value: r.Outcome, Error: r.OutcomeError, Required: true,
			Options: []ui.Option{{Value: string(access.Justified), Label: "Justified"}, {Value: string(access.NotJustified), Label: "Not justified"}}},
		{ID: "note-" + r.ID, Name: "note", Label: "Note", Type: ui.FieldArea, Rows: 2, Value: r.Note, Error: r.NoteError, MaxLength: access.MaxNote,
			Hint: "Needed where it was not justified: why, and what follows"},
	}
}

func outcomeBadge(o access.GlassOutcome) ui.BadgeProps {
	if o == access.Justified {
		return ui.BadgeProps{Label: "Justified", Kind: ui.Good}
	}
	return ui.BadgeProps{Label: "Not justified", Kind: ui.Bad}
}

func (p QueueProps) next() string {
	if !p.Page.More || len(p.Page.Decided) == 0 {
		return ""
	}
	return ReviewPath + "?after=" + p.Page.Decided[len(p.Page.Decided)-1].PublicID + "#decided"
}

// entriesHref is the audit page of what the user did with the patient in that time.
func entriesHref(e access.Emergency) string { return "/admin/audit?emergency=" + e.PublicID }

func entries(e access.Emergency) string {
	if e.Entries == 1 {
		return "1 entry"
	}
	return format.Count(e.Entries) + " entries"
}

func patientHref(e access.Emergency) string { return patients.Href(e.PersonPublicID) }

func cardID(e access.Emergency) string { return "access-" + strconv.FormatInt(e.ID, 10) }
