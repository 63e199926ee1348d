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

// beginning is before every event: an export with a first day is not one of
// everything, which would ask for a passkey.
func beginning() health.Day { return health.Day{Year: 1900, Month: 1, Dom: 1} }

// exports measures downloads against psql's \copy of the same statements.
func (b *bench) exports(ctx context.Context) (err error) {
	who, err := b.subject(ctx)
	if err != nil {
		return err
	}
	b.say("exports of a patient with %d events", who.events)
	dsn, err := b.place.dsn(filled)
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

// export measures rows per second, the first byte, and how memory grows.
func (b *bench) export(ctx context.Context, s *site, who subject, format health.ExportFormat) error {
	f := health.EventFilter{Person: who.id, From: beginning()}
	script, err := postgres.ExportScript(f, format, "PSTDOUT")
	if err != nil {
		return err //nolint:wrapcheck // says what itself
	}
	same, err := b.script("export."+string(format), script)
	if err != nil {
		return err
	}
	download := func(ctx context.Context) (transfer, error) { return s.download(ctx, who, format) }
	ours, err := download(ctx) // connect and read everything once
	if err != nil {
		return err
	}
	theirs, err := same(ctx)
	if err != nil {
		return err
	}
	if ours.rows != who.events || theirs.lines-4 > ours.lines || ours.lines > theirs.lines+4 {
		return fmt.Errorf("the portal exports %d rows in %d lines, psql %d lines of %d events", ours.rows, ours.lines, theirs.lines, who.events)
	}
	var firsts []Pair
	var others []float64
	perSecond := func(t transfer) float64 { return float64(who.events) / t.whole.Seconds() }
	noted := func(t transfer) float64 {
		firsts = append(firsts, Pair{Ours: float64(t.first.Microseconds()) / 1000, Limit: 100})
		return perSecond(t)
	}
	limit, words, goal := same, `psql \copy of the same statement`, 0.9
	if format == health.ExportNDJSON {
		if limit, err = b.rowToJSON(f); err != nil {
			return err
		}
		words = `psql \copy of row_to_json of the CSV's rows`
	}
	compared := func(t transfer) float64 {
		others = append(others, float64(t.first.Microseconds())/1000)
		return perSecond(t)
	}
	pairs, err := alternate(ctx, b.opt.runs, measured(download, noted), measured(limit, compared))
	if err != nil {
		return err
	}
	b.add(Result{
		Name: fmt.Sprintf("export of %d events, %s, HTTP", who.events, format), Limit: words, Unit: "rows/s", More: true, Goal: goal, Pairs: pairs,
		Note: fmt.Sprintf("%d MB, hashed on the way; the reader shares the processors", ours.bytes>>20),
	})
	b.add(Result{Name: "  its first byte", Limit: "100 ms", Unit: "ms", Goal: 1, Pairs: firsts, Note: "after session, patient, total, receipt and audit; psql's came after " + figure(spread(others).Median) + " ms, its start included"})
	growth := float64(s.growth(ctx, who, format)) / (1 << 20)
	b.add(Result{
		Name: "  its memory", Limit: "32 MiB", Unit: "MiB", Goal: 1, Pairs: []Pair{{Ours: growth, Limit: 32}},
		Note: "by how much the live memory of the portal and of the reader in the same process grew during one more export",
	})
	if format != health.ExportNDJSON {
		return nil
	}
	pairs, err = alternate(ctx, b.opt.runs, measured(download, perSecond), measured(same, perSecond))
	if err != nil {
		return err
	}
	b.add(Result{Name: "  the same export", Limit: `psql \copy of the same statement`, Unit: "rows/s", More: true, Pairs: pairs})
	return nil
}

// script is the transfer by psql of a script.
func (b *bench) script(name, text string) (func(context.Context) (transfer, error), error) {
	file := filepath.Join(b.place.dir, name+".sql")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		return nil, fmt.Errorf("write psql's script: %w", err)
	}
	return func(ctx context.Context) (transfer, error) { return b.psqlFile(ctx, file) }, nil
}

// rowToJSON is the transfer of the CSV's rows, each as row_to_json writes it.
func (b *bench) rowToJSON(f health.EventFilter) (func(context.Context) (transfer, error), error) {
	text, err := postgres.ExportScript(f, health.ExportCSV, "PSTDOUT")
	if err != nil {
		return nil, err //nolint:wrapcheck // says what itself
	}
	if text, err = asJSON(text); err != nil {
		return nil, err
	}
	return b.script("export.row_to_json", text)
}

// asJSON makes the script of CSV one of row_to_json.
func asJSON(script string) (string, error) {
	before, rest, ok := strings.Cut(script, `\copy (`)
	query, rest, also := strings.Cut(rest, ") TO PSTDOUT (")
	_, after, last := strings.Cut(rest, ")\n")
	if !ok || !also || !last {
		return "", errors.New("psql's script of the CSV export has another form than the bench knows")
	}
	return before + `\copy (SELECT row_to_json(r) FROM (` + query + ") r) TO PSTDOUT\n" + after, nil
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
	dsn, err := b.place.dsn(filled)
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
