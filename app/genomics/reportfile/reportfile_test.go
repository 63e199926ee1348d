package reportfile

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"healthportal/app/genomics"
)

// tree is a root with one of everything.
func tree(t *testing.T) genomics.ReportRoot {
	t.Helper()
	base := t.TempDir()
	root := filepath.Join(base, "root")
	for _, dir := range []string{root + "/p1/sub.pdf", base + "/work/ab", base + "/secret"} {
		must(t, os.MkdirAll(dir, 0o700))
	}
	for name, text := range map[string]string{
		root + "/p1/a.pdf": "in", base + "/work/ab/out.html": "work", base + "/secret/x.pdf": "secret", root + "/p1/späť \u202e.pdf": "odd",
	} {
		must(t, os.WriteFile(name, []byte(text), 0o600))
	}
	for link, to := range map[string]string{
		"in.pdf": "p1/a.pdf", "abs.pdf": base + "/secret/x.pdf", "up.pdf": "../secret/x.pdf", "p1/work.html": base + "/work/ab/out.html",
		"relwork.html": "../work/ab/out.html", "dangling.pdf": "none.pdf", "folder": "p1", "out": base + "/secret", "loop.pdf": "loop.pdf",
		"nowhere.html": base + "/work/none.html", "device.pdf": "/dev/zero", "workdir.html": base + "/work/ab", "sneaky.html": base + "/work/../secret/x.pdf",
	} {
		must(t, os.Symlink(to, filepath.Join(root, link)))
	}
	must(t, syscall.Mkfifo(filepath.Join(root, "pipe.pdf"), 0o600))
	must(t, os.Symlink("pipe.pdf", filepath.Join(root, "topipe.pdf")))
	must(t, os.Link(base+"/secret/x.pdf", root+"/hard.pdf"))
	return genomics.ReportRoot{Name: "r", Root: root, LinkTargets: []string{filepath.Join(base, "work")}}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func TestOpen(t *testing.T) {
	def := tree(t)
	files := NewFiles(&genomics.Manifest{Reports: []genomics.ReportRoot{def}})
	for name, c := range map[string]struct {
		text string
		err  error
	}{
		"p1/a.pdf":               {"in", nil},
		"p1/späť \u202e.pdf":     {"odd", nil},
		"in.pdf":                 {"in", nil},
		"folder/a.pdf":           {"in", nil},
		"p1/work.html":           {"work", nil},
		"relwork.html":           {"work", nil},
		"hard.pdf":               {"secret", nil}, // a hard link is the file: see docs/manifest.md
		"abs.pdf":                {"", ErrOutside},
		"up.pdf":                 {"", ErrOutside},
		"out/x.pdf":              {"", ErrOutside},
		"device.pdf":             {"", ErrOutside},
		"sneaky.html":            {"", ErrOutside},
		"../secret/x.pdf":        {"", ErrOutside},
		"p1/../../secret/x":      {"", ErrOutside},
		"/etc/passwd":            {"", ErrOutside},
		"":                       {"", ErrOutside},
		"p1/a.pdf\x00.html":      {"", ErrOutside},
		"p1":                     {"", ErrNotRegular},
		"p1/sub.pdf":             {"", ErrNotRegular},
		".":                      {"", ErrNotRegular},
		"folder":                 {"", ErrNotRegular},
		"workdir.html":           {"", ErrNotRegular},
		"pipe.pdf":               {"", ErrNotRegular},
		"topipe.pdf":             {"", ErrNotRegular},
		"none.pdf":               {"", fs.ErrNotExist},
		"dangling.pdf":           {"", fs.ErrNotExist},
		"nowhere.html":           {"", fs.ErrNotExist},
		"loop.pdf":               {"", syscall.ELOOP},
		"p1%2fa.pdf":             {"", fs.ErrNotExist},
		`..\secret\x.pdf`:        {"", fs.ErrNotExist},
		"p1/a.pdf/x":             {"", syscall.ENOTDIR},
		strings.Repeat("x", 300): {"", syscall.ENAMETOOLONG},
	} {
		t.Run(name, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
			defer cancel()
			f, info, err := files.Open(ctx, "r", name)
			if c.err != nil {
				if f != nil {
					f.Close() //nolint:errcheck // the test fails anyway
				}
				if !errors.Is(err, c.err) {
					t.Fatalf("got %v, want %v", err, c.err)
				}
				if strings.Contains(err.Error(), "secret") || strings.Contains(err.Error(), def.Root) {
					t.Errorf("the error names a path: %v", err)
				}
				return
			}
			must(t, err)
			defer f.Close() //nolint:errcheck // only read
			b, err := io.ReadAll(f)
			if err != nil || string(b) != c.text || info.Size() != int64(len(c.text)) {
				t.Errorf("read %q, size %d, %v", b, info.Size(), err)
			}
		})
	}
}

func TestOpenUnknownRoot(t *testing.T) {
	files := NewFiles(&genomics.Manifest{Reports: []genomics.ReportRoot{{Name: "gone", Root: filepath.Join(t.TempDir(), "none")}, {Name: "s", Scripts: true}}})
	for _, root := range []string{"other", "gone"} {
		if _, _, err := files.Open(t.Context(), root, "a.pdf"); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s: %v", root, err)
		}
	}
	if files.Scripts("other") || files.Scripts("gone") || !files.Scripts("s") {
		t.Error("scripts")
	}
}

func TestHangingShare(t *testing.T) {
	files := NewFiles(&genomics.Manifest{Reports: []genomics.ReportRoot{tree(t)}})
	// Openings that never end leave no slot.
	for range maxWaiting {
		files.slots <- struct{}{}
	}
	if _, _, err := files.Open(t.Context(), "r", "in.pdf"); !errors.Is(err, ErrBusy) {
		t.Errorf("got %v", err)
	}
	// Two, because an opening gives its slot back a moment after its answer.
	<-files.slots
	<-files.slots
	f, _, err := files.Open(t.Context(), "r", "in.pdf")
	must(t, err)
	must(t, f.Close())
	over, cancel := context.WithCancel(t.Context())
	cancel()
	if f, _, err := files.Open(over, "r", "in.pdf"); err == nil {
		f.Close() //nolint:errcheck // either may win
	} else if !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

func TestReadDir(t *testing.T) {
	root, err := OpenRoot(tree(t))
	must(t, err)
	list, err := root.ReadDir("p1")
	if err != nil || len(list) != 4 {
		t.Errorf("%d entries, %v", len(list), err)
	}
	if _, err := root.ReadDir("out"); err == nil {
		t.Error("a folder outside was listed")
	}
	if _, err := root.ReadDir("in.pdf"); err == nil {
		t.Error("a file was listed")
	}
	must(t, root.Close())
	if _, err := root.ReadDir("."); err == nil {
		t.Error("a closed root was listed")
	}
}
