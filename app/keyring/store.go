package keyring

import (
	"context"
	"time"
)

// Record is what the database knows of a key.
type Record struct {
	Purpose Purpose
	ID      string
	// Fingerprint is Key.Fingerprint.
	Fingerprint string
	// Created is when the key was made, Retired when another took its place (zero:
	// it is the current one), Lost when an operator gave it up (zero: it is there). In UTC.
	Created, Retired, Lost time.Time
}

// Store keeps the fingerprints of keys. It never sees a secret.
type Store interface {
	// KeyRecords returns all records, oldest first.
	KeyRecords(ctx context.Context) ([]Record, error)
	// AddKeyRecords adds records, all or none. It returns ErrTaken where a purpose
	// would have two current keys or a key is known already.
	AddKeyRecords(ctx context.Context, records []Record) error
	// ReplaceKeyRecord retires the current key of r's purpose at the time r was
	// created and makes r the current one.
	ReplaceKeyRecord(ctx context.Context, r Record) error
	// LoseKeyRecord records that a key is lost, and retires it.
	LoseKeyRecord(ctx context.Context, p Purpose, id string, at time.Time) error
}

func recordOf(k Key) Record {
	return Record{Purpose: k.Purpose, ID: k.ID, Fingerprint: k.Fingerprint(), Created: k.Created}
}
