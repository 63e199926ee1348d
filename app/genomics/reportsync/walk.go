package reportsync

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"io/fs"
	"path"
	"strings"
	"time"
	"unicode/utf8"

	"healthportal/app/genomics"
	"healthportal/app/genomics/document"
	"healthportal/app/genomics/reportfile"
)

// candidate is a file of a root that may be a report.
type candidate struct {
	path   string
	format genomics.Format
	// newest is the latest change of the file and what lies beside it.
	newest time.Time
	// mark sums up the files beside it and the rules it is read by.
	mark      string
	sidecar   string
	companion string
	link      bool
}

// finding is what a walk of one root found.
type finding struct {
	candidates []candidate
	// blocked are folders that could not be listed; what was in them stays as it is.
	blocked []string
	// other counts included files that are neither PDF nor HTML, badName those
	// whose names are not UTF-8.
	other, badName int
}

// covers reports whether the walk can tell that path is not there.
func (f *finding) covers(name string) bool {
	for _, dir := range f.blocked {
		if strings.HasPrefix(name, dir+"/") {
			return false
		}
	}
	return true
}

// leftOut are the folders that storage appliances put everywhere.
func leftOut(name string) bool {
	return strings.HasPrefix(name, ".") || name == "@eaDir" || name == "#recycle"
}

// walk lists the root. An error means that the root itself can't be listed.
func walk(ctx context.Context, open *reportfile.Root, root *genomics.ReportRoot) (*finding, error) {
	w := &walker{open: open, root: root, rules: rules(root), found: &finding{}}
	if err := w.dir(ctx, "."); err != nil {
		return nil, err
	}
	return w.found, nil
}

// walker holds what does not change from folder to folder.
type walker struct {
	open  *reportfile.Root
	root  *genomics.ReportRoot
	rules string
	found *finding
}

func (w *walker) dir(ctx context.Context, dir string) error {
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("walk the folders: %w", err)
	}
	entries, err := w.open.ReadDir(dir)
	if err != nil {
		return fmt.Errorf("list a folder: %w", err)
	}
	byName := make(map[string]fs.DirEntry, len(entries))
	for _, e := range entries {
		byName[e.Name()] = e
	}
	for _, e := range entries {
		name := path.Join(dir, e.Name())
		switch {
		case leftOut(e.Name()):
		case !utf8.ValidString(e.Name()):
			w.found.badName++
		case e.IsDir():
			if err := w.dir(ctx, name); err != nil {
				if ctx.Err() != nil {
					return err
				}
				w.found.blocked = append(w.found.blocked, name)
			}
		case w.root.Includes(name):
			w.file(name, e, byName)
		}
	}
	return nil
}

func (w *walker) file(name string, e fs.DirEntry, beside map[string]fs.DirEntry) {
	format, ok := genomics.FormatOf(name)
	if !ok {
		w.found.other++
		return
	}
	info, err := e.Info()
	if errors.Is(err, fs.ErrNotExist) {
		return // deleted since the folder was listed
	}
	c := candidate{path: name, format: format, mark: w.rules}
	c.link = e.Type()&fs.ModeSymlink != 0
	if err == nil && !c.link {
		c.newest = info.ModTime()
	}
	c.sidecar = c.add(beside, document.SidecarName(e.Name()), path.Dir(name), "s")
	if companion, ok := document.PharmCATCompanion(e.Name()); ok {
		c.companion = c.add(beside, companion, path.Dir(name), "c")
	}
	w.found.candidates = append(w.found.candidates, c)
}

// add notes a file beside the candidate and returns its path, or empty.
func (c *candidate) add(beside map[string]fs.DirEntry, name, dir, letter string) string {
	e, ok := beside[name]
	if !ok {
		return ""
	}
	info, err := e.Info()
	if err != nil {
		return ""
	}
	if info.ModTime().After(c.newest) {
		c.newest = info.ModTime()
	}
	c.mark += fmt.Sprintf(";%s%d-%d", letter, info.Size(), info.ModTime().UnixMicro())
	return path.Join(dir, name)
}

// readerVersion goes up when documents must be read anew by this program.
const readerVersion = 1

// rules names what a report's metadata depends on beside files.
func rules(r *genomics.ReportRoot) string {
	h := fnv.New64a()
	h.Write(fmt.Appendf(nil, "%q %q %q", r.Patient, r.PatientSystem, r.Kind))
	return fmt.Sprintf("v%d;r%x", readerVersion, h.Sum64())
}
