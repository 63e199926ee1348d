package postgres

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"healthportal/app/access"
	"healthportal/app/apikey"
	"healthportal/app/health"
)

// keyOwner are the columns of an owner, auth.user_account AS u.
const keyOwner = `u.id, u.name, u.display_name, u.disabled_at IS NOT NULL,
	ARRAY(SELECT role FROM auth.user_role r WHERE r.user_id = u.id ORDER BY role)`

const keyQuery = `SELECT k.id, k.name, k.secret_hash, k.scopes, coalesce(b.display_name, ''),
	  k.created_at, k.expires_at, k.last_used_at, k.revoked_at, ` + keyOwner + `
	FROM auth.api_key k JOIN auth.user_account u ON u.id = k.user_id LEFT JOIN auth.user_account b ON b.id = k.created_by`

func scanKey(row pgx.Row) (apikey.Stored, error) {
	var k apikey.Stored
	var scopes, roles []string
	var used, revoked *time.Time
	err := row.Scan(&k.ID, &k.Name, &k.SecretHash, &scopes, &k.CreatedBy, &k.Created, &k.Expires, &used, &revoked,
		&k.Owner.UserID, &k.Owner.Name, &k.Owner.DisplayName, &k.Owner.Disabled, &roles)
	if err != nil {
		return apikey.Stored{}, err
	}
	for _, s := range scopes {
		k.Scopes = append(k.Scopes, access.Permission(s))
	}
	k.Owner.Roles = rolesOf(roles)
	k.Created, k.Expires = k.Created.UTC(), k.Expires.UTC()
	k.LastUsed, k.Revoked = orZero(used).UTC(), orZero(revoked).UTC()
	return k, nil
}

// APIKey returns a key with its owner as the owner is now, or health.ErrNotFound.
func (db *DB) APIKey(ctx context.Context, id string) (apikey.Stored, error) {
	k, err := scanKey(db.app.QueryRow(ctx, keyQuery+` WHERE k.id = $1`, id))
	if errors.Is(err, pgx.ErrNoRows) {
		return apikey.Stored{}, health.ErrNotFound
	}
	if err != nil {
		return apikey.Stored{}, fmt.Errorf("read an API key: %w", err)
	}
	return k, nil
}

// APIKeys returns the keys of a user, 0 for everybody's, newest first.
func (db *DB) APIKeys(ctx context.Context, userID int64) ([]apikey.Key, error) {
	rows, err := db.app.Query(ctx, keyQuery+` WHERE $1::bigint IN (0, k.user_id) ORDER BY k.created_at DESC, k.id`, userID)
	if err != nil {
		return nil, fmt.Errorf("read API keys: %w", err)
	}
	list, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (apikey.Key, error) {
		k, err := scanKey(row)
		return k.Key, err
	})
	if err != nil {
		return nil, fmt.Errorf("read API keys: %w", err)
	}
	return list, nil
}

// KeyOwners returns the users who are not disabled, by short name.
func (db *DB) KeyOwners(ctx context.Context) ([]apikey.Owner, error) {
	rows, err := db.app.Query(ctx, `SELECT `+keyOwner+` FROM auth.user_account u WHERE u.disabled_at IS NULL ORDER BY u.name`)
	if err != nil {
		return nil, fmt.Errorf("read owners of API keys: %w", err)
	}
	list, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (apikey.Owner, error) { return scanKeyOwner(row) })
	if err != nil {
		return nil, fmt.Errorf("read owners of API keys: %w", err)
	}
	return list, nil
}

func scanKeyOwner(row pgx.Row) (apikey.Owner, error) {
	var o apikey.Owner
	var roles []string
	err := row.Scan(&o.UserID, &o.Name, &o.DisplayName, &o.Disabled, &roles)
	o.Roles = rolesOf(roles)
	return o, err
}

// InsertAPIKey stores a key of an enabled user, whom it tells unless they made
// it themselves, or fails with apikey.ErrNoOwner.
func (db *DB) InsertAPIKey(ctx context.Context, k apikey.New) (apikey.Owner, error) {
	var owner apikey.Owner
	err := db.inOwnerTx(ctx, func(tx pgx.Tx) error {
		var err error
		// The lock keeps a disabling at the same moment from being overtaken.
		owner, err = scanKeyOwner(tx.QueryRow(ctx, `SELECT `+keyOwner+` FROM auth.user_account u
			WHERE u.name = $1 AND u.disabled_at IS NULL FOR SHARE OF u`, k.Owner))
		if errors.Is(err, pgx.ErrNoRows) {
			return apikey.ErrNoOwner
		}
		if err != nil {
			return err
		}
		scopes := make([]string, len(k.Scopes))
		for i, s := range k.Scopes {
			scopes[i] = string(s)
		}
		_, err = tx.Exec(ctx, `INSERT INTO auth.api_key (id, user_id, name, secret_hash, scopes, created_at, created_by, expires_at)
			VALUES ($1, $2, $3, $4, $5, $6, nullif($7::bigint, 0), $8)`, k.ID, owner.UserID, k.Name, k.SecretHash, scopes, k.Created, k.By, k.Expires)
		if err != nil {
			return err
		}
		return tell(ctx, tx, owner.UserID, access.NoticeKey, fmt.Sprintf("An API key that acts with your rights was made: %s, for %s, until %s.",
			keyWords(k.ID, k.Name), strings.Join(scopes, ", "), k.Expires.UTC().Format("2006-01-02 15:04 UTC")), k.By)
	})
	if err != nil {
		return apikey.Owner{}, fmt.Errorf("store an API key: %w", err)
	}
	return owner, nil
}

func keyWords(id, name string) string {
	if name == "" {
		return id
	}
	return fmt.Sprintf("%s (%s)", id, name)
}

// RevokeAPIKey ends a key of the user, 0 for anybody's, and tells the owner
// unless they did it. A revoked key stays as it is; else health.ErrNotFound.
func (db *DB) RevokeAPIKey(ctx context.Context, id string, userID, by int64, at time.Time) error {
	err := db.inOwnerTx(ctx, func(tx pgx.Tx) error {
		var owner int64
		var name string
		var before *time.Time
		err := tx.QueryRow(ctx, `SELECT user_id, name, revoked_at FROM auth.api_key WHERE id = $1 AND $2::bigint IN (0, user_id) FOR UPDATE`,
			id, userID).Scan(&owner, &name, &before)
		if errors.Is(err, pgx.ErrNoRows) {
			return health.ErrNotFound
		}
		if err != nil || before != nil {
			return err
		}
		if _, err := tx.Exec(ctx, `UPDATE auth.api_key SET revoked_at = $2 WHERE id = $1`, id, at); err != nil {
			return err
		}
		return tell(ctx, tx, owner, access.NoticeKey, "An API key of yours was revoked: "+keyWords(id, name)+".", by)
	})
	if err != nil {
		return fmt.Errorf("revoke an API key: %w", err)
	}
	return nil
}

// TouchAPIKey moves the last use of a key that is not revoked forward to at.
func (db *DB) TouchAPIKey(ctx context.Context, id string, at time.Time) error {
	_, err := db.app.Exec(ctx, `UPDATE auth.api_key SET last_used_at = $2
		WHERE id = $1 AND revoked_at IS NULL AND (last_used_at IS NULL OR last_used_at < $2)`, id, at)
	if err != nil {
		return fmt.Errorf("note the use of an API key: %w", err)
	}
	return nil
}
