package cli_test

import (
	"encoding/json"
	"slices"
	"testing"

	"healthportal/app/health/adultrange"
	"healthportal/store/postgres"
)

func TestRangesList(t *testing.T) {
	o := newOffice(t)
	o.run("user", "add", "e.eve", "--display-name", "Dr Eve", "--role", "clinician").want(t, 0)
	o.run("ranges", "list").want(t, 0, "potassium", "3.5–5.0 mmol/L", "not-signed-off", "context-only")
	db, err := postgres.Open(t.Context(), o.dsn)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(db.Close)
	act := func(metric string, kind adultrange.ActKind) {
		t.Helper()
		r, _ := adultrange.Of(metric)
		if err := db.ActOnRange(t.Context(), 1, metric, kind, r.Digest()); err != nil {
			t.Fatal(err)
		}
	}
	act("potassium", adultrange.SignOff)
	act("sodium", adultrange.SignOff)
	act("sodium", adultrange.Withdraw)
	o.run("ranges", "list").want(t, 0, "sign-off by Dr Eve", "withdraw by Dr Eve")
	var list []struct{ Metric, Range, Source, Digest, State, By, At string }
	if err := json.Unmarshal([]byte(o.run("ranges", "list", "--json").want(t, 0).out), &list); err != nil {
		t.Fatal(err)
	}
	if len(list) != len(adultrange.All()) {
		t.Fatalf("%d ranges", len(list))
	}
	for metric, want := range map[string][2]string{"potassium": {"signed-off", "Dr Eve"}, "sodium": {"not-signed-off", "Dr Eve"}, "hdl": {"not-signed-off", ""}, "heart_rate": {"context-only", ""}} {
		i := slices.IndexFunc(list, func(l struct{ Metric, Range, Source, Digest, State, By, At string }) bool { return l.Metric == metric })
		if l := list[i]; l.State != want[0] || l.By != want[1] || (l.At == "") != (l.By == "") || len(l.Digest) != 64 || l.Source == "" || l.Range == "" {
			t.Errorf("%s: %+v", metric, l)
		}
	}
	o.run("ranges", "sign-off", "potassium").want(t, 2)
}
