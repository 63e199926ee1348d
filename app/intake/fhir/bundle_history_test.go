package fhir

import (
	"strings"
	"testing"
	"time"

	"healthportal/app/health"
)

// version is an entry of a history.
func version(value, updated string) string {
	res := strings.Replace(line(`"value":60`, `"value":`+value), `"id":"o1"`, `"id":"o1","meta":{"lastUpdated":"`+updated+`"}`, 1)
	return `{"fullUrl":"https://a.example/Observation/o1","resource":` + res + `,"request":{"method":"PUT","url":"Observation/o1"}}`
}

func TestHistory(t *testing.T) {
	const (
		first, second, third = "2026-03-01T10:00:00Z", "2026-03-02T10:00:00Z", "2026-03-02T13:00:00+02:00"
		removed              = `{"fullUrl":"https://a.example/Observation/o1","request":{"method":"DELETE","url":"Observation/o1"},"response":{"status":"204","lastModified":"2026-03-03T10:00:00Z"}}`
		local                = `{"request":{"method":"DELETE","url":"Observation/o1/_history/3"}}`
	)
	anonymous := func(value string) string {
		return entryOf(line(`"value":60`, `"value":`+value))
	}
	tests := []struct {
		name    string
		entries []string
		want    string
		status  health.Status // of the only Observation taken
	}{
		{"newest first, as FHIR has it", []string{version("63", third), version("62", second), version("61", first)}, "1:p1 63, 2:left out older versions, 3:left out older versions", health.Final},
		{"newest last", []string{version("61", first), version("62", second), version("63", third)}, "1:left out older versions, 2:left out older versions, 3:p1 63", health.Final},
		{"without times the first is the newest", []string{anonymous("63"), anonymous("61")}, "1:p1 63, 2:left out older versions", health.Final},
		{"deleted", []string{removed, version("62", second), version("61", first)},
			"1:left out deletions, done by retracting the version before, 2:p1 62, 3:left out older versions", health.EnteredInError},
		{"deleted, without times", []string{local, anonymous("62"), anonymous("61")},
			"1:left out deletions, done by retracting the version before, 2:p1 62, 3:left out older versions", health.EnteredInError},
		{"deleted and made again", []string{version("64", "2026-03-04T10:00:00Z"), removed, version("62", second)}, "1:p1 64, 2:left out older versions, 3:left out older versions", health.Final},
		{"deletion of the unknown", []string{removed}, "1:refused", ""},
		{"a patient's versions", []string{
			entryOf(`{"resourceType":"Patient","id":"p1","birthDate":"1980-01-02","meta":{"lastUpdated":"` + second + `"}}`),
			entryOf(`{"resourceType":"Patient","id":"p1","birthDate":"1980-02-01","meta":{"lastUpdated":"` + first + `"}}`)},
			"1:patient p1, 2:left out older versions", ""},
		{"others", []string{entryOf(`{"resourceType":"Condition","id":"1"}`), entryOf(`{"resourceType":"Condition","id":"1"}`)}, "1:left out Condition, 2:left out Condition", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			list, err := readBundle(strings.NewReader(bundleOf("history", tt.entries...)))
			if got := outline(list); err != nil || got != tt.want {
				t.Errorf("got  %s, %v\nwant %s", got, err, tt.want)
			}
			for _, rec := range list {
				for _, o := range rec.Observations {
					if o.Status != tt.status || o.ExternalID != "o1" {
						t.Errorf("status %s, id %s", o.Status, o.ExternalID)
					}
				}
			}
		})
	}
	for name, tt := range map[string]struct{ entries, want string }{
		"newest":                         {version("63", third) + "," + version("62", second), "2026-03-02T11:00:00Z"},
		"deleted":                        {removed + "," + version("62", second), "2026-03-03T10:00:00Z"},
		"deleted, without times":         {local + "," + anonymous("62"), "0001-01-01T00:00:00Z"},
		"changed by the response's word": {strings.TrimSuffix(anonymous("62"), "}") + `,"response":{"lastModified":"2026-03-02T10:00:00Z"}}`, second},
	} {
		list, err := readBundle(strings.NewReader(bundleOf("history", tt.entries)))
		if err != nil {
			t.Fatal(err)
		}
		for _, rec := range list {
			for _, o := range rec.Observations {
				if got := o.Updated.Format(time.RFC3339Nano); got != tt.want || rec.Undated {
					t.Errorf("%s: changed %s, want %s", name, got, tt.want)
				}
			}
		}
	}
	if _, err := readBundle(stream{strings.NewReader(bundleOf("history", removed))}); err == nil || !strings.Contains(err.Error(), "by its file name") {
		t.Errorf("from a stream: %v", err)
	}
	// Two servers' resources of one id are two resources.
	two := strings.ReplaceAll(version("70", first), "a.example", "b.example")
	if list, err := readBundle(strings.NewReader(bundleOf("history", version("63", third), two))); err != nil || outline(list) != "1:p1 63, 2:p1 70" {
		t.Errorf("two servers: %s, %v", outline(list), err)
	}
}
