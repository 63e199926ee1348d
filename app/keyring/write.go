package keyring

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// write puts a key's file in place whole: under its name it is complete and on
// the disk, or it is not there.
func (f folder) write(k Key) error {
	path := filepath.Join(f.path, fileName(k.Purpose, k.ID))
	if err := f.place(path, encode(k)); err != nil {
		return fmt.Errorf("%w: %s can't be written; make the folder writable for this user and look for space on the disk: %w", ErrFile, path, err)
	}
	return nil
}

func (f folder) place(path string, text []byte) (err error) {
	temp, err := os.CreateTemp(f.path, tempStart) // mode 0600
	if err != nil {
		return err
	}
	defer func() {
		if rm := os.Remove(temp.Name()); rm != nil && !errors.Is(rm, os.ErrNotExist) {
			err = errors.Join(err, rm)
		}
	}()
	_, err = temp.Write(text)
	if err := errors.Join(err, temp.Sync(), temp.Close()); err != nil {
		return err
	}
	// Link, unlike Rename, never replaces a key.
	if err := os.Link(temp.Name(), path); err != nil {
		return err
	}
	return f.sync()
}

// remove takes away a key that nothing was protected with yet.
func (f folder) remove(k Key) error {
	path := filepath.Join(f.path, fileName(k.Purpose, k.ID))
	if err := os.Remove(path); err != nil {
		return fmt.Errorf("%w: remove %s, which is not in use: %w", ErrFile, path, err)
	}
	return f.sync()
}

// clear removes what writers that were killed left behind. Call it under the lock.
func (f folder) clear() error {
	entries, err := os.ReadDir(f.path)
	if err != nil {
		return fmt.Errorf("%w: %s can't be read: %w", ErrFolder, f.path, err)
	}
	for _, e := range entries {
		if !strings.HasPrefix(e.Name(), tempStart) {
			continue
		}
		if err := os.Remove(filepath.Join(f.path, e.Name())); err != nil {
			return fmt.Errorf("%w: a half-written file can't be removed: %w", ErrFolder, err)
		}
	}
	return nil
}

func (f folder) sync() error {
	dir, err := os.Open(f.path)
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}
