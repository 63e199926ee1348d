package static

import (
	"fmt"
	"math"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// tokens reads the custom properties of one block of the token sheet.
func tokens(t *testing.T, css, selector string) map[string]string {
	t.Helper()
	at := strings.Index(css, selector)
	if at < 0 {
		t.Fatalf("tokens.css has no block %s", selector)
	}
	block := css[at:]
	block = block[:strings.Index(block, "}")]
	found := map[string]string{}
	for _, m := range regexp.MustCompile(`--([a-z0-9-]+):\s*([^;]+);`).FindAllStringSubmatch(block, -1) {
		found[m[1]] = m[2]
	}
	return found
}

// luminance is the relative luminance of WCAG 2.2 for a colour written #rrggbb.
func luminance(hex string) (float64, error) {
	if len(hex) != 7 || hex[0] != '#' {
		return 0, fmt.Errorf("colour %q is not written #rrggbb", hex)
	}
	rgb, err := strconv.ParseUint(hex[1:], 16, 32)
	if err != nil {
		return 0, fmt.Errorf("colour %q: %w", hex, err)
	}
	channel := func(shift uint) float64 {
		v := float64(rgb>>shift&0xff) / 255
		if v <= 0.04045 {
			return v / 12.92
		}
		return math.Pow((v+0.055)/1.055, 2.4)
	}
	return 0.2126*channel(16) + 0.7152*channel(8) + 0.0722*channel(0), nil
}

func contrast(t *testing.T, a, b string) float64 {
	t.Helper()
	x, err := luminance(a)
	if err != nil {
		t.Fatal(err)
	}
	y, err := luminance(b)
	if err != nil {
		t.Fatal(err)
	}
	return (math.Max(x, y) + 0.05) / (math.Min(x, y) + 0.05)
}

func tokenSheet(t *testing.T) string {
	t.Helper()
	body, err := embedded.ReadFile("css/tokens.css")
	if err != nil {
		t.Fatal(err)
	}
	return string(body)
}

func TestContrastFormula(t *testing.T) {
	for _, test := range []struct {
		a, b string
		want float64
	}{{"#000000", "#ffffff", 21}, {"#ffffff", "#ffffff", 1}, {"#777777", "#ffffff", 4.48}} {
		if got := contrast(t, test.a, test.b); math.Abs(got-test.want) > 0.01 {
			t.Errorf("contrast(%s, %s) = %.2f, want %.2f", test.a, test.b, got, test.want)
		}
	}
	for _, bad := range []string{"", "#fff", "red", "#gggggg"} {
		if _, err := luminance(bad); err == nil {
			t.Errorf("luminance(%q) gave no error", bad)
		}
	}
}

// TestContrast holds every pair of colours that the style sheet puts upon one another to WCAG 2.2 AA.
func TestContrast(t *testing.T) {
	const text, graphic = 4.5, 3.0
	type pair struct {
		front, back string
		least       float64
	}
	var pairs []pair
	for _, back := range []string{"bg", "surface", "surface-2", "accent-soft"} {
		for _, front := range []string{"text", "muted", "link", "accent"} {
			pairs = append(pairs, pair{front, back, text})
		}
		pairs = append(pairs, pair{"focus", back, graphic})
	}
	for _, back := range []string{"bg", "surface", "surface-2"} {
		pairs = append(pairs, pair{"line-strong", back, graphic})
	}
	for _, kind := range []string{"info", "good", "warn", "bad"} {
		for _, back := range []string{kind + "-bg", "bg", "surface"} {
			pairs = append(pairs, pair{kind, back, text})
		}
		pairs = append(pairs, pair{"text", kind + "-bg", text}, pair{"link", kind + "-bg", text}, pair{"muted", kind + "-bg", text})
	}
	for i := 1; i <= 4; i++ {
		for _, back := range []string{"surface", "band", "range"} {
			pairs = append(pairs, pair{fmt.Sprintf("series-%d", i), back, graphic})
		}
	}
	pairs = append(pairs, pair{"on-accent", "accent", text}, pair{"on-accent", "accent-hover", text}, pair{"text", "mark", text})
	css := tokenSheet(t)
	for _, theme := range []string{":root {", `:root:not([data-theme="light"]) {`, `:root[data-theme="dark"] {`} {
		colours := tokens(t, css, theme)
		for _, p := range pairs {
			if got := contrast(t, colours[p.front], colours[p.back]); got < p.least {
				t.Errorf("%s %s %s on %s %s: contrast %.2f, needs %.1f", theme, p.front, colours[p.front], p.back, colours[p.back], got, p.least)
			}
		}
	}
}

// TestThemesAgree keeps the two ways into the dark theme the same, and both themes complete.
func TestThemesAgree(t *testing.T) {
	css := tokenSheet(t)
	light, system, chosen := tokens(t, css, ":root {"), tokens(t, css, `:root:not([data-theme="light"]) {`), tokens(t, css, `:root[data-theme="dark"] {`)
	for name := range light {
		if system[name] == "" || system[name] != chosen[name] {
			t.Errorf("--%s: %q by the system's choice, %q by the user's", name, system[name], chosen[name])
		}
	}
	if len(system) != len(light) || len(chosen) != len(light) {
		t.Errorf("light has %d tokens, dark %d and %d", len(light), len(system), len(chosen))
	}
}

func TestStyleSheet(t *testing.T) {
	a, err := New()
	if err != nil {
		t.Fatal(err)
	}
	f, _ := a.Lookup(a.URL("css/app.css"))
	css := string(f.Body)
	if len(css) > 28000 {
		t.Errorf("the style sheet has %d bytes, limit 28,000", len(css))
	}
	if !strings.HasPrefix(css, "@layer reset,tokens,base,layout,components,utilities;") {
		t.Error("the order of the layers does not stand first")
	}
	if strings.Count(css, "{") != strings.Count(css, "}") {
		t.Error("braces don't match")
	}
	if m := regexp.MustCompile(`"[^"\n]*(: | \{|\{ |; |, )[^"\n]*"`).FindString(strings.Join(sources(t), "")); m != "" {
		t.Errorf("joining the sheets would change the string %s", m)
	}
	for _, word := range []string{"url(", "@import", "!important", "outline: 0"} {
		if strings.Contains(css, word) {
			t.Errorf("the style sheet uses %s", word)
		}
	}
	for _, word := range []string{"prefers-color-scheme:dark", "prefers-reduced-motion", "forced-colors:active", "@media print", ":focus-visible", "tabular-nums"} {
		if !strings.Contains(css, word) {
			t.Errorf("the style sheet lacks %s", word)
		}
	}
}

// sources are the sheets as they are written, their strings line by line.
func sources(t *testing.T) []string {
	t.Helper()
	var all []string
	for _, name := range sheets() {
		body, err := embedded.ReadFile("css/" + name)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range regexp.MustCompile(`"[^"\n]*"`).FindAllString(string(body), -1) {
			all = append(all, m+"\n")
		}
	}
	return all
}

// TestTokensExist finds custom properties that are used but nowhere set.
func TestTokensExist(t *testing.T) {
	a, err := New()
	if err != nil {
		t.Fatal(err)
	}
	f, _ := a.Lookup(a.URL("css/app.css"))
	css := string(f.Body)
	for _, m := range regexp.MustCompile(`var\(--([a-z0-9-]+)`).FindAllStringSubmatch(css, -1) {
		if !strings.Contains(css, "--"+m[1]+":") {
			t.Errorf("--%s is used but never set", m[1])
		}
	}
}
