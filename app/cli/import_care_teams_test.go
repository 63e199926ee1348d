package cli

import (
	"testing"

	"healthportal/app/intake/careteam"
)

func TestCareTeamFormats(t *testing.T) {
	tests := []struct {
		file, format string
		want         careteam.Format
		ok           bool
	}{
		{"teams.csv", "", careteam.CSV, true},
		{"TEAMS.CSV", "", careteam.CSV, true},
		{"teams.json", "", careteam.FHIR, true},
		{"teams.ndjson", "", careteam.FHIR, true},
		{"-", "csv", careteam.CSV, true},
		{"teams.csv", "fhir", careteam.FHIR, true},
		{"-", "", "", false},
		{"teams.xlsx", "", "", false},
		{"teams.csv", "xml", "", false},
	}
	for _, tt := range tests {
		got, err := importCareTeamsCommand{File: tt.file, Format: tt.format}.format()
		if got != tt.want || (err == nil) != tt.ok {
			t.Errorf("%s %q: %q, %v", tt.file, tt.format, got, err)
		}
	}
}
