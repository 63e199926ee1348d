package embedded

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// ping connects to the server and makes sure that it is this cluster's: a copied
// data folder carries the address of the original's server.
func (c *cluster) ping(ctx context.Context, socketDir string) error {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	return withConn(ctx, socketDir, "postgres", func(conn *pgx.Conn) error {
		var dir string
		if err := conn.QueryRow(ctx, "SELECT current_setting('data_directory')").Scan(&dir); err != nil {
			return fmt.Errorf("ask for the data folder: %w", err)
		}
		theirs, err := os.Stat(dir)
		if err != nil {
			return fmt.Errorf("the server's data folder: %w", err)
		}
		ours, err := os.Stat(c.dataDir())
		if err != nil {
			return fmt.Errorf("the data folder: %w", err)
		}
		if !os.SameFile(theirs, ours) {
			return errors.New("the socket belongs to the server of another data folder")
		}
		return nil
	})
}

// ensureDatabase makes the database "portal"; a start that was killed after
// initdb may have left the cluster without it.
func (c *cluster) ensureDatabase(ctx context.Context, socketDir string) error {
	return withConn(ctx, socketDir, "postgres", func(conn *pgx.Conn) error {
		var exists bool
		err := conn.QueryRow(ctx, "SELECT EXISTS (SELECT FROM pg_database WHERE datname = $1)", databaseName).Scan(&exists)
		if err != nil || exists {
			return err
		}
		_, err = conn.Exec(ctx, "CREATE DATABASE "+pgx.Identifier{databaseName}.Sanitize())
		var pgErr *pgconn.PgError
		if errors.As(err, &pgErr) && (pgErr.Code == "42P04" || pgErr.Code == "23505") {
			// duplicate_database; or unique_violation, where a server that outlived a
			// killed portal was still making it and has finished now.
			return nil
		}
		return err
	})
}

func withConn(ctx context.Context, socketDir, database string, use func(*pgx.Conn) error) error {
	conn, err := pgx.Connect(ctx, dsn(socketDir, database))
	if err != nil {
		return err
	}
	defer conn.Close(context.WithoutCancel(ctx)) //nolint:errcheck // nothing is pending
	return use(conn)
}
