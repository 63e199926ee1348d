package cli_test

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
)

// keyRow is a line of `keys list --json`.
type keyRow struct {
	Purpose, ID, State, Fingerprint string
	Retired, Lost                   *string
}

func (o *office) keys() map[string]keyRow {
	o.t.Helper()
	var list []keyRow
	r := o.run("keys", "list", "--json").want(o.t, 0)
	if err := json.Unmarshal([]byte(r.out), &list); err != nil {
		o.t.Fatalf("%v: %s", err, r.out)
	}
	byState := map[string]keyRow{}
	for _, k := range list {
		byState[k.Purpose+" "+k.State] = k
	}
	return byState
}

func (o *office) keyFile(k keyRow) string {
	return filepath.Join(o.dir, "keys", k.Purpose+"."+k.ID+".key")
}

// keyActs counts the rows of the audit log about secret keys by their outcome.
func (o *office) keyActs() (done int) {
	o.t.Helper()
	conn, err := pgx.Connect(o.t.Context(), o.dsn)
	if err != nil {
		o.t.Fatal(err)
	}
	defer conn.Close(context.Background()) //nolint:errcheck // nothing is pending
	if err := conn.QueryRow(o.t.Context(), `SELECT count(*) FROM audit.entry WHERE kind = 'secret.rotate' AND outcome = 'done'`).Scan(&done); err != nil {
		o.t.Fatal(err)
	}
	return done
}

func TestKeysUsage(t *testing.T) {
	o := &office{t: t}
	o.run("keys").want(t, 2, "list")
	o.run("keys", "rotate").want(t, 2, "purpose")
	o.run("keys", "rotate", "everything").want(t, 2, "audit-chain, audit-heads, pseudonyms")
	o.run("keys", "rotate", "pseudonyms").want(t, 2, "every participant's pseudonym", "--yes")
	o.run("keys", "rotate", "date-shift").want(t, 2, "every date", "--yes")
	o.run("keys", "forget", "pseudonyms").want(t, 2, "id")
	o.run("keys", "forget", "everything", "x").want(t, 2, "unknown purpose")
	o.run("keys", "adopt", "everything", "x").want(t, 2, "unknown purpose")
}

func TestKeys(t *testing.T) {
	o := newOffice(t)
	o.run("keys", "list").want(t, 0, "no keys yet")
	o.run("keys", "rotate", "view-ids").want(t, 0, "view-ids/", "is the current key", "escrow", "restart")
	list := o.run("keys", "list").want(t, 0, "PURPOSE", "audit-chain", "current", "retired")
	rows := o.keys()
	if len(rows) != 7 || rows["view-ids retired"].Retired == nil || rows["view-ids current"].Retired != nil || rows["audit-chain current"].Fingerprint == "" {
		t.Errorf("%+v", rows)
	}
	text, err := os.ReadFile(o.keyFile(rows["audit-chain current"]))
	if err != nil {
		t.Fatal(err)
	}
	_, secret, _ := strings.Cut(string(text), "secret: ")
	if secret, _, _ = strings.Cut(secret, "\n"); len(secret) != 44 || strings.Contains(list.out, secret[:20]) {
		t.Error("the list shows a secret, or the file holds none")
	}
	o.run("keys", "rotate", "pseudonyms", "--yes").want(t, 0, "pseudonyms/")
	o.run("keys", "rotate", "audit-chain").want(t, 0, "audit-chain/")
	if n := o.keyActs(); n != 3 {
		t.Errorf("%d rotations are in the audit log", n)
	}
	o.run("audit", "verify").want(t, 0, "0 findings")
}

func TestKeysLostAndFound(t *testing.T) {
	o := newOffice(t)
	o.run("keys", "rotate", "view-ids").want(t, 0)
	rows := o.keys()
	lost, alsoLost := rows["view-ids retired"], rows["pseudonyms current"]
	for _, k := range []keyRow{lost, alsoLost} {
		if err := os.Remove(o.keyFile(k)); err != nil {
			t.Fatal(err)
		}
	}
	o.run("keys", "rotate", "view-ids").want(t, 1, "key missing", "view-ids/"+lost.ID, "pseudonyms/"+alsoLost.ID, "keys forget")
	if rows := o.keys(); rows["view-ids missing"].ID != lost.ID || rows["pseudonyms missing"].ID != alsoLost.ID {
		t.Errorf("%+v", rows)
	}
	o.run("keys", "forget", "audit-chain", rows["audit-chain current"].ID).want(t, 1, "current, not missing")
	o.run("keys", "forget", "view-ids", lost.ID).want(t, 0, "recorded as lost", "not in the audit log yet", "pseudonyms/"+alsoLost.ID)
	o.run("keys", "forget", "pseudonyms", alsoLost.ID).want(t, 0, "recorded as lost")
	if rows := o.keys(); rows["view-ids lost"].Lost == nil || rows["pseudonyms current"].ID == alsoLost.ID {
		t.Errorf("%+v", rows)
	}
	if n := o.keyActs(); n != 2 {
		t.Errorf("%d changes are in the audit log, want the rotation and the second loss", n)
	}
}

func TestKeysAdopt(t *testing.T) {
	o := newOffice(t)
	o.run("keys", "rotate", "view-ids").want(t, 0)
	elsewhere := newOffice(t)
	elsewhere.run("keys", "rotate", "view-ids").want(t, 0)
	foreign := elsewhere.keys()["view-ids current"]
	text, err := os.ReadFile(elsewhere.keyFile(foreign))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(o.keyFile(foreign), text, 0o600); err != nil {
		t.Fatal(err)
	}
	o.run("keys", "rotate", "view-ids").want(t, 1, "key unknown to the database", "keys adopt view-ids "+foreign.ID)
	o.run("keys", "adopt", "view-ids", "aaaaaaaaaaaa").want(t, 1, "not a key that waits")
	o.run("keys", "adopt", "view-ids", foreign.ID).want(t, 0, "belongs to this database")
	if rows := o.keys(); rows["view-ids current"].ID != foreign.ID {
		t.Errorf("%+v", rows)
	}
	o.run("keys", "rotate", "view-ids").want(t, 0)
	if err := os.Chmod(filepath.Join(o.dir, "keys"), 0o755); err != nil {
		t.Fatal(err)
	}
	o.run("keys", "list").want(t, 1, "chmod 700")
}
