package postgres

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"healthportal/app/access"
	"healthportal/app/audit"
)

const insertAudit = `INSERT INTO audit.entry (chain, seq, at, kind, outcome, user_id, roles, session_id, key_id, person_id, subject,
	route, request_id, address, detail, mac_key, hash)
	SELECT * FROM unnest($1::text[], $2::bigint[], $3::timestamptz[], $4::text[], $5::text[], $6::bigint[], $7::text[], $8::text[],
	$9::text[], $10::bigint[], $11::text[], $12::text[], $13::text[], $14::text[], $15::text[], $16::text[], $17::bytea[])`

// InsertEntries adds entries to the log in one commit, as the role that may do
// nothing else. The error is audit.ErrUncertain where the commit's outcome is not known.
func (db *DB) InsertEntries(ctx context.Context, list []audit.StoredEntry) error {
	conn, err := db.audit.Acquire(ctx)
	if err != nil {
		return fmt.Errorf("add to the audit log: %w", err) // nothing was sent
	}
	defer conn.Release()
	tag, err := conn.Exec(ctx, insertAudit, auditColumns(list)...)
	switch {
	case err != nil && uncertain(err):
		return fmt.Errorf("add to the audit log: %w: %w", audit.ErrUncertain, err)
	case err != nil:
		return fmt.Errorf("add to the audit log: %w", err)
	case tag.RowsAffected() != int64(len(list)):
		return fmt.Errorf("add to the audit log: %w: %d of %d entries", audit.ErrUncertain, tag.RowsAffected(), len(list))
	}
	return nil
}

// uncertain reports whether an INSERT of its own transaction that failed with
// err may have been committed. An ordinary error of the server's is a rollback; a number that
// is taken means that an earlier attempt was not.
func uncertain(err error) bool {
	var said *pgconn.PgError
	if !errors.As(err, &said) {
		return !pgconn.SafeToRetry(err)
	}
	const numberTaken, completionUnknown = "23505", "40003"
	return said.SeverityUnlocalized != "ERROR" || said.Code == numberTaken || said.Code == completionUnknown ||
		strings.HasPrefix(said.Code, "08")
}

// auditColumns are the entries as one array for each column of insertAudit.
func auditColumns(list []audit.StoredEntry) []any {
	seqs, users, persons := make([]int64, len(list)), make([]int64, len(list)), make([]int64, len(list))
	ats, hashes := make([]time.Time, len(list)), make([][]byte, len(list))
	texts := make([][]string, 12)
	for i := range texts {
		texts[i] = make([]string, len(list))
	}
	for i := range list {
		e := &list[i]
		seqs[i], users[i], persons[i], ats[i], hashes[i] = e.Seq, e.UserID, e.PersonID, e.At, e.Hash
		for j, s := range []string{e.Chain, string(e.Kind), string(e.Outcome), e.Roles, e.SessionID, e.KeyID, e.Subject, e.Route,
			e.RequestID, e.Address, e.Detail, e.MACKey} {
			texts[j][i] = s
		}
	}
	return []any{texts[0], seqs, ats, texts[1], texts[2], users, texts[3], texts[4], texts[5], persons, texts[6], texts[7], texts[8],
		texts[9], texts[10], texts[11], hashes}
}

// ChainHeads returns the last entry of each chain, by chain.
func (db *DB) ChainHeads(ctx context.Context) ([]audit.Head, error) {
	// One look at the index for each chain, not for each entry.
	rows, err := db.owner.Query(ctx, `
		WITH RECURSIVE c (chain) AS (
		  (SELECT chain FROM audit.entry ORDER BY chain LIMIT 1)
		  UNION ALL
		  SELECT (SELECT e.chain FROM audit.entry e WHERE e.chain > c.chain ORDER BY e.chain LIMIT 1) FROM c WHERE c.chain IS NOT NULL)
		SELECT c.chain, l.seq, l.at, l.hash FROM c
		CROSS JOIN LATERAL (SELECT e.seq, e.at, e.hash FROM audit.entry e WHERE e.chain = c.chain ORDER BY e.seq DESC LIMIT 1) l
		WHERE c.chain IS NOT NULL`)
	if err != nil {
		return nil, fmt.Errorf("heads of the audit log: %w", err)
	}
	list, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (audit.Head, error) {
		var h audit.Head
		var hash []byte
		err := row.Scan(&h.Chain, &h.Seq, &h.At, &hash)
		h.Hash, h.At = hex.EncodeToString(hash), h.At.UTC()
		return h, err
	})
	if err != nil {
		return nil, fmt.Errorf("heads of the audit log: %w", err)
	}
	return list, nil
}

const storedColumns = `chain, seq, at, kind, outcome, user_id, roles, session_id, key_id, person_id, subject, route, request_id,
	address, detail, mac_key, hash`

// ChainStarts calls fn with each entry in which a chain records others, by chain and number.
func (db *DB) ChainStarts(ctx context.Context, fn func(*audit.StoredEntry) error) error {
	rows, err := db.owner.Query(ctx, `SELECT `+storedColumns+` FROM audit.entry WHERE kind = '`+string(access.KindChainStart)+`' ORDER BY chain, seq`)
	if err != nil {
		return fmt.Errorf("starts of audit chains: %w", err)
	}
	return eachStored(rows, fn)
}

// EachEntry calls fn with each entry of the log, by chain and number, as they
// stand at one instant. It holds one entry at a time, valid during the call.
// An error of fn ends it and is returned.
func (db *DB) EachEntry(ctx context.Context, fn func(*audit.StoredEntry) error) error {
	err := pgx.BeginTxFunc(ctx, db.owner, pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly}, func(tx pgx.Tx) error {
		// In order of the index, so that the server needn't sort the whole log on its disk first.
		if _, err := tx.Exec(ctx, `SET LOCAL enable_sort = off`); err != nil {
			return err
		}
		rows, err := tx.Query(ctx, `SELECT `+storedColumns+` FROM audit.entry ORDER BY chain, seq`)
		if err != nil {
			return err
		}
		return eachStored(rows, fn)
	})
	if err != nil {
		return fmt.Errorf("read the audit log: %w", err)
	}
	return nil
}

func eachStored(rows pgx.Rows, fn func(*audit.StoredEntry) error) error {
	defer rows.Close()
	for rows.Next() {
		var e audit.StoredEntry
		err := rows.Scan(&e.Chain, &e.Seq, &e.At, &e.Kind, &e.Outcome, &e.UserID, &e.Roles, &e.SessionID, &e.KeyID, &e.PersonID,
			&e.Subject, &e.Route, &e.RequestID, &e.Address, &e.Detail, &e.MACKey, &e.Hash)
		if err != nil {
			return fmt.Errorf("read an audit entry: %w", err)
		}
		if err := fn(&e); err != nil {
			return err
		}
	}
	return rows.Err()
}
