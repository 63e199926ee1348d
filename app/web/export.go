package web

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"sync/atomic"
	"time"

	"healthportal/app/access"
	"healthportal/app/health"
	"healthportal/app/health/exportfile"
	"healthportal/app/session"
	"healthportal/views/events"
	"healthportal/views/patients"
	"healthportal/views/ui"
)

// ExportStore writes all rows of a filter, seeing only what scope allows.
type ExportStore interface {
	// ExportEvents writes rows of one instant to w and returns their number;
	// progress learns now and then how many there are so far.
	ExportEvents(ctx context.Context, scope access.Scope, f health.EventFilter, format health.ExportFormat, w io.Writer, progress func(rows int64)) (int64, error)
}

// ReceiptStore keeps the receipts of exports. What does not exist, or is another
// user's, is health.ErrNotFound.
type ReceiptStore interface {
	StartExport(ctx context.Context, e health.Export) (id string, err error)
	ExportProgress(ctx context.Context, id string, rows, bytes int64) error
	FinishExport(ctx context.Context, id string, done bool, proof exportfile.Proof) error
	// Export takes the receipt's id, or the ticket of the page that led to it.
	Export(ctx context.Context, userID int64, id string) (health.Export, error)
}

// headerExport names the receipt of an export in its answer.
const headerExport = "X-Export-Id"

// progressTick is how often the receipt of a running export is renewed.
const progressTick = time.Second

var errManyEventExports = newError(http.StatusTooManyRequests, "Other exports are under way", "Try again when they are done.")

// exportPages are the export of health events and its receipts.
type exportPages struct {
	events   EventStore
	patients PatientStore
	rows     ExportStore
	receipts ReceiptStore
	// places bounds the exports of this process.
	places chan struct{}
}

// exportQuestion is what somebody wants exported.
type exportQuestion struct {
	patient health.Patient
	filter  health.EventFilter
	day     health.Day
	// page has the table's total and metrics.
	page health.EventPage
	gzip bool
}

// whole reports whether the filter leaves nothing of the patient out.
func (q exportQuestion) whole() bool {
	return q.filter.Metric == "" && q.filter.From.IsZero() && q.filter.To.IsZero() && !q.filter.Timed() && !q.filter.Costly()
}

// ask reads what is wanted and asks for the table's total.
func (h exportPages) ask(r *request) (q exportQuestion, err error) {
	publicID := r.query("person")
	if publicID == "" {
		return q, badInput("person", wrongInput("name the patient by the public id"))
	}
	if q.filter, q.day, err = readEventFilter(r.query); err != nil {
		return q, err
	}
	switch r.query("gzip") {
	case "", "0":
	case "1":
		q.gzip = true
	default:
		return q, badInput("gzip", wrongInput("write 1 for a compressed file, or leave it out"))
	}
	if q.patient, err = r.patient(h.patients, publicID); err != nil {
		return q, err
	}
	if err := r.teamOnly(q.patient); err != nil {
		return q, err
	}
	q.filter.Person, q.filter.After, q.filter.Before, q.filter.Large = q.patient.ID, nil, nil, false
	q.filter.Size, q.filter.CountAll, q.filter.Choices = 1, true, true
	if q.page, err = h.events.EventPage(r.ctx, access.One(q.patient.ID), q.filter); err != nil {
		return q, err
	}
	q.filter.Size, q.filter.CountAll, q.filter.Choices = 0, false, false
	return q, nil
}

// needsCheck reports whether the export is so sensitive that somebody at a
// screen must have shown a passkey just now: everything of a patient, or much.
// API keys can't show one; they are made for this, after a check.
func (h exportPages) needsCheck(r *request, q exportQuestion) bool {
	return r.principal().KeyID == "" && (q.whole() || q.page.Total > r.s.cfg.ExportCheckRows)
}

// offer answers GET /dashboard/events/export: how much it is, in which forms, and
// how the download comes along.
func (h exportPages) offer(r *request) error {
	q, err := h.ask(r)
	if err != nil {
		return err
	}
	var ticket [16]byte
	if _, err := rand.Read(ticket[:]); err != nil {
		return fmt.Errorf("an id for the export: %w", err)
	}
	props := events.ExportProps{
		Props:  events.Props{Person: q.patient.Person, Zone: q.patient.Zone(r.zone()), Filter: q.filter, Day: q.day, Page: q.page},
		Ticket: hex.EncodeToString(ticket[:]), Check: h.needsCheck(r, q),
	}
	return r.render(page{title: "Export health events", patient: ui.PatientBanner(patients.Banner(q.patient, r.today(q.patient.Person), 0)), body: events.Export(props)})
}

// csv answers GET /dashboard/events/export.csv.
func (h exportPages) csv(r *request) error { return h.download(r, health.ExportCSV) }

// ndjson answers GET /dashboard/events/export.ndjson.
func (h exportPages) ndjson(r *request) error { return h.download(r, health.ExportNDJSON) }

// api answers GET /v1/events/export.
func (h exportPages) api(r *request) error {
	if err := r.onlyParameters("person", "metric", "source", "flag", "day", "from", "to", "format", "gzip"); err != nil {
		return err
	}
	format, err := health.ParseExportFormat(r.query("format"))
	if err != nil {
		return badInput("format", err)
	}
	return h.download(r, format)
}

// isTicket matches the id that a page gave its download.
var isTicket = regexp.MustCompile(`^[0-9a-f]{32}$`)

// download answers with the rows of the filter as a file.
func (h exportPages) download(r *request, format health.ExportFormat) error {
	// The route streams and so has no deadline of its own.
	whole := r.ctx
	asking, cancel := context.WithTimeout(whole, requestDeadline)
	defer cancel()
	r.ctx = asking
	e, q, err := h.prepare(r, format)
	if err != nil {
		return err
	}
	out := export{name: e.File, contentType: format.MediaType(), gzip: q.gzip, release: func() {}}
	if q.gzip {
		out.contentType = "application/gzip"
	}
	if r.c.Method() == http.MethodHead {
		return r.send(out)
	}
	select {
	case h.places <- struct{}{}:
	default:
		return errManyEventExports
	}
	if err := h.begin(r, &out, e); err != nil {
		<-h.places
		return err
	}
	r.ctx = whole
	return r.send(out)
}

// prepare reads what is wanted and makes the receipt that is not stored yet.
func (h exportPages) prepare(r *request, format health.ExportFormat) (health.Export, exportQuestion, error) {
	ticket := r.query("receipt")
	if ticket != "" && !isTicket.MatchString(ticket) {
		return health.Export{}, exportQuestion{}, badInput("receipt", wrongInput("start from the page that offers the export"))
	}
	q, err := h.ask(r)
	if err != nil {
		return health.Export{}, q, err
	}
	if h.needsCheck(r, q) && r.now().Sub(r.session.Verified) >= session.StepUp {
		return health.Export{}, q, errStepUp
	}
	p := r.principal()
	e := health.Export{
		Ticket: ticket, UserID: p.UserID, KeyID: p.KeyID, Filter: q.filter, PersonID: q.patient.PublicID, Format: format, Gzip: q.gzip,
		File: health.ExportName(q.patient.PublicID, q.filter, format, q.gzip), Promised: int64(q.page.Total),
	}
	r.note("filter", exportFilter{q.filter.Metric, q.filter.Source, q.filter.Flag, q.filter.From.String(), q.filter.To.String(), health.Instant(q.filter.Since), health.Instant(q.filter.Until)})
	r.note("format", string(format))
	r.note("expected", q.page.Total)
	return e, q, nil
}

// exportFilter is a filter for the audit log.
type exportFilter struct {
	Metric string `json:"metric,omitempty"`
	Source int    `json:"source,omitempty"`
	Flag   string `json:"flag,omitempty"`
	From   string `json:"from,omitempty"`
	To     string `json:"to,omitempty"`
	Since  string `json:"since,omitempty"`
	Until  string `json:"until,omitempty"`
}

// begin stores the receipt and says how the file is written and its end recorded.
func (h exportPages) begin(r *request, out *export, e health.Export) error {
	id, err := h.receipts.StartExport(r.ctx, e)
	if err != nil {
		return err
	}
	r.about(e.Filter.Person, id)
	record, err := r.finishExport()
	if err != nil {
		return errors.Join(err, h.receipts.FinishExport(r.ctx, id, false, exportfile.Proof{}))
	}
	r.c.Set(headerExport, id)
	running := &runningExport{id: id, store: h.receipts, stopped: make(chan struct{})}
	out.write = func(ctx context.Context, w *exportfile.Writer) (int64, error) {
		stop := running.follow(ctx)
		defer stop()
		rows, err := h.rows.ExportEvents(ctx, access.One(e.Filter.Person), e.Filter, e.Format, w, func(rows int64) { running.at(rows, w.Bytes()) })
		if err == nil && e.Format == health.ExportNDJSON {
			err = w.Trailer(rows)
		}
		return rows, err
	}
	out.finish = func(ctx context.Context, proof exportfile.Proof, err error) error {
		// The log first: a receipt never says more than the log knows.
		logErr := record(ctx, proof, err)
		return errors.Join(logErr, h.receipts.FinishExport(ctx, id, err == nil && logErr == nil, proof))
	}
	out.release = func() { <-h.places }
	return nil
}

// runningExport tells the receipt how far its export is.
type runningExport struct {
	id          string
	store       ReceiptStore
	rows, bytes atomic.Int64
	stopped     chan struct{}
}

func (x *runningExport) at(rows, bytes int64) {
	x.rows.Store(rows)
	x.bytes.Store(bytes)
}

// follow renews the receipt until the returned function is called. A receipt
// that can't be renewed is no reason to end the export.
func (x *runningExport) follow(ctx context.Context) (stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	go func() {
		defer close(x.stopped)
		tick := time.NewTicker(progressTick)
		defer tick.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
				_ = x.store.ExportProgress(ctx, x.id, x.rows.Load(), x.bytes.Load())
			}
		}
	}()
	return func() { cancel(); <-x.stopped }
}

// receipt answers GET /dashboard/events/exports/{id}: the reader's own receipt.
// It shows no patient, but leads back to one's events.
func (h exportPages) receipt(r *request) error {
	id := r.param("id")
	if !isTicket.MatchString(id) {
		return health.ErrNotFound
	}
	e, err := h.receipts.Export(r.ctx, r.principal().UserID, id)
	if errors.Is(err, health.ErrNotFound) && r.fragment() {
		// The page asks before the download has begun.
		return r.render(page{body: events.Receipt(events.ReceiptProps{ID: id})})
	}
	if err != nil {
		return err
	}
	props := events.ReceiptProps{ID: id, Export: e, Known: true, Broken: e.Broken(r.now()), Zone: r.zone()}
	return r.render(page{title: "Receipt of an export", body: events.ReceiptPage(props), fragment: events.Receipt(props)})
}
