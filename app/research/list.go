package research

import (
	"context"
	"slices"
	"strings"

	"healthportal/app/health"
)

// ListFilter chooses a page of the participants, who are ordered by pseudonym,
// which is an order of nothing.
type ListFilter struct {
	// Size is clamped to 1..health.MaxPageSize; 0 means health.DefaultPageSize.
	Size int
	// After and Before are pseudonyms; at most one is set.
	After, Before string
}

// List is one page of pseudonyms.
type List struct {
	Pseudonyms []string
	// Next and Previous say whether there are participants after and before the page.
	Next, Previous bool
	Size           int
}

// Participants lists the participants by pseudonym alone.
func (v *View) Participants(ctx context.Context, f ListFilter) (List, error) {
	limits := health.PatientFilter{Size: f.Size, After: f.After, Before: f.Before}
	if err := limits.Validate(); err != nil {
		return List{}, err
	}
	persons, err := v.store.ResearchPersons(ctx)
	if err != nil {
		return List{}, err
	}
	names := make([]string, len(persons))
	for i, p := range persons {
		names[i] = v.pseudonym(p.ID)
	}
	slices.Sort(names)
	from, to := cut(names, f, limits.Size)
	return List{Pseudonyms: names[from:to], Next: to < len(names), Previous: from > 0, Size: limits.Size}, nil
}

// cut is the page's part of the sorted names.
func cut(names []string, f ListFilter, size int) (from, to int) {
	if f.Before != "" {
		to, _ = slices.BinarySearch(names, f.Before)
		return max(0, to-size), to
	}
	from, known := slices.BinarySearchFunc(names, f.After, strings.Compare)
	if known {
		from++
	}
	return from, min(len(names), from+size)
}
