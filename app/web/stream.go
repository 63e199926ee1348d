package web

import (
	"bufio"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"time"

	"github.com/gofiber/fiber/v2"
	"github.com/valyala/fasthttp"

	"healthportal/app/health/exportfile"
)

// The trailers by which a complete export proves itself.
const (
	trailerRows = "X-Row-Count"
	trailerHash = "X-Content-SHA256"
)

// finishTimeout bounds the record of an export's end.
const finishTimeout = 10 * time.Second

// errReaderLeft ends an export whose reader closed the connection.
var errReaderLeft = errors.New("the reader left")

// export is a file that is made while it is sent.
type export struct {
	// name is the file's name, of plain ASCII letters, digits, - and dots.
	name, contentType string
	// write writes the content and returns the number of its rows. It ends when
	// ctx does: the reader left, or the portal stops.
	write func(ctx context.Context, w *exportfile.Writer) (rows int64, err error)
	// gzip compresses the content; what proves it is of the content before.
	gzip bool
	// finish records the end, after all content and before the reader can take it
	// for complete; an error of its own cuts the connection.
	finish func(ctx context.Context, proof exportfile.Proof, err error) error
	// release is called once, when nothing is held any more.
	release func()
}

// send answers with an export. A failure on the way cuts the connection, so that
// a broken file is never taken for a complete one.
func (r *request) send(e export) error {
	r.c.Set(fiber.HeaderContentType, e.contentType)
	r.c.Set(fiber.HeaderContentDisposition, `attachment; filename="`+e.name+`"`)
	if r.c.Method() == http.MethodHead {
		e.release()
		return nil
	}
	header := &r.c.Context().Response.Header
	if err := header.SetTrailer(trailerRows + ", " + trailerHash); err != nil {
		e.release()
		return fmt.Errorf("trailers of an export: %w", err)
	}
	// The fiber context is gone when the body is written: nothing below touches it.
	ctx, cancel := context.WithCancel(r.ctx)
	out, in := io.Pipe()
	body := &exportBody{out: out, cancel: cancel, header: header, pace: pace{now: r.s.cfg.Now}}
	id, log := r.id(), r.s.cfg.Logger
	go func() {
		defer e.release()
		defer cancel()
		err := body.fill(ctx, in, e)
		if err != nil {
			log.Warn("an export was cut off", "request", id, "error", err)
		}
		_ = in.CloseWithError(err) // nil is the file's end
	}()
	r.c.Context().Response.ImmediateHeaderFlush = true // the first row may take its time
	r.c.Context().Response.SetBodyStream(body, -1)
	return nil
}

// exportBody is what the server reads an export from.
type exportBody struct {
	out    *io.PipeReader
	cancel context.CancelFunc
	header *fasthttp.ResponseHeader
	pace   pace
	// proof is set before the pipe's end is seen.
	proof exportfile.Proof
}

// fill writes the content into the pipe and records its end.
func (b *exportBody) fill(ctx context.Context, in io.Writer, e export) error {
	b.pace.w = in
	err := b.write(ctx, &b.pace, e)
	late, cancel := context.WithTimeout(context.WithoutCancel(ctx), finishTimeout)
	defer cancel()
	if finishErr := e.finish(late, b.proof, err); finishErr != nil {
		return errors.Join(err, fmt.Errorf("%w: %w", errUnlogged, finishErr))
	}
	return err
}

// write writes the content. A panic ends the export, not the program.
func (b *exportBody) write(ctx context.Context, content io.Writer, e export) (err error) {
	defer func() {
		if cause := recover(); cause != nil {
			err = fmt.Errorf("%w: %T", errPanic, cause)
		}
	}()
	end := func() error { return nil }
	if e.gzip {
		out := bufio.NewWriterSize(content, writePiece)
		packed, err := gzip.NewWriterLevel(out, gzip.BestSpeed)
		if err != nil {
			return fmt.Errorf("compress an export: %w", err)
		}
		content, end = packed, func() error { return errors.Join(packed.Close(), out.Flush()) }
	}
	w := exportfile.NewWriter(content)
	rows, err := e.write(ctx, w)
	b.proof = w.Proof(rows)
	if err != nil {
		return err // without its end a compressed file is known as broken
	}
	if err := errors.Join(w.Flush(), end()); err != nil {
		return fmt.Errorf("write an export: %w", err)
	}
	return nil
}

// Read reads content; at its end it sets the trailers.
func (b *exportBody) Read(p []byte) (int, error) {
	n, err := b.out.Read(p)
	if errors.Is(err, io.EOF) {
		b.header.Set(trailerRows, strconv.FormatInt(b.proof.Rows, 10))
		b.header.Set(trailerHash, b.proof.SHA256)
	}
	return n, err //nolint:wrapcheck // io.EOF must stay itself
}

// SupportsBodyWriteTo says that WriteTo does all that Read does.
func (b *exportBody) SupportsBodyWriteTo() bool { return true }

// WriteTo passes the content on in pieces as large as they come, where the
// server by itself would send pieces of 4 KiB.
func (b *exportBody) WriteTo(w io.Writer) (written int64, err error) {
	piece := make([]byte, writePiece)
	for {
		n, err := b.Read(piece)
		if n > 0 {
			m, werr := w.Write(piece[:n])
			written += int64(m)
			if werr != nil {
				return written, werr //nolint:wrapcheck // the server's own
			}
		}
		switch {
		case errors.Is(err, io.EOF):
			return written, nil
		case err != nil:
			return written, err
		}
	}
}

// Close is called when the answer is written, or the reader left: it stops the
// queries that are still under way.
func (b *exportBody) Close() error {
	b.cancel()
	return b.out.CloseWithError(errReaderLeft)
}
