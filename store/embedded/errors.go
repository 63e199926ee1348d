package embedded

import (
	"errors"
	"fmt"
)

// The reasons why the embedded PostgreSQL can't be had. Errors of this package
// wrap one of them, in one line that says what, where and what to do.
var (
	// ErrNoBinaries says that no PostgreSQL 15 or later was found on the machine.
	ErrNoBinaries = errors.New("no PostgreSQL server found")
	// ErrVersion says that the data folder was made by another major version than those found.
	ErrVersion = errors.New("no PostgreSQL of the right version found")
	// ErrDataDir says that the data folder can't be created, written or used.
	ErrDataDir = errors.New("data folder not usable")
	// ErrNotTraversable says that the server's user can't pass a folder above the data folder.
	ErrNotTraversable = errors.New("data folder out of the database user's reach")
	// ErrServerUser says that no account fit to run the server exists, or that the cluster belongs to another one.
	ErrServerUser = errors.New("no account to run the database as")
	// ErrLocked says that another process keeps starting or stopping the same cluster.
	ErrLocked = errors.New("data folder locked")
	// ErrSocketDir says that no safe folder for the server's socket can be made.
	ErrSocketDir = errors.New("socket folder not usable")
	// ErrInit says that initdb failed.
	ErrInit = errors.New("the database could not be created")
	// ErrStart says that the server did not come up.
	ErrStart = errors.New("the database did not start")
	// ErrStop says that the server did not go down in time.
	ErrStop = errors.New("the database did not stop")
)

// with adds a second reason to an error, on the same line.
func with(err, more error) error {
	switch {
	case more == nil:
		return err
	case err == nil:
		return more
	default:
		return fmt.Errorf("%w (%w)", err, more)
	}
}
