package postgres

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"healthportal/app/health"
)

// errKnown says that a batch may hold what is stored, in this version or another:
// it is staged and compared instead.
var errKnown = errors.New("some of the batch may be stored already")

// storeNew stores a batch of which nothing is known by COPY straight into the
// partitions, without staging and comparing it. The result is the same.
// Where anything is known it answers errKnown, and tx is as it was before.
//
// No external id of the batch may be known, because the new content would be a
// version. Content without one is not looked up: the unique index on it refuses
// what is there, even what another program stores at the same moment.
func (im *importer) storeNew(ctx context.Context, tx pgx.Tx, rows []health.ImportRow) (health.ImportCounts, error) {
	var counts health.ImportCounts
	if im.repeats {
		return counts, errKnown
	}
	b, ok := newBatch(rows)
	if !ok {
		return counts, errKnown
	}
	if err := im.prepareNew(ctx, tx, b); err != nil {
		return counts, err
	}
	err := pgx.BeginFunc(ctx, tx, func(sub pgx.Tx) error { return im.copyNew(ctx, sub, b) })
	var pgErr *pgconn.PgError
	if errors.As(err, &pgErr) && pgErr.Code == uniqueViolation {
		return counts, errKnown
	}
	if err != nil {
		return counts, err
	}
	if err := im.rollUpNew(ctx, tx, b.rows); err != nil {
		return counts, err
	}
	return health.ImportCounts{Stored: len(b.rows), Repeated: len(rows) - len(b.rows)}, nil
}

// batch are the rows of a batch that may be new.
type batch struct {
	rows []*health.ImportRow
	ids  []int64
	// months are the indexes of rows by monthOf.
	months map[time.Time][]int
	// identified counts the rows with an external id.
	identified int
}

// newBatch leaves out what the batch itself repeats, as the unique index would. It
// answers false for a batch that holds several versions of one external id.
func newBatch(rows []health.ImportRow) (*batch, bool) {
	type content struct {
		person health.PersonID
		id     health.ContentID
		at     int64
	}
	b := &batch{rows: make([]*health.ImportRow, 0, len(rows)), months: map[time.Time][]int{}}
	seen := make(map[content]bool, len(rows))
	for i := range rows {
		r := &rows[i]
		if r.Round > 0 {
			return nil, false
		}
		key := content{r.Person, r.Content, r.EffectiveAt.UnixMicro()}
		if seen[key] {
			continue
		}
		seen[key] = true
		month := monthOf(r.EffectiveAt)
		b.months[month] = append(b.months[month], len(b.rows))
		b.rows = append(b.rows, r)
		if r.ExternalID != "" {
			b.identified++
		}
	}
	return b, true
}

// knownIdentity tells whether any of the external ids has a version, in any slot.
const knownIdentity = `
	SELECT EXISTS (SELECT FROM unnest($1::bigint[], $2::integer[], $3::uuid[]) AS k (person_id, source_id, ext)
	JOIN health.event_identity i USING (person_id, source_id, ext))`

// The lock keeps partitions attached until the end of the transaction.
const (
	lockPartitions = `LOCK TABLE ONLY health.event IN ROW EXCLUSIVE MODE`
	attached       = `SELECT count(*) FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
		WHERE i.inhparent = 'health.event'::regclass AND NOT i.inhdetachpending AND c.relname = ANY ($1)`
	takeIDs = `SELECT nextval('health.event_id_seq') FROM generate_series(1, $1)`
)

// prepareNew finds out whether the batch is new, and takes ids for it, in one round trip.
func (im *importer) prepareNew(ctx context.Context, tx pgx.Tx, b *batch) error {
	var persons []int64
	var sources []int32
	var exts [][16]byte
	for _, r := range b.rows {
		if r.ExternalID != "" {
			persons, sources, exts = append(persons, int64(r.Person)), append(sources, im.names.sources[r.Source]), append(exts, health.KeyOf(r.ExternalID))
		}
	}
	var names []string
	for month := range b.months {
		names = append(names, partitionOf(month))
	}
	known, parts := false, 0
	var q pgx.Batch
	q.Queue(lockPartitions)
	q.Queue(attached, names).QueryRow(func(row pgx.Row) error { return row.Scan(&parts) })
	q.Queue(`SELECT set_config('enable_hashjoin', 'off', true)`)
	q.Queue(knownIdentity, persons, sources, exts).QueryRow(func(row pgx.Row) error { return row.Scan(&known) })
	q.Queue(`SELECT set_config('enable_hashjoin', 'on', true)`)
	q.Queue(takeIDs, len(b.rows)).Query(func(rows pgx.Rows) (err error) {
		b.ids, err = pgx.CollectRows(rows, pgx.RowTo[int64])
		return err
	})
	if err := tx.SendBatch(ctx, &q).Close(); err != nil {
		return fmt.Errorf("look for what is known: %w", err)
	}
	if known || parts != len(names) {
		return errKnown
	}
	return nil
}

const copyIdentities = `COPY health.event_identity (person_id, source_id, ext, slot, version, dedupe, effective_at, event_id, updated) FROM STDIN BINARY`

// copyNew fills the tables. Identities go first: they conflict before much is written.
func (im *importer) copyNew(ctx context.Context, tx pgx.Tx, b *batch) error {
	conn := tx.Conn().PgConn()
	if b.identified > 0 {
		if _, err := conn.CopyFrom(ctx, copying(len(b.rows), func(e *encoder, i int) { im.encodeIdentity(e, b.rows[i], b.ids[i]) }), copyIdentities); err != nil {
			return fmt.Errorf("store identities: %w", err)
		}
	}
	for month, list := range b.months {
		into := `COPY ` + pgx.Identifier{"health", partitionOf(month)}.Sanitize() + ` (id, import_id, slot, ` + rowNames + `) FROM STDIN BINARY`
		_, err := conn.CopyFrom(ctx, copying(len(list), func(e *encoder, i int) {
			r := b.rows[list[i]]
			e.int16(rowColumns + 3)
			e.bigint(b.ids[list[i]])
			e.bigint(im.id)
			e.str(r.Slot)
			im.encodeRow(e, r)
		}), into)
		if err != nil {
			return fmt.Errorf("store the rows of a month: %w", err)
		}
	}
	return im.noteNew(ctx, tx, b.rows)
}

// encodeIdentity writes the first version of a row's external id, where it has one.
func (im *importer) encodeIdentity(e *encoder, r *health.ImportRow, id int64) {
	if r.ExternalID == "" {
		return
	}
	e.int16(9)
	e.bigint(int64(r.Person))
	e.integer(im.names.sources[r.Source], true)
	key := health.KeyOf(r.ExternalID)
	e.bytes(key[:])
	e.str(r.Slot)
	e.integer(1, true)
	e.bytes(r.Content[:])
	e.timestamp(r.EffectiveAt)
	e.bigint(id)
	e.timestamp(r.Updated)
}

// copyPiece is about how many bytes are encoded while the server takes the last ones.
const copyPiece = 60 << 10

// encoding is COPY's input, encoded while it is read.
type encoding struct {
	encoder
	n, next int
	row     func(e *encoder, i int)
	sent    int
	ended   bool
}

// copying encodes n rows.
func copying(n int, row func(e *encoder, i int)) io.Reader {
	r := &encoding{n: n, row: row}
	r.begin()
	return r
}

// Read encodes the next rows once the last ones are taken.
func (r *encoding) Read(p []byte) (int, error) {
	if r.sent == len(r.buf) {
		if r.ended {
			return 0, io.EOF
		}
		if r.sent > 0 {
			r.buf, r.sent = r.buf[:0], 0
		}
		for len(r.buf) < copyPiece && !r.ended {
			if r.ended = r.next == r.n; r.ended {
				r.end()
				break
			}
			r.row(&r.encoder, r.next)
			r.next++
		}
	}
	n := copy(p, r.buf[r.sent:])
	r.sent += n
	return n, nil
}
