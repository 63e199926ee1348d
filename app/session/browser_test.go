package session_test

import (
	"strings"
	"testing"

	"healthportal/app/session"
)

func TestBrowserWords(t *testing.T) {
	for agent, want := range map[string]string{
		"": "Unknown browser",
		"Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36":                                 "Chromium on Linux",
		"Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36 Edg/142.0.0.0":         "Edge on Windows",
		"Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.5 Mobile/15E148 Safari/604": "Safari on iPhone",
		"Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 CriOS/142.0 Mobile/15E148 Safari/604.1":                    "Chrome on iPhone",
		"Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.5 Safari/605.1.15":                 "Safari on Mac",
		"Mozilla/5.0 (Macintosh; Intel Mac OS X 10.15; rv:144.0) Gecko/20100101 Firefox/144.0":                                                  "Firefox on Mac",
		"Mozilla/5.0 (Linux; Android 15; SM-S931B) AppleWebKit/537.36 SamsungBrowser/29.0 Chrome/136.0.0.0 Mobile Safari/537.36":                "Samsung Internet on Android",
		"Mozilla/5.0 (X11; CrOS x86_64 14541.0.0) AppleWebKit/537.36 Chrome/142.0.0.0 Safari/537.36":                                            "Chromium on ChromeOS",
		"Mozilla/5.0 (Windows NT 10.0)":       "Unknown browser on Windows",
		"Firefox/1":                           "Firefox",
		"curl/8.5":                            "Unknown browser",
		strings.Repeat("x", 600) + "Firefox/": "Unknown browser",
	} {
		if got := session.BrowserWords(agent); got != want {
			t.Errorf("%.60q: %q, want %q", agent, got, want)
		}
	}
}

// Whatever the header holds, the words are ours.
func FuzzBrowserWords(f *testing.F) {
	f.Add("Mozilla/5.0 (X11; Linux) Chrome/1 \x00\r\n<script>")
	f.Add("Firefox/ Windows")
	f.Fuzz(func(t *testing.T, agent string) {
		words := session.BrowserWords(agent)
		if len(words) > 50 || words == "" || strings.ContainsAny(words, "<>\x00\r\n\"'") {
			t.Errorf("%q: %q", agent, words)
		}
	})
}
