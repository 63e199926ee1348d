package cli

import (
	"fmt"
	"io"
	"os"
	"sync"
	"time"

	"github.com/mattn/go-isatty"

	"healthportal/app/intake"
)

// progress tells how far long work is: one line that renews itself on a
// terminal, a plain line every few seconds elsewhere.
type progress struct {
	w        io.Writer
	terminal bool
	last     time.Time
	width    int
}

// plainEvery is how often a progress line is printed where there is no terminal.
const plainEvery = 5 * time.Second

func newProgress(w io.Writer) *progress {
	f, ok := w.(*os.File)
	return &progress{w: w, terminal: ok && isatty.IsTerminal(f.Fd()), last: time.Now()}
}

// show tells the state in one line; it may be left out when the last one was just now.
func (p *progress) show(line string) {
	every := plainEvery
	if p.terminal {
		every = 100 * time.Millisecond
	}
	if time.Since(p.last) < every {
		return
	}
	p.last = time.Now()
	if !p.terminal {
		fmt.Fprintln(p.w, line) //nolint:errcheck // progress is a courtesy
		return
	}
	fmt.Fprintf(p.w, "\r%-*s", p.width, line) //nolint:errcheck // progress is a courtesy
	p.width = len(line)
}

// done clears the renewed line.
func (p *progress) done() {
	if p.terminal && p.width > 0 {
		fmt.Fprintf(p.w, "\r%-*s\r", p.width, "") //nolint:errcheck // progress is a courtesy
	}
}

// importProgress tells how far the reading of a file is, and what came of it so
// far. Reading and storing go on side by side.
type importProgress struct {
	mu       sync.Mutex
	bar      *progress
	total    int64 // 0: unknown
	at       int64
	readings int
	last     intake.Report
}

// read is told that n more bytes were read.
func (p *importProgress) read(n int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.at += int64(n)
	p.bar.show(p.line())
}

// rewound is told that the file is read from its beginning.
func (p *importProgress) rewound() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.at = 0
	p.readings++
}

// report is told what came of the file so far.
func (p *importProgress) report(r intake.Report) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.last = r
	p.bar.show(p.line())
}

func (p *importProgress) done() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.bar.done()
}

func (p *importProgress) line() string {
	line := megabytes(p.at)
	if p.total > 0 {
		line = fmt.Sprintf("%s of %s MB (%d %%)", line, megabytes(p.total), min(100, p.at*100/p.total))
	} else {
		line += " MB"
	}
	if p.readings > 1 {
		line += fmt.Sprintf(", reading %d", p.readings)
	}
	return line + fmt.Sprintf(": %d stored, %d repeated, %d corrected, %d refused", p.last.Stored, p.last.Repeated, p.last.Corrected, p.last.Refused)
}

// megabytes writes a number of bytes in millions, with one decimal.
func megabytes(n int64) string { return fmt.Sprintf("%.1f", float64(n)/1e6) }
