package keyring

import (
	"errors"
	"fmt"
)

// The reasons why a ring can't be opened or a key can't be had. Errors of this
// package wrap one of them and say what, where, what it means and what to do.
var (
	// ErrFolder says that the folder can't be made, read, locked or trusted.
	ErrFolder = errors.New("key folder not usable")
	// ErrFile says that a key's file is unreadable, half-written, changed or open to others.
	ErrFile = errors.New("key file not usable")
	// ErrMissing says that the database was written with a key that the folder lacks.
	ErrMissing = errors.New("key missing")
	// ErrMismatch says that a key is not the one that the database was written with.
	ErrMismatch = errors.New("key does not fit the database")
	// ErrUnknown says that the database knows nothing of a key in the folder.
	ErrUnknown = errors.New("key unknown to the database")
	// ErrNoKey says that the ring has no such key.
	ErrNoKey = errors.New("no such key")
	// ErrTaken says that the database got keys from another folder in the meantime.
	ErrTaken = errors.New("the database has keys already")
	// ErrToken says that a token was not made by this portal for this use, or was changed.
	ErrToken = errors.New("token not valid")
	// ErrExpired says that a token was valid once.
	ErrExpired = errors.New("token expired")
)

// fault builds an error of a kind about a place, in one line.
func fault(kind error, where, what, remedy string) error {
	return fmt.Errorf("%w: %s: %s; %s", kind, where, what, remedy)
}

func name(p Purpose, id string) string { return string(p) + "/" + id }
