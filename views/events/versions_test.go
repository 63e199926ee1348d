package events

import (
	"regexp"
	"strings"
	"testing"
	"time"

	"healthportal/app/health"
)

// The history says which version counts, since when it counts again, and which never did.
func TestHistoryOfAValue(t *testing.T) {
	at := func(d int) time.Time { return time.Date(2026, 3, d, 12, 0, 0, 0, time.UTC) }
	version := func(n int, value float64, received, superseded time.Time) health.EventVersion {
		e := pressure(int64(n), "heart_rate", value, "")
		e.Version = n
		return health.EventVersion{Event: e, Received: received, Superseded: superseded, Import: int64(n), Format: "fhir-ndjson"}
	}
	const (
		again   = "replaced meanwhile, in force again since"
		outdate = "a later version was known already, or came with it"
	)
	tests := []struct {
		name string
		list []health.EventVersion
		want []string // for each version
		not  string
	}{
		{"the only one", []health.EventVersion{version(1, 60, at(1), time.Time{})}, []string{"in force"}, "replaced"},
		{"corrected", []health.EventVersion{version(2, 61, at(2), time.Time{}), version(1, 60, at(1), at(2))},
			[]string{"in force.*received 2 Mar 2026", "received 1 Mar 2026.*replaced 2 Mar 2026"}, again},
		{"set back", []health.EventVersion{version(3, 60, at(1), time.Time{}), version(2, 61, at(2), at(3))},
			[]string{"in force.*received 1 Mar 2026.*" + again + " 3 Mar 2026", "replaced 3 Mar 2026"}, outdate},
		{"an older one that came late", []health.EventVersion{version(2, 61, at(1), time.Time{}), version(1, 60, at(2), at(2))},
			[]string{"in force", "never in force.*received 2 Mar 2026.*" + outdate}, "replaced"},
		{"set back, and a late one", []health.EventVersion{version(3, 60, at(1), time.Time{}), version(2, 61, at(2), at(3)), version(1, 59, at(4), at(4))},
			[]string{again + " 3 Mar 2026", "replaced 3 Mar 2026", "never in force"}, "replaced 4 Mar"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			p := VersionsProps{Props: props(), Versions: tt.list}
			p.Zone = time.UTC
			parts := strings.Split(html(t, Versions(p)), "<li>")[1:]
			if len(parts) != len(tt.want) {
				t.Fatalf("%d versions", len(parts))
			}
			for i, want := range tt.want {
				text := strings.Join(strings.Fields(parts[i]), " ")
				if !regexp.MustCompile(want).MatchString(text) {
					t.Errorf("version %d lacks %q: %s", i, want, text)
				}
				if strings.Contains(text, tt.not) && tt.not != "" {
					t.Errorf("version %d says %q: %s", i, tt.not, text)
				}
			}
		})
	}
}
