package web

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/gofiber/fiber/v2"

	"healthportal/app/genomics"
	"healthportal/app/genomics/reportfile"
)

// ReportFiles opens report files below the manifest's roots.
type ReportFiles interface {
	// Open opens a regular file; it returns when ctx ends even if the share hangs.
	Open(ctx context.Context, root, name string) (*os.File, fs.FileInfo, error)
	// Scripts reports whether HTML reports of the root may run their scripts.
	Scripts(root string) bool
}

// openTimeout is how long a share may take to open a file.
const openTimeout = 5 * time.Second

// The policies of untrusted documents. Everything that could reach the network
// or the portal is closed; the sandbox gives the document an origin of its own.
const (
	documentPolicy = "default-src 'none'; style-src 'unsafe-inline'; img-src data: blob:; font-src data:; connect-src 'none'; " +
		"form-action 'none'; base-uri 'none'; frame-ancestors 'self'"
	scriptPolicy = "sandbox allow-scripts; default-src 'none'; script-src 'unsafe-inline' 'unsafe-eval'; " +
		"style-src 'unsafe-inline'; img-src data: blob:; font-src data:; connect-src 'none'; form-action 'none'; base-uri 'none'; " +
		"frame-ancestors 'self'"
	headerAllowlist = "Connection-Allowlist"
)

// file answers GET /genomics/reports/{id}/file with the bytes of a report that
// is present and unchanged since it was indexed, and nothing else.
func (h reportPages) file(r *request) error {
	// The route streams and so has no deadline of its own.
	whole := r.ctx
	ctx, cancel := context.WithTimeout(whole, requestDeadline)
	r.ctx = ctx
	defer func() { cancel(); r.ctx = whole }()
	rep, _, err := h.visible(r)
	if err != nil {
		return err
	}
	if rep.State != genomics.Present {
		return notServed(rep.State)
	}
	opening, stop := context.WithTimeout(ctx, openTimeout)
	defer stop()
	f, info, err := h.files.Open(opening, rep.Root, rep.Path)
	if err != nil {
		return cantOpen(err)
	}
	if info.Size() != rep.Size || !info.ModTime().UTC().Truncate(time.Microsecond).Equal(rep.ModTime) {
		return errors.Join(errChanged(nil), f.Close())
	}
	r.c.Set(headerAllowlist, "(response-origin)")
	r.c.Set("X-DNS-Prefetch-Control", "off")
	if rep.Format == genomics.HTML {
		return h.sendHTML(r.c, rep, f)
	}
	return sendPDF(r.c, rep, f)
}

func notServed(s genomics.State) error {
	if s == genomics.Gone {
		return newError(http.StatusGone, "The report's file is gone", "What is known of it stays on its page.")
	}
	return newError(http.StatusConflict, "The report's file is not fit to be shown", "Its page says why.")
}

func errChanged(cause error) *Error {
	e := newError(http.StatusConflict, "The file changed since it was indexed", "Ask an operator to run sync-reports, then open the report again.")
	e.cause = cause
	return e
}

// cantOpen gives the reader the words for a file that can't be opened.
func cantOpen(err error) error {
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return &Error{http.StatusGone, "The file is gone since it was indexed", "Ask an operator to run sync-reports.", err}
	case errors.Is(err, reportfile.ErrOutside), errors.Is(err, reportfile.ErrNotRegular):
		return errChanged(err)
	default:
		return &Error{http.StatusServiceUnavailable, "The file share does not answer", "Try again in a moment. The list and what is known of the report stay readable.", err}
	}
}

// runsScripts reports whether a report's scripts may run: its root allows it,
// and the browser is one that was seen to hold documents to the allow-list.
func runsScripts(files ReportFiles, rep genomics.Report, c *fiber.Ctx) bool {
	return rep.Format == genomics.HTML && files.Scripts(rep.Root) && enforcesAllowlist(c.Get("Sec-CH-UA"))
}

// leastChromium is the oldest Chromium in which Connection-Allowlist was tried.
const leastChromium = 156

func enforcesAllowlist(brands string) bool {
	_, rest, ok := strings.Cut(brands, `"Chromium";v="`)
	if !ok {
		return false
	}
	version, _, _ := strings.Cut(rest, `"`)
	n, err := strconv.Atoi(version)
	return err == nil && n >= leastChromium
}

// sendHTML sends the document into the viewer's frame, anywhere else as a
// download: opened by itself it could leave for another site with what it holds.
func (h reportPages) sendHTML(c *fiber.Ctx, rep genomics.Report, f *os.File) error {
	c.Vary("Sec-Fetch-Dest", "Sec-CH-UA")
	c.Set(fiber.HeaderContentType, genomics.HTML.MediaType())
	if c.Get("Sec-Fetch-Dest") != "iframe" {
		c.Set(fiber.HeaderContentSecurityPolicy, "sandbox; "+documentPolicy)
		disposition(c, rep, "attachment")
		return sendWhole(c, f, rep.Size)
	}
	scripts := runsScripts(h.files, rep, c)
	c.Set(fiber.HeaderContentSecurityPolicy, "sandbox; "+documentPolicy)
	if scripts {
		c.Set(fiber.HeaderContentSecurityPolicy, scriptPolicy)
	}
	disposition(c, rep, "inline")
	if c.Method() == http.MethodHead {
		c.Response().SkipBody = true
		return closed(f)
	}
	pr, pw := io.Pipe()
	go func() {
		err := copySafely(pw, io.LimitReader(f, rep.Size), scripts)
		// A reader of the answer sees an error, never a page that ends early.
		pw.CloseWithError(errors.Join(err, f.Close()))
	}()
	c.Response().SetBodyStream(pr, -1)
	return nil
}

// sendPDF sends the document, or the one range that is asked for.
func sendPDF(c *fiber.Ctx, rep genomics.Report, f *os.File) error {
	tag := `"` + rep.SHA256 + `"`
	c.Set(fiber.HeaderContentType, genomics.PDF.MediaType())
	c.Set(fiber.HeaderContentSecurityPolicy, documentPolicy)
	c.Set(fiber.HeaderETag, tag)
	c.Set(fiber.HeaderAcceptRanges, "bytes")
	disposition(c, rep, "inline")
	wanted := c.Get(fiber.HeaderRange)
	if match := c.Get(fiber.HeaderIfRange); c.Method() == http.MethodHead || (match != "" && match != tag) {
		wanted = ""
	}
	rng, verdict := parseRange(wanted, rep.Size)
	switch verdict {
	case rangeUnmet:
		c.Set(fiber.HeaderContentRange, "bytes */"+strconv.FormatInt(rep.Size, 10))
		return errors.Join(newError(http.StatusRequestedRangeNotSatisfiable, "The file has no such part", "Ask for a part inside it."), f.Close())
	case rangeWhole:
		return sendWhole(c, f, rep.Size)
	}
	if _, err := f.Seek(rng.first, io.SeekStart); err != nil {
		return errors.Join(cantOpen(err), f.Close())
	}
	c.Status(http.StatusPartialContent)
	c.Set(fiber.HeaderContentRange, fmt.Sprintf("bytes %d-%d/%d", rng.first, rng.last, rep.Size))
	return sendWhole(c, f, rng.last-rng.first+1)
}

// disposition names the download by the report's id: file names are patient data.
func disposition(c *fiber.Ctx, rep genomics.Report, how string) {
	c.Set(fiber.HeaderContentDisposition, fmt.Sprintf(`%s; filename="report-%.8s.%s"`, how, rep.ID, rep.Format))
}

// sendWhole streams n bytes of f from where it stands, then closes it.
func sendWhole(c *fiber.Ctx, f *os.File, n int64) error {
	if c.Method() == http.MethodHead {
		c.Response().Header.SetContentLength(int(n))
		c.Response().SkipBody = true
		return closed(f)
	}
	c.Response().SetBodyStream(struct {
		io.Reader
		io.Closer
	}{io.LimitReader(f, n), f}, int(n))
	return nil
}

func closed(f *os.File) error {
	if err := f.Close(); err != nil {
		return fmt.Errorf("close a report: %w", err)
	}
	return nil
}

// byteRange is a part of a file; last is inclusive.
type byteRange struct{ first, last int64 }

type rangeVerdict int

const (
	// rangeWhole: no range, or one that may be ignored.
	rangeWhole rangeVerdict = iota
	// rangePart: one satisfiable range.
	rangePart
	// rangeUnmet: one range that lies outside the file.
	rangeUnmet
)

// parseRange reads a Range header for a file of size bytes. Several ranges, and
// what is no range of bytes, are answered with the whole file (RFC 9110, 14.2).
func parseRange(header string, size int64) (byteRange, rangeVerdict) {
	spec, ok := strings.CutPrefix(header, "bytes=")
	first, last, cut := strings.Cut(strings.TrimSpace(spec), "-")
	if !ok || !cut || !digits(first) || !digits(last) || first+last == "" {
		return byteRange{}, rangeWhole
	}
	a, b := clamp(first), clamp(last)
	switch {
	case first == "":
		if b == 0 || size == 0 {
			return byteRange{}, rangeUnmet
		}
		return byteRange{max(0, size-b), size - 1}, rangePart
	case last != "" && b < a:
		return byteRange{}, rangeWhole
	case a >= size:
		return byteRange{}, rangeUnmet
	case last == "":
		return byteRange{a, size - 1}, rangePart
	default:
		return byteRange{a, min(b, size-1)}, rangePart
	}
}

func digits(s string) bool { return strings.Trim(s, "0123456789") == "" }

// clamp reads digits; a number beyond int64 is the largest one.
func clamp(s string) int64 {
	n, err := strconv.ParseInt(s, 10, 64)
	if errors.Is(err, strconv.ErrRange) {
		return 1<<63 - 1
	}
	return n
}
