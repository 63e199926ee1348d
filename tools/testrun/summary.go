package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"
)

// event is one line of go test -json (see go doc test2json).
type event struct {
	Action      string
	Package     string
	ImportPath  string // of build output
	Test        string
	Output      string
	FailedBuild string
}

type skipRule struct {
	pattern *regexp.Regexp // nil: nothing may be skipped
	short   bool
}

func (r skipRule) allows(reason string) bool {
	if r.short && regexp.MustCompile(`(^|\W)-?short\b`).MatchString(reason) {
		return true
	}
	return r.pattern != nil && r.pattern.MatchString(reason)
}

type skipped struct {
	name, reason string
	allowed      bool
}

// summary turns events into the output of a plain go test and counts.
type summary struct {
	out     io.Writer
	allow   skipRule
	pending map[string][]string // output of tests that haven't ended, by package and test
	shown   map[string]bool     // tests whose output was shown since they failed
	passed  int
	failed  []string
	skips   []skipped
	broken  []string // packages that failed outside a test: build, panic, timeout
}

func newSummary(out io.Writer, allow skipRule) *summary {
	return &summary{out: out, allow: allow, pending: map[string][]string{}, shown: map[string]bool{}}
}

// read takes one stream of events to its end.
func (s *summary) read(stream io.Reader) error {
	lines := bufio.NewReader(stream)
	for {
		line, err := lines.ReadString('\n')
		if line != "" {
			s.line(line)
		}
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return fmt.Errorf("reading the output of go test: %w", err)
		}
	}
}

func (s *summary) line(line string) {
	var e event
	if !strings.HasPrefix(line, "{") || json.Unmarshal([]byte(line), &e) != nil || e.Action == "" {
		fmt.Fprint(s.out, line)
		return
	}
	s.event(e)
}

func (s *summary) event(e event) {
	key := e.Package + "\t" + e.Test
	switch {
	case e.Action == "build-output":
		fmt.Fprint(s.out, e.Output)
	case e.Action == "output" && e.Test == "":
		if e.Output != "PASS\n" {
			fmt.Fprint(s.out, e.Output)
		}
	case e.Action == "output":
		s.pending[key] = append(s.pending[key], e.Output)
	case e.Test == "" && e.Action == "fail":
		s.packageFailed(e)
	case e.Test == "":
	case e.Action == "pass":
		s.passed++
		delete(s.pending, key)
	case e.Action == "fail":
		s.failed = append(s.failed, e.Package+" "+e.Test)
		s.show(key)
	case e.Action == "skip":
		reason := skipReason(s.pending[key])
		s.skips = append(s.skips, skipped{e.Package + " " + e.Test, reason, s.allow.allows(reason)})
		delete(s.pending, key)
	}
}

// show prints what a failed test said, without the lines of a verbose run.
func (s *summary) show(key string) {
	for _, line := range s.pending[key] {
		if !strings.HasPrefix(line, "=== ") {
			fmt.Fprint(s.out, line)
		}
	}
	delete(s.pending, key)
	s.shown[key] = true
}

// packageFailed shows the output of tests that never ended: after a panic or
// a timeout nothing else says where it happened.
func (s *summary) packageFailed(e event) {
	var keys []string
	for key := range s.pending {
		if strings.HasPrefix(key, e.Package+"\t") {
			keys = append(keys, key)
		}
	}
	slices.Sort(keys)
	for _, key := range keys {
		s.failed = append(s.failed, strings.Replace(key, "\t", " ", 1)+" (did not end)")
		s.show(key)
	}
	inTest := slices.ContainsFunc(s.failed, func(name string) bool { return strings.HasPrefix(name, e.Package+" ") })
	if e.FailedBuild != "" || !inTest {
		s.broken = append(s.broken, e.Package)
	}
}

// skipReason is what the test said before "--- SKIP", in one line.
func skipReason(output []string) string {
	var said []string
	for _, line := range output {
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "=== ") || strings.HasPrefix(line, "--- ") {
			continue
		}
		said = append(said, line)
	}
	if len(said) == 0 {
		return "no reason given"
	}
	return strings.Join(said, " ")
}

// close prints the closing lines and answers whether the run may pass.
func (s *summary) close(left []string) bool {
	ok := len(s.failed) == 0 && len(s.broken) == 0
	fmt.Fprintln(s.out)
	for _, name := range left {
		fmt.Fprintf(s.out, "left out: %s\n", name)
	}
	for _, skip := range s.skips {
		word := "skipped"
		if !skip.allowed {
			word, ok = "NOT ALLOWED TO SKIP", false
		}
		fmt.Fprintf(s.out, "%s: %s: %s\n", word, skip.name, skip.reason)
	}
	for _, name := range s.broken {
		fmt.Fprintf(s.out, "failed outside a test (build, start or end): %s\n", name)
	}
	for _, name := range s.failed {
		fmt.Fprintf(s.out, "failed: %s\n", name)
	}
	ran := s.passed + len(s.failed)
	fmt.Fprintf(s.out, "%d tests ran: %d passed, %d failed, %d skipped\n", ran, s.passed, len(s.failed), len(s.skips))
	if ran == 0 && ok {
		fmt.Fprintln(s.out, "no test ran at all, which counts as a failure")
		return false
	}
	return ok
}
