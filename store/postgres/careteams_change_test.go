package postgres_test

import (
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"healthportal/app/access"
	"healthportal/app/health"
)

// teamWorld is a clinic with a user outside every team and an empty team.
type teamWorld struct {
	*clinic
	team   access.Team
	user   int64
	userID string
	person health.PersonID
}

func newTeamWorld(t *testing.T) teamWorld {
	t.Helper()
	c := newClinic(t)
	c.load(patient("p1", "MRN-1", "Weber", "Anna", "1980-03-04"))
	w := teamWorld{clinic: c, person: c.person("p1"), user: c.user("ada", "Elsewhere")}
	w.userID = one[string](c, `SELECT public_id FROM auth.user_account WHERE id = $1`, w.user)
	id, err := c.db.AddTeam(t.Context(), "Ward 7")
	if err != nil {
		t.Fatal(err)
	}
	if w.team, err = c.db.Team(t.Context(), id); err != nil {
		t.Fatal(err)
	}
	return w
}

// sees reports whether the user's row filter lets the person through.
func (w teamWorld) sees() bool {
	w.t.Helper()
	ids, err := w.db.PersonsOf(w.t.Context(), w.user)
	if err != nil {
		w.t.Fatal(err)
	}
	_, err = w.db.PersonByPublicID(w.t.Context(), w.user, one[string](w.clinic, `SELECT public_id FROM health.person WHERE id = $1`, int64(w.person)))
	if (err == nil) != slices.Contains(ids, w.person) {
		w.t.Errorf("the page and the list of persons differ: %v, %v", ids, err)
	}
	return err == nil
}

func TestTeamNames(t *testing.T) {
	w := newTeamWorld(t)
	if _, err := w.db.AddTeam(t.Context(), "Ward 7"); !errors.Is(err, access.ErrTeamExists) {
		t.Errorf("a taken name: %v", err)
	}
	if err := w.db.RenameTeam(t.Context(), w.team.ID, "Elsewhere"); !errors.Is(err, access.ErrTeamExists) {
		t.Errorf("renaming to a taken name: %v", err)
	}
	if err := w.db.RenameTeam(t.Context(), w.team.ID, "Ward 8"); err != nil {
		t.Fatal(err)
	}
	if _, err := w.db.Team(t.Context(), "nobody"); !errors.Is(err, health.ErrNotFound) {
		t.Errorf("unknown team: %v", err)
	}
	all, err := w.db.Teams(t.Context())
	if err != nil || !slices.ContainsFunc(all, func(x access.Team) bool { return x.Name == "Ward 8" && x.PublicID == w.team.PublicID }) {
		t.Errorf("teams %v, %v", all, err)
	}
}

// A patient is seen exactly while both memberships hold.
func TestSeenWhileBothBelong(t *testing.T) {
	hour := time.Hour
	base := time.Now()
	tests := []struct {
		why                string
		userFrom, userTo   time.Duration // 0: none
		patFrom, patTo     time.Duration
		want               bool
		wantUsers, wantPat int
	}{
		{"both since long, without end", -hour, 0, -hour, 0, true, 1, 1},
		{"both end later", -hour, hour, -hour, hour, true, 1, 1},
		{"the user's begins later", hour, 0, -hour, 0, false, 0, 1},
		{"the user's has ended", -2 * hour, -hour, -hour, 0, false, 0, 1},
		{"the patient's begins later", -hour, 0, hour, 0, false, 1, 0},
		{"the patient's has ended", -hour, 0, -2 * hour, -hour, false, 1, 0},
	}
	at := func(d time.Duration) time.Time {
		if d == 0 {
			return time.Time{}
		}
		return base.Add(d)
	}
	for _, tt := range tests {
		t.Run(tt.why, func(t *testing.T) {
			w := newTeamWorld(t)
			if err := w.db.AddTeamUser(t.Context(), 0, w.team, w.userID, access.Period{From: at(tt.userFrom), To: at(tt.userTo)}, base); err != nil {
				t.Fatal(err)
			}
			got, err := w.db.AddTeamPatient(t.Context(), 0, w.team, "MRN-1", access.Period{From: at(tt.patFrom), To: at(tt.patTo)}, base)
			if err != nil || got != w.person {
				t.Fatalf("added %d, %v", got, err)
			}
			if w.sees() != tt.want {
				t.Errorf("seen: %v, want %v", !tt.want, tt.want)
			}
			team, err := w.db.Team(t.Context(), w.team.PublicID)
			if err != nil || team.Members != tt.wantUsers || team.Patients != tt.wantPat {
				t.Errorf("counts %+v, %v", team, err)
			}
		})
	}
}

func TestEndingAMembership(t *testing.T) {
	w := newTeamWorld(t)
	ctx, now := t.Context(), time.Now()
	add := func() {
		t.Helper()
		if err := w.db.AddTeamUser(ctx, 0, w.team, w.userID, access.Period{From: now.Add(-time.Hour)}, now); err != nil {
			t.Fatal(err)
		}
	}
	add()
	if _, err := w.db.AddTeamPatient(ctx, 0, w.team, "MRN-1", access.Period{}, now.Add(-time.Minute)); err != nil {
		t.Fatal(err)
	}
	if !w.sees() {
		t.Fatal("not seen at first")
	}
	users, err := w.db.TeamUsers(ctx, w.team.ID)
	if err != nil || len(users) != 1 || users[0].User != "ada" || users[0].UserID != w.userID || users[0].State(now) != "now" {
		t.Fatalf("users %+v, %v", users, err)
	}
	other := w.team
	other.ID = one[int64](w.clinic, `SELECT id FROM auth.care_team WHERE name = 'Elsewhere'`)
	if err := w.db.EndTeamUser(ctx, 0, other, users[0].PublicID, now); !errors.Is(err, health.ErrNotFound) {
		t.Errorf("ended through another team: %v", err)
	}
	if err := w.db.EndTeamUser(ctx, 0, w.team, users[0].PublicID, now.Add(-time.Second)); err != nil {
		t.Fatal(err)
	}
	if w.sees() {
		t.Error("seen after the user's membership ended")
	}
	if err := w.db.EndTeamUser(ctx, 0, w.team, users[0].PublicID, now); !errors.Is(err, health.ErrNotFound) {
		t.Errorf("ended twice: %v", err)
	}
	patients, more, err := w.db.TeamPatients(ctx, w.team.ID, "", 10)
	if err != nil || more || len(patients) != 1 || patients[0].RecordNumber != "MRN-1" {
		t.Fatalf("patients %+v, %v, %v", patients, more, err)
	}
	if got, err := w.db.EndTeamPatient(ctx, w.team, patients[0].PublicID, now); err != nil || got != w.person {
		t.Errorf("ended %d, %v", got, err)
	}
	notices, err := w.db.UnseenNotices(ctx, w.user)
	if err != nil || len(notices) != 2 || notices[1].Kind != access.NoticeTeam {
		t.Fatalf("notices %+v, %v", notices, err)
	}
	if err := w.db.SeeNotices(ctx, w.user, notices[0].ID, now); err != nil {
		t.Fatal(err)
	}
	if left, err := w.db.UnseenNotices(ctx, w.user); err != nil || len(left) != 1 || left[0].ID != notices[1].ID {
		t.Errorf("left %+v, %v", left, err)
	}
}

func TestOverlapsAndStrangers(t *testing.T) {
	w := newTeamWorld(t)
	ctx, now := t.Context(), time.Now().Truncate(time.Microsecond)
	join := func(from, to time.Duration) error {
		p := access.Period{From: now.Add(from)}
		if to != 0 {
			p.To = now.Add(to)
		}
		return w.db.AddTeamUser(ctx, 0, w.team, w.userID, p, now)
	}
	const day = 24 * time.Hour
	for _, step := range []struct {
		why      string
		from, to time.Duration
		want     error
	}{
		{"first", -10 * day, -5 * day, nil},
		{"the same again", -10 * day, -5 * day, nil},
		{"touching", -5 * day, -4 * day, nil},
		{"inside", -9 * day, -8 * day, access.ErrOverlap},
		{"around", -20 * day, 0, access.ErrOverlap},
		{"the same start, a longer end that meets the next", -10 * day, -4 * day, access.ErrOverlap},
		{"the same start, a shorter end", -10 * day, -6 * day, nil},
		{"ends before it starts", -2 * day, -3 * day, access.ErrPeriod},
	} {
		if err := join(step.from, step.to); !errors.Is(err, step.want) {
			t.Errorf("%s: %v, want %v", step.why, err, step.want)
		}
	}
	if err := w.db.AddTeamUser(ctx, 0, w.team, "nobody", access.Period{}, now); !errors.Is(err, access.ErrNoMember) {
		t.Errorf("unknown user: %v", err)
	}
	if _, err := w.db.AddTeamPatient(ctx, 0, w.team, "MRN-", access.Period{}, now); !errors.Is(err, access.ErrNoMember) {
		t.Errorf("unknown record number: %v", err)
	}
}

// Joining many times at once leaves one membership.
func TestJoiningAtOnce(t *testing.T) {
	w := newTeamWorld(t)
	var wait sync.WaitGroup
	for range 8 {
		wait.Go(func() {
			if err := w.db.AddTeamUser(t.Context(), 0, w.team, w.userID, access.Period{}, time.Now()); err != nil {
				t.Error(err)
			}
		})
	}
	wait.Wait()
	if users, err := w.db.TeamUsers(t.Context(), w.team.ID); err != nil || len(users) != 1 {
		t.Errorf("memberships %+v, %v", users, err)
	}
}

func TestTeamPatientsPages(t *testing.T) {
	w := newTeamWorld(t)
	var want []string
	for i := range 7 {
		number := fmt.Sprintf("R-%02d", i)
		w.load(patient(fmt.Sprintf("q%d", i), number, "Same", "Name", "1990-01-01"))
		if _, err := w.db.AddTeamPatient(t.Context(), 0, w.team, number, access.Period{}, time.Now()); err != nil {
			t.Fatal(err)
		}
		want = append(want, number)
	}
	var got []string
	for beyond, more := "", true; more; {
		var page []access.Membership
		var err error
		if page, more, err = w.db.TeamPatients(t.Context(), w.team.ID, beyond, 3); err != nil || len(page) == 0 {
			t.Fatalf("page %v, %v", page, err)
		}
		for _, m := range page {
			got = append(got, m.RecordNumber)
		}
		beyond = page[len(page)-1].PublicID
	}
	if !slices.Equal(got, want) {
		t.Errorf("pages hold %v, want %v", got, want)
	}
}

func TestApplyTeamLines(t *testing.T) {
	w := newTeamWorld(t)
	at := time.Now()
	past := access.Period{From: at.Add(-time.Hour)}
	tests := []struct {
		why     string
		line    access.TeamLine
		dry     bool
		change  access.Change
		newTeam bool
		err     error
	}{
		{"rehearsed", access.TeamLine{Team: "New", User: "ada", Period: past}, true, access.ChangeAdded, true, nil},
		{"a user", access.TeamLine{Team: "New", User: "ada", Period: past}, false, access.ChangeAdded, true, nil},
		{"again", access.TeamLine{Team: "New", User: "ada", Period: past}, false, access.ChangeUnchanged, false, nil},
		{"again without a start", access.TeamLine{Team: "New", User: "ada"}, false, access.ChangeUnchanged, false, nil},
		{"now with an end", access.TeamLine{Team: "New", User: "ada", Period: access.Period{From: past.From, To: at.Add(time.Hour)}}, false, access.ChangeChanged, false, nil},
		{"a patient by record number", access.TeamLine{Team: "New", RecordNumber: "MRN-1"}, false, access.ChangeAdded, false, nil},
		{"the same patient by identifier", access.TeamLine{Team: "New", Patient: health.Identifier{System: health.SystemFHIR, Value: "p1"}}, false, access.ChangeUnchanged, false, nil},
		{"unknown user", access.TeamLine{Team: "Ghost", User: "nobody"}, false, "", false, access.ErrNoMember},
		{"unknown patient", access.TeamLine{Team: "Ghost", RecordNumber: "nobody"}, false, "", false, access.ErrNoMember},
		{"unknown identifier", access.TeamLine{Team: "Ghost", Patient: health.Identifier{System: "x", Value: "MRN-1"}}, false, "", false, access.ErrNoMember},
	}
	for _, tt := range tests {
		change, newTeam, err := w.db.ApplyTeamLine(t.Context(), tt.line, at, tt.dry)
		if change != tt.change || newTeam != tt.newTeam || !errors.Is(err, tt.err) {
			t.Errorf("%s: %q, %v, %v", tt.why, change, newTeam, err)
		}
	}
	if n := one[int](w.clinic, `SELECT count(*) FROM auth.care_team WHERE name = 'Ghost'`); n != 0 {
		t.Error("a refused line left a team behind")
	}
	if !w.sees() {
		t.Error("the imported memberships don't open the patient")
	}
}
