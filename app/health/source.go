package health

import (
	"errors"
	"slices"
	"strings"
	"unicode"
)

// SourceKind is what the name of a source, or the description of a device, says
// that it is.
type SourceKind string

// The kinds, in the order of their priority.
const (
	// ByHand is what somebody typed in. It comes first, as in Apple's Health app:
	// whoever types a number in wants to add to, or to correct, what devices say.
	ByHand SourceKind = "entered by hand"
	// Watch is what is worn: it is there when the phone lies on a table.
	Watch SourceKind = "watch"
	Phone SourceKind = "phone"
	// App is a program that has its numbers from elsewhere, often from one of the others.
	App SourceKind = "app"
	// UnknownSource says nothing about itself.
	UnknownSource SourceKind = "unknown"
)

// The least and the greatest priority. The smaller number counts.
const (
	FirstPriority = 1
	LastPriority  = 999
)

// ErrPriority is the error of CheckPriority.
var ErrPriority = errors.New("a priority is a whole number from 1 to 999; the smaller one counts")

// CheckPriority refuses numbers that are no priority.
func CheckPriority(n int) error {
	if n < FirstPriority || n > LastPriority {
		return ErrPriority
	}
	return nil
}

// Priority is the number that sources of the kind have where nobody chose another.
// Apple's Health app puts what was entered by hand first, its own phone and watch
// second and apps last (support.apple.com/HT204351); the watch comes before the
// phone because it is worn.
func (k SourceKind) Priority() int {
	switch k {
	case ByHand:
		return 100
	case Watch:
		return 200
	case Phone:
		return 300
	case App:
		return 400
	default:
		return 500
	}
}

// SourceKindOf is the kind that a text says: the name of a source, or the
// description of a device. It goes by whole words in any case, and by the first
// kind that fits: "Pixel Watch" is a watch. A name may hold a person's, so that
// words that are surnames (Ring, Band) mean nothing.
func SourceKindOf(text string) SourceKind {
	words := strings.FieldsFunc(strings.ToLower(text), func(r rune) bool { return !unicode.IsLetter(r) })
	phrase := " " + strings.Join(words, " ") + " "
	// What is typed into the Health app bears the app's own name in the phone's language, and nothing else.
	if slices.Contains(ownNames(), strings.Trim(phrase, " ")) {
		return ByHand
	}
	for _, k := range kindWords() {
		for _, w := range k.words {
			if strings.Contains(phrase, " "+w+" ") {
				return k.kind
			}
		}
	}
	return UnknownSource
}

func ownNames() []string {
	return []string{"health", "gesundheit", "santé", "salud", "salute", "saúde", "gezondheid", "hälsa", "helse", "sundhed", "terveys", "zdrowie"}
}

func kindWords() []struct {
	kind  SourceKind
	words []string
} {
	return []struct {
		kind  SourceKind
		words []string
	}{
		{ByHand, []string{"manual", "manually", "manual entry", "by hand", "self reported", "patient reported", "user entered"}},
		{Watch, []string{"watch", "smartwatch", "applewatch", "wearable", "wearables", "wrist", "wristband", "smartband", "mi band", "miband", "fitness tracker",
			"activity tracker", "fitbit", "garmin", "forerunner", "vivosmart", "vivoactive", "oura", "whoop", "galaxy fit", "withings steel"}},
		{Phone, []string{"iphone", "phone", "smartphone", "ipod", "pixel", "galaxy", "android", "handy", "téléphone", "telefon"}},
		{App, []string{"app", "application", "strava", "google fit", "samsung health", "health connect", "healthconnect", "myfitnesspal", "autosleep", "sleep cycle",
			"pacer", "runkeeper", "komoot", "zepp"}},
	}
}

// Source is who sent Observations, and with which priority they count where
// several measured the same time.
type Source struct {
	ID int
	// Name may be a person's.
	Name string
	// Kind is what the name says; its devices may say more.
	Kind SourceKind
	// Chosen is the priority that somebody chose; 0: that of the kind, or of the
	// device where that is a better one.
	Chosen int
}

// PriorityChange is what became of the priority of a source.
type PriorityChange struct {
	Source Source
	// Before is the Chosen one before, 0: none.
	Before int
	// Days counts the days that were counted anew: keys of person, metric and day.
	Days int
}
