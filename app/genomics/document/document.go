// Package document reads what a report file says of itself: whether it is what
// its name promises, its title, tool and date, and the sidecar beside it.
// Nothing is guessed; what is not stated stays empty.
package document

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"time"

	"healthportal/app/genomics"
)

// Info is what a document says of itself.
type Info struct {
	// State is Present, Empty or Mismatch.
	State genomics.State
	// Problem says in plain words why it is not Present.
	Problem string
	// SHA256 is of the whole file, in hex.
	SHA256 string
	Title  string
	Kind   string
	// Tool is what wrote the document, with its version.
	Tool string
	// GeneratedAt is zero where the document states no instant.
	GeneratedAt time.Time
	// Day is a date without a time, as some tools write; empty where none is stated.
	Day string
	// Patient is set where the document names one in <meta name="patient-record-number">.
	Patient genomics.PatientRef
}

const (
	headSize = 256 << 10
	tailSize = 4 << 10
	hashSize = 64 << 10
)

// Read reads the whole of r, which holds size bytes, as the format that its
// name promises. Errors are those of r and of ctx.
func Read(ctx context.Context, r io.ReaderAt, size int64, format genomics.Format) (Info, error) {
	if size == 0 {
		return Info{State: genomics.Empty, Problem: "the file holds no bytes", SHA256: hex.EncodeToString(sha256.New().Sum(nil))}, nil
	}
	head, err := section(r, 0, min(size, headSize))
	if err != nil {
		return Info{}, fmt.Errorf("read the document's start: %w", err)
	}
	tail, err := section(r, max(0, size-tailSize), min(size, tailSize))
	if err != nil {
		return Info{}, fmt.Errorf("read the document's end: %w", err)
	}
	sum, err := hash(ctx, io.NewSectionReader(r, 0, size))
	if err != nil {
		return Info{}, err
	}
	info := Info{State: genomics.Present}
	if format == genomics.PDF {
		info.readPDF(r, size, head, tail)
	} else {
		info.readHTML(head)
	}
	if info.State != genomics.Present {
		// What a file says of itself that is not what its name says is worth nothing.
		info = Info{State: info.State, Problem: info.Problem}
	}
	info.SHA256 = sum
	return info, nil
}

func section(r io.ReaderAt, off, n int64) ([]byte, error) {
	b := make([]byte, n)
	if _, err := io.ReadFull(io.NewSectionReader(r, off, n), b); err != nil {
		return nil, err
	}
	return b, nil
}

func hash(ctx context.Context, r io.Reader) (string, error) {
	h := sha256.New()
	buf := make([]byte, hashSize)
	for {
		if err := ctx.Err(); err != nil {
			return "", fmt.Errorf("hash the document: %w", err)
		}
		n, err := r.Read(buf)
		h.Write(buf[:n])
		if err == io.EOF {
			return hex.EncodeToString(h.Sum(nil)), nil
		}
		if err != nil {
			return "", fmt.Errorf("hash the document: %w", err)
		}
	}
}

func (i *Info) mismatch(problem string) {
	i.State, i.Problem = genomics.Mismatch, problem
}

// looksHTML reports whether markup begins somewhere in head, and no binary
// format does.
func looksHTML(head []byte) bool {
	body := bytes.TrimLeft(bytes.TrimPrefix(head, []byte("\xEF\xBB\xBF")), " \t\r\n\f")
	if bytes.HasPrefix(body, []byte("%PDF-")) || bytes.IndexByte(body[:min(len(body), 4096)], 0) >= 0 {
		return false
	}
	for i := bytes.IndexByte(body, '<'); i >= 0 && i+1 < len(body); {
		c := body[i+1]
		if c == '!' || (c|0x20 >= 'a' && c|0x20 <= 'z') {
			return true
		}
		next := bytes.IndexByte(body[i+1:], '<')
		if next < 0 {
			return false
		}
		i += 1 + next
	}
	return false
}
