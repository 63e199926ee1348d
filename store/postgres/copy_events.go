package postgres

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"healthportal/app/access"
	"healthportal/app/health"
	"healthportal/app/health/csvguard"
	"healthportal/app/health/exportfile"
)

// progressEvery is how many rows an export writes between two words about it.
const progressEvery = 500

// errCopied says that a COPY did not arrive row by row, as the protocol promises.
var errCopied = errors.New("the database's rows arrived otherwise than as rows")

// exportSettings hold for one export's transaction: every value in the digits
// that bring it back, whatever the database's own settings are. Rows are looked
// up in the order of the index rather than sorted, so that the first ones leave
// at once and nothing is put on disk.
const exportSettings = `SELECT set_config('hp.persons', $1, true), set_config('client_encoding', 'UTF8', true),
	set_config('standard_conforming_strings', 'on', true), set_config('extra_float_digits', '1', true), set_config('datestyle', 'ISO, YMD', true),
	set_config('jit', 'off', true), set_config('enable_hashjoin', 'off', true), set_config('enable_mergejoin', 'off', true),
	set_config('enable_sort', 'off', true)`

// ExportEvents writes the rows that the filter's table shows, all pages of them,
// as they stand at one instant, and returns their number; size and cursors are
// ignored. CSV has a header and the newest rows first; NDJSON has a header and
// the oldest rows first, but not its last line. Each row is one call of w.Write,
// and progress, which may be nil, learns from time to time how many there were.
// It ends with ctx, or when w fails.
func (db *DB) ExportEvents(ctx context.Context, scope access.Scope, f health.EventFilter, format health.ExportFormat, w io.Writer, progress func(rows int64)) (int64, error) {
	return exportEvents(ctx, db.app, personList(scope.Persons), []health.PersonID{f.Person}, f, format, w, progress)
}

// ExportEveryone is ExportEvents of all persons, one after the other in the
// order of their identifiers, for whoever owns the database; the filter's person
// is ignored. NDJSON has a line about each person before the person's rows,
// which counts as a row.
func (db *DB) ExportEveryone(ctx context.Context, f health.EventFilter, format health.ExportFormat, w io.Writer, progress func(rows int64)) (int64, error) {
	return exportEvents(ctx, db.owner, "", nil, f, format, w, progress)
}

// exportEvents exports the given persons; nil means everybody.
func exportEvents(ctx context.Context, pool *pgxpool.Pool, scope string, persons []health.PersonID, f health.EventFilter,
	format health.ExportFormat, w io.Writer, progress func(rows int64)) (int64, error) {
	f.Size, f.After, f.Before = 0, nil, nil
	if err := f.Validate(); err != nil {
		return 0, err
	}
	everyone := persons == nil
	out := &rowWriter{w: w, crlf: format == health.ExportCSV, progress: progress}
	err := pgx.BeginTxFunc(ctx, pool, pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly}, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, holdPartitions); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, exportSettings, scope); err != nil {
			return err
		}
		if everyone {
			var err error
			if persons, err = everybody(ctx, tx); err != nil {
				return err
			}
		}
		if _, err := w.Write(exportHeader(format)); err != nil {
			return err
		}
		for _, person := range persons {
			f.Person = person
			if everyone && format == health.ExportNDJSON {
				if err := writePerson(ctx, tx, person, out); err != nil {
					return err
				}
			}
			if err := copyPerson(ctx, tx, f, format, out); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return out.rows, fmt.Errorf("export events: %w", err)
	}
	out.tell()
	return out.rows, nil
}

func everybody(ctx context.Context, tx pgx.Tx) ([]health.PersonID, error) {
	rows, err := tx.Query(ctx, `SELECT p.id FROM health.person p CROSS JOIN LATERAL (`+identityOf+`) k
		ORDER BY k.system COLLATE "C", k.value COLLATE "C", p.id`)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowTo[health.PersonID])
}

func exportHeader(format health.ExportFormat) []byte {
	if format == health.ExportNDJSON {
		return []byte(exportfile.Header)
	}
	var names []string
	for _, c := range health.ExportColumns() {
		names = append(names, c.Name)
	}
	return csvguard.AppendRow(nil, names...)
}

// copyPerson copies one person's rows, times in the person's zone.
func copyPerson(ctx context.Context, tx pgx.Tx, f health.EventFilter, format health.ExportFormat, out *rowWriter) error {
	if _, err := tx.Exec(ctx, `SELECT set_config('timezone', health.person_zone($1), true)`, int64(f.Person)); err != nil {
		return err
	}
	sql, err := exportStatement(f, format)
	if err != nil {
		return err
	}
	before := out.rows
	tag, err := tx.Conn().PgConn().CopyTo(ctx, out, sql)
	if err != nil {
		return err
	}
	if got := out.rows - before; got != tag.RowsAffected() {
		return fmt.Errorf("%w: %d of %d", errCopied, got, tag.RowsAffected())
	}
	return nil
}

// exportStatement is the COPY of one person's rows.
func exportStatement(f health.EventFilter, format health.ExportFormat) (string, error) {
	query, err := exportQuery(f, format)
	if err != nil {
		return "", err
	}
	return "COPY (" + query + ") TO STDOUT (" + copyOptions(format) + ")", nil
}

func copyOptions(format health.ExportFormat) string {
	if format == health.ExportNDJSON {
		// Neither character is ever in JSON, so that no line is quoted.
		return `FORMAT csv, QUOTE E'\x01', DELIMITER E'\x02'`
	}
	_, texts := csvSelect()
	return "FORMAT csv, FORCE_QUOTE (" + strings.Join(texts, ", ") + ")"
}

// ExportScript is psql's script of the same statements, which writes the rows of
// one person to a file: what the bench compares exports with.
func ExportScript(f health.EventFilter, format health.ExportFormat, file string) (string, error) {
	query, err := exportQuery(f, format)
	if err != nil {
		return "", err
	}
	person := strconv.FormatInt(int64(f.Person), 10)
	return "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY;\nSET LOCAL ROLE hp_app;\n" +
		strings.ReplaceAll(exportSettings, "$1", "'"+person+"'") + ";\n" +
		"SELECT set_config('timezone', health.person_zone(" + person + "), true);\n" +
		`\copy (` + strings.Map(oneLineOnly, query) + ") TO " + file + " (" + copyOptions(format) + ")\nCOMMIT;\n", nil
}

// oneLineOnly makes a query fit \copy, which ends with its line. No literal of
// ours holds a line end or tab; a filter's may not.
func oneLineOnly(r rune) rune {
	if r == '\n' || r == '\t' {
		return ' '
	}
	return r
}

// exportQuery is the query of one person's rows; its conditions are the table's.
func exportQuery(f health.EventFilter, format health.ExportFormat) (string, error) {
	var l literals
	w := eventWhere{literals: &l}
	w.choose(f)
	if l.err != nil {
		return "", l.err
	}
	if format == health.ExportNDJSON {
		return jsonQuery(l.of(int64(f.Person)), w.sql()), nil
	}
	from := `(SELECT * FROM health.event e WHERE ` + w.sql() + `) e
	JOIN health.person p ON p.id = e.person_id` + eventJoins
	list, _ := csvSelect()
	return guardCTE() + "\nSELECT " + list + "\nFROM " + from + "\nORDER BY e.effective_at DESC, e.id DESC", nil
}

// rowWriter passes rows on and counts them. The backend sends each row as one
// message (PostgreSQL's message formats, CopyData), so that the end of a row is
// known without reading what is inside quotes: for CSV it becomes CRLF.
type rowWriter struct {
	w        io.Writer
	crlf     bool
	buf      []byte
	rows     int64
	progress func(rows int64)
}

// Write takes one row.
func (r *rowWriter) Write(row []byte) (int, error) {
	end := len(row) - 1
	if end < 0 || row[end] != '\n' {
		return 0, fmt.Errorf("%w: one without an end", errCopied)
	}
	out := row
	if r.crlf {
		r.buf = append(append(r.buf[:0], row[:end]...), '\r', '\n')
		out = r.buf
	}
	if _, err := r.w.Write(out); err != nil {
		return 0, err
	}
	if r.rows++; r.rows%progressEvery == 0 {
		r.tell()
	}
	return len(row), nil
}

func (r *rowWriter) tell() {
	if r.progress != nil {
		r.progress(r.rows)
	}
}

// CountExport counts, as the owner, the rows that an export of the filter has;
// the person 0 means everybody.
func (db *DB) CountExport(ctx context.Context, f health.EventFilter) (int64, error) {
	var w eventWhere
	w.chooseRows(f)
	if f.Person != 0 {
		w.add("e.person_id = " + w.arg(int64(f.Person)))
	}
	var n int64
	if err := db.owner.QueryRow(ctx, `SELECT count(*) FROM health.event e WHERE `+w.sql(), w.args...).Scan(&n); err != nil {
		return 0, fmt.Errorf("count events: %w", err)
	}
	return n, nil
}

// PersonByRecordNumber finds a person as the owner, or fails with health.ErrNotFound.
func (db *DB) PersonByRecordNumber(ctx context.Context, record string) (health.PersonID, error) {
	var id health.PersonID
	err := db.owner.QueryRow(ctx, `SELECT id FROM health.person WHERE record_number = $1`, record).Scan(&id)
	if errors.Is(err, pgx.ErrNoRows) {
		return 0, fmt.Errorf("person by record number: %w", health.ErrNotFound)
	}
	if err != nil {
		return 0, fmt.Errorf("person by record number: %w", err)
	}
	return id, nil
}

// SourceByName finds a source's number as the owner, or fails with health.ErrNotFound.
func (db *DB) SourceByName(ctx context.Context, name string) (int, error) {
	var id int
	err := db.owner.QueryRow(ctx, `SELECT id FROM health.source WHERE name = $1`, name).Scan(&id)
	if errors.Is(err, pgx.ErrNoRows) {
		return 0, fmt.Errorf("source by name: %w", health.ErrNotFound)
	}
	if err != nil {
		return 0, fmt.Errorf("source by name: %w", err)
	}
	return id, nil
}
