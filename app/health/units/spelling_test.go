package units

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"
)

func TestSpellings(t *testing.T) {
	for _, tt := range []struct{ metric, written, want string }{
		{"heart_rate", "beats/minute", "/min"}, {"heart_rate", "bpm", "/min"}, {"heart_rate", "{beats}/min", "/min"}, {"heart_rate", "count/min", "/min"},
		{"heart_rate", " beats / min ", "/min"}, {"respiratory_rate", "breaths/min", "/min"},
		{"bp_systolic", "mmHg", "mm[Hg]"}, {"bp_systolic", "mm Hg", "mm[Hg]"}, {"bp_systolic", "mm[Hg]", "mm[Hg]"},
		{"body_weight", "lbs", "[lb_av]"}, {"body_weight", "[lb_av]", "[lb_av]"}, {"body_weight", "kg\u200b", "kg"},
		{"body_temperature", "degC", "Cel"}, {"body_temperature", "°C", "Cel"}, {"body_temperature", "Cel", "Cel"}, {"body_temperature", "C", "Cel"},
		{"body_temperature", "degF", "[degF]"}, {"body_temperature", "° F", "[degF]"}, {"body_temperature", "[degF]", "[degF]"}, {"body_temperature", "F", "[degF]"},
		{"egfr", "mL/min/1.73m2", "mL/min/{1.73_m2}"}, {"egfr", "mL/min/{1.73_m2}", "mL/min/{1.73_m2}"}, {"egfr", "mL/min/1.73 m²", "mL/min/{1.73_m2}"}, {"egfr", "mL/min", "mL/min"},
		{"bmi", "kg/m2", "kg/m2"}, {"bmi", "kg/m²", "kg/m2"}, {"bmi", "count", "kg/m2"}, {"steps", "count", "{steps}"}, {"flights_climbed", "count", "{flights}"},
		{"spo2", "%", "%"}, {"hba1c", "mmol/mol", "mmol/mol"}, {"hba1c", "% (NGSP)", "%"},
		{"creatinine", "umol/L", "umol/L"}, {"creatinine", "µmol/L", "umol/L"}, {"creatinine", "μmol/l", "umol/L"}, {"glucose", "MG/DL", "mg/dL"},
		{"glucose", "mmol<180.1558800000541>/L", "mmol/L"}, {"hemoglobin", "g/L", "g/L"}, {"potassium", "mEq/L", "meq/L"},
		{"distance_walk_run", "mi", "[mi_i]"}, {"body_height", "in", "[in_i]"}, {"active_energy", "Cal", "kcal"}, {"active_energy", "kJ", "kJ"},
		{"vo2_max", "mL/min·kg", "mL/kg/min"}, {"vo2_max", "mL/(kg.min)", "mL/kg/min"}, {"peak_flow", "L/min", "L/min"}, {"sleep_duration", "hr", "h"},
		// Known units of something else are read, and convert to nothing.
		{"body_weight", "mg/dl", "mg/dL"}, {"loinc:1", "lbs", "[lb_av]"},
	} {
		if got, ok := Canonical(tt.metric, tt.written); !ok || got != tt.want {
			t.Errorf("%s in %q: %q, %v, want %q", tt.metric, tt.written, got, ok, tt.want)
		}
	}
	for _, tt := range []struct{ metric, written string }{
		{"glucose", ""}, {"glucose", " "}, {"glucose", "blorps"}, {"active_energy", "cal"}, {"active_energy", "calories"}, {"spo2", "1"}, {"heart_rate", "count"},
		{"heart_rate", "F"}, {"glucose", "mM"}, {"hrv_sdnn", "MS"}, {"body_height", "M"}, {"glucose", "mg/dL/h"}, {"glucose", "mmol<100>/L"}, {"body_weight", "\x00"},
	} {
		if got, ok := Canonical(tt.metric, tt.written); ok || got != "" {
			t.Errorf("%s in %q: %q", tt.metric, tt.written, got)
		}
	}
}

func TestSpellingsMeanOneUnit(t *testing.T) {
	seen := map[string]string{}
	for _, list := range [][]spelling{timesAndRates(), bodyMeasures(), concentrations()} {
		for _, s := range list {
			for _, written := range append(strings.Fields(s.also), s.ucum) {
				if before, twice := seen[written]; twice {
					t.Errorf("%q means %s and %s, or stands twice", written, before, s.ucum)
				}
				seen[written] = s.ucum
			}
		}
	}
	for metric := range ownSpellings() {
		if entries()[metric] == nil {
			t.Errorf("spellings of the unknown metric %s", metric)
		}
	}
	for code, e := range entries() {
		for _, s := range e.scales {
			if got, ok := Canonical(code, s.ucum); !ok || got != s.ucum {
				t.Errorf("%s: %s reads as %q", code, s.ucum, got)
			}
		}
	}
}

// TestTablesAreAsReleased fails on every change of a factor or a spelling. They
// decide what is stored, and so the identity of an imported row: the same file
// would be stored a second time beside its old rows. Bring the stored rows along
// in a migration, then take over the new digest.
func TestTablesAreAsReleased(t *testing.T) {
	const released = "b64e3d66ed848174"
	h := sha256.New()
	write := func(fields ...any) { h.Write([]byte(fmt.Sprintln(fields...))) }
	for _, code := range slices.Sorted(maps.Keys(entries())) {
		for _, s := range entries()[code].scales {
			write(code, s.ucum, s.by, s.plus)
		}
	}
	table := spellings()
	for _, metric := range slices.Sorted(maps.Keys(table)) {
		for _, written := range slices.Sorted(maps.Keys(table[metric])) {
			write(metric, written, table[metric][written])
		}
	}
	if got := hex.EncodeToString(h.Sum(nil))[:16]; got != released {
		t.Errorf("the tables have the digest %s, the released ones %s", got, released)
	}
}

func FuzzCanonical(f *testing.F) {
	for _, s := range []string{"beats/minute", "mm[Hg]", "°F", "mL/min/{1.73_m2}", "µmol/L", "mmol<180.1558800000541>/L", "kg\u200b", "", " ", "\xff", "{", "％"} {
		f.Add("heart_rate", s)
		f.Add("glucose", s)
		f.Add("loinc:1", s)
	}
	f.Fuzz(func(t *testing.T, metric, written string) {
		ucum, ok := Canonical(metric, written)
		if !ok {
			if ucum != "" {
				t.Errorf("%q is unknown and reads as %q", written, ucum)
			}
			return
		}
		if again, ok := Canonical(metric, ucum); !ok || again != ucum {
			t.Errorf("%q reads as %q, which reads as %q", written, ucum, again)
		}
		if !utf8.ValidString(ucum) {
			t.Errorf("%q reads as %q", written, ucum)
		}
		if spaced, ok := Canonical(metric, " "+written+"\u00a0"); !ok || spaced != ucum {
			t.Errorf("%q with blanks reads as %q, without as %q", written, spaced, ucum)
		}
		v, err := Convert(metric, 5, written, ucum)
		if err == nil && v != 5 {
			t.Errorf("5 %q are %v %s", written, v, ucum)
		}
	})
}
