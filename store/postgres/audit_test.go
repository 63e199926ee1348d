package postgres_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"healthportal/app/access"
	"healthportal/app/audit"
	"healthportal/app/health"
)

func auditKeys() audit.Keys {
	return audit.Keys{
		Chain: audit.Key{ID: "chain1", Secret: bytes.Repeat([]byte{1}, 32)}, Head: audit.Key{ID: "head1", Secret: bytes.Repeat([]byte{2}, 32)},
	}
}

// openLog opens a log on the clinic's database that ends with the test.
func (c *clinic) openLog(dir string) *audit.Log {
	c.t.Helper()
	l, err := audit.Open(c.t.Context(), audit.Config{Store: c.db, Keys: auditKeys(), HeadsDir: dir, Now: now})
	if err != nil {
		c.t.Fatal(err)
	}
	c.t.Cleanup(func() {
		if err := l.Close(context.Background()); err != nil {
			c.t.Error(err)
		}
	})
	return l
}

func (c *clinic) append(l *audit.Log, list ...audit.Entry) {
	c.t.Helper()
	for _, e := range list {
		if e.Outcome == "" {
			e.Outcome = audit.Done
		}
		if err := l.Append(c.t.Context(), e); err != nil {
			c.t.Fatal(err)
		}
	}
}

func (c *clinic) verifyLog(dirs ...string) audit.Report {
	c.t.Helper()
	rep, err := audit.Verify(c.t.Context(), audit.VerifyConfig{Reader: c.db, Keys: auditKeys(), HeadsDirs: dirs})
	if err != nil {
		c.t.Fatal(err)
	}
	return rep
}

func TestAuditRoundTrip(t *testing.T) {
	c, dir := newClinic(t), t.TempDir()
	l := c.openLog(dir)
	at := time.Date(2026, 3, 29, 2, 30, 0, 123456000, time.FixedZone("", 3600))
	e := audit.Entry{At: at, Kind: access.KindPatient, Outcome: audit.Denied, UserID: 1 << 40, Roles: "clinician+admin", SessionID: "s1", KeyID: "k1",
		PersonID: 1 << 41, Subject: "p\x00\xff", Route: "GET /x", RequestID: "r1", Address: "2001:db8::1", Detail: `{"a":"ä \\ ' \" "}`}
	c.append(l, e, audit.Entry{Kind: access.KindSignIn})
	var got []audit.StoredEntry
	if err := c.db.EachEntry(t.Context(), func(e *audit.StoredEntry) error { got = append(got, *e); return nil }); err != nil {
		t.Fatal(err)
	}
	if len(got) != 3 || got[0].Kind != access.KindChainStart || got[2].Seq != 3 || got[2].UserID != 0 {
		t.Fatalf("%+v", got)
	}
	if audit.OriginalText(got[1].Subject) != e.Subject || !got[1].At.Equal(at) {
		t.Errorf("%+v", got[1])
	}
	e.Subject, e.At = got[1].Subject, got[1].At
	if got[1].Entry != e {
		t.Errorf("got %+v, want %+v", got[1].Entry, e)
	}
	if rep := c.verifyLog(dir); rep.Total != 0 || rep.Rows != 3 || rep.Heads != 1 {
		t.Errorf("%+v", rep)
	}
	stop := errors.New("enough")
	if err := c.db.EachEntry(t.Context(), func(*audit.StoredEntry) error { return stop }); !errors.Is(err, stop) {
		t.Errorf("error %v", err)
	}
}

func TestChainHeads(t *testing.T) {
	c, dir := newClinic(t), t.TempDir()
	if heads, err := c.db.ChainHeads(t.Context()); err != nil || len(heads) != 0 {
		t.Fatalf("%v, %v", heads, err)
	}
	for n := range 3 {
		l := c.openLog(dir)
		for range n {
			c.append(l, audit.Entry{Kind: access.KindSignIn})
		}
	}
	heads, err := c.db.ChainHeads(t.Context())
	if err != nil || len(heads) != 3 {
		t.Fatalf("%v, %v", heads, err)
	}
	var seqs []int64
	for _, h := range heads {
		seqs = append(seqs, h.Seq)
		if want := one[string](c, `SELECT encode(hash, 'hex') FROM audit.entry WHERE chain = $1 AND seq = $2`, h.Chain, h.Seq); h.Hash != want {
			t.Errorf("%+v, want %s", h, want)
		}
	}
	slices.Sort(seqs)
	if !slices.Equal(seqs, []int64{1, 2, 3}) {
		t.Errorf("%v", seqs)
	}
	starts := 0
	if err := c.db.ChainStarts(t.Context(), func(e *audit.StoredEntry) error { starts++; return nil }); err != nil || starts != 3 {
		t.Errorf("%d starts, %v", starts, err)
	}
}

// Nobody but the owner can touch what is written, and only hp_audit writes.
func TestTheLogIsAppendOnly(t *testing.T) {
	c := newClinic(t)
	c.append(c.openLog(t.TempDir()), audit.Entry{Kind: access.KindSignIn})
	const insert = `INSERT INTO audit.entry (chain, seq, at, kind, outcome, mac_key, hash) VALUES ('x', 1, now(), 'k', 'done', 'm', decode(repeat('00', 32), 'hex'))`
	statements := map[string]string{
		"insert": insert, "select": `SELECT count(*) FROM audit.entry`, "update": `UPDATE audit.entry SET user_id = 1`,
		"delete": `DELETE FROM audit.entry`, "truncate": `TRUNCATE audit.entry`, "drop": `DROP TABLE audit.entry`,
		"disable":  `ALTER TABLE audit.entry DISABLE ROW LEVEL SECURITY`,
		"upsert":   insert + ` ON CONFLICT (chain, seq) DO UPDATE SET user_id = 1`,
		"returned": insert + ` RETURNING hash`, "copy": `COPY audit.entry TO STDOUT`,
	}
	may := map[string][]string{"hp_audit": {"insert"}, "hp_app": {"select", "copy"}, "hp_research": nil}
	for role, allowed := range may {
		for what, sql := range statements {
			tx, err := c.conn.Begin(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if _, err := tx.Exec(t.Context(), "SET LOCAL ROLE "+role); err != nil {
				t.Fatal(err)
			}
			_, err = tx.Exec(t.Context(), sql)
			var said *pgconn.PgError
			if slices.Contains(allowed, what) {
				if err != nil {
					t.Errorf("%s can't %s: %v", role, what, err)
				}
			} else if !errors.As(err, &said) || said.Code != "42501" {
				t.Errorf("%s can %s, or fails otherwise: %v", role, what, err)
			}
			if err := tx.Rollback(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// What hp_app reads depends on the transaction's scope, and is nothing without one.
func TestRowsOfTheLogUnderRowSecurity(t *testing.T) {
	c := newClinic(t)
	l := c.openLog(t.TempDir())
	c.append(l, audit.Entry{Kind: access.KindPatient, PersonID: 1}, audit.Entry{Kind: access.KindPatient, PersonID: 2}, audit.Entry{Kind: access.KindSignIn})
	for _, s := range []struct {
		all, persons string
		want         int
	}{{"", "", 0}, {"", "1", 1}, {"", "1,2", 2}, {"", "0", 0}, {"all", "", 4}, {"ALL", "", 0}, {"true", "", 0}} {
		n := 0
		tx, err := c.conn.Begin(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if _, err = tx.Exec(t.Context(), `SELECT set_config('hp.audit', $1, true), set_config('hp.persons', $2, true), set_config('role', 'hp_app', true)`, s.all, s.persons); err != nil {
			t.Fatal(err)
		}
		if err := tx.QueryRow(t.Context(), `SELECT count(*) FROM audit.entry`).Scan(&n); err != nil || n != s.want {
			t.Errorf("%+v: %d rows, %v", s, n, err)
		}
		if err := tx.Rollback(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
}

func TestEntriesThatCannotBeStored(t *testing.T) {
	c := newClinic(t)
	good := audit.StoredEntry{Entry: audit.Entry{At: now(), Kind: "k", Outcome: audit.Done}, Chain: "c", Seq: 1, MACKey: "m", Hash: make([]byte, 32)}
	bad := good
	bad.Seq, bad.Hash = 2, make([]byte, 3)
	ctx := t.Context()
	if err := c.db.InsertEntries(ctx, []audit.StoredEntry{good, bad}); err == nil || errors.Is(err, audit.ErrUncertain) {
		t.Errorf("a refused row: %v", err)
	}
	if n := one[int](c, `SELECT count(*) FROM audit.entry`); n != 0 {
		t.Errorf("%d rows of a failed group", n)
	}
	if err := c.db.InsertEntries(ctx, []audit.StoredEntry{good}); err != nil {
		t.Fatal(err)
	}
	if err := c.db.InsertEntries(ctx, []audit.StoredEntry{good}); !errors.Is(err, audit.ErrUncertain) {
		t.Errorf("a taken number: %v", err)
	}
	gone, cancel := context.WithCancel(ctx)
	cancel()
	if err := c.db.InsertEntries(gone, []audit.StoredEntry{good}); !errors.Is(err, context.Canceled) || errors.Is(err, audit.ErrUncertain) {
		t.Errorf("nothing was sent: %v", err)
	}
}

// The connection dies while a group waits for a lock: nobody knows the outcome,
// and the log goes on in a new chain once it can.
func TestAConnectionLostInACommit(t *testing.T) {
	c, dir := newClinic(t), t.TempDir()
	l := c.openLog(dir)
	c.append(l, audit.Entry{Kind: access.KindSignIn})
	tx, err := c.conn.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := tx.Exec(t.Context(), `LOCK TABLE audit.entry IN EXCLUSIVE MODE`); err != nil {
		t.Fatal(err)
	}
	failed := make(chan error, 1)
	go func() { failed <- l.Append(t.Context(), audit.Entry{Kind: access.KindSignOut, Outcome: audit.Done}) }()
	const waiting = `SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		var n int
		if err := tx.QueryRow(t.Context(), waiting).Scan(&n); err != nil || time.Now().After(deadline) {
			t.Fatal("no group waits", err)
		}
		if n == 1 {
			break
		}
	}
	if _, err := tx.Exec(t.Context(), strings.Replace(waiting, "count(*)", "pg_terminate_backend(pid)", 1)); err != nil {
		t.Fatal(err)
	}
	if err := <-failed; !errors.Is(err, audit.ErrUncertain) {
		t.Errorf("error %v", err)
	}
	if err := tx.Rollback(t.Context()); err != nil {
		t.Fatal(err)
	}
	c.append(l, audit.Entry{Kind: access.KindSignOut})
	if n := one[int](c, `SELECT count(DISTINCT chain) FROM audit.entry`); n != 2 {
		t.Errorf("%d chains", n)
	}
	if d := one[string](c, `SELECT detail FROM audit.entry WHERE kind = 'chain.start' AND detail LIKE '%uncertain%'`); !strings.Contains(d, `"seq":2,"upto":3`) {
		t.Error(d)
	}
	if rep := c.verifyLog(dir); rep.Total != 0 || rep.Chains != 2 {
		t.Errorf("%+v", rep)
	}
}

// Tampering as the owner of the table, in the real database.
func TestVerifyNamesTheRow(t *testing.T) {
	tests := map[string]struct {
		sql  string
		want string
	}{
		"edited":  {`UPDATE audit.entry SET user_id = 99 WHERE seq = 10`, "edited 10"},
		"deleted": {`DELETE FROM audit.entry WHERE seq = 10`, "deleted 10"},
		"swapped": {`ALTER TABLE audit.entry DROP CONSTRAINT entry_pkey;
			UPDATE audit.entry SET seq = 30 - seq WHERE seq IN (10, 20)`, "moved 10 moved 20"},
		"cut off":  {`DELETE FROM audit.entry WHERE seq > 20`, "cut off 21"},
		"all gone": {`TRUNCATE audit.entry`, "chain missing 1"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			c, dir := newClinic(t), t.TempDir()
			l := c.openLog(dir)
			var done sync.WaitGroup
			for i := range 25 {
				done.Go(func() {
					if err := l.Append(t.Context(), audit.Entry{Kind: access.KindPatient, Outcome: audit.Done, PersonID: int64(i)}); err != nil {
						t.Error(err)
					}
				})
			}
			done.Wait()
			c.exec("SET ROLE hp_owner")
			for sql := range strings.SplitSeq(tt.sql, ";") {
				c.exec(sql)
			}
			c.exec("RESET ROLE")
			var got []string
			for _, f := range c.verifyLog(dir).Findings {
				got = append(got, fmt.Sprintf("%s %d", f.Kind, f.Seq))
			}
			if strings.Join(got, " ") != tt.want {
				t.Errorf("%q, want %q", got, tt.want)
			}
		})
	}
}

// Entries that come in while the log is verified are no findings.
func TestVerifyWhileWriting(t *testing.T) {
	c, dir := newClinic(t), t.TempDir()
	l := c.openLog(dir)
	ctx, stop := context.WithCancel(t.Context())
	var done sync.WaitGroup
	for range 4 {
		done.Go(func() {
			for ctx.Err() == nil {
				if err := l.Append(t.Context(), audit.Entry{Kind: access.KindPatient, Outcome: audit.Done}); err != nil {
					t.Error(err)
				}
			}
		})
	}
	for range 10 {
		c.openLog(dir)
		if rep := c.verifyLog(dir); rep.Total != 0 {
			t.Errorf("%+v", rep.Findings)
		}
	}
	stop()
	done.Wait()
}

// reviewed is a log with rows of two users and persons, one a minute, the newest last.
func (c *clinic) reviewed() []audit.Entry {
	c.t.Helper()
	anna, ben := c.user("anna", "Team"), c.user("ben", "Other")
	var list []audit.Entry
	for i := range 10 {
		e := audit.Entry{At: now().Add(time.Duration(i) * time.Minute), Kind: access.KindPatient, Outcome: audit.Done, UserID: anna, Roles: "clinician",
			SessionID: "s1", PersonID: int64(i%2 + 1), Subject: fmt.Sprint("p", i%2+1), Route: "GET /patients/:id"}
		if i%3 == 0 {
			e.UserID, e.Kind, e.Outcome = ben, access.KindEvents, audit.Denied
		}
		list = append(list, e)
	}
	list = append(list, audit.Entry{At: now().Add(time.Hour), Kind: access.KindSignIn, Outcome: audit.Failed, UserID: 4711})
	c.append(c.openLog(c.t.TempDir()), list...)
	return list
}

func (c *clinic) auditPage(f audit.Filter) audit.Page {
	c.t.Helper()
	p, err := c.db.AuditPage(c.t.Context(), f)
	if err != nil {
		c.t.Fatal(err)
	}
	return p
}

func TestAuditPageFilters(t *testing.T) {
	c := newClinic(t)
	list := c.reviewed()
	anna, ben := list[1].UserID, list[0].UserID
	for name, tt := range map[string]struct {
		f    audit.Filter
		want int
	}{
		"all":      {audit.Filter{}, 12}, // with the chain's start
		"kind":     {audit.Filter{Kind: access.KindEvents}, 4},
		"outcome":  {audit.Filter{Outcome: audit.Denied}, 4},
		"done":     {audit.Filter{Outcome: audit.Done}, 7},
		"failed":   {audit.Filter{Outcome: audit.Failed}, 1},
		"user":     {audit.Filter{UserID: ben}, 4},
		"person":   {audit.Filter{PersonID: 2}, 5},
		"subject":  {audit.Filter{Subject: "p1"}, 5},
		"several":  {audit.Filter{UserID: anna, PersonID: 1, Kind: access.KindPatient, Outcome: audit.Done, Subject: "p1"}, 3},
		"from":     {audit.Filter{From: now().Add(5 * time.Minute)}, 6},
		"to":       {audit.Filter{From: now().Add(5 * time.Minute), To: now().Add(7 * time.Minute)}, 2},
		"nobody":   {audit.Filter{UserID: 99999}, 0},
		"odd text": {audit.Filter{Subject: "p1' OR true --"}, 0},
		"like":     {audit.Filter{Subject: "p%"}, 0},
	} {
		page := c.auditPage(tt.f)
		if len(page.Rows) != tt.want || page.Older != nil || page.Newer != nil {
			t.Errorf("%s: %d rows, want %d; %v %v", name, len(page.Rows), tt.want, page.Older, page.Newer)
		}
		n := 0
		if err := c.db.EachOf(t.Context(), tt.f, func(r audit.Row) error {
			if n < len(page.Rows) && r != page.Rows[n] {
				t.Errorf("%s: row %d of the export is %+v, of the page %+v", name, n, r, page.Rows[n])
			}
			n++
			return nil
		}); err != nil || n != tt.want {
			t.Errorf("%s: %d rows exported, %v", name, n, err)
		}
	}
	row := c.auditPage(audit.Filter{UserID: ben}).Rows[0]
	want := list[9]
	if row.Entry != want || row.UserName != "ben" || row.Chain == "" || row.Seq != 11 {
		t.Errorf("%+v, want %+v", row, want)
	}
	if row = c.auditPage(audit.Filter{Kind: access.KindSignIn}).Rows[0]; row.UserName != "" || row.UserID != 4711 {
		t.Errorf("a user who is not there: %+v", row)
	}
	for _, f := range []audit.Filter{{Size: -1}, {Outcome: "x"}} {
		if _, err := c.db.AuditPage(t.Context(), f); !errors.Is(err, audit.ErrBadFilter) {
			t.Errorf("%+v: %v", f, err)
		}
	}
	if err := c.db.EachOf(t.Context(), audit.Filter{Outcome: "x"}, nil); !errors.Is(err, audit.ErrBadFilter) {
		t.Errorf("error %v", err)
	}
	stop := errors.New("enough")
	if err := c.db.EachOf(t.Context(), audit.Filter{}, func(audit.Row) error { return stop }); !errors.Is(err, stop) {
		t.Errorf("error %v", err)
	}
}

func TestAuditPagesForthAndBack(t *testing.T) {
	c := newClinic(t)
	c.reviewed()
	var all, forth []int64
	for _, r := range c.auditPage(audit.Filter{}).Rows {
		all = append(all, r.Seq)
	}
	f := audit.Filter{Size: 5}
	var pages []audit.Page
	for {
		page := c.auditPage(f)
		pages = append(pages, page)
		for _, r := range page.Rows {
			forth = append(forth, r.Seq)
		}
		if page.Older == nil {
			break
		}
		at, err := audit.ParseCursor(page.Older.String())
		if err != nil {
			t.Fatal(err)
		}
		f.After = &at
	}
	if !slices.Equal(all, forth) || len(pages) != 3 || pages[0].Newer != nil || pages[2].Newer == nil {
		t.Fatalf("%v in %d pages, want %v", forth, len(pages), all)
	}
	for i := 2; i > 0; i-- {
		back := c.auditPage(audit.Filter{Size: 5, Before: pages[i].Newer})
		if len(back.Rows) != 5 || back.Rows[0] != pages[i-1].Rows[0] || (back.Newer == nil) != (i == 1) || back.Older == nil {
			t.Errorf("back from page %d: %+v", i, back)
		}
	}
	// Past the ends, the page is empty and leads back.
	old := audit.Cursor{At: now().Add(-time.Hour * 1e4), Chain: "0", Seq: 1}
	if page := c.auditPage(audit.Filter{Size: 5, After: &old}); len(page.Rows) != 0 || page.Older != nil || page.Newer == nil {
		t.Errorf("past the oldest: %+v", page)
	} else if again := c.auditPage(audit.Filter{Size: 5, Before: page.Newer}); len(again.Rows) != 5 || again.Newer == nil || again.Older != nil {
		t.Errorf("and back: %+v", again)
	}
	young := audit.Cursor{At: now().Add(time.Hour * 1e4), Chain: "0", Seq: 1}
	if page := c.auditPage(audit.Filter{Size: 5, Before: &young}); len(page.Rows) != 0 || page.Newer != nil || page.Older == nil {
		t.Errorf("past the newest: %+v", page)
	} else if again := c.auditPage(audit.Filter{Size: 5, After: page.Older}); len(again.Rows) != 5 || again.Rows[0].Seq != all[0] {
		t.Errorf("and back: %+v", again)
	}
}

func TestLookers(t *testing.T) {
	c := newClinic(t)
	list := c.reviewed()
	ben := list[0].UserID
	c.exec(`INSERT INTO health.person (public_id) VALUES ('a'), ('b')`)
	c.exec(`INSERT INTO auth.break_glass (user_id, person_id, reason, started_at, expires_at, ended_at)
		VALUES ($1, 1, 'a good reason', $2, $3, $4)`, ben, now().Add(-time.Minute), now().Add(30*time.Minute), now().Add(5*time.Minute))
	l := c.openLog(t.TempDir())
	c.append(l, audit.Entry{At: now().Add(time.Hour), Kind: access.KindResearch, UserID: ben, PersonID: 1, Subject: "pseudonym"},
		audit.Entry{At: now().Add(2 * time.Hour), Kind: access.KindReport, UserID: ben, PersonID: 1, Subject: "report-7", KeyID: "k1"})
	get := func(scope access.Scope, person health.PersonID, after *audit.Cursor, size int) audit.LookersPage {
		t.Helper()
		p, err := c.db.Lookers(t.Context(), scope, person, after, size)
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	page := get(access.One(1), 1, nil, 0)
	if len(page.Lookers) != 7 || page.Older != nil {
		t.Fatalf("%d rows", len(page.Lookers))
	}
	if got := page.Lookers[0]; got.Subject != "report-7" || got.UserName != "ben" || got.KeyID != "k1" || got.Kind != access.KindReport || got.BreakGlass || got.Outcome != audit.Done {
		t.Errorf("%+v", got)
	}
	if got := page.Lookers[1]; got.Subject != "" || got.Kind != access.KindResearch {
		t.Errorf("a pseudonym beside its patient: %+v", got)
	}
	// Minute 0 and 6 are Ben's; the emergency ended after five minutes.
	if first, later := page.Lookers[6], page.Lookers[3]; !first.BreakGlass || later.BreakGlass || later.UserID != ben || !first.At.Equal(now()) {
		t.Errorf("%+v\n%+v", first, later)
	}
	for _, got := range page.Lookers[4:6] {
		if got.UserName != "anna" || got.BreakGlass || got.Roles != "clinician" {
			t.Errorf("%+v", got)
		}
	}
	part := get(access.One(1), 1, nil, 3)
	rest := get(access.One(1), 1, part.Older, 50)
	if len(part.Lookers) != 3 || !slices.Equal(slices.Concat(part.Lookers, rest.Lookers), page.Lookers) {
		t.Errorf("%d and %d rows", len(part.Lookers), len(rest.Lookers))
	}
	for name, empty := range map[string]audit.LookersPage{
		"another's scope": get(access.One(2), 1, nil, 0), "no scope": get(access.Scope{}, 1, nil, 0), "all reports": get(access.Scope{AllReports: true}, 1, nil, 0),
		"nobody in particular": get(access.One(0), 0, nil, 0), "unknown": get(access.One(77), 77, nil, 0),
	} {
		if len(empty.Lookers) != 0 {
			t.Errorf("%s: %+v", name, empty)
		}
	}
	if _, err := c.db.Lookers(t.Context(), access.One(1), 1, nil, 1000); !errors.Is(err, audit.ErrBadFilter) {
		t.Errorf("error %v", err)
	}
}

func TestAuditReadsFailWithTheDatabase(t *testing.T) {
	c := newClinic(t)
	c.db.Close()
	ctx := t.Context()
	_, err := c.db.AuditPage(ctx, audit.Filter{})
	_, err2 := c.db.Lookers(ctx, access.One(1), 1, nil, 0)
	_, err3 := c.db.ChainHeads(ctx)
	each := func(audit.Row) error { return nil }
	stored := func(*audit.StoredEntry) error { return nil }
	for _, err := range []error{err, err2, err3, c.db.EachOf(ctx, audit.Filter{}, each), c.db.EachEntry(ctx, stored), c.db.ChainStarts(ctx, stored),
		c.db.InsertEntries(ctx, make([]audit.StoredEntry, 1))} {
		if err == nil {
			t.Error("no error from a closed database")
		}
	}
}
