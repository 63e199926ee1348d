package health

import (
	"errors"
	"testing"
)

func TestSourceKindOf(t *testing.T) {
	for text, want := range map[string]SourceKind{
		"":                        UnknownSource,
		"fhir":                    UnknownSource,
		"Health":                  ByHand,
		"Gesundheit":              ByHand,
		" Santé ":                 ByHand,
		"Health Mate":             UnknownSource, // an app whose name begins so
		"Manual entry":            ByHand,
		"self-reported":           ByHand,
		"https://x/manually":      ByHand,
		"Anna's Apple Watch":      Watch,
		"Anna’s Apple\u00a0Watch": Watch,
		"AppleWatch":              Watch,
		"Anna's iPhone":           Phone,
		"Pixel Watch 3":           Watch,
		"Pixel 9":                 Phone,
		"Galaxy Watch6":           Watch,
		"Galaxy S24":              Phone,
		"Anna Ring":               UnknownSource,
		"Dr. Band's laboratory":   UnknownSource,
		"Weight Watchers":         UnknownSource,
		"Strava":                  App,
		"Google Fit":              App,
		"urn:demo:wearable":       Watch,
		"My step app":             App,
		"Happ":                    UnknownSource,
		"<<HKDevice>, name:Apple Watch, manufacturer:Apple Inc., model:Watch, hardware:Watch6,1, software:9.1>": Watch,
		"<<HKDevice>, name:iPhone, manufacturer:Apple Inc., model:iPhone, hardware:iPhone13,2, software:16.1>":  Phone,
		"Garmin Connect": Watch,
		"SIMON'S IPHONE": Phone,
	} {
		if got := SourceKindOf(text); got != want {
			t.Errorf("%q is %s, want %s", text, got, want)
		}
	}
}

func TestPrioritiesFollowTheKinds(t *testing.T) {
	last := 0
	for _, k := range []SourceKind{ByHand, Watch, Phone, App, UnknownSource} {
		if k.Priority() <= last || CheckPriority(k.Priority()) != nil {
			t.Errorf("%s has the priority %d after %d", k, k.Priority(), last)
		}
		last = k.Priority()
	}
	if got := SourceKind("new").Priority(); got != UnknownSource.Priority() {
		t.Errorf("a kind that is not known has the priority %d", got)
	}
}

func TestCheckPriority(t *testing.T) {
	for n, ok := range map[int]bool{FirstPriority - 1: false, FirstPriority: true, LastPriority: true, LastPriority + 1: false, -5: false} {
		if err := CheckPriority(n); (err == nil) != ok || (err != nil && !errors.Is(err, ErrPriority)) {
			t.Errorf("%d: %v", n, err)
		}
	}
}

func FuzzSourceKindOf(f *testing.F) {
	for _, s := range []string{"Health", "Apple Watch", "\xff watch", "İphone", "<<HKDevice>, model:Watch>"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		k := SourceKindOf(s)
		if k != SourceKindOf(" "+s+"\t") {
			t.Errorf("%q: spaces around it change what it is", s)
		}
		if CheckPriority(k.Priority()) != nil {
			t.Errorf("%q has the priority %d", s, k.Priority())
		}
	})
}
