package postgres

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
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
	b, ok := im.newBatch(rows)
	if !ok {
		return counts, errKnown
	}
	if err := im.prepareNew(ctx, tx, b); err != nil {
		return counts, err
	}
	err := im.copyNew(ctx, tx, b)
	var pgErr *pgconn.PgError
	if errors.As(err, &pgErr) && pgErr.Code == uniqueViolation {
		if _, err := tx.Exec(ctx, forgetNew); err != nil {
			return counts, fmt.Errorf("take back what may be stored already: %w", err)
		}
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
	// identities are those of the rows that have an external id, in the order of the
	// index: neighbours are looked up and stored together.
	identities []identity
}

// identity is the key of a row's external id, without its slot.
type identity struct {
	person int64
	source int32
	ext    health.ExternalKey
	row    int
}

func (i identity) compare(o identity) int {
	if i.person != o.person {
		return cmp.Compare(i.person, o.person)
	}
	if i.source != o.source {
		return cmp.Compare(i.source, o.source)
	}
	if c := bytes.Compare(i.ext[:], o.ext[:]); c != 0 {
		return c
	}
	return cmp.Compare(i.row, o.row)
}

// newBatch leaves out what the batch itself repeats, as the unique index would. It
// answers false for a batch that holds several versions of one external id.
func (im *importer) newBatch(rows []health.ImportRow) (*batch, bool) {
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
		if r.ExternalID != "" {
			b.identities = append(b.identities, identity{int64(r.Person), im.names.sources[r.Source], health.KeyOf(r.ExternalID), len(b.rows)})
		}
		b.rows = append(b.rows, r)
	}
	slices.SortFunc(b.identities, identity.compare)
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
	// Usually nobody takes ids meanwhile, and the first one says them all.
	takeIDs = `
		WITH taken AS MATERIALIZED (SELECT nextval('health.event_id_seq') AS id FROM generate_series(1, $1::integer)),
		span AS (SELECT min(id) AS low, max(id) - min(id) + 1 = $1::integer AS together FROM taken)
		SELECT low, CASE WHEN NOT together THEN (SELECT array_agg(id ORDER BY id) FROM taken) END FROM span`
)

// What copyNew writes is taken back alone.
const (
	beginNew  = `SAVEPOINT new_rows`
	forgetNew = `ROLLBACK TO SAVEPOINT new_rows`
	keepNew   = `RELEASE SAVEPOINT new_rows`
)

// prepareNew finds out whether the batch is new, and takes ids for it, in one
// round trip. It leaves the savepoint of copyNew.
func (im *importer) prepareNew(ctx context.Context, tx pgx.Tx, b *batch) error {
	n := len(b.identities)
	persons, sources, exts := make([]int64, n), make([]int32, n), make([][16]byte, n)
	for i, id := range b.identities {
		persons[i], sources[i], exts[i] = id.person, id.source, id.ext
	}
	var names []string
	for month := range b.months {
		names = append(names, partitionOf(month))
	}
	known, parts := false, 0
	var q pgx.Batch
	q.Queue(lockPartitions)
	q.Queue(attached, names).QueryRow(func(row pgx.Row) error { return row.Scan(&parts) })
	q.Queue(hashJoinOff)
	q.Queue(knownIdentity, persons, sources, exts).QueryRow(func(row pgx.Row) error { return row.Scan(&known) })
	q.Queue(hashJoinOn)
	q.Queue(takeIDs, len(b.rows)).QueryRow(b.number)
	q.Queue(beginNew)
	if err := tx.SendBatch(ctx, &q).Close(); err != nil {
		return fmt.Errorf("look for what is known: %w", err)
	}
	if known || parts != len(names) {
		return errKnown
	}
	return nil
}

// number reads the answer to takeIDs.
func (b *batch) number(row pgx.Row) error {
	var low int64
	if err := row.Scan(&low, &b.ids); err != nil {
		return err
	}
	for i := int64(0); len(b.ids) < len(b.rows); i++ {
		b.ids = append(b.ids, low+i)
	}
	return nil
}

const copyIdentities = `COPY health.event_identity (person_id, source_id, ext, slot, version, dedupe, effective_at, event_id, updated) FROM STDIN BINARY`

// copyNew fills the tables. Identities go first: they conflict before much is written.
func (im *importer) copyNew(ctx context.Context, tx pgx.Tx, b *batch) error {
	conn := tx.Conn().PgConn()
	if n := len(b.identities); n > 0 {
		if _, err := conn.CopyFrom(ctx, copying(n, func(e *encoder, i int) { b.encodeIdentity(e, b.identities[i]) }), copyIdentities); err != nil {
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

// encodeIdentity writes the first version of a row's external id.
func (b *batch) encodeIdentity(e *encoder, id identity) {
	r := b.rows[id.row]
	e.int16(9)
	e.bigint(id.person)
	e.integer(id.source, true)
	e.bytes(id.ext[:])
	e.str(r.Slot)
	e.integer(1, true)
	e.bytes(r.Content[:])
	e.timestamp(r.EffectiveAt)
	e.bigint(b.ids[id.row])
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
