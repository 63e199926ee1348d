package keyring

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/gofrs/flock"
)

const (
	lockFile  = ".lock"
	tempStart = ".new-"
	lockWait  = 30 * time.Second
	lockRetry = 20 * time.Millisecond
)

// folder is the place of the key files.
type folder struct{ path string }

// exists reports whether the folder is there at all.
func (f folder) exists() (bool, error) {
	info, err := os.Lstat(f.path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return false, nil
	case err != nil:
		return false, fmt.Errorf("%w: %s can't be looked at; make it readable for this user or set PORTAL_KEYS: %w", ErrFolder, f.path, err)
	case info.Mode()&fs.ModeSymlink != 0:
		return false, fault(ErrFolder, f.path, "it is a symbolic link, which others may turn elsewhere", "set PORTAL_KEYS to the folder itself")
	case !info.IsDir():
		return false, fault(ErrFolder, f.path, "it is not a folder", "set PORTAL_KEYS to a folder")
	}
	return true, f.private(info)
}

// private checks that nobody else can read or replace keys.
func (f folder) private(info fs.FileInfo) error {
	if info.Mode().Perm()&0o077 != 0 {
		return fault(ErrFolder, f.path, fmt.Sprintf("others may enter it (mode %04o)", info.Mode().Perm()),
			"find out who could have read the keys, then run: chmod 700 "+f.path)
	}
	if uid, ok := owner(info); ok && uid != os.Geteuid() {
		return fault(ErrFolder, f.path, fmt.Sprintf("it belongs to user id %d and this program runs as user id %d", uid, os.Geteuid()),
			"run the portal as the owner, or give the folder and its files to this user")
	}
	return nil
}

func owner(info fs.FileInfo) (int, bool) {
	stat, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return 0, false
	}
	return int(stat.Uid), true
}

func (f folder) create() error {
	if err := os.MkdirAll(f.path, 0o700); err != nil {
		return fmt.Errorf("%w: %s can't be made; make its parent writable for this user or set PORTAL_KEYS: %w", ErrFolder, f.path, err)
	}
	_, err := f.exists() // another process, or a umask of its own, may have made it otherwise
	return err
}

// locked runs fn while no other process changes the folder.
func (f folder) locked(ctx context.Context, fn func() error) (err error) {
	lock := flock.New(filepath.Join(f.path, lockFile), flock.SetPermissions(0o600))
	ctx, cancel := context.WithTimeout(ctx, lockWait)
	defer cancel()
	ok, err := lock.TryLockContext(ctx, lockRetry)
	if err != nil || !ok {
		return fmt.Errorf("%w: %s can't be locked: another portal process is busy with the keys, or the folder is not writable; wait and try again, or run: chmod 700 %s: %w",
			ErrFolder, f.path, f.path, errors.Join(err, lock.Close()))
	}
	defer func() { err = errors.Join(err, lock.Close()) }()
	return fn()
}

// readAll returns every key in the folder. One bad file fails it: to go on
// without a key would look like a key that never was.
func (f folder) readAll() ([]Key, error) {
	entries, err := os.ReadDir(f.path)
	if err != nil {
		return nil, fmt.Errorf("%w: %s can't be read; run: chmod 700 %s: %w", ErrFolder, f.path, f.path, err)
	}
	var keys []Key
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), ".") || !strings.HasSuffix(e.Name(), fileEnding) {
			continue
		}
		k, err := f.read(e.Name())
		if err != nil {
			return nil, err
		}
		keys = append(keys, k)
	}
	return keys, nil
}

func (f folder) read(base string) (Key, error) {
	path := filepath.Join(f.path, base)
	info, err := os.Lstat(path)
	if err != nil {
		return Key{}, fmt.Errorf("%w: %s can't be looked at: %w", ErrFile, path, err)
	}
	if err := trusted(path, info); err != nil {
		return Key{}, err
	}
	text, err := readFile(path)
	if err != nil {
		return Key{}, fmt.Errorf("%w: %s can't be read; make it readable for this user alone (mode 0600) or put it back from escrow: %w", ErrFile, path, err)
	}
	k, err := decode(text)
	if err != nil {
		return Key{}, fmt.Errorf("%w: %s is not a whole key; put it back from escrow (docs/keys.md), or move it away if it never was in use: %w", ErrFile, path, err)
	}
	if base != fileName(k.Purpose, k.ID) {
		return Key{}, fault(ErrFile, path, "it holds "+name(k.Purpose, k.ID), "rename it to "+fileName(k.Purpose, k.ID)+" or move it away")
	}
	return k, nil
}

func trusted(path string, info fs.FileInfo) error {
	if !info.Mode().IsRegular() {
		return fault(ErrFile, path, "it is not an ordinary file", "put the file itself there, not a link to it")
	}
	if info.Mode().Perm()&0o077 != 0 {
		return fault(ErrFile, path, fmt.Sprintf("others may read or change it (mode %04o)", info.Mode().Perm()),
			"find out who could have read it, rotate it if in doubt, then run: chmod 600 "+path)
	}
	if uid, ok := owner(info); ok && uid != os.Geteuid() {
		return fault(ErrFile, path, fmt.Sprintf("it belongs to user id %d and this program runs as user id %d", uid, os.Geteuid()),
			"run the portal as the owner, or give the file to this user")
	}
	return nil
}

func readFile(path string) (_ []byte, err error) {
	file, err := os.Open(path) //nolint:gosec // the folder is the setting PORTAL_KEYS
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	return io.ReadAll(io.LimitReader(file, maxFile))
}
