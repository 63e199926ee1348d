package cli

import (
	"fmt"
	"io"
	"os"
	"time"

	"github.com/mattn/go-isatty"
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
