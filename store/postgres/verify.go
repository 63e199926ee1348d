package postgres

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"

	"healthportal/migrations"
)

// ObjectCheck is what Verify found about one database object.
type ObjectCheck struct {
	Kind, Name string
	// Problem is empty where the object is there and answers.
	Problem string
}

// VerifyObjects checks that every object of every migration is there and, where
// it can be read, answers a sample SELECT. The error is for a database that does
// not answer at all; missing objects are Problems.
func (db *DB) VerifyObjects(ctx context.Context) ([]ObjectCheck, error) {
	objects, err := migrations.Objects()
	if err != nil {
		return nil, fmt.Errorf("list of migrations' objects: %w", err)
	}
	checks := make([]ObjectCheck, 0, len(objects))
	for _, o := range objects {
		problem, err := db.verifyObject(ctx, o)
		if err != nil {
			return nil, fmt.Errorf("verify %s %s: %w", o.Kind, o.Name, err)
		}
		checks = append(checks, ObjectCheck{o.Kind, o.Name, problem})
	}
	return checks, nil
}

// existence holds, per kind, a query that answers whether the object $1 (and,
// for triggers and policies, its table $2) is there.
func existence(kind string) string {
	switch kind {
	case "role":
		return `SELECT EXISTS (SELECT 1 FROM pg_roles WHERE rolname = $1) AND $2 = ''`
	case "schema":
		return `SELECT to_regnamespace($1) IS NOT NULL AND $2 = ''`
	case "function":
		return `SELECT EXISTS (SELECT 1 FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
			WHERE n.nspname || '.' || p.proname = $1) AND $2 = ''`
	case "trigger":
		return `SELECT EXISTS (SELECT 1 FROM pg_trigger WHERE tgname = $1 AND tgrelid = to_regclass($2) AND tgenabled <> 'D')`
	case "policy":
		return `SELECT EXISTS (SELECT 1 FROM pg_policy p JOIN pg_class c ON c.oid = p.polrelid
			WHERE p.polname = $1 AND c.oid = to_regclass($2) AND c.relrowsecurity)`
	default: // tables, views, sequences, indexes
		return `SELECT to_regclass($1) IS NOT NULL AND $2 = ''`
	}
}

func (db *DB) verifyObject(ctx context.Context, o migrations.Object) (string, error) {
	name, table, _ := strings.Cut(o.Name, " on ")
	var there bool
	if err := db.owner.QueryRow(ctx, existence(o.Kind), name, table).Scan(&there); err != nil {
		return "", fmt.Errorf("catalogue: %w", err)
	}
	if !there {
		return "missing: run `portal migrate`", nil
	}
	if o.Kind != "table" && o.Kind != "view" && o.Kind != "materialized view" {
		return "", nil
	}
	rows, err := db.owner.Query(ctx, "SELECT * FROM "+pgx.Identifier(strings.Split(name, ".")).Sanitize()+" LIMIT 1")
	if err == nil {
		rows.Close()
		err = rows.Err()
	}
	if err != nil {
		if ctx.Err() != nil {
			return "", fmt.Errorf("sample: %w", err)
		}
		return "does not answer a sample SELECT: " + err.Error(), nil
	}
	return "", nil
}

// Sample runs one sample SELECT of the manifest and returns its first value as
// text, "no rows" where there is none. The statement comes from the operator's own file; it runs read-only.
func (db *DB) Sample(ctx context.Context, query string) (string, error) {
	var first string
	err := pgx.BeginTxFunc(ctx, db.owner, pgx.TxOptions{AccessMode: pgx.ReadOnly}, func(tx pgx.Tx) error {
		rows, err := tx.Query(ctx, query)
		if err != nil {
			return err
		}
		defer rows.Close()
		if !rows.Next() {
			first = "no rows"
			return rows.Err()
		}
		values, err := rows.Values()
		if err != nil || len(values) == 0 {
			return errors.Join(err, errors.New("the sample SELECT returned no column"))
		}
		first = fmt.Sprint(values[0])
		return nil
	})
	if err != nil {
		return "", fmt.Errorf("sample SELECT: %w", err)
	}
	return first, nil
}
