package storetest

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5"

	"healthportal/app/health"
	"healthportal/migrations"
	"healthportal/store/postgres"
)

const (
	testPrefix     = "hp_test_"
	templatePrefix = "hp_template_"
	building       = "hp_building"

	// Classes of advisory locks in the maintenance database: a process's
	// databases, and a template in use.
	lockProcess  = 7301
	lockTemplate = 7302
)

func testPrefixOf(id int32) string { return fmt.Sprintf("%s%d_", testPrefix, id) }

// furnish removes what dead processes left, marks this one as alive, and returns
// the template database of the current migrations. Callers take turns.
func furnish(ctx context.Context, conn *pgx.Conn, dsn string, id int32) (string, error) {
	hash, err := contentHash()
	if err != nil {
		return "", err
	}
	template := templatePrefix + hash
	if err := sweep(ctx, conn, template); err != nil {
		return "", err
	}
	if _, err := conn.Exec(ctx, "SELECT pg_advisory_lock_shared($1, $2)", lockProcess, id); err != nil {
		return "", fmt.Errorf("mark the process as alive: %w", err)
	}
	if _, err := conn.Exec(ctx, "SELECT pg_advisory_lock_shared($1, hashtext($2))", lockTemplate, template); err != nil {
		return "", fmt.Errorf("mark the template as used: %w", err)
	}
	return template, makeTemplate(ctx, conn, dsn, template)
}

// contentHash names all that decides about a migrated database: the migrations,
// the program's generation, and the metric catalogue that Migrate writes.
func contentHash() (string, error) {
	fsys, err := migrations.Postgres()
	if err != nil {
		return "", fmt.Errorf("read the migrations: %w", err)
	}
	catalogue, err := json.Marshal(health.Catalogue())
	if err != nil {
		return "", fmt.Errorf("read the metric catalogue: %w", err)
	}
	return hashOf(fsys, strconv.Itoa(migrations.Program), string(catalogue))
}

func hashOf(fsys fs.FS, more ...string) (string, error) {
	h := sha256.New()
	put := func(s string) {
		// Lengths keep two lists apart that join to the same text. A hash's Write never fails.
		_, _ = io.WriteString(h, strconv.Itoa(len(s))+":"+s)
	}
	for _, s := range more {
		put(s)
	}
	err := fs.WalkDir(fsys, ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		content, err := fs.ReadFile(fsys, path)
		put(path)
		put(string(content))
		return err
	})
	if err != nil {
		return "", fmt.Errorf("read the migrations: %w", err)
	}
	return hex.EncodeToString(h.Sum(nil)[:10]), nil
}

// makeTemplate migrates a database and, only once that is done, gives it the
// template's name. Callers take turns.
func makeTemplate(ctx context.Context, conn *pgx.Conn, dsn, template string) error {
	var exists bool
	if err := conn.QueryRow(ctx, "SELECT EXISTS (SELECT FROM pg_database WHERE datname = $1)", template).Scan(&exists); err != nil {
		return fmt.Errorf("look for the template: %w", err)
	}
	if exists {
		return nil
	}
	if err := drop(ctx, conn, building); err != nil {
		return err
	}
	if _, err := conn.Exec(ctx, "CREATE DATABASE "+building); err != nil {
		return fmt.Errorf("create the template: %w", err)
	}
	target, err := otherDatabase(dsn, building)
	if err != nil {
		return err
	}
	if err := postgres.Migrate(ctx, target); err != nil {
		return fmt.Errorf("migrate the template: %w", err)
	}
	for _, sql := range []string{
		"ALTER DATABASE " + building + " RENAME TO " + template,
		"ALTER DATABASE " + template + " ALLOW_CONNECTIONS false", // a connected template can't be cloned
	} {
		if _, err := conn.Exec(ctx, sql); err != nil {
			return fmt.Errorf("finish the template: %w", err)
		}
	}
	return nil
}

// clone creates the database name from template ("" for an empty one), with the
// template's grants and settings, which PostgreSQL leaves behind.
func clone(ctx context.Context, dsn, name, template string) error {
	return withConn(ctx, dsn, func(conn *pgx.Conn) error {
		if template == "" {
			if _, err := conn.Exec(ctx, "CREATE DATABASE "+name); err != nil {
				return fmt.Errorf("create a database: %w", err)
			}
			return nil
		}
		// With this many partitions copying files takes half the time of logging pages.
		if _, err := conn.Exec(ctx, "CREATE DATABASE "+name+" TEMPLATE "+template+" STRATEGY file_copy"); err != nil {
			return fmt.Errorf("clone the template: %w", err)
		}
		var statements []string
		if err := conn.QueryRow(ctx, grantsAndSettings, template, name).Scan(&statements); err != nil {
			return fmt.Errorf("read the template's grants: %w", err)
		}
		if _, err := conn.Exec(ctx, strings.Join(statements, "; ")); err != nil {
			return fmt.Errorf("copy the template's grants: %w", err)
		}
		return nil
	})
}

// grantsAndSettings lists the statements that give database $2 the privileges
// and settings of database $1.
const grantsAndSettings = `
WITH privilege AS (
  SELECT 2 AS step, format('GRANT %s ON DATABASE %I TO %s%s', a.privilege_type, $2::text,
    CASE a.grantee WHEN 0 THEN 'PUBLIC' ELSE quote_ident(r.rolname) END,
    CASE WHEN a.is_grantable AND a.grantee <> 0 THEN ' WITH GRANT OPTION' ELSE '' END) AS sql
  FROM pg_database d
  CROSS JOIN LATERAL aclexplode(coalesce(d.datacl, acldefault('d', d.datdba))) a
  LEFT JOIN pg_roles r ON r.oid = a.grantee
  WHERE d.datname = $1
), setting AS (
  SELECT 3 AS step, format('ALTER DATABASE %I SET %I = %L', $2::text, split_part(c, '=', 1), substr(c, strpos(c, '=') + 1)) AS sql
  FROM pg_db_role_setting s JOIN pg_database d ON d.oid = s.setdatabase, unnest(s.setconfig) c
  WHERE d.datname = $1 AND s.setrole = 0
), revoke AS (
  SELECT 1 AS step, format('REVOKE ALL ON DATABASE %I FROM PUBLIC', $2::text) AS sql
)
SELECT array_agg(sql ORDER BY step)
FROM (SELECT * FROM revoke UNION ALL SELECT * FROM privilege UNION ALL SELECT * FROM setting) s`

// sweep drops the databases of processes that are gone and the templates of
// other migrations that nobody uses. A process holds its lock as long as it lives.
func sweep(ctx context.Context, conn *pgx.Conn, template string) error {
	names, err := databases(ctx, conn, "hp_")
	if err != nil {
		return err
	}
	for _, name := range names {
		var free bool
		switch owner, ok := ownerOf(name); {
		case name == building:
			free = true // whoever built it has ended, for it is our turn
		case ok:
			err = conn.QueryRow(ctx, "SELECT pg_try_advisory_lock($1, $2)", lockProcess, owner).Scan(&free)
		case strings.HasPrefix(name, templatePrefix) && name != template:
			err = conn.QueryRow(ctx, "SELECT pg_try_advisory_lock($1, hashtext($2))", lockTemplate, name).Scan(&free)
		}
		if err == nil && free {
			err = drop(ctx, conn, name)
		}
		if err != nil {
			return fmt.Errorf("remove databases of earlier test runs: %w", err)
		}
	}
	if _, err := conn.Exec(ctx, "SELECT pg_advisory_unlock_all()"); err != nil {
		return fmt.Errorf("give back the locks of earlier test runs: %w", err)
	}
	return nil
}

// ownerOf reads the process's mark from a test database's name.
func ownerOf(name string) (int32, bool) {
	mark, _, ok := strings.Cut(strings.TrimPrefix(name, testPrefix), "_")
	if !ok || !strings.HasPrefix(name, testPrefix) {
		return 0, false
	}
	id, err := strconv.ParseInt(mark, 10, 32)
	return int32(id), err == nil
}

func databases(ctx context.Context, conn *pgx.Conn, prefix string) ([]string, error) {
	rows, err := conn.Query(ctx, "SELECT datname::text FROM pg_database WHERE starts_with(datname::text, $1) ORDER BY 1", prefix)
	if err != nil {
		return nil, fmt.Errorf("list databases: %w", err)
	}
	names, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return nil, fmt.Errorf("list databases: %w", err)
	}
	return names, nil
}

func dropAll(ctx context.Context, conn *pgx.Conn, prefix string) error {
	names, err := databases(ctx, conn, prefix)
	if err != nil {
		return err
	}
	for _, name := range names {
		if err := drop(ctx, conn, name); err != nil {
			return err
		}
	}
	return nil
}

// drop removes a database and disconnects whoever a failed test left in it.
func drop(ctx context.Context, conn *pgx.Conn, name string) error {
	if _, err := conn.Exec(ctx, "DROP DATABASE IF EXISTS "+pgx.Identifier{name}.Sanitize()+" WITH (FORCE)"); err != nil {
		return fmt.Errorf("drop database %s: %w", name, err)
	}
	return nil
}
