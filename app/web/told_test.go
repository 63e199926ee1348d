package web

import (
	"errors"
	"fmt"
	"testing"

	"healthportal/app/health"
)

// Only words that were written for readers reach them.
func TestBadInputTellsOnlyWhatIsMeantForReaders(t *testing.T) {
	_, day := health.ParseDay("2026-02-30")
	tests := []struct {
		cause error
		want  string
	}{
		{errors.New("dial tcp 10.0.0.7: password wrong"), `"day" can't be used.`},
		{day, `"day" can't be used: "2026-02-30" is not a date: write YYYY-MM-DD.`},
		{fmt.Errorf("store: %w", day), `"day" can't be used: "2026-02-30" is not a date: write YYYY-MM-DD.`},
		{wrongInput("choose one"), `"day" can't be used: choose one.`},
	}
	for _, tt := range tests {
		if got := badInput("day", tt.cause); got.What != tt.want || got.Status != 400 || !errors.Is(got, tt.cause) {
			t.Errorf("%v: %+v, want %q", tt.cause, got, tt.want)
		}
	}
}
