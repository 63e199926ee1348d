package session

import "strings"

// BrowserWords names a browser by its User-Agent header in few words, as in
// "Chromium on Linux", for people who look for a session that isn't theirs. The
// words come from this file only, whatever the header holds.
func BrowserWords(userAgent string) string {
	const most = 512
	if len(userAgent) > most {
		userAgent = userAgent[:most]
	}
	browser, system := firstMark(userAgent, browserMarks()), firstMark(userAgent, systemMarks())
	switch {
	case browser == "" && system == "":
		return "Unknown browser"
	case browser == "":
		return "Unknown browser on " + system
	case system == "":
		return browser
	default:
		return browser + " on " + system
	}
}

// mark is a part of User-Agent headers and what it tells.
type mark struct{ part, word string }

// browserMarks stand in order: most browsers also claim to be their ancestors.
func browserMarks() []mark {
	return []mark{
		{"Edg/", "Edge"}, {"EdgA/", "Edge"}, {"EdgiOS/", "Edge"}, {"OPR/", "Opera"}, {"Vivaldi/", "Vivaldi"},
		{"SamsungBrowser/", "Samsung Internet"}, {"DuckDuckGo/", "DuckDuckGo"}, {"FxiOS/", "Firefox"}, {"Firefox/", "Firefox"},
		{"CriOS/", "Chrome"}, {"HeadlessChrome/", "Chromium"}, {"Chromium/", "Chromium"}, {"Chrome/", "Chromium"},
		{"Version/", "Safari"},
	}
}

func systemMarks() []mark {
	return []mark{
		{"iPhone", "iPhone"}, {"iPad", "iPad"}, {"Android", "Android"}, {"CrOS", "ChromeOS"}, {"Windows", "Windows"},
		{"Macintosh", "Mac"}, {"Linux", "Linux"}, {"FreeBSD", "FreeBSD"}, {"OpenBSD", "OpenBSD"},
	}
}

func firstMark(text string, marks []mark) string {
	for _, m := range marks {
		if strings.Contains(text, m.part) {
			return m.word
		}
	}
	return ""
}
