package reportsync

import (
	"fmt"

	"healthportal/app/genomics"
)

// RootSummary counts what a run found in one root. Seen is New + Changed +
// Unchanged; the files being written (Waiting) that the index knows count there too.
type RootSummary struct {
	Root string `json:"root"`
	// Failed roots keep their index as it is; Kept counts its rows.
	Failed bool `json:"failed"`
	Kept   int  `json:"kept"`

	Seen      int `json:"seen"`
	New       int `json:"new"`
	Changed   int `json:"changed"`
	Unchanged int `json:"unchanged"`
	// Gone counts reports whose files vanished since the last run.
	Gone int `json:"gone"`
	// Waiting counts files that are still being written.
	Waiting int `json:"waiting"`
	// Problems counts seen reports with something wrong, Unassigned those
	// without a person.
	Problems   int `json:"problems"`
	Unassigned int `json:"unassigned"`
	// Other counts files that the patterns choose but that are neither PDF nor
	// HTML, BadNames those whose names are not UTF-8.
	Other    int `json:"other"`
	BadNames int `json:"bad_names"`
}

// Summary counts what a run found, per root and in total.
type Summary struct {
	Roots []RootSummary `json:"roots"`
	Total RootSummary   `json:"total"`
}

func (s *Summary) add(r RootSummary) {
	s.Roots = append(s.Roots, r)
	t := &s.Total
	t.Failed = t.Failed || r.Failed
	t.Kept += r.Kept
	t.Seen += r.Seen
	t.New += r.New
	t.Changed += r.Changed
	t.Unchanged += r.Unchanged
	t.Gone += r.Gone
	t.Waiting += r.Waiting
	t.Problems += r.Problems
	t.Unassigned += r.Unassigned
	t.Other += r.Other
	t.BadNames += r.BadNames
}

// Counts are the totals by name, for the record of jobs.
func (s Summary) Counts() map[string]int64 {
	t := s.Total
	return map[string]int64{
		"roots": int64(len(s.Roots)), "seen": int64(t.Seen), "new": int64(t.New), "changed": int64(t.Changed),
		"unchanged": int64(t.Unchanged), "gone": int64(t.Gone), "waiting": int64(t.Waiting),
		"problems": int64(t.Problems), "unassigned": int64(t.Unassigned), "other": int64(t.Other), "bad_names": int64(t.BadNames),
	}
}

// String is the summary line of the command.
func (r RootSummary) String() string {
	if r.Failed {
		return fmt.Sprintf("not compared, %d index rows kept", r.Kept)
	}
	s := fmt.Sprintf("%d seen: %d new, %d changed, %d unchanged; %d gone", r.Seen, r.New, r.Changed, r.Unchanged, r.Gone)
	for _, c := range []struct {
		n    int
		what string
	}{
		{r.Waiting, "still being written"},
		{r.Problems, "with problems"},
		{r.Unassigned, "unassigned"},
		{r.Other, "neither PDF nor HTML"},
		{r.BadNames, "with names that are not UTF-8"},
	} {
		if c.n > 0 {
			s += fmt.Sprintf(", %d %s", c.n, c.what)
		}
	}
	return s
}

// count adds one row to the root's counts.
func (rr *rootRun) count(now, old *genomics.Report) {
	s := &rr.sum
	if now.State == genomics.Gone {
		if old != nil && old.State != genomics.Gone {
			s.Gone++
		}
		return
	}
	s.Seen++
	switch {
	case old == nil:
		s.New++
	case same(old, now):
		s.Unchanged++
	default:
		s.Changed++
	}
	if now.Problem != "" {
		s.Problems++
	}
	if now.PersonID == 0 {
		s.Unassigned++
	}
}
