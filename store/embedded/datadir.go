package embedded

import (
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
)

const cacheTag = "Signature: 8a477f597d28d172789f06886806bc55\n" +
	"# This folder holds the portal's private data; backup programs that honour this tag leave it out.\n" +
	"# Use the portal's own backup command instead.\n"

// cluster is one data folder and the account that its server runs as.
type cluster struct {
	root    string // PORTAL_DATA, absolute, symbolic links resolved
	owner   account
	durable bool
	binDir  string
	log     *slog.Logger
}

func newCluster(opts Options) (*cluster, error) {
	root, err := PrepareDataDir(opts.DataDir)
	if err != nil {
		return nil, err
	}
	c := &cluster{root: root, durable: opts.Durable, binDir: opts.BinDir, log: opts.Logger}
	if c.log == nil {
		c.log = slog.New(slog.DiscardHandler)
	}
	if c.owner, err = ownerOf(c.dataDir()); err != nil {
		return nil, err
	}
	return c, nil
}

// PrepareDataDir makes the portal's data folder: mode 0711 where it creates it
// (so that the database's user can pass, and nobody can list), with a
// CACHEDIR.TAG that keeps it out of ordinary backups. It returns the absolute
// path with symbolic links resolved. An existing folder keeps its mode.
func PrepareDataDir(dir string) (string, error) {
	if dir == "" {
		return "", fmt.Errorf("%w: its name is empty; set PORTAL_DATA", ErrDataDir)
	}
	abs, err := filepath.Abs(dir)
	if err != nil {
		return "", fmt.Errorf("%w: %s: %w", ErrDataDir, dir, err)
	}
	if err := makeDataDir(abs); err != nil {
		return "", fmt.Errorf("%w: make %s writable for this user or set PORTAL_DATA to another folder: %w", ErrDataDir, abs, err)
	}
	real, err := filepath.EvalSymlinks(abs)
	if err != nil {
		return "", fmt.Errorf("%w: %s: %w", ErrDataDir, abs, err)
	}
	return real, nil
}

func makeDataDir(abs string) error {
	info, err := os.Stat(abs)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		if err := os.MkdirAll(abs, 0o711); err != nil { //nolint:gosec // passing is meant to be allowed, listing is not
			return err
		}
		// The umask may have taken the bits that the database's user needs.
		if err := os.Chmod(abs, 0o711); err != nil { //nolint:gosec // passing is meant to be allowed, listing is not
			return err
		}
	case err != nil:
		return err
	case !info.IsDir():
		return fmt.Errorf("%s is not a folder", abs)
	}
	tag, err := os.OpenFile(filepath.Join(abs, "CACHEDIR.TAG"), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644) //nolint:gosec // backup programs of other users read it
	if errors.Is(err, fs.ErrExist) {
		return nil
	}
	if err != nil {
		return err
	}
	_, err = tag.WriteString(cacheTag)
	return errors.Join(err, tag.Close())
}
