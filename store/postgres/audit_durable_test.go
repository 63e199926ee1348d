package postgres_test

import (
	"context"
	"fmt"
	"net/url"
	"slices"
	"sync"
	"testing"

	"healthportal/app/access"
	"healthportal/app/audit"
	"healthportal/store/postgres"
	"healthportal/store/storetest"
)

// An address that asks for less durability doesn't get it for the log.
func TestTheLogIsDurableWhateverTheAddressSays(t *testing.T) {
	u, err := url.Parse(storetest.Open(t).DSN())
	if err != nil {
		t.Fatal(err)
	}
	q := u.Query()
	q.Set("synchronous_commit", "off")
	u.RawQuery = q.Encode()
	db, err := postgres.Open(t.Context(), u.String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(db.Close)
	for setting, want := range map[string]string{"synchronous_commit": "on", "role": "hp_audit"} {
		if got, err := postgres.AuditSession(t.Context(), db, setting); err != nil || got != want {
			t.Errorf("%s is %q, %v", setting, got, err)
		}
	}
}

// Several processes write at once, each its own chain; what is answered for is there.
func TestSeveralLogsAtOnce(t *testing.T) {
	c, dir := newClinic(t), t.TempDir()
	const logs, callers, each = 3, 8, 20
	var done sync.WaitGroup
	for n := range logs {
		l := c.openLog(dir)
		for k := range callers {
			done.Go(func() {
				for i := range each {
					e := audit.Entry{Kind: access.KindPatient, Outcome: audit.Done, PersonID: 1, RequestID: fmt.Sprintf("%d-%d-%d", n, k, i)}
					if err := l.Append(context.Background(), e); err != nil {
						t.Error(err)
					}
				}
			})
		}
	}
	done.Wait()
	if n := one[int](c, `SELECT count(DISTINCT request_id) FROM audit.entry WHERE request_id <> ''`); n != logs*callers*each {
		t.Errorf("%d of %d entries", n, logs*callers*each)
	}
	if gaps := one[int](c, `SELECT count(*) FROM (SELECT chain FROM audit.entry GROUP BY chain HAVING max(seq) <> count(*) OR min(seq) <> 1) x`); gaps != 0 {
		t.Errorf("%d chains have gaps", gaps)
	}
	rep := c.verifyLog(dir)
	if rep.Total != 0 || rep.Chains != logs || rep.Heads != logs {
		t.Errorf("%+v", rep)
	}
	// All rows of one microsecond are paged through once each.
	c.exec(`UPDATE audit.entry SET at = '2026-01-01'`)
	var seen []string
	f := audit.Filter{PersonID: 1, Size: 7}
	for {
		page := c.auditPage(f)
		for _, r := range page.Rows {
			seen = append(seen, r.RequestID)
		}
		if page.Older == nil {
			break
		}
		f.After = page.Older
	}
	slices.Sort(seen)
	if n := len(slices.Compact(seen)); n != logs*callers*each || len(seen) != n {
		t.Errorf("%d different rows of %d in pages, want %d", n, len(seen), logs*callers*each)
	}
}
