package postgres_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"healthportal/app/access"
	"healthportal/app/health"
	"healthportal/app/health/adultrange"
)

// clinician makes a user with that role.
func (c *clinic) clinician(name string) int64 {
	c.t.Helper()
	id := c.user(name, "Team")
	c.exec(`INSERT INTO auth.user_role (user_id, role) VALUES ($1, 'clinician')`, id)
	return id
}

func (c *clinic) standing(metric string) adultrange.Standing {
	c.t.Helper()
	sheet, err := c.db.RangeSheet(c.t.Context())
	if err != nil {
		c.t.Fatal(err)
	}
	s, ok := sheet.Of(metric)
	if !ok {
		c.t.Fatalf("no range of %s", metric)
	}
	return s
}

func (c *clinic) act(user int64, metric string, kind adultrange.ActKind) error {
	c.t.Helper()
	return c.db.ActOnRange(c.t.Context(), user, metric, kind, c.standing(metric).Range.Digest())
}

func TestRangeActs(t *testing.T) {
	c := newClinic(t)
	ada, bob := c.clinician("ada"), c.clinician("bob")
	if s := c.standing("potassium"); s.SignedOff() || s.Last != (adultrange.Act{}) {
		t.Errorf("before anything: %+v", s.Last)
	}
	if err := c.act(ada, "potassium", adultrange.SignOff); err != nil {
		t.Fatal(err)
	}
	s := c.standing("potassium")
	if l := s.Last; !s.SignedOff() || l.UserID != ada || l.By != "ada" || l.Said != "3.5–5.0 mmol/L" || l.Kind != adultrange.SignOff || time.Since(l.At) > time.Hour || l.At.Location() != time.UTC {
		t.Errorf("after the sign-off: %+v", l)
	}
	if c.standing("sodium").SignedOff() {
		t.Error("another range is signed off too")
	}
	if err := c.act(bob, "potassium", adultrange.SignOff); !errors.Is(err, adultrange.ErrSignedOff) {
		t.Errorf("a second sign-off: %v", err)
	}
	if err := c.act(bob, "potassium", adultrange.Withdraw); err != nil {
		t.Fatal(err)
	}
	if s := c.standing("potassium"); s.SignedOff() || s.Last.By != "bob" || s.Last.Kind != adultrange.Withdraw {
		t.Errorf("after another clinician withdrew: %+v", s.Last)
	}
	if err := c.act(ada, "potassium", adultrange.Withdraw); !errors.Is(err, adultrange.ErrNotSignedOff) {
		t.Errorf("a second withdrawal: %v", err)
	}
	if err := c.act(bob, "potassium", adultrange.SignOff); err != nil || !c.standing("potassium").SignedOff() {
		t.Errorf("signed off again: %v", err)
	}
	// The history is kept, and a name is the one of today.
	if n := one[int](c, `SELECT count(*) FROM health.range_act WHERE metric = 'potassium'`); n != 3 {
		t.Errorf("%d acts are kept, want 3", n)
	}
	c.exec(`UPDATE auth.user_account SET display_name = 'Dr Bob' WHERE id = $1`, bob)
	if by := c.standing("potassium").Last.By; by != "Dr Bob" {
		t.Errorf("by %q", by)
	}
}

func TestRangeActsRefuse(t *testing.T) {
	c := newClinic(t)
	ada, analyst, gone := c.clinician("ada"), c.user("ann", "Team"), c.clinician("gone")
	c.exec(`INSERT INTO auth.user_role (user_id, role) VALUES ($1, 'analyst'), ($1, 'admin')`, analyst)
	c.exec(`UPDATE auth.user_account SET disabled_at = now() WHERE id = $1`, gone)
	digest := c.standing("potassium").Range.Digest()
	for name, tt := range map[string]struct {
		user           int64
		metric, digest string
		want           error
	}{
		"no clinician":         {analyst, "potassium", digest, access.ErrDenied},
		"disabled":             {gone, "potassium", digest, access.ErrDenied},
		"nobody":               {999, "potassium", digest, access.ErrDenied},
		"another range":        {ada, "potassium", strings.Repeat("0", 64), adultrange.ErrChanged},
		"no digest":            {ada, "potassium", "", adultrange.ErrChanged},
		"a hostile digest":     {ada, "potassium", "' OR 1=1 --\x00", adultrange.ErrChanged},
		"another's digest":     {ada, "sodium", digest, adultrange.ErrChanged},
		"a range that is bare": {ada, "heart_rate", c.standing("heart_rate").Range.Digest(), adultrange.ErrNoMarks},
		"no range":             {ada, "body_weight", digest, health.ErrNotFound},
		"no metric":            {ada, "x\x00", digest, health.ErrNotFound},
	} {
		if err := c.db.ActOnRange(t.Context(), tt.user, tt.metric, adultrange.SignOff, tt.digest); !errors.Is(err, tt.want) {
			t.Errorf("%s: %v, want %v", name, err, tt.want)
		}
	}
	if n := one[int](c, `SELECT count(*) FROM health.range_act`); n != 0 {
		t.Errorf("%d acts were stored", n)
	}
}

// A sign-off of what the range was before counts no more, and can be taken back.
func TestChangedRangeIsNotSignedOff(t *testing.T) {
	c := newClinic(t)
	ada := c.clinician("ada")
	if err := c.act(ada, "potassium", adultrange.SignOff); err != nil {
		t.Fatal(err)
	}
	c.exec(`UPDATE health.range_act SET digest = repeat('0', 64), said = '3.4–5.2 mmol/L'`)
	if s := c.standing("potassium"); s.SignedOff() || !s.Lapsed() || s.Last.Said != "3.4–5.2 mmol/L" {
		t.Errorf("%+v", s.Last)
	}
	if err := c.act(ada, "potassium", adultrange.Withdraw); err != nil || c.standing("potassium").Lapsed() {
		t.Errorf("withdrawn: %v", err)
	}
	if err := c.act(ada, "potassium", adultrange.SignOff); err != nil || !c.standing("potassium").SignedOff() {
		t.Errorf("signed off again: %v", err)
	}
}

// Of many who sign off at once, one does.
func TestRangeActsQueueUp(t *testing.T) {
	c := newClinic(t)
	digest := c.standing("potassium").Range.Digest()
	var users []int64
	for i := range 6 {
		users = append(users, c.clinician(fmt.Sprint("u", i)))
	}
	errs := make([]error, len(users))
	var wg sync.WaitGroup
	for i, u := range users {
		wg.Go(func() { errs[i] = c.db.ActOnRange(t.Context(), u, "potassium", adultrange.SignOff, digest) })
	}
	wg.Wait()
	done := 0
	for _, err := range errs {
		if err == nil {
			done++
		} else if !errors.Is(err, adultrange.ErrSignedOff) {
			t.Error(err)
		}
	}
	if n := one[int](c, `SELECT count(*) FROM health.range_act`); done != 1 || n != 1 {
		t.Errorf("%d succeeded, %d rows", done, n)
	}
}

// Pages add acts and can neither change nor delete one; researchers don't see the table.
func TestRangeActsAreForGood(t *testing.T) {
	c := newClinic(t)
	ada := c.clinician("ada")
	if err := c.act(ada, "potassium", adultrange.SignOff); err != nil {
		t.Fatal(err)
	}
	for role, statements := range map[string][]string{
		"hp_app":      {`UPDATE health.range_act SET said = 'x'`, `DELETE FROM health.range_act`, `TRUNCATE health.range_act`, `INSERT INTO health.range_act (metric, act, digest, said, user_id, acted_at) SELECT metric, act, digest, said, user_id, now() FROM health.range_act`},
		"hp_research": {`SELECT * FROM health.range_act`},
		"hp_audit":    {`SELECT * FROM health.range_act`},
	} {
		for _, sql := range statements {
			c.exec(`SET ROLE ` + role)
			_, err := c.conn.Exec(t.Context(), sql)
			c.exec(`RESET ROLE`)
			var said *pgconn.PgError
			if !errors.As(err, &said) || said.Code != "42501" {
				t.Errorf("%s, %s: %v", role, sql, err)
			}
		}
	}
}

// potassiums are values of one person, whose ids say what about them is special.
func potassiums() string {
	var b strings.Builder
	add := func(id, at, rest string) {
		fmt.Fprintf(&b, `{"resourceType":"Observation","id":%q,"status":"final","subject":{"reference":"Patient/a"},"effectiveDateTime":%q,"code":{"coding":[{"system":"http://loinc.org","code":"2823-3"}]}%s}`+"\n", id, at, rest)
	}
	quantity := func(v, unit, more string) string {
		return fmt.Sprintf(`,"valueQuantity":{"value":%s,"unit":%q,"system":"http://unitsofmeasure.org","code":%q%s}`, v, unit, unit, more)
	}
	add("high", "2026-03-02T08:00:00Z", quantity("5.6", "mmol/L", ""))
	add("limit", "2026-03-03T08:00:00Z", quantity("5.0", "mmol/L", ""))
	add("inside", "2026-03-04T08:00:00Z", quantity("4.2", "mmol/L", ""))
	add("low", "2026-03-31T08:00:00Z", quantity("3.1", "mmol/L", ""))
	add("bound", "2026-03-05T08:00:00Z", quantity("3", "mmol/L", `,"comparator":"<"`))
	add("flagged", "2026-03-06T08:00:00Z", quantity("5.7", "mmol/L", "")+`,"interpretation":[{"coding":[{"code":"N"}]}]`)
	add("ranged", "2026-03-07T08:00:00Z", quantity("5.8", "mmol/L", "")+`,"referenceRange":[{"high":{"value":6,"code":"mmol/L"}}]`)
	add("text", "2026-03-08T08:00:00Z", `,"valueString":"haemolysed"`)
	add("unit", "2026-03-09T08:00:00Z", quantity("4", "mg/dL", ""))
	add("april", "2026-04-01T08:00:00Z", quantity("5.9", "mmol/L", ""))
	add("february", "2026-02-28T08:00:00Z", quantity("5.9", "mmol/L", ""))
	return b.String()
}

func TestOutlyingEvents(t *testing.T) {
	c := newClinic(t)
	c.load(potassiums())
	c.load(strings.ReplaceAll(strings.ReplaceAll(potassiums(), "Patient/a", "Patient/b"), `"id":"`, `"id":"b-`))
	c.load(strings.Replace(strings.Split(potassiums(), "\n")[0], `"final"`, `"entered-in-error"`, 1)) // high is taken back
	a := c.person("a")
	low, high := 3.5, 5.0
	asked := adultrange.Outlying{Person: a, Metric: "potassium", From: health.Day{Year: 2026, Month: 3, Dom: 1}, To: health.Day{Year: 2026, Month: 3, Dom: 31}, Unit: "mmol/L", Low: &low, High: &high}
	read := func(o adultrange.Outlying, scope access.Scope) []string {
		t.Helper()
		list, err := c.db.OutlyingEvents(t.Context(), scope, o)
		if err != nil {
			t.Fatal(err)
		}
		ids := []string{}
		for _, e := range list {
			ids = append(ids, e.ExternalID)
		}
		return ids
	}
	if got := read(asked, access.One(a)); !slices.Equal(got, []string{"limit", "bound", "unit", "low"}) {
		t.Errorf("read %v", got)
	}
	oneEnd := asked
	oneEnd.Low = nil
	if got := read(oneEnd, access.One(a)); !slices.Equal(got, []string{"limit", "unit"}) {
		t.Errorf("with one end: %v", got)
	}
	other := asked
	other.Metric = "sodium"
	if got := read(other, access.One(a)); len(got) != 0 {
		t.Errorf("another metric's: %v", got)
	}
	if got := read(asked, access.One(c.person("b"))); len(got) != 0 {
		t.Errorf("outside the scope: %v", got)
	}
}

// What the store leaves out is nothing that the rule would mark: it reads all that Judge marks.
func TestOutlyingEventsMissNothing(t *testing.T) {
	c := newClinic(t)
	c.load(potassiums())
	ada, a := c.clinician("ada"), c.person("a")
	if err := c.act(ada, "potassium", adultrange.SignOff); err != nil {
		t.Fatal(err)
	}
	person := health.Person{ID: a, BirthDate: health.Day{Year: 1970, Month: 1, Dom: 1}}
	standing := c.standing("potassium")
	asked, ok := standing.Outlying(person, health.WindowAt(health.Days, health.Day{Year: 2026, Month: 3, Dom: 5}, nil))
	if !ok {
		t.Fatal("nothing is asked for")
	}
	found, err := c.db.OutlyingEvents(t.Context(), access.One(a), asked)
	if err != nil {
		t.Fatal(err)
	}
	judged := func(list []health.Event) (ids []string) {
		for i := range list {
			if standing.Range.Judge(person, &list[i]).Outside() {
				ids = append(ids, list[i].ExternalID)
			}
		}
		slices.Sort(ids)
		return ids
	}
	all := c.page(health.EventFilter{Person: a, From: asked.From, To: asked.To, Size: 200}).Events
	if want, got := judged(all), judged(found); !slices.Equal(got, want) || !slices.Equal(got, []string{"bound", "high", "low"}) {
		t.Errorf("marked of what was read: %v, of everything: %v", got, want)
	}
}
