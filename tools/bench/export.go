package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"time"

	"healthportal/app/health"
	"healthportal/store/postgres"
)

// swollen is the database in which one patient has many events.
const swollen = "bench_export"

// beginning is before every event: an export with a first day is not one of
// everything, which would ask for a passkey.
func beginning() health.Day { return health.Day{Year: 1900, Month: 1, Dom: 1} }

// multiply adds copies of the patient's events, a second apart, until there are enough.
const multiply = `INSERT INTO health.event (person_id, metric_id, effective_at, effective_end, tz_offset_min, local_day, value, comparator, value_text, unit_id,
	  orig_value, orig_unit, ref_low, ref_high, flag, status, source_id, device_id, external_id, group_id, code_system, code, dedupe)
	SELECT person_id, metric_id, effective_at + k * interval '1 second', effective_end + k * interval '1 second', tz_offset_min, local_day, value, comparator, value_text, unit_id,
	  orig_value, orig_unit, ref_low, ref_high, flag, status, source_id, device_id, external_id || '-' || k, group_id, code_system, code, sha256(dedupe || int4send(k))
	FROM (SELECT * FROM health.event WHERE person_id = $1 AND superseded_at IS NULL AND status <> 'entered-in-error') e, generate_series(1, $2::int) k LIMIT $3`

// exports measures downloads against psql's \copy of the same statements.
func (b *bench) exports(ctx context.Context) (err error) {
	who, err := b.subject(ctx)
	if err != nil {
		return err
	}
	if err := b.swell(ctx, &who); err != nil {
		return err
	}
	b.say("exports of a patient with %d events", who.events)
	dsn, err := b.place.dsn(swollen)
	if err != nil {
		return err
	}
	s, err := b.serve(ctx, dsn, "export", who)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.close()) }()
	for _, format := range []health.ExportFormat{health.ExportCSV, health.ExportNDJSON} {
		if err := b.export(ctx, s, who, format); err != nil {
			return err
		}
	}
	return nil
}

// swell makes the database with many events.
func (b *bench) swell(ctx context.Context, who *subject) error {
	if err := errors.Join(b.place.drop(ctx, swollen), b.place.create(ctx, swollen, filled)); err != nil {
		return err
	}
	conn, err := b.place.connect(ctx, swollen)
	if err != nil {
		return err
	}
	defer conn.Close(ctx) //nolint:errcheck // nothing is pending
	if more := b.opt.rows - who.events; more > 0 {
		if _, err := conn.Exec(ctx, multiply, int64(who.id), more/who.events+1, more); err != nil {
			return fmt.Errorf("make more events: %w", err)
		}
		who.events += more
	}
	if _, err := conn.Exec(ctx, "VACUUM (ANALYZE)"); err != nil {
		return fmt.Errorf("vacuum: %w", err)
	}
	return b.withStore(ctx, swollen, func(db *postgres.DB) error {
		_, err := db.RebuildDirty(ctx)
		return err //nolint:wrapcheck // says what itself
	})
}

// export measures rows per second, the first byte, and how memory grows.
func (b *bench) export(ctx context.Context, s *site, who subject, format health.ExportFormat) error {
	f := health.EventFilter{Person: who.id, From: beginning()}
	script, err := postgres.ExportScript(f, format, "PSTDOUT")
	if err != nil {
		return err //nolint:wrapcheck // says what itself
	}
	file := filepath.Join(b.place.dir, "export.sql")
	if err := os.WriteFile(file, []byte(script), 0o600); err != nil {
		return fmt.Errorf("write psql's script: %w", err)
	}
	download := func(ctx context.Context) (transfer, error) { return s.download(ctx, who, format) }
	copying := func(ctx context.Context) (transfer, error) { return b.psqlFile(ctx, file) }
	ours, err := download(ctx) // connect and read everything once
	if err != nil {
		return err
	}
	theirs, err := copying(ctx)
	if err != nil {
		return err
	}
	if ours.rows != who.events || theirs.lines-4 > ours.lines || ours.lines > theirs.lines+4 {
		return fmt.Errorf("the portal exports %d rows in %d lines, psql %d lines of %d events", ours.rows, ours.lines, theirs.lines, who.events)
	}
	perSecond := func(t transfer) float64 { return float64(who.events) / t.whole.Seconds() }
	pairs, err := alternate(ctx, b.opt.runs, measured(download, perSecond), measured(copying, perSecond))
	if err != nil {
		return err
	}
	b.add(Result{
		Name: fmt.Sprintf("export of %d events, %s, HTTP", who.events, format), Limit: `psql \copy of the same statement`, Unit: "rows/s", More: true, Pairs: pairs,
		Note: fmt.Sprintf("%d MB, hashed on the way; the reader shares the processors; live memory grew by at most %d KB", ours.bytes>>20, s.growth(ctx, who, format)>>10),
	})
	first := func(t transfer) float64 { return float64(t.first.Microseconds()) / 1000 }
	if pairs, err = alternate(ctx, b.opt.runs, measured(download, first), measured(copying, first)); err != nil {
		return err
	}
	b.add(Result{Name: "  its first byte", Limit: `psql \copy of the same statement`, Unit: "ms", Pairs: pairs, Note: "psql's has the start of a program, ours session, patient, total, receipt and audit"})
	return nil
}

// transfer is what came over.
type transfer struct {
	first, whole       time.Duration
	bytes, lines, rows int
}

// Write counts.
func (t *counter) Write(p []byte) (int, error) {
	if t.first == 0 {
		t.first = time.Since(t.began)
	}
	t.bytes += len(p)
	t.lines += bytes.Count(p, []byte("\n"))
	return len(p), nil
}

// counter counts what is written to it.
type counter struct {
	transfer
	began time.Time
}

func (t *counter) done() transfer {
	t.whole = time.Since(t.began)
	return t.transfer
}

// measured is the side that measures one number of a transfer.
func measured(call func(context.Context) (transfer, error), number func(transfer) float64) side {
	return func(ctx context.Context) (float64, error) {
		t, err := call(ctx)
		if err != nil {
			return 0, err
		}
		return number(t), nil
	}
}

// psqlFile runs psql's script.
func (b *bench) psqlFile(ctx context.Context, file string) (transfer, error) {
	dsn, err := b.place.dsn(swollen)
	if err != nil {
		return transfer{}, err
	}
	c := counter{began: time.Now()}
	_, err = execute(ctx, &c, nil, b.place.programs.psql, "-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-o", os.DevNull, "-d", dsn, "-f", file)
	return c.done(), err
}

// download asks for the file and insists on the trailer.
func (s *site) download(ctx context.Context, who subject, format health.ExportFormat) (transfer, error) {
	base, _, _ := strings.Cut(s.page, "?")
	address := base + "/export." + string(format) + "?person=" + who.publicID + "&from=" + beginning().String()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return transfer{}, fmt.Errorf("ask for the export: %w", err)
	}
	req.Header.Set("Cookie", s.cookie)
	c := counter{began: time.Now()}
	res, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		return transfer{}, fmt.Errorf("ask for the export: %w", err)
	}
	defer res.Body.Close() //nolint:errcheck // read to its end
	if res.StatusCode != http.StatusOK {
		return transfer{}, fmt.Errorf("the portal answers %d for the export", res.StatusCode)
	}
	if _, err := io.CopyBuffer(&c, res.Body, make([]byte, 64<<10)); err != nil {
		return transfer{}, fmt.Errorf("read the export: %w", err)
	}
	if c.rows, err = strconv.Atoi(res.Trailer.Get("X-Row-Count")); err != nil {
		return transfer{}, fmt.Errorf("the export has no count: %w", err)
	}
	return c.done(), nil
}

// growth is by how much the live memory of the portal, and of the reader in the
// same process, was larger during an export than before.
func (s *site) growth(ctx context.Context, who subject, format health.ExportFormat) int {
	live := func() int {
		var m runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&m)
		return int(m.HeapAlloc) //nolint:gosec // far below its limits
	}
	before, most := live(), 0
	stop, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		for {
			most = max(most, live())
			select {
			case <-stop:
				return
			case <-time.After(20 * time.Millisecond):
			}
		}
	}()
	_, _ = s.download(ctx, who, format) // its errors are the measurement's own
	close(stop)
	<-stopped
	return max(0, most-before)
}
