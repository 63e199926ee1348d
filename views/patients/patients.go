// Package patients holds the pages about patients: the list, one patient's
// overview, and the month chart.
package patients

import (
	"fmt"
	"net/url"
	"strings"

	"healthportal/app/health"
	"healthportal/views/format"
	"healthportal/views/ui"
)

// ListPath is the address of the patient list.
const ListPath = "/dashboard"

// Href is the address of a patient's page.
func Href(publicID string) string { return "/patients/" + url.PathEscape(publicID) }

// EventsHref is the address of the events of a patient that a filter chooses;
// empty values are left out.
func EventsHref(publicID string, query ...string) string {
	q := url.Values{"person": {publicID}}
	for i := 0; i+1 < len(query); i += 2 {
		if query[i+1] != "" {
			q.Set(query[i], query[i+1])
		}
	}
	return "/dashboard/events?" + q.Encode()
}

// Banner describes the patient for the banner of a page. today is the date in
// the patient's zone; level 1 makes the name the page's heading. The time of an
// emergency access is shown in its own zone.
func Banner(p health.Patient, today health.Day, level int) ui.PatientBannerProps {
	b := ui.PatientBannerProps{
		Name: p.Name(), BirthDate: format.LongDate(p.BirthDate), Age: format.Age(p.Person, today), Sex: format.Sex(p.Sex),
		RecordNumber: p.RecordNumber, Level: level, Alike: alike(p.Alike),
	}
	if b.RecordNumber == "" {
		b.RecordNumber = "none"
	}
	if level != 1 {
		b.Href = Href(p.PublicID)
	}
	if p.Synthetic {
		b.Note = "Synthetic: this person is made up."
	}
	if until := p.BreakGlassUntil; !until.IsZero() {
		b.Note = strings.TrimSpace("Break-glass access until " + until.Format("15:04") + ". " + b.Note)
	}
	return b
}

// alike names the patients that could be mistaken for this one.
func alike(others []health.Person) string {
	const most = 3
	parts := make([]string, 0, most+1)
	for i, o := range others {
		if i == most {
			parts = append(parts, fmt.Sprintf("and %s more", format.Count(len(others)-most)))
			break
		}
		text := o.Name() + ", born " + format.LongDate(o.BirthDate)
		if o.RecordNumber != "" {
			text += ", record no. " + o.RecordNumber
		}
		parts = append(parts, text)
	}
	return strings.Join(parts, "; ")
}
