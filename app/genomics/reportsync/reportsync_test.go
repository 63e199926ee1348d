package reportsync

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"healthportal/app/genomics"
)

func TestEveryState(t *testing.T) {
	w := newWorld(t)
	w.write("MRN-1/a.pdf", pdfText)
	w.write("MRN-1/b.html", htmlText)
	w.write("MRN-1/c.PDF", pdfText)
	w.write("MRN-1/empty.pdf", "")
	w.write("MRN-1/lie.pdf", htmlText)
	w.write("MRN-1/cut.pdf", "%PDF-1.4\n1 0 obj")
	w.write("MRN-9/a.pdf", pdfText)
	w.write("top.html", htmlText)
	w.write("MRN-1/data.tsv", "x")
	w.write("MRN-1/notes.txt", "x")
	w.write("MRN-1/@eaDir/a.pdf", pdfText)
	w.write("#recycle/a.pdf", pdfText)
	w.write(".snapshot/MRN-1/a.pdf", pdfText)
	w.write("MRN-1/.hidden.pdf", pdfText)
	w.mkdir("MRN-1/folder.pdf")
	outside := filepath.Join(t.TempDir(), "x.pdf")
	if err := os.WriteFile(outside, []byte(pdfText), 0o600); err != nil {
		t.Fatal(err)
	}
	w.link("MRN-1/out.pdf", outside)
	w.link("MRN-1/in.pdf", "a.pdf")
	w.link("MRN-1/nowhere.pdf", "none.pdf")
	w.link("MRN-1/linked", "/etc")
	if err := syscall.Mkfifo(filepath.Join(w.root, "MRN-1/pipe.pdf"), 0o600); err != nil {
		t.Fatal(err)
	}
	w.write("MRN-1/bad\xff.pdf", pdfText)
	got := w.sync()
	w.expect("MRN-1/a.pdf", genomics.Present, 1, "")
	w.expect("MRN-1/b.html", genomics.Present, 1, "")
	w.expect("MRN-1/c.PDF", genomics.Present, 1, "")
	w.expect("MRN-1/empty.pdf", genomics.Empty, 1, "no bytes")
	w.expect("MRN-1/lie.pdf", genomics.Mismatch, 1, "something else")
	w.expect("MRN-1/cut.pdf", genomics.Mismatch, 1, "end mark")
	w.expect("MRN-1/out.pdf", genomics.Outside, 1, "leaves the root")
	w.expect("MRN-1/in.pdf", genomics.Present, 1, "")
	w.expect("MRN-1/nowhere.pdf", genomics.Unreadable, 1, "nowhere")
	w.expect("MRN-1/pipe.pdf", genomics.Unreadable, 1, "regular")
	w.expect("MRN-9/a.pdf", genomics.Present, 0, "")
	w.expect("top.html", genomics.Present, 0, "")
	if w.row("MRN-9/a.pdf").Unassigned != genomics.UnassignedUnknown || w.row("top.html").Unassigned != genomics.UnassignedNobody {
		t.Error("reasons of the unassigned")
	}
	want := RootSummary{Seen: 12, New: 12, Problems: 6, Unassigned: 2, Other: 1, BadNames: 1}
	if got != want {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
	if p := w.store.roots["risk"].Problem; !strings.Contains(p, "UTF-8") {
		t.Errorf("root problem %q", p)
	}
	if r := w.row("MRN-1/b.html"); r.Title != "A report" || r.Kind != "report" || r.SHA256 == "" || len(r.ID) != 26 || r.Status != genomics.UnknownStatus {
		t.Errorf("%+v", r)
	}
	if r := w.row("MRN-1/a.pdf"); r.Title != "a.pdf" {
		t.Errorf("title %q, want the file name", r.Title)
	}
}

func TestUnchangedIsNotRewritten(t *testing.T) {
	w := newWorld(t)
	w.write("MRN-1/a.pdf", pdfText)
	w.write("MRN-1/lie.pdf", htmlText)
	w.link("MRN-1/out.pdf", "/etc/passwd")
	w.sync()
	id := w.row("MRN-1/a.pdf").ID
	if got := w.sync(); got.Unchanged != 3 || len(w.store.written) != 0 {
		t.Errorf("second run: %+v, %d written", got, len(w.store.written))
	}
	w.opt.Full = true
	if got := w.sync(); got.Unchanged != 3 || len(w.store.written) != 0 {
		t.Errorf("full run: %+v, %d written", got, len(w.store.written))
	}
	w.opt.Full = false
	w.write("MRN-1/a.pdf", pdfText+pdfText)
	if got := w.sync(); got.Changed != 1 || len(w.store.written) != 1 || w.row("MRN-1/a.pdf").ID != id {
		t.Errorf("changed run: %+v", got)
	}
}

func TestFullFindsSilentChange(t *testing.T) {
	w := newWorld(t)
	w.write("MRN-1/a.html", htmlText)
	w.sync()
	old := w.row("MRN-1/a.html")
	w.write("MRN-1/a.html", strings.ToUpper(htmlText))
	if err := os.Chtimes(filepath.Join(w.root, "MRN-1/a.html"), old.ModTime, old.ModTime); err != nil {
		t.Fatal(err)
	}
	// Set the first file's time to whole microseconds too.
	w.store.rows["risk/MRN-1/a.html"] = old
	if got := w.sync(); got.Unchanged != 1 {
		t.Errorf("same size and time: %+v", got)
	}
	w.opt.Full = true
	if got := w.sync(); got.Changed != 1 || w.row("MRN-1/a.html").SHA256 == old.SHA256 {
		t.Errorf("full: %+v", got)
	}
}

func TestGoneAndBack(t *testing.T) {
	w := newWorld(t)
	for i := range 10 {
		w.write(fmt.Sprintf("MRN-1/%d.pdf", i), pdfText)
	}
	w.sync()
	w.remove("MRN-1/3.pdf")
	if got := w.sync(); got.Gone != 1 || got.Seen != 9 {
		t.Errorf("gone: %+v", got)
	}
	w.expect("MRN-1/3.pdf", genomics.Gone, 1, "")
	if got := w.sync(); got.Gone != 0 || len(w.store.written) != 0 {
		t.Errorf("still gone: %+v, %d written", got, len(w.store.written))
	}
	w.write("MRN-1/3.pdf", pdfText)
	if got := w.sync(); got.Changed != 1 || got.Seen != 10 {
		t.Errorf("back: %+v", got)
	}
	w.expect("MRN-1/3.pdf", genomics.Present, 1, "")
	w.extra = "    exclude: ['**/5.pdf']\n"
	w.sync()
	w.expect("MRN-1/5.pdf", genomics.Gone, 1, "no longer choose")
}

func TestShareMissing(t *testing.T) {
	for name, c := range map[string]struct {
		files int
		harm  func(*world)
	}{
		"root missing": {3, func(w *world) { w.remove(".") }},
		"root a file":  {3, func(w *world) { w.remove("."); os.WriteFile(w.root, nil, 0o600) }}, //nolint:errcheck // the run notices
		"root empty":   {3, func(w *world) { w.remove("MRN-1") }},
		"most files gone": {12, func(w *world) {
			for i := range 7 {
				w.remove(fmt.Sprintf("MRN-1/%d.pdf", i))
			}
		}},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			for i := range c.files {
				w.write(fmt.Sprintf("MRN-1/%d.pdf", i), pdfText)
			}
			w.sync()
			first := w.store.roots["risk"].IndexedAt
			w.now = w.now.Add(time.Hour)
			c.harm(w)
			sum, err := w.try()
			if !errors.Is(err, ErrIncomplete) || !strings.Contains(err.Error(), "risk") || strings.Contains(err.Error(), "MRN") {
				t.Fatalf("got %v", err)
			}
			if !sum.Total.Failed || sum.Total.Kept != c.files {
				t.Errorf("summary %+v", sum.Total)
			}
			for path, r := range w.store.rows {
				if r.State != genomics.Present {
					t.Errorf("%s became %s", path, r.State)
				}
			}
			if st := w.store.roots["risk"]; st.Problem == "" || !st.IndexedAt.Equal(first) {
				t.Errorf("root status %+v", st)
			}
		})
	}
}

func TestAcceptRemovals(t *testing.T) {
	w := newWorld(t)
	for i := range 12 {
		w.write(fmt.Sprintf("MRN-1/%d.pdf", i), pdfText)
	}
	w.sync()
	w.remove("MRN-1")
	w.opt.AcceptRemovals = true
	if got := w.sync(); got.Gone != 12 {
		t.Errorf("%+v", got)
	}
}

func TestHalfMayGo(t *testing.T) {
	w := newWorld(t)
	for i := range 10 {
		w.write(fmt.Sprintf("MRN-1/%d.pdf", i), pdfText)
	}
	w.sync()
	for i := range 5 {
		w.remove(fmt.Sprintf("MRN-1/%d.pdf", i))
	}
	if got := w.sync(); got.Gone != 5 {
		t.Errorf("%+v", got)
	}
}

func TestRootLeavesManifest(t *testing.T) {
	w := newWorld(t)
	w.write("MRN-1/a.pdf", pdfText)
	w.sync()
	none, err := genomics.ParseManifest("m.yaml", []byte("version: 1\n"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Run(t.Context(), none, w.store, Options{}); !errors.Is(err, ErrIncomplete) || !strings.Contains(err.Error(), "--accept-removals") {
		t.Errorf("got %v", err)
	}
	w.expect("MRN-1/a.pdf", genomics.Present, 1, "")
	if _, err := Run(t.Context(), none, w.store, Options{AcceptRemovals: true}); err != nil {
		t.Fatal(err)
	}
	w.expect("MRN-1/a.pdf", genomics.Gone, 1, "no longer in the manifest")
	if len(w.store.roots) != 0 {
		t.Errorf("roots %v", w.store.roots)
	}
	w.sync()
	w.expect("MRN-1/a.pdf", genomics.Present, 1, "")
}

func TestUnreadableFolder(t *testing.T) {
	if os.Getuid() == 0 {
		// Root reads everything; the same is tried through the finding below.
		f := &finding{blocked: []string{"MRN-1/locked"}}
		if f.covers("MRN-1/locked/a.pdf") || !f.covers("MRN-1/lockedx/a.pdf") || !f.covers("a.pdf") {
			t.Error("what a blocked folder hides")
		}
		rr := &rootRun{status: genomics.RootStatus{Name: "risk"}, old: map[string]*genomics.Report{
			"MRN-1/locked/a.pdf": {Path: "MRN-1/locked/a.pdf", State: genomics.Present},
			"MRN-1/b.pdf":        {Path: "MRN-1/b.pdf", State: genomics.Present},
		}}
		rr.settle(&run{now: time.Now()}, &genomics.ReportRoot{}, &finding{blocked: f.blocked, candidates: []candidate{{path: "c"}}})
		states := map[string]genomics.State{}
		for _, r := range rr.fresh {
			states[r.Path] = r.State
		}
		if states["MRN-1/locked/a.pdf"] != genomics.Present || states["MRN-1/b.pdf"] != genomics.Gone || !rr.failed || !rr.status.IndexedAt.IsZero() {
			t.Errorf("states %v, root %+v", states, rr.status)
		}
		return
	}
	w := newWorld(t)
	w.write("MRN-1/a.pdf", pdfText)
	w.write("MRN-2/locked.pdf", pdfText)
	w.write("MRN-2/b.pdf", pdfText)
	w.sync()
	for name, mode := range map[string]os.FileMode{"MRN-1": 0, "MRN-2/locked.pdf": 0} {
		if err := os.Chmod(filepath.Join(w.root, name), mode); err != nil {
			t.Fatal(err)
		}
	}
	defer os.Chmod(filepath.Join(w.root, "MRN-1"), 0o700) //nolint:errcheck // for the clean-up
	w.write("MRN-2/locked2.pdf", pdfText)
	if _, err := w.try(); !errors.Is(err, ErrIncomplete) || !strings.Contains(err.Error(), "1 folders") {
		t.Errorf("got %v", err)
	}
	w.expect("MRN-1/a.pdf", genomics.Present, 1, "")
	w.expect("MRN-2/locked.pdf", genomics.Unreadable, 2, "may not read")
}

func TestSettle(t *testing.T) {
	w := newWorld(t)
	w.write("MRN-1/a.pdf", pdfText)
	w.now = time.Now().Add(30 * time.Second)
	if got := w.sync(); got.Waiting != 1 || got.Seen != 0 {
		t.Errorf("just written: %+v", got)
	}
	w.now = time.Now().Add(90 * time.Second)
	if got := w.sync(); got.New != 1 {
		t.Errorf("settled: %+v", got)
	}
	w.write("MRN-1/a.pdf", "%PDF-1.4\n half of it")
	w.now = time.Now().Add(30 * time.Second)
	if got := w.sync(); got.Waiting != 1 || got.Unchanged != 1 {
		t.Errorf("being rewritten: %+v", got)
	}
	w.expect("MRN-1/a.pdf", genomics.Present, 1, "")
	w.extra = "    settle: 0s\n"
	if got := w.sync(); got.Changed != 1 {
		t.Errorf("settle 0: %+v", got)
	}
	w.extra = ""
	w.now = time.Now().Add(time.Hour)
	w.sync()
	w.write("MRN-1/a.pdf.json", `{"title": "x"}`)
	w.now = time.Now().Add(30 * time.Second)
	if got := w.sync(); got.Waiting != 1 {
		t.Errorf("fresh sidecar: %+v", got)
	}
	w.now = time.Now().Add(-24 * time.Hour)
	if got := w.sync(); got.Waiting != 0 || got.Changed != 1 {
		t.Errorf("the share's clock is ahead: %+v", got)
	}
}

func TestFailuresEndTheRun(t *testing.T) {
	boom := errors.New("boom")
	for _, method := range []string{"ReportIndex", "ReportRoots", "ResolvePatients", "WriteReports"} {
		w := newWorld(t)
		w.write("MRN-1/a.pdf", pdfText)
		w.store.fail[method] = boom
		if _, err := w.try(); !errors.Is(err, boom) || errors.Is(err, ErrIncomplete) {
			t.Errorf("%s: %v", method, err)
		}
		if w.store.writes != 0 {
			t.Errorf("%s: something was written", method)
		}
	}
	w := newWorld(t)
	w.opt.Follow = func(context.Context) error { return boom }
	if _, err := w.try(); !errors.Is(err, boom) || w.store.writes != 1 {
		t.Errorf("mirror: %v", err)
	}
	w.opt.Follow = nil
	over, cancel := context.WithCancel(t.Context())
	cancel()
	w.write("MRN-1/a.pdf", pdfText)
	if _, err := Run(over, w.manifest(), w.store, Options{}); !errors.Is(err, context.Canceled) || w.store.writes != 1 {
		t.Errorf("ended context: %v", err)
	}
}

func TestProgressAndFollow(t *testing.T) {
	w := newWorld(t)
	for i := range 250 {
		w.write(fmt.Sprintf("MRN-1/%d.pdf", i), pdfText)
	}
	var calls, followed atomic.Int64
	w.opt.Progress = func(p Progress) {
		calls.Add(1)
		if p.Total != 250 || p.Root != "risk" {
			t.Errorf("%+v", p)
		}
	}
	w.opt.Follow = func(context.Context) error { followed.Add(1); return nil }
	sum, err := w.try()
	if err != nil || calls.Load() != 3 || followed.Load() != 1 {
		t.Errorf("%v, %d calls, %d followed", err, calls.Load(), followed.Load())
	}
	if c := sum.Counts(); c["seen"] != 250 || c["new"] != 250 || c["roots"] != 1 {
		t.Errorf("counts %v", c)
	}
	if s := sum.Total.String(); s != "250 seen: 250 new, 0 changed, 0 unchanged; 0 gone" {
		t.Errorf("line %q", s)
	}
}

func TestSummaryLines(t *testing.T) {
	if s := (RootSummary{Failed: true, Kept: 7}).String(); s != "not compared, 7 index rows kept" {
		t.Error(s)
	}
	s := RootSummary{Seen: 1, New: 1, Waiting: 2, Problems: 3, Unassigned: 4, Other: 5, BadNames: 6}.String()
	for _, w := range []string{"2 still being written", "3 with problems", "4 unassigned", "5 neither", "6 with names"} {
		if !strings.Contains(s, w) {
			t.Errorf("%q lacks %q", s, w)
		}
	}
}
