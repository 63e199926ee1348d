package ui

// Kind is the meaning that a badge, banner, toast or number carries. Each kind has a colour, an icon and a spoken
// word, so that colour is never the only sign.
type Kind string

// The kinds. The zero value is Neutral.
const (
	Neutral Kind = ""
	Info    Kind = "info"
	Good    Kind = "good"
	Warn    Kind = "warn"
	Bad     Kind = "bad"
)

// class is the kind's CSS suffix; an unknown kind looks neutral.
func (k Kind) class() string {
	switch k {
	case Info, Good, Warn, Bad:
		return string(k)
	default:
		return "neutral"
	}
}

// icon is the sign that stands beside the kind's colour.
func (k Kind) icon() Icon {
	switch k {
	case Good:
		return IconCheck
	case Warn:
		return IconWarn
	case Bad:
		return IconBad
	default:
		return IconInfo
	}
}

// word is what a screen reader says before the text.
func (k Kind) word() string {
	switch k {
	case Good:
		return "Done"
	case Warn:
		return "Warning"
	case Bad:
		return "Problem"
	default:
		return "Note"
	}
}
