package mirror

import (
	"context"
	"errors"
	"slices"
	"testing"

	"healthportal/app/genomics"
)

func ids(page genomics.ReportPage) []string {
	var list []string
	for _, r := range page.Reports {
		list = append(list, r.ID)
	}
	return list
}

func list(t *testing.T, m *Mirror, f genomics.ReportFilter) genomics.ReportPage {
	t.Helper()
	page, err := m.Reports(t.Context(), f)
	if err != nil {
		t.Fatalf("%+v: %v", f, err)
	}
	return page
}

func TestFilters(t *testing.T) {
	m, x := filled(t, 12)
	lost := report(3)
	lost.PersonID, lost.Unassigned = 0, genomics.UnassignedNobody
	x.put(lost)
	withdrawn := report(4)
	withdrawn.Status = genomics.Withdrawn
	x.put(withdrawn)
	vanished := report(5)
	vanished.State = genomics.Gone
	x.put(vanished)
	if err := m.Follow(t.Context(), x); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		f    genomics.ReportFilter
		want int
	}{
		"nobody by default":      {genomics.ReportFilter{}, 0},
		"empty list of persons":  {genomics.ReportFilter{Persons: []int64{}}, 0},
		"everything":             {genomics.ReportFilter{AllPersons: true}, 12},
		"one team":               {genomics.ReportFilter{Persons: []int64{1, 2}}, 7},
		"a person of the team":   {genomics.ReportFilter{Persons: []int64{1, 2}, Person: 2}, 4},
		"a person of another":    {genomics.ReportFilter{Persons: []int64{1, 2}, Person: 3}, 0},
		"unassigned, analyst":    {genomics.ReportFilter{AllPersons: true, Unassigned: true}, 1},
		"unassigned, clinician":  {genomics.ReportFilter{Persons: []int64{1, 2, 3}, Unassigned: true}, 0},
		"kind":                   {genomics.ReportFilter{AllPersons: true, Kind: "pgx"}, 6},
		"unknown kind":           {genomics.ReportFilter{AllPersons: true, Kind: "x' OR 1=1 --"}, 0},
		"text in any case":       {genomics.ReportFilter{AllPersons: true, Text: "REPORT"}, 10},
		"text beyond ASCII":      {genomics.ReportFilter{AllPersons: true, Text: "ÜNÏCODE"}, 10},
		"every word":             {genomics.ReportFilter{AllPersons: true, Text: "report 11"}, 1},
		"patient reference":      {genomics.ReportFilter{AllPersons: true, Text: "mrn-2"}, 3},
		"wildcards are letters":  {genomics.ReportFilter{AllPersons: true, Text: "%"}, 0},
		"withdrawn is not found": {genomics.ReportFilter{AllPersons: true, Text: "Report 4"}, 0},
		"vanished is not found":  {genomics.ReportFilter{AllPersons: true, Text: "Report 5"}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			page := list(t, m, c.f)
			if len(page.Reports) != c.want || page.Count != c.want {
				t.Errorf("got %d rows, count %d, want %d: %v", len(page.Reports), page.Count, c.want, ids(page))
			}
		})
	}
	if page := list(t, m, genomics.ReportFilter{Persons: []int64{1}}); !slices.Equal(page.Kinds, []string{"pgx", "prs"}) {
		t.Errorf("kinds %v", page.Kinds)
	}
}

func TestPagesMeetBothWays(t *testing.T) {
	m, _ := filled(t, 23) // four reports share each sort time
	whole := ids(list(t, m, genomics.ReportFilter{AllPersons: true, Size: 200}))
	if len(whole) != 23 {
		t.Fatalf("%d rows", len(whole))
	}
	var forward, backward []string
	var f genomics.ReportFilter
	for f = (genomics.ReportFilter{AllPersons: true, Size: 5}); ; {
		page := list(t, m, f)
		if page.Count != 23 {
			t.Errorf("count %d", page.Count)
		}
		if (page.Prev == nil) != (f.After == nil) {
			t.Errorf("previous: %v on page after %v", page.Prev, f.After)
		}
		forward = append(forward, ids(page)...)
		if page.Next == nil {
			break
		}
		f.After = page.Next
	}
	last := list(t, m, f)
	backward = ids(last)
	for cur := last.Prev; cur != nil; {
		page := list(t, m, genomics.ReportFilter{AllPersons: true, Size: 5, Before: cur})
		if page.Next == nil {
			t.Error("a page reached from the right has no next")
		}
		backward = append(ids(page), backward...)
		cur = page.Prev
	}
	if !slices.Equal(forward, whole) {
		t.Errorf("forward  %v\nwant     %v", forward, whole)
	}
	if !slices.Equal(backward, whole) {
		t.Errorf("backward %v\nwant     %v", backward, whole)
	}
}

func TestPagesPastTheEnds(t *testing.T) {
	m, x := filled(t, 3)
	oldest, newest := x.reports[0], x.reports[2]
	page := list(t, m, genomics.ReportFilter{AllPersons: true, After: &genomics.ReportCursor{At: oldest.SortTime(), ID: "r000"}})
	if len(page.Reports) != 0 || page.Next != nil || page.Prev == nil {
		t.Errorf("past the end: %+v", page)
	}
	page = list(t, m, genomics.ReportFilter{AllPersons: true, Before: &genomics.ReportCursor{At: newest.SortTime(), ID: "r002"}})
	if len(page.Reports) != 0 || page.Prev != nil || page.Next == nil {
		t.Errorf("before the start: %+v", page)
	}
}

func TestBadFiltersAndContext(t *testing.T) {
	m, _ := filled(t, 1)
	if _, err := m.Reports(t.Context(), genomics.ReportFilter{AllPersons: true, Size: 1000}); err == nil {
		t.Error("a page of 1000 must be refused")
	}
	over, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := m.Reports(over, genomics.ReportFilter{AllPersons: true}); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	if _, err := m.Status(over); err == nil {
		t.Error("status under an ended context")
	}
}
