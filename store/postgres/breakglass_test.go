package postgres_test

import (
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"healthportal/app/access"
	"healthportal/app/audit"
	"healthportal/app/health"
)

const glassReason = "Found unconscious, needs the allergy list"

// glassWorld is a clinic with a clinician outside the patient's team, a
// colleague within it, and a privacy officer.
type glassWorld struct {
	*clinic
	outside, inside, officer int64
	person                   health.PersonID
	publicID                 string
	born                     health.Day
}

func newGlassWorld(t *testing.T) glassWorld {
	t.Helper()
	c := newClinic(t)
	c.load(patient("p1", "MRN-1", "Weber", "Anna", "1980-03-04") + patient("p2", "MRN-2", "Weber", "Anne", "1980-03-04") +
		patient("p3", "MRN-3", "Stumm", "Ute", "") + obs("p1", "2026-03-01T10:00:00Z", "60"))
	w := glassWorld{clinic: c, outside: c.user("ada", "Elsewhere"), inside: c.user("bob", "Team"), officer: c.user("pia", "Nobody"), person: c.person("p1"),
		born: health.Day{Year: 1980, Month: time.March, Dom: 4}}
	w.publicID = one[string](c, `SELECT public_id FROM health.person WHERE id = $1`, int64(w.person))
	return w
}

// open breaks the glass for the patient MRN-1.
func (w glassWorld) open() access.Emergency {
	w.t.Helper()
	e, opened, err := w.db.OpenBreakGlass(w.t.Context(), w.outside, "MRN-1", w.born, glassReason)
	if err != nil || !opened {
		w.t.Fatalf("open: %v, %v", opened, err)
	}
	return e
}

// pass lets time go by for an access, by the database's clock.
func (w glassWorld) pass(publicID string, d time.Duration) {
	w.t.Helper()
	w.exec(`UPDATE auth.break_glass SET started_at = started_at - $2::interval, expires_at = expires_at - $2::interval WHERE public_id = $1`, publicID, d)
}

// sees reports whether the clinician outside the team sees the patient.
func (w glassWorld) sees(fhirID string) bool {
	w.t.Helper()
	id := one[string](w.clinic, `SELECT public_id FROM health.person WHERE id = $1`, int64(w.clinic.person(fhirID)))
	p, err := w.db.Patient(w.t.Context(), w.outside, id)
	if err != nil && !errors.Is(err, health.ErrNotFound) {
		w.t.Fatal(err)
	}
	if err == nil && (p.BreakGlassID == "" || p.BreakGlassUntil.IsZero()) {
		w.t.Error("the patient is open without a sign of the emergency")
	}
	return err == nil
}

func TestFindForBreakGlass(t *testing.T) {
	w := newGlassWorld(t)
	other := health.Day{Year: 1980, Month: time.March, Dom: 5}
	misses := []struct {
		record string
		born   health.Day
	}{{"MRN-1", other}, {"MRN-9", w.born}, {"mrn-1", w.born}, {"MRN", w.born}, {"MRN-%", w.born}, {"", w.born}, {"MRN-1", health.Day{}},
		{"MRN-3", health.Day{}}, {"MRN-3", w.born}, {"' OR 1=1 --", w.born}}
	for _, m := range misses {
		if got, err := w.db.FindForBreakGlass(t.Context(), w.outside, m.record, m.born); !errors.Is(err, health.ErrNotFound) || got != (access.GlassMatch{}) {
			t.Errorf("%q %s: %+v, %v", m.record, m.born, got, err)
		}
		if _, _, err := w.db.OpenBreakGlass(t.Context(), w.outside, m.record, m.born, glassReason); !errors.Is(err, health.ErrNotFound) {
			t.Errorf("open %q %s: %v", m.record, m.born, err)
		}
	}
	if got, err := w.db.FindForBreakGlass(t.Context(), w.outside, "MRN-1", w.born); err != nil || got.ID != w.person || got.PublicID != w.publicID || got.Member {
		t.Errorf("the patient: %+v, %v", got, err)
	}
	if got, err := w.db.FindForBreakGlass(t.Context(), w.inside, "MRN-1", w.born); err != nil || !got.Member {
		t.Errorf("a member: %+v, %v", got, err)
	}
	if n := one[int](w.clinic, `SELECT count(*) FROM auth.break_glass`); n != 0 {
		t.Errorf("%d accesses were opened", n)
	}
}

func TestBreakGlassOpensOnePatient(t *testing.T) {
	w := newGlassWorld(t)
	if w.sees("p1") {
		t.Fatal("the patient was open before")
	}
	e := w.open()
	if d := e.Expires.Sub(e.Started); d != access.BreakGlassTime || e.PersonPublicID != w.publicID || e.Person != w.person || e.PublicID == "" {
		t.Errorf("opened %+v for %s", e, d)
	}
	if !w.sees("p1") || w.sees("p2") || w.sees("p3") {
		t.Errorf("sees p1 %v, p2 %v, p3 %v", w.sees("p1"), w.sees("p2"), w.sees("p3"))
	}
	p, err := w.db.Patient(t.Context(), w.outside, w.publicID)
	if err != nil || p.BreakGlassID != e.PublicID || !p.BreakGlassUntil.Equal(e.Expires) || len(p.Alike) != 0 {
		t.Errorf("the patient: %+v, %v", p, err)
	}
	if p, err := w.db.Patient(t.Context(), w.inside, w.publicID); err != nil || p.BreakGlassID != "" || !p.BreakGlassUntil.IsZero() {
		t.Errorf("for the care team: %+v, %v", p, err)
	}
	again, opened, err := w.db.OpenBreakGlass(t.Context(), w.outside, "MRN-1", w.born, "another reason entirely")
	if err != nil || opened || again.PublicID != e.PublicID || again.Reason != glassReason || !again.Expires.Equal(e.Expires) {
		t.Errorf("a second opening: %+v, %v, %v", again, opened, err)
	}
	mine, err := w.db.OpenEmergencies(t.Context(), w.outside)
	if err != nil || len(mine) != 1 || mine[0].RecordNumber != "MRN-1" || mine[0].PersonPublicID != w.publicID {
		t.Errorf("own accesses: %+v, %v", mine, err)
	}
	if none, err := w.db.OpenEmergencies(t.Context(), w.inside); err != nil || len(none) != 0 {
		t.Errorf("a colleague's accesses: %+v, %v", none, err)
	}
	if e, _, err := w.db.OpenBreakGlass(t.Context(), w.inside, "MRN-1", w.born, glassReason); !errors.Is(err, access.ErrGlassMember) || e.PersonPublicID != w.publicID {
		t.Errorf("a member breaks the glass: %+v, %v", e, err)
	}
}

func TestBreakGlassExpiresAndEnds(t *testing.T) {
	w := newGlassWorld(t)
	e := w.open()
	w.pass(e.PublicID, 59*time.Minute)
	if !w.sees("p1") {
		t.Error("closed before an hour was over")
	}
	w.pass(e.PublicID, time.Minute)
	if w.sees("p1") {
		t.Error("open after an hour")
	}
	if ids, err := w.db.PersonsOf(t.Context(), w.outside); err != nil || len(ids) != 0 {
		t.Errorf("persons after an hour: %v, %v", ids, err)
	}
	second := w.open()
	if second.PublicID == e.PublicID {
		t.Error("the expired access was opened again")
	}
	if _, err := w.db.EndBreakGlass(t.Context(), w.inside, second.PublicID); !errors.Is(err, health.ErrNotFound) || !w.sees("p1") {
		t.Errorf("a colleague ends it: %v", err)
	}
	if person, err := w.db.EndBreakGlass(t.Context(), w.outside, second.PublicID); err != nil || person != w.person || w.sees("p1") {
		t.Errorf("end: %d, %v, still open %v", person, err, w.sees("p1"))
	}
	ended := one[time.Time](w.clinic, `SELECT ended_at FROM auth.break_glass WHERE public_id = $1`, second.PublicID)
	if _, err := w.db.EndBreakGlass(t.Context(), w.outside, second.PublicID); err != nil {
		t.Errorf("end it twice: %v", err)
	}
	if _, err := w.db.EndBreakGlass(t.Context(), w.outside, e.PublicID); err != nil {
		t.Errorf("end an expired one: %v", err)
	}
	if again := one[time.Time](w.clinic, `SELECT ended_at FROM auth.break_glass WHERE public_id = $1`, second.PublicID); !again.Equal(ended) {
		t.Error("the second end moved the first")
	}
	if n := one[int](w.clinic, `SELECT count(*) FROM auth.break_glass WHERE ended_at IS NOT NULL`); n != 1 {
		t.Errorf("%d accesses ended early, want 1", n)
	}
	if _, err := w.db.EndBreakGlass(t.Context(), w.outside, strings.Repeat("0", 32)); !errors.Is(err, health.ErrNotFound) {
		t.Errorf("end what is not there: %v", err)
	}
}

func TestBreakGlassAtOnceOpensOnce(t *testing.T) {
	w := newGlassWorld(t)
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			if _, _, err := w.db.OpenBreakGlass(t.Context(), w.outside, "MRN-1", w.born, glassReason); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if n := one[int](w.clinic, `SELECT count(*) FROM auth.break_glass`); n != 1 {
		t.Errorf("%d accesses, want 1", n)
	}
}

// Two transactions that wait for one another don't get the lock in the order in
// which they began: whoever comes second may have begun before the access did.
func TestBreakGlassOpenedByALaterTransaction(t *testing.T) {
	w := newGlassWorld(t)
	id := one[string](w.clinic, `INSERT INTO auth.break_glass (user_id, person_id, reason, started_at, expires_at)
		SELECT $1, id, 'opened by another at the same time', now() + interval '5 seconds', now() + interval '50 minutes' FROM health.person WHERE record_number = 'MRN-1' RETURNING public_id`, w.outside)
	e, opened, err := w.db.OpenBreakGlass(t.Context(), w.outside, "MRN-1", w.born, glassReason)
	if err != nil || opened || e.PublicID != id {
		t.Errorf("opened %v, access %q, %v; want the one that is there: %q", opened, e.PublicID, err, id)
	}
}

// The database holds to the rules even where a program doesn't.
func TestBreakGlassRulesOfTheTable(t *testing.T) {
	w := newGlassWorld(t)
	if _, _, err := w.db.OpenBreakGlass(t.Context(), w.outside, "MRN-1", w.born, "         x         "); err == nil {
		t.Error("opened without a reason")
	}
	e := w.open()
	for _, sql := range []string{
		`UPDATE auth.break_glass SET expires_at = expires_at + interval '1 second'`,
		`UPDATE auth.break_glass SET reviewed_at = now(), reviewed_by = user_id, outcome = 'justified'`,
		`UPDATE auth.break_glass SET outcome = 'justified'`,
	} {
		if _, err := w.conn.Exec(t.Context(), sql); err == nil {
			t.Errorf("the table took %s", sql)
		}
	}
	for _, sql := range []string{
		`UPDATE auth.break_glass SET expires_at = now()`, `UPDATE auth.break_glass SET reason = 'another reason'`,
		`DELETE FROM auth.break_glass`, `UPDATE auth.break_glass SET outcome = 'justified', reviewed_at = now(), reviewed_by = 1`,
	} {
		if _, err := w.conn.Exec(t.Context(), `SET ROLE hp_app`); err != nil {
			t.Fatal(err)
		}
		_, err := w.conn.Exec(t.Context(), sql)
		if err == nil || !strings.Contains(err.Error(), "permission denied") {
			t.Errorf("pages may %s: %v", sql, err)
		}
		w.exec(`RESET ROLE`)
	}
	if got, err := w.db.Emergency(t.Context(), e.PublicID); err != nil || got.Reason != glassReason {
		t.Errorf("afterwards %+v, %v", got, err)
	}
}

func TestReviewQueue(t *testing.T) {
	w := newGlassWorld(t)
	first := w.open()
	w.pass(first.PublicID, 2*time.Hour)
	second := w.open()
	for i, at := range []time.Time{first.Started.Add(-119 * time.Minute), first.Started.Add(-2 * time.Hour).Add(-time.Second), first.Started.Add(-59 * time.Minute)} {
		w.exec(`INSERT INTO audit.entry (chain, seq, at, kind, outcome, user_id, person_id, mac_key, hash)
			VALUES ('c', $1, $2, 'patient.view', 'done', $3, $4, 'k', decode(repeat('00', 32), 'hex'))`, i+1, at, w.outside, int64(w.person))
	}
	page, err := w.db.EmergencyQueue(t.Context(), "", 10)
	if err != nil || len(page.Waiting) != 2 || len(page.Decided) != 0 || page.More {
		t.Fatalf("queue %+v, %v", page, err)
	}
	got := page.Waiting[0]
	if got.PublicID != first.PublicID || got.RecordNumber != "MRN-1" || got.UserName != "ada" || got.Reason != glassReason || got.Entries != 1 || got.UserID != w.outside {
		t.Errorf("the oldest: %+v", got)
	}
	if page.Waiting[1].PublicID != second.PublicID || !page.Waiting[1].Running(time.Now()) || got.Running(time.Now()) {
		t.Errorf("the running one: %+v", page.Waiting[1])
	}
	refused := []struct {
		id   string
		by   int64
		want error
	}{
		{first.PublicID, w.outside, access.ErrGlassOwn}, {second.PublicID, w.officer, access.ErrGlassRunning},
		{strings.Repeat("0", 32), w.officer, health.ErrNotFound}, {"' OR 1=1", w.officer, health.ErrNotFound},
	}
	for _, r := range refused {
		if err := w.db.ReviewEmergency(t.Context(), r.by, r.id, access.Justified, ""); !errors.Is(err, r.want) {
			t.Errorf("review of %s by %d: %v, want %v", r.id, r.by, err, r.want)
		}
	}
	if err := w.db.ReviewEmergency(t.Context(), w.officer, first.PublicID, access.NotJustified, "no emergency was found"); err != nil {
		t.Fatal(err)
	}
	if err := w.db.ReviewEmergency(t.Context(), w.inside, first.PublicID, access.Justified, ""); !errors.Is(err, access.ErrGlassDecided) {
		t.Errorf("decide again: %v", err)
	}
	if _, err := w.db.EndBreakGlass(t.Context(), w.outside, second.PublicID); err != nil {
		t.Fatal(err)
	}
	if err := w.db.ReviewEmergency(t.Context(), w.officer, second.PublicID, access.Justified, ""); err != nil {
		t.Errorf("one that was ended early: %v", err)
	}
	page, err = w.db.EmergencyQueue(t.Context(), "", 1)
	if err != nil || len(page.Waiting) != 0 || len(page.Decided) != 1 || !page.More || page.Decided[0].PublicID != second.PublicID {
		t.Fatalf("decided %+v, %v", page, err)
	}
	page, err = w.db.EmergencyQueue(t.Context(), second.PublicID, 1)
	if err != nil || len(page.Decided) != 1 || page.More {
		t.Fatalf("second page %+v, %v", page, err)
	}
	if d := page.Decided[0]; d.PublicID != first.PublicID || d.Outcome != access.NotJustified || d.ReviewedBy != "pia" || d.Note != "no emergency was found" || d.Reviewed.IsZero() {
		t.Errorf("the decision %+v", d)
	}
	if _, err := w.db.Emergency(t.Context(), "nothing"); !errors.Is(err, health.ErrNotFound) {
		t.Errorf("an unknown access: %v", err)
	}
}

// What the queue counts is what the audit page shows for the access.
func TestReviewCountsWhatTheLogShows(t *testing.T) {
	w := newGlassWorld(t)
	e := w.open()
	for i := range 3 {
		w.exec(`INSERT INTO audit.entry (chain, seq, at, kind, outcome, user_id, person_id, mac_key, hash)
			VALUES ('c', $1, $2, 'patient.view', 'done', $3, $4, 'k', decode(repeat('00', 32), 'hex'))`, i+1, e.Started.Add(time.Duration(i)*time.Second), w.outside, int64(w.person))
	}
	got, err := w.db.Emergency(t.Context(), e.PublicID)
	if err != nil || got.Entries != 3 {
		t.Fatalf("%+v, %v", got, err)
	}
	page, err := w.db.AuditPage(t.Context(), audit.Filter{From: got.Started, To: got.Until(), UserID: got.UserID, PersonID: int64(got.Person)})
	if err != nil || len(page.Rows) != got.Entries {
		t.Errorf("the page has %d rows, %v", len(page.Rows), err)
	}
}

func TestPatientsOfTheLog(t *testing.T) {
	w := newGlassWorld(t)
	byID, err := w.db.AuditPatients(t.Context(), []health.PersonID{w.person, 999999})
	if err != nil || len(byID) != 1 || byID[w.person] != (access.PatientRef{ID: w.person, PublicID: w.publicID, RecordNumber: "MRN-1"}) {
		t.Errorf("by id: %+v, %v", byID, err)
	}
	for _, tt := range []struct {
		record, publicID string
		found            bool
	}{{"MRN-1", "", true}, {"", w.publicID, true}, {"MRN-9", w.publicID, false}, {"", "", false}, {"MRN-%", "", false}, {"", "' OR 1=1", false}} {
		got, err := w.db.AuditPatient(t.Context(), tt.record, tt.publicID)
		if tt.found != (err == nil) || (tt.found && got.ID != w.person) || (!tt.found && !errors.Is(err, health.ErrNotFound)) {
			t.Errorf("%q, %q: %+v, %v", tt.record, tt.publicID, got, err)
		}
	}
	users, err := w.db.AuditUsers(t.Context())
	if err != nil || len(users) != 3 || users[0].Name != "ada" || users[0].ID != w.outside || len(users[0].PublicID) != 32 {
		t.Errorf("users: %+v, %v", users, err)
	}
	// The function answers nobody who may not read the whole log.
	w.exec(`SET ROLE hp_app`)
	if n := one[int](w.clinic, `SELECT count(*) FROM auth.patients_of_log(ARRAY[$1::bigint], 'MRN-1', '')`, int64(w.person)); n != 0 {
		t.Errorf("%d patients without hp.audit", n)
	}
	w.exec(`RESET ROLE`)
}
