package main

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestFirstLines(t *testing.T) {
	tests := []struct {
		name   string
		n      int
		writes []string
		want   string
		enough bool
		left   int
	}{
		{"fewer", 5, []string{"a\nb\n"}, "a\nb\n", false, 3},
		{"exactly", 2, []string{"a\nb\n"}, "a\nb\n", true, 0},
		{"more", 2, []string{"a\nb\nc\nd\n"}, "a\nb\n", true, 0},
		{"a line in two writes", 1, []string{"a", "b\nc\n"}, "ab\n", true, 0},
		{"no end of line", 1, []string{"abc"}, "abc", false, 1},
		{"empty write", 1, []string{""}, "", false, 1},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var out bytes.Buffer
			f := firstLines{out: &out, left: tt.n}
			var err error
			for _, w := range tt.writes {
				if _, err = f.Write([]byte(w)); err != nil {
					break
				}
			}
			if out.String() != tt.want || f.left != tt.left || errors.Is(err, errEnough) != tt.enough {
				t.Errorf("wrote %q, %d left, error %v", out.String(), f.left, err)
			}
		})
	}
	f := firstLines{out: full{}, left: 1}
	if _, err := f.Write([]byte("a\n")); err == nil || errors.Is(err, errEnough) {
		t.Errorf("a full disk gives %v", err)
	}
}

func TestWriteNDJSON(t *testing.T) {
	p := &place{dir: t.TempDir()}
	n, err := p.writeNDJSON(250)
	if err != nil || n != 250 {
		t.Fatalf("%d lines, error %v", n, err)
	}
	for name, want := range map[string]int{p.eventsFile(): 250, p.patientsFile(): len(records())} {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if got := strings.Count(string(text), "\n"); got != want {
			t.Errorf("%s has %d lines, want %d", filepath.Base(name), got, want)
		}
	}
	if _, err := p.writeNDJSON(1); err == nil {
		t.Error("the files of another run are overwritten")
	}
}

func TestWriteReports(t *testing.T) {
	dir := t.TempDir()
	if err := writeReports(dir, 250, []string{"A-1", "B-2"}); err != nil {
		t.Fatal(err)
	}
	var files []string
	contents := map[string]bool{}
	err := filepath.WalkDir(dir, func(name string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		text, err := os.ReadFile(name)
		contents[string(text)] = true
		files = append(files, strings.TrimPrefix(name, dir+"/"))
		if record, _, _ := strings.Cut(files[len(files)-1], "/"); !strings.Contains(string(text), `content="`+record+`"`) {
			t.Errorf("%s doesn't name its patient", name)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(files) != 250 || len(contents) != 250 {
		t.Errorf("%d files with %d different contents, want 250", len(files), len(contents))
	}
	if folders(250) != 3 || folders(300) != 3 || folders(1) != 1 {
		t.Errorf("folders: %d, %d, %d", folders(250), folders(300), folders(1))
	}
	blocked := filepath.Join(dir, "file")
	if err := os.WriteFile(blocked, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := writeReports(blocked, 1, []string{"A"}); err == nil {
		t.Error("writing below a file works")
	}
}
