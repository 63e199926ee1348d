package cli

import (
	"strings"
	"testing"

	"healthportal/app/health"
)

func TestMergeNotes(t *testing.T) {
	born := health.Person{BirthDate: health.Day{Year: 1960, Month: 5, Dom: 4}}
	for _, tt := range []struct {
		name string
		m    health.MergeReport
		want []string
	}{
		{"nothing to say", health.MergeReport{Keep: born, Gone: born}, nil},
		{"no birth date", health.MergeReport{Keep: born}, []string{"could not be compared"}},
		{"clashes", health.MergeReport{Keep: born, Gone: born, MoveCounts: health.MoveCounts{Clashing: 2, ClashingRows: 3}}, []string{"2 observations have different content in the two records: 3 values"}},
		{"one consent", health.MergeReport{Keep: born, Gone: born, GoneConsent: true}, []string{"Only one of the two consented"}},
		{"two consents", health.MergeReport{Keep: born, Gone: born, GoneConsent: true, KeepConsent: true, Consent: true}, []string{"two pseudonyms"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			notes := mergeNotes(tt.m)
			if len(notes) != len(tt.want) {
				t.Fatalf("%q, want %q", notes, tt.want)
			}
			for i, want := range tt.want {
				if !strings.Contains(notes[i], want) {
					t.Errorf("%q, want %q", notes[i], want)
				}
			}
		})
	}
}

func TestCountsInWords(t *testing.T) {
	for got, want := range map[string]string{
		undoSummary(health.UndoCounts{Rows: 3, Current: 2, Days: 1}): "3 values taken away, 2 earlier ones current again, 1 days counted anew",
		undoSummary(health.UndoCounts{Rows: 3, Superseded: 4, Surfaced: 5, Persons: 6, Empty: 2}): "3 values taken away, 0 earlier ones current again, 0 days counted anew; " +
			"4 earlier ones superseded again; 5 values of merged records shown in their place; 6 persons that it made stay, 2 of them without values or reports",
		movedWords(health.MoveCounts{Values: 3, Repeated: 2, Days: 1}): "3 values moved, 2 repeated, 1 days counted anew",
		movedWords(health.MoveCounts{Values: 3, Unkeyed: 1, Held: 2}):  "3 values moved, 0 repeated, 0 days counted anew, 1 of the values not written by an import, 2 observations stay because they have versions outside the choice",
		referWords(health.PersonCounts{Identifiers: 1, Teams: 2}):      "1 identifiers, 2 care team memberships, 0 emergency accesses, 0 reports",
		mode(true) + mode(false):                                       " (dry run, nothing was changed)",
	} {
		if got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}
