package audit

import (
	"bufio"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"
	"strconv"
	"time"

	"healthportal/app/health/csvguard"
)

// Format is a form of exported rows.
type Format string

// The forms.
const (
	// CSV is RFC 4180 with CRLF in UTF-8; texts are guarded by csvguard.
	CSV Format = "csv"
	// NDJSON is one JSON object a line; its last line holds the count and the hash of all before.
	NDJSON Format = "ndjson"
)

// ErrFormat says that there is no such form of export.
var ErrFormat = errors.New("unknown format: use csv or ndjson")

// ParseFormat returns the format named s, or ErrFormat.
func ParseFormat(s string) (Format, error) {
	if f := Format(s); f == CSV || f == NDJSON {
		return f, nil
	}
	return "", fmt.Errorf("%w (not %q)", ErrFormat, s)
}

// Export writes rows of the log. Close it once every row is written.
type Export struct {
	format Format
	out    *bufio.Writer
	sum    hash.Hash
	rows   int64
	buf    []byte
}

// Receipt is what proves that an export is complete.
type Receipt struct {
	Rows int64 `json:"rows"`
	// SHA256 is the hash, in hex, of all bytes: of NDJSON, all but the last line.
	SHA256 string `json:"sha256"`
}

// NewExport begins an export to w, with the header where the format has one.
func NewExport(w io.Writer, format Format) (*Export, error) {
	e := &Export{format: format, sum: sha256.New()}
	e.out = bufio.NewWriterSize(w, 64<<10)
	if format != CSV {
		return e, nil
	}
	return e, e.write(csvguard.AppendRow(nil, "at", "chain", "seq", "kind", "outcome", "user_id", "user_name", "roles",
		"session_id", "key_id", "person_id", "subject", "route", "request_id", "address", "detail"))
}

// Write adds a row.
func (e *Export) Write(r Row) error {
	e.rows++
	if e.format == CSV {
		return e.write(e.csv(r))
	}
	line, err := json.Marshal(exported{
		At: r.At.UTC(), Chain: r.Chain, Seq: r.Seq, Kind: string(r.Kind), Outcome: string(r.Outcome), UserID: r.UserID,
		UserName: r.UserName, Roles: r.Roles, SessionID: r.SessionID, KeyID: r.KeyID, PersonID: r.PersonID, Subject: r.Subject,
		Route: r.Route, RequestID: r.RequestID, Address: r.Address, Detail: r.Detail,
	})
	if err != nil {
		return fmt.Errorf("export row %s %d: %w", r.Chain, r.Seq, err)
	}
	return e.write(append(line, '\n'))
}

// Close ends a complete export and returns its receipt. Don't call it for one
// that broke off: NDJSON would then claim to be complete.
func (e *Export) Close() (Receipt, error) {
	receipt := Receipt{Rows: e.rows, SHA256: hex.EncodeToString(e.sum.Sum(nil))}
	if e.format == NDJSON {
		line, err := json.Marshal(receipt)
		if err != nil {
			return Receipt{}, fmt.Errorf("end the export: %w", err)
		}
		if err := e.write(append(line, '\n')); err != nil {
			return Receipt{}, err
		}
	}
	if err := e.out.Flush(); err != nil {
		return Receipt{}, fmt.Errorf("end the export: %w", err)
	}
	return receipt, nil
}

func (e *Export) write(line []byte) error {
	e.sum.Write(line)
	if _, err := e.out.Write(line); err != nil {
		return fmt.Errorf("write the export: %w", err)
	}
	return nil
}

// csv is the row's line, valid until the next call.
func (e *Export) csv(r Row) []byte {
	id := func(n int64) string {
		if n == 0 {
			return ""
		}
		return strconv.FormatInt(n, 10)
	}
	e.buf = csvguard.AppendRow(e.buf[:0], r.At.UTC().Format(time.RFC3339Nano), csvguard.Cell(r.Chain), strconv.FormatInt(r.Seq, 10),
		csvguard.Cell(string(r.Kind)), csvguard.Cell(string(r.Outcome)), id(r.UserID), csvguard.Cell(r.UserName), csvguard.Cell(r.Roles),
		csvguard.Cell(r.SessionID), csvguard.Cell(r.KeyID), id(r.PersonID), csvguard.Cell(r.Subject), csvguard.Cell(r.Route),
		csvguard.Cell(r.RequestID), csvguard.Cell(r.Address), csvguard.Cell(r.Detail))
	return e.buf
}

// exported is a row as NDJSON shows it; ids of 0 and empty texts are left out.
type exported struct {
	At        time.Time `json:"at"`
	Chain     string    `json:"chain"`
	Seq       int64     `json:"seq"`
	Kind      string    `json:"kind"`
	Outcome   string    `json:"outcome"`
	UserID    int64     `json:"user_id,omitempty"`
	UserName  string    `json:"user_name,omitempty"`
	Roles     string    `json:"roles,omitempty"`
	SessionID string    `json:"session_id,omitempty"`
	KeyID     string    `json:"key_id,omitempty"`
	PersonID  int64     `json:"person_id,omitempty"`
	Subject   string    `json:"subject,omitempty"`
	Route     string    `json:"route,omitempty"`
	RequestID string    `json:"request_id,omitempty"`
	Address   string    `json:"address,omitempty"`
	// Detail is the text as stored, so that an odd one can't break the line.
	Detail string `json:"detail,omitempty"`
}
