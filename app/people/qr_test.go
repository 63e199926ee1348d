package people_test

import (
	"fmt"
	"strings"
	"testing"

	"rsc.io/qr"

	"healthportal/app/people"
)

// The path must fill exactly the dark modules, behind a quiet zone of four.
func TestQRCode(t *testing.T) {
	text := "https://portal.example.org/enrol#" + strings.Repeat("aZ-_9", 9)[:43]
	got, err := people.NewQRCode(text)
	if err != nil {
		t.Fatal(err)
	}
	want, err := qr.Encode(text, qr.M)
	if err != nil {
		t.Fatal(err)
	}
	if got.Size != want.Size+8 {
		t.Fatalf("size %d, want %d and a border of 4", got.Size, want.Size)
	}
	dark := map[[2]int]bool{}
	for run := range strings.SplitSeq(strings.TrimSuffix(got.Path, "z"), "z") {
		var x, y, n, back int
		if _, err := fmt.Sscanf(run, "M%d %dh%dv1h-%d", &x, &y, &n, &back); err != nil || n != back || n < 1 {
			t.Fatalf("part %q: %v", run, err)
		}
		for i := range n {
			if dark[[2]int{x + i, y}] {
				t.Fatalf("%d,%d is drawn twice", x+i, y)
			}
			dark[[2]int{x + i, y}] = true
		}
	}
	for y := range got.Size {
		for x := range got.Size {
			inside := x >= 4 && y >= 4 && x < want.Size+4 && y < want.Size+4
			if dark[[2]int{x, y}] != (inside && want.Black(x-4, y-4)) {
				t.Fatalf("module %d,%d is wrong", x, y)
			}
		}
	}
	if _, err := people.NewQRCode(strings.Repeat("x", 1001)); err == nil {
		t.Error("a text of 1001 characters was drawn")
	}
}
