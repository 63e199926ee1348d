// Package reportfile opens report files below their roots, for indexing and for
// serving: regular files only, never outside the root and its link targets, and
// never waiting longer than the caller for a share that hangs.
package reportfile

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
	"syscall"

	"healthportal/app/genomics"
)

// Errors of Open, beside fs.ErrNotExist and fs.ErrPermission.
var (
	// ErrOutside says that the name leads out of the root and its link targets.
	ErrOutside = errors.New("the file leads out of its root")
	// ErrNotRegular says that the name is a folder, pipe, socket or device.
	ErrNotRegular = errors.New("not a regular file")
	// ErrBusy says that too many earlier openings still wait for the share.
	ErrBusy = errors.New("the file share does not answer")
)

// Root is an open report root. Close it after use.
type Root struct {
	dir     *os.Root
	path    string
	targets []string
}

// OpenRoot opens the folder of a manifest's report root.
func OpenRoot(r genomics.ReportRoot) (*Root, error) {
	dir, err := os.OpenRoot(r.Root)
	if err != nil {
		return nil, plain(err)
	}
	return &Root{dir: dir, path: r.Root, targets: r.LinkTargets}, nil
}

// Close releases the folder.
func (r *Root) Close() error { return r.dir.Close() }

// ReadDir lists a folder below the root, "." for the root itself.
func (r *Root) ReadDir(name string) ([]fs.DirEntry, error) {
	f, err := r.dir.Open(name)
	if err != nil {
		return nil, plain(err)
	}
	defer f.Close() //nolint:errcheck // nothing was written
	list, err := f.ReadDir(-1)
	if err != nil {
		return nil, plain(err)
	}
	return list, nil
}

// Open opens the regular file at the slash-separated name. A symbolic link is
// followed inside the root, and into a link target.
func (r *Root) Open(name string) (*os.File, fs.FileInfo, error) {
	if name == "" || strings.ContainsRune(name, 0) {
		return nil, nil, ErrOutside
	}
	info, err := r.dir.Lstat(name)
	if err != nil {
		return nil, nil, outsideUnlessKnown(err)
	}
	if info.Mode()&fs.ModeSymlink == 0 {
		if !info.Mode().IsRegular() {
			return nil, nil, ErrNotRegular
		}
		return openRegular(r.dir, name)
	}
	if info, err = r.dir.Stat(name); err == nil {
		// A pipe or device is not even opened.
		if !info.Mode().IsRegular() {
			return nil, nil, ErrNotRegular
		}
		return openRegular(r.dir, name)
	}
	if err = outsideUnlessKnown(err); !errors.Is(err, ErrOutside) {
		return nil, nil, err
	}
	return r.openTarget(name)
}

// openTarget opens a link that leaves the root, if it leads into a link target.
func (r *Root) openTarget(name string) (*os.File, fs.FileInfo, error) {
	link, err := r.dir.Readlink(name)
	if err != nil {
		return nil, nil, ErrOutside
	}
	if !filepath.IsAbs(link) {
		link = filepath.Join(r.path, filepath.FromSlash(path.Dir(name)), link)
	}
	for _, t := range r.targets {
		rel, err := filepath.Rel(t, filepath.Clean(link))
		if err != nil || !filepath.IsLocal(rel) {
			continue
		}
		dir, err := os.OpenRoot(t)
		if err != nil {
			return nil, nil, plain(err)
		}
		defer dir.Close() //nolint:errcheck // nothing was written
		info, err := dir.Stat(rel)
		if err != nil {
			return nil, nil, outsideUnlessKnown(err)
		}
		if !info.Mode().IsRegular() {
			return nil, nil, ErrNotRegular
		}
		return openRegular(dir, rel)
	}
	return nil, nil, ErrOutside
}

// openRegular opens without waiting for a pipe's writer and looks again, because
// the name may have been swapped since.
func openRegular(dir *os.Root, name string) (*os.File, fs.FileInfo, error) {
	f, err := dir.OpenFile(name, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, nil, outsideUnlessKnown(err)
	}
	info, err := f.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = ErrNotRegular
	}
	if err != nil {
		return nil, nil, errors.Join(plain(err), f.Close())
	}
	return f, info, nil
}

// plain drops the path from a file error: paths are patient data.
func plain(err error) error {
	var pe *fs.PathError
	if errors.As(err, &pe) {
		return fmt.Errorf("%s: %w", pe.Op, pe.Err)
	}
	return err
}

// outsideUnlessKnown tells the failures of the file system from os.Root's
// refusal to leave the folder, which has no error value of its own.
func outsideUnlessKnown(err error) error {
	var errno syscall.Errno
	if errors.As(err, &errno) || errors.Is(err, fs.ErrNotExist) || errors.Is(err, fs.ErrPermission) {
		return plain(err)
	}
	return ErrOutside
}

// Files opens files by root name, each within the caller's deadline.
type Files struct {
	roots map[string]genomics.ReportRoot
	slots chan struct{}
}

// maxWaiting bounds the openings that wait for a share that hangs.
const maxWaiting = 64

// NewFiles serves the manifest's report roots.
func NewFiles(m *genomics.Manifest) *Files {
	roots := make(map[string]genomics.ReportRoot, len(m.Reports))
	for _, r := range m.Reports {
		roots[r.Name] = r
	}
	return &Files{roots: roots, slots: make(chan struct{}, maxWaiting)}
}

// Scripts reports whether HTML reports of the root may run their scripts.
func (f *Files) Scripts(root string) bool { return f.roots[root].Scripts }

// opened is the result of one opening.
type opened struct {
	file *os.File
	info fs.FileInfo
	err  error
}

// Open opens the regular file at name in the root of that name. It returns when
// ctx ends, even if the share hangs; what opens later is closed.
func (f *Files) Open(ctx context.Context, root, name string) (*os.File, fs.FileInfo, error) {
	r, ok := f.roots[root]
	if !ok {
		return nil, nil, fmt.Errorf("report root %q is not in the manifest: %w", root, fs.ErrNotExist)
	}
	select {
	case f.slots <- struct{}{}:
	default:
		return nil, nil, ErrBusy
	}
	done := make(chan opened)
	go func() {
		defer func() { <-f.slots }()
		var o opened
		o.file, o.info, o.err = openOnce(r, name)
		select {
		case done <- o:
		case <-ctx.Done():
			if o.file != nil {
				o.file.Close() //nolint:errcheck // nobody waits for it any more
			}
		}
	}()
	select {
	case o := <-done:
		return o.file, o.info, o.err
	case <-ctx.Done():
		return nil, nil, fmt.Errorf("open a report: %w", ctx.Err())
	}
}

func openOnce(r genomics.ReportRoot, name string) (*os.File, fs.FileInfo, error) {
	root, err := OpenRoot(r)
	if err != nil {
		return nil, nil, err
	}
	defer root.Close() //nolint:errcheck // nothing was written
	return root.Open(name)
}
