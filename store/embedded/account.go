package embedded

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/user"
	"strconv"
	"syscall"
)

// account is who the server runs as.
type account struct {
	uid, gid uint32
	name     string // "" where it is the invoking user
}

// switches reports whether child processes must change to the account.
func (a account) switches() bool { return a.name != "" }

// attributes detach a child from the terminal, so that Ctrl-C reaches the portal
// alone, and let it run as the account.
func (a account) attributes() *syscall.SysProcAttr {
	attr := &syscall.SysProcAttr{Setsid: true}
	if a.switches() {
		attr.Credential = &syscall.Credential{Uid: a.uid, Gid: a.gid}
	}
	return attr
}

// own gives a file or folder to the account.
func (a account) own(path string) error {
	if !a.switches() {
		return nil
	}
	if err := os.Lchown(path, int(a.uid), int(a.gid)); err != nil {
		return fmt.Errorf("give %s to %s: %w", path, a.name, err)
	}
	return nil
}

// ownerOf decides who runs the server of the cluster in dir: the invoking user,
// or, because PostgreSQL refuses to run as root, the cluster's present owner,
// "postgres" or "nobody".
func ownerOf(dir string) (account, error) {
	uid, exists, err := owningUser(dir)
	if err != nil {
		return account{}, err
	}
	me := os.Geteuid()
	switch {
	case me != 0 && exists && uid != uint32(me): //nolint:gosec // user ids are not negative
		return account{}, fmt.Errorf("%w: %s belongs to user id %d, this is user id %d; run the portal as its owner or set PORTAL_DATA to another folder",
			ErrServerUser, dir, uid, me)
	case me != 0:
		return account{uid: uint32(me), gid: uint32(os.Getegid())}, nil //nolint:gosec // user ids are not negative
	case exists && uid == 0:
		return account{}, fmt.Errorf("%w: %s belongs to root, which PostgreSQL refuses; run: chown -R postgres %s", ErrServerUser, dir, dir)
	case exists:
		return lookUp(strconv.FormatUint(uint64(uid), 10), user.LookupId)
	}
	for _, name := range []string{"postgres", "_postgres", "nobody"} {
		if a, err := lookUp(name, user.Lookup); err == nil {
			return a, nil
		}
	}
	return account{}, fmt.Errorf("%w: PostgreSQL refuses to run as root, and there is no user postgres or nobody; run the portal as an ordinary user", ErrServerUser)
}

func lookUp(key string, find func(string) (*user.User, error)) (account, error) {
	u, err := find(key)
	if err != nil {
		return account{}, fmt.Errorf("%w: user %s: %w", ErrServerUser, key, err)
	}
	uid, err := strconv.ParseUint(u.Uid, 10, 32)
	if err != nil || uid == 0 {
		return account{}, fmt.Errorf("%w: user %s has the id %s", ErrServerUser, key, u.Uid)
	}
	gid, err := strconv.ParseUint(u.Gid, 10, 32)
	if err != nil {
		return account{}, fmt.Errorf("%w: user %s has the group id %s", ErrServerUser, key, u.Gid)
	}
	return account{uid: uint32(uid), gid: uint32(gid), name: u.Username}, nil
}

func owningUser(path string) (uid uint32, exists bool, err error) {
	info, err := os.Lstat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return 0, false, nil
	}
	if err != nil {
		return 0, false, fmt.Errorf("%w: %w", ErrDataDir, err)
	}
	stat, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return 0, false, fmt.Errorf("%w: the owner of %s can't be read on this system", ErrDataDir, path)
	}
	return stat.Uid, true, nil
}
