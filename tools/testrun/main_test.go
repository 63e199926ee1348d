package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// recorded answers with fixed output in place of go.
type recorded struct {
	packages []string
	listErr  error
	output   []string // one per call of test
	testErr  error
	calls    *[][]string
}

func (r recorded) list(context.Context, []string) ([]string, error) { return r.packages, r.listErr }

func (r recorded) test(_ context.Context, args []string, read func(io.Reader) error) error {
	n := len(*r.calls)
	*r.calls = append(*r.calls, args)
	if err := read(strings.NewReader(r.output[n])); err != nil {
		return err
	}
	return r.testErr
}

func lines(events ...string) string { return strings.Join(events, "\n") + "\n" }

func passing(pkg string, tests ...string) string {
	var events []string
	for _, name := range tests {
		events = append(events,
			fmt.Sprintf(`{"Action":"run","Package":%q,"Test":%q}`, pkg, name),
			fmt.Sprintf(`{"Action":"output","Package":%q,"Test":%q,"Output":"=== RUN   %s\n"}`, pkg, name, name),
			fmt.Sprintf(`{"Action":"output","Package":%q,"Test":%q,"Output":"    a_test.go:1: chatter\n"}`, pkg, name),
			fmt.Sprintf(`{"Action":"pass","Package":%q,"Test":%q}`, pkg, name))
	}
	events = append(events,
		fmt.Sprintf(`{"Action":"output","Package":%q,"Output":"PASS\n"}`, pkg),
		fmt.Sprintf(`{"Action":"output","Package":%q,"Output":"ok  \t%s\t0.1s\n"}`, pkg, pkg),
		fmt.Sprintf(`{"Action":"pass","Package":%q}`, pkg))
	return lines(events...)
}

func TestRunCountsBothGroups(t *testing.T) {
	var calls [][]string
	goes := recorded{
		packages: []string{"m/app/web", "m/views", "m/app/webdav", "m/tools/slow"},
		output:   []string{passing("m/views", "TestA", "TestA/sub"), passing("m/app/web", "TestB")},
		calls:    &calls,
	}
	var out bytes.Buffer
	opts, err := parse([]string{"-race", "app/web", "-leave-out", "tools/slow", "-short", "-timeout", "1m"}, &out)
	if err != nil {
		t.Fatal(err)
	}
	ok, err := run(context.Background(), opts, goes, &out)
	if err != nil || !ok {
		t.Fatalf("run = %v, %v\n%s", ok, err, out.String())
	}
	want := [][]string{
		{"-timeout", "1m0s", "-short", "m/views", "m/app/webdav"},
		{"-race", "-timeout", "1m0s", "-short", "m/app/web"},
	}
	if !slices.EqualFunc(calls, want, slices.Equal[[]string]) {
		t.Errorf("go test was called with %q, want %q", calls, want)
	}
	wantOut := "ok  \tm/views\t0.1s\nok  \tm/app/web\t0.1s\n\nleft out: m/tools/slow\n" +
		"3 tests ran: 3 passed, 0 failed, 0 skipped\n"
	if out.String() != wantOut {
		t.Errorf("output:\n%s\nwant:\n%s", out.String(), wantOut)
	}
}

func TestRunErrors(t *testing.T) {
	boom := errors.New("boom")
	tests := []struct {
		name string
		args []string
		goes recorded
		want string
	}{
		{"list fails", nil, recorded{listErr: boom}, "boom"},
		{"nothing to test", nil, recorded{}, "no package to test"},
		{"race folder gone", []string{"-race", "app/gone"}, recorded{packages: []string{"m/a"}}, "app/gone"},
		{"left-out folder gone", []string{"-leave-out", "app/gone"}, recorded{packages: []string{"m/a"}}, "app/gone"},
		{"go doesn't start", nil, recorded{packages: []string{"m/a"}, output: []string{""}, testErr: boom}, "boom"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			var calls [][]string
			test.goes.calls = &calls
			opts, err := parse(test.args, io.Discard)
			if err != nil {
				t.Fatal(err)
			}
			ok, err := run(context.Background(), opts, test.goes, io.Discard)
			if ok || err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("run = %v, %v, want an error with %q", ok, err, test.want)
			}
		})
	}
}

func TestRunStopped(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	var calls [][]string
	goes := recorded{packages: []string{"m/a"}, output: []string{passing("m/a", "TestA")}, calls: &calls}
	ok, err := run(ctx, options{}, goes, io.Discard)
	if ok || !errors.Is(err, context.Canceled) {
		t.Errorf("run = %v, %v, want context.Canceled", ok, err)
	}
}

const (
	skipFixtures = `{"Action":"output","Package":"m/a","Test":"TestS","Output":"=== RUN   TestS\n"}
{"Action":"output","Package":"m/a","Test":"TestS","Output":"    a_test.go:3: ../shared/fixtures is absent\n"}
{"Action":"output","Package":"m/a","Test":"TestS","Output":"--- SKIP: TestS (0.00s)\n"}
{"Action":"skip","Package":"m/a","Test":"TestS"}
`
	skipShort = `{"Action":"output","Package":"m/a","Test":"TestS","Output":"    a_test.go:3: left out by -short\n"}
{"Action":"skip","Package":"m/a","Test":"TestS"}
`
	skipSilent = `{"Action":"skip","Package":"m/a","Test":"TestS"}
`
	failing = `{"Action":"output","Package":"m/a","Test":"TestF","Output":"=== RUN   TestF\n"}
{"Action":"output","Package":"m/a","Test":"TestF","Output":"    a_test.go:9: wrong\n"}
{"Action":"output","Package":"m/a","Test":"TestF","Output":"--- FAIL: TestF (0.00s)\n"}
{"Action":"fail","Package":"m/a","Test":"TestF"}
{"Action":"output","Package":"m/a","Output":"FAIL\tm/a\t0.1s\n"}
{"Action":"fail","Package":"m/a"}
`
	panicking = `{"Action":"output","Package":"m/a","Test":"TestP","Output":"panic: oh\n"}
{"Action":"output","Package":"m/a","Output":"FAIL\tm/a\t0.1s\n"}
{"Action":"fail","Package":"m/a"}
`
	notBuilding = `{"ImportPath":"m/a","Action":"build-output","Output":"a.go:1: syntax error\n"}
{"ImportPath":"m/a","Action":"build-fail"}
{"Action":"output","Package":"m/a","Output":"FAIL\tm/a [build failed]\n"}
{"Action":"fail","Package":"m/a","FailedBuild":"m/a"}
`
	testMainFails = `{"Action":"output","Package":"m/a","Output":"FAIL\tm/a\t0.1s\n"}
{"Action":"fail","Package":"m/a"}
`
)

func TestSummary(t *testing.T) {
	fixtures := skipRule{pattern: regexp.MustCompile(`\.\./shared/fixtures`)}
	one := passing("m/b", "TestOK")
	tests := []struct {
		name   string
		allow  skipRule
		stream string
		ok     bool
		want   []string
		not    []string
	}{
		{"passes", skipRule{}, one, true, []string{"1 tests ran: 1 passed, 0 failed, 0 skipped"}, []string{"chatter", "PASS\n"}},
		{"allowed skip", fixtures, one + skipFixtures, true, []string{"skipped: m/a TestS: a_test.go:3: ../shared/fixtures is absent", "1 skipped"}, nil},
		{"skip not allowed", skipRule{}, one + skipFixtures, false, []string{"NOT ALLOWED TO SKIP: m/a TestS"}, nil},
		{"short allowed", skipRule{short: true}, one + skipShort, true, []string{"skipped: m/a TestS: a_test.go:3: left out by -short"}, nil},
		{"short in a full run", fixtures, one + skipShort, false, []string{"NOT ALLOWED"}, nil},
		{"silent skip", skipRule{short: true, pattern: fixtures.pattern}, one + skipSilent, false, []string{"no reason given"}, nil},
		{"failure", skipRule{}, one + failing, false, []string{"a_test.go:9: wrong", "--- FAIL: TestF", "failed: m/a TestF", "2 tests ran: 1 passed, 1 failed"}, []string{"=== RUN", "outside"}},
		{"panic", skipRule{}, panicking, false, []string{"panic: oh", "failed: m/a TestP (did not end)", "1 failed"}, nil},
		{"build", skipRule{}, one + notBuilding, false, []string{"a.go:1: syntax error", "failed outside a test (build, start or end): m/a"}, nil},
		{"TestMain", skipRule{}, one + testMainFails, false, []string{"failed outside a test"}, nil},
		{"no test", skipRule{}, "", false, []string{"0 tests ran", "no test ran at all"}, nil},
		{"other lines", skipRule{}, "go: downloading x\n{not json}\n{}\n" + one, true, []string{"go: downloading x\n", "{not json}\n", "{}\n"}, nil},
		{"no last newline", skipRule{}, one + "tail", true, []string{"tail"}, nil},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			var out bytes.Buffer
			sum := newSummary(&out, test.allow)
			if err := sum.read(strings.NewReader(test.stream)); err != nil {
				t.Fatal(err)
			}
			if ok := sum.close(nil); ok != test.ok {
				t.Errorf("close = %v, want %v", ok, test.ok)
			}
			for _, part := range test.want {
				if !strings.Contains(out.String(), part) {
					t.Errorf("output lacks %q:\n%s", part, out.String())
				}
			}
			for _, part := range test.not {
				if strings.Contains(out.String(), part) {
					t.Errorf("output has %q:\n%s", part, out.String())
				}
			}
		})
	}
}

type brokenReader struct{}

func (brokenReader) Read([]byte) (int, error) { return 0, io.ErrClosedPipe }

func TestReadReportsABrokenStream(t *testing.T) {
	if err := newSummary(io.Discard, skipRule{}).read(brokenReader{}); !errors.Is(err, io.ErrClosedPipe) {
		t.Errorf("read = %v, want io.ErrClosedPipe", err)
	}
}

func TestMaySkipHoldsOnlyWhileThePathIsAbsent(t *testing.T) {
	folder := t.TempDir()
	for _, test := range []struct {
		path string
		want bool
	}{{folder, false}, {filepath.Join(folder, "absent"), true}, {"", true}} {
		opts, err := parse([]string{"-may-skip", "fixtures", "-only-without", test.path}, io.Discard)
		if err != nil {
			t.Fatal(err)
		}
		if got := opts.allow.allows("fixtures are absent"); got != test.want {
			t.Errorf("with %q: allowed = %v, want %v", test.path, got, test.want)
		}
	}
}

func TestStartRefusesBadUsage(t *testing.T) {
	for _, test := range []struct {
		args []string
		want int
	}{{[]string{"-may-skip", "("}, 2}, {[]string{"-nonsense"}, 2}, {[]string{"-timeout", "soon"}, 2}, {[]string{"-h"}, 0}} {
		if got := start(context.Background(), test.args, io.Discard, io.Discard); got != test.want {
			t.Errorf("start(%q) = %d, want %d", test.args, got, test.want)
		}
	}
}

// TestRealGo runs the real go test on small modules.
func TestRealGo(t *testing.T) {
	if testing.Short() {
		t.Skip("starts go test: left out by -short")
	}
	for _, test := range []struct {
		name, body string
		code       int
		want       string
	}{
		{"passes", "func TestA(t *testing.T) {}", 0, "1 tests ran: 1 passed, 0 failed, 0 skipped"},
		{"fails", "func TestA(t *testing.T) { t.Error(\"wrong\") }", 1, "1 tests ran: 0 passed, 1 failed, 0 skipped"},
		{"skips", "func TestA(t *testing.T) { t.Skip(\"lazy\") }", 1, "lazy"},
		{"panics", "func TestA(t *testing.T) { panic(\"oh\") }", 1, "panic: oh"},
		{"doesn't build", "func TestA(t *testing.T) { x }", 1, "undefined: x"},
	} {
		t.Run(test.name, func(t *testing.T) {
			dir := t.TempDir()
			t.Chdir(dir)
			text := "package a\n\nimport \"testing\"\n\n" + test.body + "\n"
			for name, content := range map[string]string{"go.mod": "module a\n\ngo 1.26\n", "a_test.go": text} {
				if err := os.WriteFile(name, []byte(content), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			var out, errs bytes.Buffer
			if code := start(context.Background(), nil, &out, &errs); code != test.code {
				t.Errorf("exit code %d, want %d", code, test.code)
			}
			if !strings.Contains(out.String(), test.want) {
				t.Errorf("output lacks %q:\n%s", test.want, out.String())
			}
		})
	}
}
