package mirror

import (
	"errors"
	"testing"

	"healthportal/app/genomics"
	"healthportal/app/health"
)

func TestPersons(t *testing.T) {
	m, x := filled(t, 3)
	got, err := m.Persons(t.Context(), []int64{1, 99})
	if err != nil || len(got) != 1 || got[1] != x.persons[0] {
		t.Errorf("got %+v, %v; want %+v", got, err, x.persons[0])
	}
	if got, err := m.Persons(t.Context(), nil); err != nil || len(got) != 0 {
		t.Errorf("nobody: %v, %v", got, err)
	}
	p, err := m.PersonByPublicID(t.Context(), "pub2")
	if err != nil || p.ID != 2 {
		t.Errorf("by public id: %+v, %v", p, err)
	}
	if _, err := m.PersonByPublicID(t.Context(), "pub3"); !errors.Is(err, health.ErrNotFound) {
		t.Errorf("unknown public id: %v", err)
	}
	x.persons = x.persons[1:]
	if err := m.Follow(t.Context(), x); err != nil {
		t.Fatal(err)
	}
	if _, err := m.PersonByPublicID(t.Context(), "pub1"); !errors.Is(err, health.ErrNotFound) {
		t.Errorf("a person without reports stays: %v", err)
	}
}

func TestAlike(t *testing.T) {
	m, x := filled(t, 1)
	named := func(id health.PersonID, family, given string) health.Person {
		return health.Person{ID: id, PublicID: string(rune('a' + id)), FamilyName: family, GivenName: given}
	}
	x.persons = []health.Person{named(1, "Ångström", "Anders"), named(2, "Angstrom", "Anders"), named(3, "Berg", "Bo"), named(4, "Anders", "Angström"), {ID: 5, PublicID: "x"}}
	if err := m.Follow(t.Context(), x); err != nil {
		t.Fatal(err)
	}
	got, err := m.Alike(t.Context(), x.persons[0])
	if err != nil || len(got) != 2 || got[0].ID != 2 || got[1].ID != 4 {
		t.Errorf("alike: %+v, %v", got, err)
	}
	if got, err := m.Alike(t.Context(), x.persons[2]); err != nil || len(got) != 0 {
		t.Errorf("nobody is alike: %+v, %v", got, err)
	}
}

func TestVersions(t *testing.T) {
	m, x := filled(t, 0)
	put := func(id, path, supersedes, root string, person int64) genomics.Report {
		r := report(0)
		r.ID, r.Path, r.Supersedes, r.Root, r.PersonID = id, path, supersedes, root, person
		x.put(r)
		return r
	}
	old := put("old", "p/old.pdf", "", "risk", 1)
	mid := put("mid", "p/mid.pdf", "p/old.pdf", "risk", 1)
	put("late", "p/late.pdf", "p/mid.pdf", "risk", 1)
	put("stranger", "q/x.pdf", "p/old.pdf", "risk", 2)
	put("elsewhere", "p/y.pdf", "p/old.pdf", "other", 1)
	lost := put("lost", "z/1.pdf", "", "risk", 0)
	put("lost2", "z/2.pdf", "z/1.pdf", "risk", 0)
	if err := m.Follow(t.Context(), x); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		of           genomics.Report
		newer, older string
	}{{old, "mid", ""}, {mid, "late", "old"}, {lost, "lost2", ""}} {
		newer, older, err := m.Versions(t.Context(), c.of)
		if err != nil || len(newer) != 1 || newer[0].ID != c.newer {
			t.Errorf("%s: newer %+v, %v", c.of.ID, newer, err)
		}
		if (older != nil) != (c.older != "") || (older != nil && older.ID != c.older) {
			t.Errorf("%s: older %+v", c.of.ID, older)
		}
	}
}
