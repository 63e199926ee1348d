package config

import (
	"os"
	"regexp"
	"strings"
	"testing"
)

// documentedExamples reads the last column of the settings table in
// docs/configuration.md, by name.
func documentedExamples(t *testing.T) map[string]string {
	t.Helper()
	raw, err := os.ReadFile("../../docs/configuration.md")
	if err != nil {
		t.Fatal(err)
	}
	examples := map[string]string{}
	row := regexp.MustCompile("^\\| `([A-Z_]+)` \\|.*\\| `([^`]+)` \\|$")
	for line := range strings.SplitSeq(string(raw), "\n") {
		if m := row.FindStringSubmatch(line); m != nil {
			examples[m[1]] = m[2]
		}
	}
	return examples
}
