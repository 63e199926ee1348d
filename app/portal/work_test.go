package portal

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"healthportal/app/genomics/reportsync"
	"healthportal/app/health"
	"healthportal/app/intake"
	"healthportal/app/intake/fhir"
	"healthportal/app/jobs"
)

// lastJob is the newest record of a job.
func lastJob(t *testing.T, p *Portal, name string) jobs.Record {
	t.Helper()
	list, err := p.DB.LastJobs(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range list {
		if r.Job == name {
			return r
		}
	}
	t.Fatalf("no run of %s is recorded: %+v", name, list)
	return jobs.Record{}
}

func TestSyncReportsFillsIndexAndMirror(t *testing.T) {
	w := newWorld(t)
	p := w.open(w.config("data"))
	w.report("two")
	sum, err := p.SyncReports(t.Context(), reportsync.Options{})
	if err != nil || sum.Total.New != 2 {
		t.Fatalf("%+v, %v", sum, err)
	}
	if st := state(t, p); st.Rows != 2 || len(st.Roots) != 1 || st.Roots[0].IndexedAt.IsZero() {
		t.Errorf("the mirror holds %+v", st)
	}
	if r := lastJob(t, p, "sync-reports"); r.Outcome != jobs.Done || r.Counts["new"] != 2 || r.FinishedAt.IsZero() || r.PID != os.Getpid() {
		t.Errorf("record %+v", r)
	}
	if err := os.Rename(filepath.Join(w.dir, "reports"), filepath.Join(w.dir, "away")); err != nil {
		t.Fatal(err)
	}
	if _, err := p.SyncReports(t.Context(), reportsync.Options{}); !errors.Is(err, reportsync.ErrIncomplete) {
		t.Errorf("a root that is away gives %v", err)
	}
	if st := state(t, p); st.Rows != 2 || st.Roots[0].Problem == "" {
		t.Errorf("a root that is away changed the mirror to %+v", st)
	}
	if r := lastJob(t, p, "sync-reports"); r.Outcome != jobs.Failed || r.Error == "" {
		t.Errorf("record %+v", r)
	}
}

func TestSyncReportsNeedsManifestAndMirror(t *testing.T) {
	w := newWorld(t)
	cfg := w.config("data")
	cfg.ManifestPath = filepath.Join(w.dir, "none.yaml")
	_, err := w.open(cfg).SyncReports(t.Context(), reportsync.Options{})
	wantError(t, err, "none.yaml")
	p := w.open(w.config("blocked"))
	w.write("blocked/mirror", "a file where a folder belongs")
	_, err = p.SyncReports(t.Context(), reportsync.Options{})
	wantError(t, err, "mirror")
	if n := one[int](w, "SELECT count(*) FROM ops.job_runs"); n != 0 {
		t.Errorf("%d runs are recorded that never began", n)
	}
}

// Another run of the same job, on whatever host, keeps this one out, and this one changes nothing.
func TestJobsRunOneAtATime(t *testing.T) {
	w := newWorld(t)
	here, there := w.open(w.config("here")), w.open(w.config("there"))
	for name, run := range map[string]func() error{
		"sync-reports":     func() error { _, err := here.SyncReports(t.Context(), reportsync.Options{}); return err },
		"refresh-views":    func() error { _, err := here.RefreshViews(t.Context()); return err },
		"cleanup-sessions": func() error { _, err := here.CleanupSessions(t.Context()); return err },
	} {
		lock, err := there.DB.LockJob(t.Context(), name)
		if err != nil {
			t.Fatal(err)
		}
		if err := run(); !errors.Is(err, jobs.ErrHeld) || !strings.Contains(err.Error(), name) {
			t.Errorf("%s ran beside another run: %v", name, err)
		}
		if n := one[int](w, "SELECT count(*) FROM ops.job_runs WHERE job = $1", name); n != 0 {
			t.Errorf("%s: %d runs recorded", name, n)
		}
		if err := lock.Release(t.Context()); err != nil {
			t.Fatal(err)
		}
		if err := run(); err != nil {
			t.Errorf("%s after the other's end: %v", name, err)
		}
	}
	if n := one[int](w, "SELECT count(*) FROM analytics.genomics_reports"); n != 1 {
		t.Errorf("%d reports", n)
	}
}

// eventSQL inserts a heart rate the way a foreign program would: around the importer.
const eventSQL = `INSERT INTO health.event (person_id, metric_id, effective_at, value, source_id, dedupe)
	SELECT p.id, m.id, $1::timestamptz, $2, s.id, convert_to($1::text, 'UTF8')
	FROM health.person p, health.metric m, health.source s WHERE p.public_id = 'p1' AND m.code = 'heart_rate' AND s.name = 'etl'`

func TestRefreshViewsCatchesUp(t *testing.T) {
	w := newWorld(t)
	p := w.open(w.config("data"))
	w.exec("INSERT INTO health.person (public_id, timezone) VALUES ('p1', 'Europe/Berlin')")
	w.exec("INSERT INTO health.source (name) VALUES ('etl')")
	now := time.Now().UTC()
	ahead := time.Date(now.Year(), now.Month()+2, 15, 12, 0, 0, 0, time.UTC)
	w.exec("DROP TABLE health.event_" + ahead.Format("2006_01"))
	for at, value := range map[time.Time]float64{
		time.Date(2026, 3, 28, 22, 30, 0, 0, time.UTC): 60, time.Date(2026, 3, 28, 23, 30, 0, 0, time.UTC): 70, // the second is Sunday in Berlin
		time.Date(2026, 3, 29, 8, 0, 0, 0, time.UTC): 80, ahead: 90,
	} {
		w.exec(eventSQL, at, value)
	}
	if n := one[int](w, "SELECT count(*) FROM health.event_day"); n != 0 {
		t.Fatalf("the rollup holds %d days before its time", n)
	}
	counts, err := p.RefreshViews(t.Context())
	if err != nil || counts["days"] != 3 || counts["partitions"] != 2 {
		t.Fatalf("%v, %v; want 3 days, 2 partitions: the month ahead and March", counts, err)
	}
	if n := one[int](w, "SELECT count(*) FROM health.event_default"); n != 0 {
		t.Errorf("%d rows still wait in the default partition", n)
	}
	days := one[string](w, "SELECT string_agg(local_day || ' ' || n || ' ' || value_sum, ', ' ORDER BY local_day) FROM health.event_day")
	if want := "2026-03-28 1 60, 2026-03-29 2 150, " + ahead.Format("2006-01-02") + " 1 90"; days != want {
		t.Errorf("the rollup says %q, want %q", days, want)
	}
	if n := one[int](w, "SELECT count(*) FROM analytics.mv_daily_metrics WHERE metric = 'heart_rate' AND persons = 1"); n != 3 {
		t.Errorf("the site's figures have %d days, want 3", n)
	}
	if counts, err = p.RefreshViews(t.Context()); err != nil || counts["days"] != 0 || counts["partitions"] != 0 {
		t.Errorf("with nothing to do: %v, %v", counts, err)
	}
	w.exec("DELETE FROM health.event WHERE value = 60")
	if counts, err = p.RefreshViews(t.Context()); err != nil || counts["days"] != 1 {
		t.Errorf("after a deletion: %v, %v", counts, err)
	}
	if n := one[int](w, "SELECT count(*) FROM health.event_day WHERE local_day = '2026-03-28'"); n != 0 {
		t.Error("a day without events stays in the rollup")
	}
	if r := lastJob(t, p, "refresh-views"); r.Outcome != jobs.Done || r.Counts["days"] != 1 {
		t.Errorf("record %+v", r)
	}
}

func TestCleanupSessionsKeepsWhatLives(t *testing.T) {
	w := newWorld(t)
	p := w.open(w.config("data"))
	w.exec(`INSERT INTO auth.user_account (name, display_name, handle) VALUES ('ada', 'Ada', decode(repeat('ab', 64), 'hex'))`)
	for _, c := range []struct {
		token, seen, expires string
	}{{`\x01`, "0 days", "1 hour"}, {`\x02`, "-40 days", "-39 days"}, {`\x03`, "0 days", "-40 days"}, {`\x04`, "-1 day", "1 hour"}} {
		w.exec(`INSERT INTO auth.session (token_hash, user_id, csrf, last_seen, expires_at)
			SELECT $1::text::bytea, id, 'c', now() + $2::text::interval, now() + $3::text::interval FROM auth.user_account`, c.token, c.seen, c.expires)
	}
	w.exec(`INSERT INTO auth.attempt VALUES ('failures 192.0.2.7', now() - interval '2 days', 3), ('failures 192.0.2.8', now(), 3)`)
	w.exec(`INSERT INTO auth.ceremony (id_hash, kind, state, expires_at) VALUES ('\x01', 'sign-in', '{}', now() - interval '1 second'), ('\x02', 'sign-in', '{}', now() + interval '5 minutes')`)
	w.exec(`INSERT INTO auth.enrolment (token_hash, user_id, expires_at) SELECT v.h, u.id, now() + v.after FROM auth.user_account u,
		(VALUES ('\x01'::bytea, interval '1 day'), ('\x02'::bytea, interval '-40 days'), ('\x03'::bytea, interval '-1 day')) v (h, after)`)
	for _, r := range []struct{ id, outcome, ended string }{{"new", "failed", "-89 days"}, {"old", "failed", "-91 days"}} {
		w.exec(`INSERT INTO ops.export (public_id, user_id, person_id, person, format, file, promised, outcome, finished_at)
			SELECT $1, id, 1, 'p', 'csv', 'f', 1, $2, now() + $3::text::interval FROM auth.user_account`, r.id, r.outcome, r.ended)
	}
	counts, err := p.CleanupSessions(t.Context())
	if err != nil || counts["receipts"] != 1 || one[string](w, `SELECT string_agg(public_id, ' ') FROM ops.export`) != "new" || counts["sessions"] != 2 || counts["ceremonies"] != 1 || counts["enrolments"] != 1 || counts["attempts"] != 1 {
		t.Errorf("deleted %v, %v", counts, err)
	}
	left := one[string](w, `SELECT (SELECT string_agg(encode(token_hash, 'hex'), ' ' ORDER BY token_hash) FROM auth.session) || ', ' ||
		(SELECT string_agg(encode(id_hash, 'hex'), ' ') FROM auth.ceremony) || ', ' ||
		(SELECT string_agg(encode(token_hash, 'hex'), ' ' ORDER BY token_hash) FROM auth.enrolment)`)
	if left != "01 04, 02, 01 03" {
		t.Errorf("left are %s", left)
	}
	if r := lastJob(t, p, "cleanup-sessions"); r.Outcome != jobs.Done || r.Counts["sessions"] != 2 {
		t.Errorf("record %+v", r)
	}
}

func TestJobsThatFailSayWhy(t *testing.T) {
	w := newWorld(t)
	p := w.open(w.config("data"))
	w.exec("DROP TABLE health.event_dirty CASCADE")
	_, err := p.RefreshViews(t.Context())
	wantError(t, err, "rollup")
	if r := lastJob(t, p, "refresh-views"); r.Outcome != jobs.Failed || r.Error == "" {
		t.Errorf("record %+v", r)
	}
	w.exec("DROP TABLE auth.ceremony")
	_, err = p.CleanupSessions(t.Context())
	wantError(t, err, "clean up sessions")
	if r := lastJob(t, p, "cleanup-sessions"); r.Counts["receipts"] != 0 {
		t.Errorf("record %+v", r)
	}
	if r := lastJob(t, p, "cleanup-sessions"); r.Outcome != jobs.Failed {
		t.Errorf("record %+v", r)
	}
	over, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := p.RefreshViews(over); !errors.Is(err, context.Canceled) {
		t.Errorf("after the end of its context: %v", err)
	}
}

const observation = `{"resourceType":"Observation","id":"o1","status":"final","code":{"coding":[{"system":"http://loinc.org","code":"8867-4"}]},` +
	`"subject":{"reference":"Patient/a"},"effectiveDateTime":"2026-03-28T23:30:00Z","valueQuantity":{"value":60,"unit":"/min","system":"http://unitsofmeasure.org","code":"/min"}}` + "\n"

// Persons without a zone of their own live by the manifest's: half past eleven in UTC is tomorrow in Berlin.
func TestImportEventsCountsDaysInTheSitesZone(t *testing.T) {
	w := newWorld(t)
	p := w.open(w.config("data"))
	report, err := p.ImportEvents(t.Context(), fhir.NewReader(strings.NewReader(observation)), intake.Options{CreatePersons: true})
	if err != nil || report.Stored != 1 {
		t.Fatalf("%+v, %v", report, err)
	}
	if day := one[time.Time](w, "SELECT local_day FROM health.event"); health.DayOf(day).String() != "2026-03-29" {
		t.Errorf("the event counts to %v", day)
	}
	over, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err = p.ImportEvents(over, fhir.NewReader(strings.NewReader(observation)), intake.Options{}); !errors.Is(err, context.Canceled) {
		t.Errorf("after the end of its context: %v", err)
	}
	cfg := w.config("other")
	cfg.ManifestPath = filepath.Join(w.dir, "none.yaml")
	_, err = w.open(cfg).ImportEvents(t.Context(), fhir.NewReader(strings.NewReader(observation)), intake.Options{})
	wantError(t, err, "none.yaml")
}
