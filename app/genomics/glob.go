package genomics

import (
	"errors"
	"path"
	"strings"
)

// checkGlob refuses patterns that Match could not apply.
func checkGlob(pattern string) error {
	if pattern == "" {
		return errors.New("an empty pattern matches nothing: write for instance **/*.pdf")
	}
	if strings.HasPrefix(pattern, "/") {
		return errors.New("a pattern is relative to the root: drop the leading /")
	}
	for _, seg := range strings.Split(pattern, "/") {
		if seg == ".." || seg == "." || seg == "" {
			return errors.New("a pattern has no empty, . or .. parts")
		}
		if seg != "**" && strings.Contains(seg, "**") {
			return errors.New("** stands alone between slashes, as in **/*.pdf")
		}
		if _, err := path.Match(seg, "x"); err != nil {
			return errors.New("a bracket is not closed")
		}
	}
	return nil
}

// matchGlob reports whether the slash-separated name matches pattern, in which
// ** stands for any number of folders. Letter case is ignored, because shares
// carry .PDF as well as .pdf.
func matchGlob(pattern, name string) bool {
	pat := strings.Split(strings.ToLower(pattern), "/")
	segs := strings.Split(strings.ToLower(name), "/")
	// ok[j] tells whether the pattern so far matches the first j segments.
	ok := make([]bool, len(segs)+1)
	ok[0] = true
	for _, p := range pat {
		next := make([]bool, len(segs)+1)
		for j := range next {
			switch {
			case p == "**":
				next[j] = ok[j] || (j > 0 && next[j-1])
			case j > 0 && ok[j-1]:
				m, err := path.Match(p, segs[j-1])
				next[j] = err == nil && m
			}
		}
		ok = next
	}
	return ok[len(segs)]
}
