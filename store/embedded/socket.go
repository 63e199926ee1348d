package embedded

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"syscall"
)

// maxSocketPath is what the smallest supported system (macOS) takes, less the closing NUL.
const maxSocketPath = 103

// plainPath has no character that the server's list of socket folders treats specially.
var plainPath = regexp.MustCompile(`^[A-Za-z0-9/._+-]+$`)

// socketFolder names the folder of the socket: short, because socket paths are
// limited to about a hundred bytes, and the same for every start of a cluster.
// temp is the system's folder for temporary files.
func (c *cluster) socketFolder(temp string) string {
	sum := sha256.Sum256([]byte(c.root))
	name := fmt.Sprintf("portal-%d-%s", c.owner.uid, hex.EncodeToString(sum[:6]))
	dir := filepath.Join(temp, name)
	if len(socketFile(dir)) > maxSocketPath || !plainPath.MatchString(dir) || !c.passable(temp) {
		return filepath.Join("/tmp", name)
	}
	return dir
}

func socketFile(dir string) string { return filepath.Join(dir, ".s.PGSQL."+socketPort) }

// makeSocketFolder creates the folder, private to the server's user, or checks
// that an existing one is: in a shared temporary folder anybody could have made it.
func (c *cluster) makeSocketFolder() (string, error) {
	dir := c.socketFolder(os.TempDir())
	err := os.Mkdir(dir, 0o700)
	if err == nil {
		if err := c.owner.own(dir); err != nil {
			return "", errors.Join(fmt.Errorf("%w: %w", ErrSocketDir, err), os.Remove(dir))
		}
		return dir, nil
	}
	if !errors.Is(err, fs.ErrExist) {
		return "", fmt.Errorf("%w: %w; make the folder for temporary files writable or set TMPDIR", ErrSocketDir, err)
	}
	info, err := os.Lstat(dir)
	if err != nil {
		return "", fmt.Errorf("%w: %w", ErrSocketDir, err)
	}
	stat, ok := info.Sys().(*syscall.Stat_t)
	if !ok || !info.IsDir() || stat.Uid != c.owner.uid || info.Mode().Perm() != 0o700 {
		if ok && info.IsDir() && int(stat.Uid) == os.Geteuid() {
			return c.remakeSocketFolder(dir)
		}
		return "", fmt.Errorf("%w: %s is not a private folder of user id %d; remove it and start again", ErrSocketDir, dir, c.owner.uid)
	}
	return dir, nil
}

// remakeSocketFolder mends a folder of our own that a killed start left half made.
func (c *cluster) remakeSocketFolder(dir string) (string, error) {
	if err := errors.Join(os.Chmod(dir, 0o700), c.owner.own(dir)); err != nil { //nolint:gosec // a folder needs its x bit
		return "", fmt.Errorf("%w: %w", ErrSocketDir, err)
	}
	return dir, nil
}

// passable reports whether the server's user may go through dir and all its
// parents, by the mode bits.
func (c *cluster) passable(dir string) bool { return c.obstacle(dir) == "" }

// obstacle returns the first folder on the way to dir (dir included) that the
// server's user can't pass by the mode bits, "" where there is none.
func (c *cluster) obstacle(dir string) string {
	if parent := filepath.Dir(dir); parent != dir {
		if found := c.obstacle(parent); found != "" {
			return found
		}
	}
	info, err := os.Stat(dir)
	if err != nil {
		return dir
	}
	stat, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return ""
	}
	need := fs.FileMode(0o001)
	switch {
	case stat.Uid == c.owner.uid:
		need = 0o100
	case stat.Gid == c.owner.gid:
		need = 0o010
	}
	if info.Mode().Perm()&need == 0 {
		return dir
	}
	return ""
}
