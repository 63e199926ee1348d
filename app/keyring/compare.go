package keyring

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"
)

// live leaves out what an operator recorded as lost.
func live(records []Record) []Record {
	var list []Record
	for _, r := range records {
		if r.Lost.IsZero() {
			list = append(list, r)
		}
	}
	return list
}

// compare refuses a folder that is not exactly what the database was written with.
func compare(f folder, records []Record, keys []Key) error {
	need := live(records)
	if len(need) > 0 && len(keys) == 0 {
		return noFolder(f, len(need))
	}
	have := map[ref]Key{}
	for _, k := range keys {
		have[ref{k.Purpose, k.ID}] = k
	}
	var missing []string
	for _, r := range need {
		if _, ok := have[ref{r.Purpose, r.ID}]; !ok {
			missing = append(missing, name(r.Purpose, r.ID))
		}
	}
	switch {
	case len(missing) > 0 && len(missing) == len(need):
		return fault(ErrMissing, f.path, "none of the keys here is one that the database was written with ("+strings.Join(missing, ", ")+"): the folder belongs to another installation, or the database does",
			"set PORTAL_KEYS and DATABASE_URL to what belongs together")
	case len(missing) > 0:
		return fault(ErrMissing, f.path, "the database was written with "+strings.Join(missing, ", ")+", whose file is not here",
			"put it back from escrow; one that is lost for good: portal keys forget PURPOSE ID (docs/keys.md says what is lost with it)")
	}
	return fits(f, records, have)
}

func fits(f folder, records []Record, have map[ref]Key) error {
	known, purposes := map[ref]bool{}, map[Purpose]bool{}
	for _, r := range records {
		at := ref{r.Purpose, r.ID}
		known[at], purposes[r.Purpose] = true, true
		if k, ok := have[at]; ok && k.Fingerprint() != r.Fingerprint {
			return fault(ErrMismatch, f.path, name(r.Purpose, r.ID)+" is another key than the one of this id that the database was written with",
				"put the right file back from escrow; nothing can be read or verified with this one")
		}
	}
	for at := range have {
		if purposes[at.purpose] && !known[at] {
			return fault(ErrUnknown, f.path, name(at.purpose, at.id)+" is unknown to the database: its rotation was cut off, the database was restored from before it, or the file came from elsewhere",
				"run \"portal keys adopt "+string(at.purpose)+" "+at.id+"\" in the first two cases, move the file away in the third")
		}
	}
	return nil
}

// complete says which keys to make and which records to add, so that every
// purpose has a current key.
func complete(records []Record, keys []Key, now time.Time) (made []Key, added []Record) {
	for _, p := range Purposes() {
		if slices.ContainsFunc(records, func(r Record) bool { return r.Purpose == p && r.Retired.IsZero() && r.Lost.IsZero() }) {
			continue
		}
		var found []Key
		if !slices.ContainsFunc(records, func(r Record) bool { return r.Purpose == p }) {
			found = ofPurpose(keys, p)
		}
		if len(found) == 0 {
			k := newKey(p, now)
			made, added = append(made, k), append(added, recordOf(k))
			continue
		}
		added = append(added, adopted(found)...)
	}
	return made, added
}

func ofPurpose(keys []Key, p Purpose) []Key {
	var list []Key
	for _, k := range keys {
		if k.Purpose == p {
			list = append(list, k)
		}
	}
	slices.SortFunc(list, func(a, b Key) int {
		return cmp.Or(a.Created.Compare(b.Created), strings.Compare(a.ID, b.ID))
	})
	return list
}

// adopted makes the newest key the current one; each other one was retired when
// the next came.
func adopted(found []Key) []Record {
	records := make([]Record, len(found))
	for i, k := range found {
		records[i] = recordOf(k)
		if i+1 < len(found) {
			records[i].Retired = found[i+1].Created
		}
	}
	return records
}

// String names the record without giving its fingerprint.
func (r Record) String() string { return fmt.Sprintf("key record %s", name(r.Purpose, r.ID)) }
