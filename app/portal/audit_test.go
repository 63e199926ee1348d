package portal

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"healthportal/app/access"
	"healthportal/app/audit"
	"healthportal/app/keyring"
)

func entry() audit.Entry {
	return audit.Entry{Kind: access.KindPatient, Outcome: audit.Done, UserID: 7}
}

func TestAuditIsOpenedOnceAndEndsWithThePortal(t *testing.T) {
	w := newWorld(t)
	p := w.open(w.config("data"))
	first, err := p.Audit(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if again, err := p.Audit(t.Context()); err != nil || again != first {
		t.Errorf("opened again: %v", err)
	}
	if err := first.Append(t.Context(), entry()); err != nil {
		t.Fatal(err)
	}
	if err := p.Close(); err != nil {
		t.Fatal(err)
	}
	if got := one[string](w, `SELECT string_agg(kind, ' ' ORDER BY seq) FROM audit.entry`); got != "chain.start patient.view chain.end" {
		t.Errorf("logged %q", got)
	}
	if err := first.Append(t.Context(), entry()); !errors.Is(err, audit.ErrClosed) {
		t.Errorf("after Close: %v", err)
	}
	if info, err := os.Stat(p.HeadsDir()); err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("the folder of heads: %v, %v", info, err)
	}
}

func TestRecord(t *testing.T) {
	w := newWorld(t)
	p := w.open(w.config("data"))
	act := Act{Command: "user add", Kind: access.KindUserAdd, Subject: "abc", Detail: map[string]any{"n": 1}}
	if err := p.Record(t.Context(), act, nil); err != nil {
		t.Fatal(err)
	}
	oops := errors.New("oops")
	gone, cancel := context.WithCancel(t.Context())
	cancel() // an interrupted command is recorded as well
	if err := p.Record(gone, act, oops); !errors.Is(err, oops) {
		t.Errorf("error %v", err)
	}
	for outcome, want := range map[string]int{"done": 1, "failed": 1} {
		if n := one[int](w, `SELECT count(*) FROM audit.entry WHERE kind = 'user.add' AND outcome = $1 AND subject = 'abc' AND route = 'command user add'
			AND user_id = 0 AND (detail::jsonb ->> 'n') = '1' AND detail::jsonb ->> 'os_user' <> ''`, outcome); n != want {
			t.Errorf("%d entries %s", n, outcome)
		}
	}
	w.exec(`REVOKE INSERT ON audit.entry FROM hp_audit`)
	err := p.Record(t.Context(), act, oops)
	if wantError(t, err, "could not be recorded", "oops"); !errors.Is(err, oops) {
		t.Errorf("error %v", err)
	}
	w.exec(`GRANT INSERT ON audit.entry TO hp_audit`)
}

func TestAuditNeedsItsKeys(t *testing.T) {
	w := newWorld(t)
	p := w.open(w.config("data"))
	if _, err := p.Audit(t.Context()); err != nil {
		t.Fatal(err)
	}
	cfg := w.config("other")
	cfg.KeysDir = filepath.Join(w.dir, "other keys")
	other := w.open(cfg)
	if _, err := other.Audit(t.Context()); err == nil {
		t.Error("a log was opened with a folder of keys that is not the database's")
	}
	if _, err := other.VerifyAudit(t.Context(), nil); err == nil {
		t.Error("the log was verified without its keys")
	}
	if err := other.Record(t.Context(), Act{Command: "x", Kind: access.KindUserAdd}, nil); err == nil {
		t.Error("an act passed unrecorded")
	}
	// The folder of heads can't be made.
	blocked := w.config("blocked")
	third := w.open(blocked)
	w.write("blocked/audit", "a file")
	_, err := third.Audit(t.Context())
	wantError(t, err, "audit log", "heads")
	_, err = third.VerifyAudit(t.Context(), nil)
	wantError(t, err, "heads")
}

func TestVerifyAudit(t *testing.T) {
	w := newWorld(t)
	p := w.open(w.config("data"))
	rep, err := p.VerifyAudit(t.Context(), nil)
	if err != nil || rep.Rows != 0 || rep.Total != 0 {
		t.Errorf("before the first entry: %+v, %v", rep, err)
	}
	log, err := p.Audit(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for range 5 {
		if err := log.Append(t.Context(), entry()); err != nil {
			t.Fatal(err)
		}
	}
	// Another machine's process, with heads of its own.
	second := w.open(w.config("second"))
	if err := second.Record(t.Context(), Act{Command: "x", Kind: access.KindUserAdd}, nil); err != nil {
		t.Fatal(err)
	}
	check := func(heads []string, want string, headless int64) {
		t.Helper()
		rep, err := p.VerifyAudit(t.Context(), heads)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, f := range rep.Findings {
			got = append(got, string(f.Kind))
		}
		if strings.Join(got, " ") != want || rep.ChainsWithoutHead != headless {
			t.Errorf("found %q, want %q; %+v", got, want, rep)
		}
	}
	check(nil, "", 1)
	check([]string{second.HeadsDir()}, "", 0)
	w.exec(`DELETE FROM audit.entry WHERE seq = (SELECT max(seq) FROM audit.entry)`)
	check(nil, "cut off", 1)
	w.exec(`DELETE FROM audit.entry WHERE chain = (SELECT chain FROM audit.entry WHERE kind = 'user.add')`)
	check([]string{second.HeadsDir()}, "cut off chain missing", 0)
	if _, err := p.VerifyAudit(t.Context(), []string{filepath.Join(w.dir, "none")}); err == nil {
		t.Error("a folder of heads that is not there was passed over")
	}
}

// The chain's key can be rotated: old entries are proved with the old key.
func TestVerifyAuditAfterRotation(t *testing.T) {
	w := newWorld(t)
	p := w.open(w.config("data"))
	if err := p.Record(t.Context(), Act{Command: "x", Kind: access.KindUserAdd}, nil); err != nil {
		t.Fatal(err)
	}
	ring, err := p.Keys(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, purpose := range []keyring.Purpose{keyring.AuditChain, keyring.AuditHeads} {
		if _, err := ring.Rotate(t.Context(), purpose); err != nil {
			t.Fatal(err)
		}
	}
	if err := p.Close(); err != nil {
		t.Fatal(err)
	}
	next := w.open(w.config("data"))
	if err := next.Record(t.Context(), Act{Command: "x", Kind: access.KindUserAdd}, nil); err != nil {
		t.Fatal(err)
	}
	rep, err := next.VerifyAudit(t.Context(), nil)
	if err != nil || rep.Total != 0 || rep.Chains != 2 || rep.Heads != 2 {
		t.Errorf("%+v, %v", rep, err)
	}
	if n := one[int](w, `SELECT count(DISTINCT mac_key) FROM audit.entry`); n != 2 {
		t.Errorf("%d keys", n)
	}
}
