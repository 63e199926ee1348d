package postgres_test

import (
	"errors"
	"fmt"
	"testing"

	"healthportal/app/access"
	"healthportal/app/health"
)

func (c *clinic) versions(person health.PersonID, e health.Event) []health.EventVersion {
	c.t.Helper()
	list, err := c.db.EventVersions(c.t.Context(), access.One(person), person, health.Cursor{At: e.EffectiveAt, ID: e.ID})
	if err != nil {
		c.t.Fatal(err)
	}
	return list
}

func TestEventVersions(t *testing.T) {
	c := newClinic(t)
	c.load(obs("a", "2026-03-01T10:00:00Z", "60", `"id":"x"`) + obs("a", "2026-03-01T11:00:00Z", "50", `"id":"y"`) + obs("a", "2026-03-01T12:00:00Z", "40"))
	a := c.person("a")
	c.load(obs("a", "2026-03-01T10:00:00Z", "61", `"id":"x"`))
	c.load(obs("a", "2026-04-01T10:00:00Z", "62", `"id":"x"`)) // another day, another partition
	page := c.page(health.EventFilter{Person: a}).Events
	list := c.versions(a, page[0])
	if len(list) != 3 {
		t.Fatalf("%d versions: %+v", len(list), list)
	}
	imports := map[int64]bool{}
	for i, v := range list {
		if v.Version != 3-i || v.Value != float64(62-i) || v.InForce() != (i == 0) || v.Format == "" || v.ImportedAt.IsZero() || v.Received.IsZero() || v.Undone {
			t.Errorf("version %d is %+v", i, v)
		}
		imports[v.Import] = true
	}
	if len(imports) != 3 {
		t.Errorf("by the imports %v", imports)
	}
	// Each version leads to the same history; so does nothing else of the patient.
	if again := c.versions(a, list[2].Event); fmt.Sprint(again) != fmt.Sprint(list) {
		t.Errorf("from the first version: %+v", again)
	}
	for _, e := range page[1:] {
		if alone := c.versions(a, e); len(alone) != 1 || alone[0].ID != e.ID || !alone[0].InForce() {
			t.Errorf("of event %d: %+v", e.ID, alone)
		}
	}
	c.load(obs("a", "2026-04-01T10:00:00Z", "", `"id":"x"`, `"status":"entered-in-error"`))
	gone := c.versions(a, list[0].Event)
	if len(gone) != 4 || !gone[0].InForce() || gone[0].Status != health.EnteredInError || gone[1].InForce() {
		t.Errorf("retracted: %+v", gone)
	}
}

func TestVersionsOfOthers(t *testing.T) {
	c := newClinic(t)
	c.load(obs("a", "2026-03-01T10:00:00Z", "60", `"id":"x"`) + obs("b", "2026-03-01T10:00:00Z", "70", `"id":"x"`))
	a, b := c.person("a"), c.person("b")
	e := c.page(health.EventFilter{Person: a}).Events[0]
	at := health.Cursor{At: e.EffectiveAt, ID: e.ID}
	for name, ask := range map[string]struct {
		scope  access.Scope
		person health.PersonID
		at     health.Cursor
	}{
		"another patient's event": {access.One(b), b, at}, "outside the scope": {access.One(b), a, at}, "nobody's scope": {access.Scope{}, a, at},
		"no such event": {access.One(a), a, health.Cursor{At: e.EffectiveAt, ID: e.ID + 999}},
	} {
		if list, err := c.db.EventVersions(t.Context(), ask.scope, ask.person, ask.at); !errors.Is(err, health.ErrNotFound) {
			t.Errorf("%s: %v, %v", name, list, err)
		}
	}
}

func TestSavedViews(t *testing.T) {
	c := newClinic(t)
	c.load(obs("a", "2026-03-01T10:00:00Z", "60") + obs("b", "2026-03-01T10:00:00Z", "70"))
	a, b := c.person("a"), c.person("b")
	ann, ben := c.user("ann", "Team"), c.user("ben", "Team")
	want := func(user int64, person health.PersonID, view string) {
		t.Helper()
		got, err := c.db.SavedView(t.Context(), user, person)
		if got != view || (view == "") != errors.Is(err, health.ErrNotFound) || view != "" && err != nil {
			t.Errorf("user %d, person %d: %q, %v; want %q", user, person, got, err, view)
		}
	}
	save := func(user int64, person health.PersonID, view string) {
		t.Helper()
		if err := c.db.SaveView(t.Context(), user, person, view); err != nil {
			t.Fatal(err)
		}
	}
	want(ann, a, "")
	save(ann, a, "metric=heart_rate")
	save(ben, a, "flag=H")
	save(ann, b, "source=1")
	save(ann, a, "size=100")
	want(ann, a, "size=100")
	want(ben, a, "flag=H")
	want(ann, b, "source=1")
	for range 2 {
		if err := c.db.ForgetView(t.Context(), ann, a); err != nil {
			t.Fatal(err)
		}
	}
	want(ann, a, "")
	want(ben, a, "flag=H")
	want(ann, b, "source=1")
	if err := c.db.SaveView(t.Context(), ann, a, ""); err == nil {
		t.Error("an empty view was saved")
	}
	// Row security shows the views of the persons in scope alone, and none without one.
	c.exec(`SET ROLE hp_app`)
	for scope, rows := range map[string]int{"": 0, fmt.Sprint(int64(b)): 1, fmt.Sprint(int64(a)): 1} {
		c.exec(`SELECT set_config('hp.persons', $1, false)`, scope)
		if n := one[int](c, `SELECT count(*) FROM auth.saved_view`); n != rows {
			t.Errorf("scope %q shows %d views, want %d", scope, n, rows)
		}
	}
}
