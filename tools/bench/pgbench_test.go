package main

import (
	"slices"
	"strings"
	"testing"
	"time"
)

func text(s string) *string { return &s }

func TestNewScript(t *testing.T) {
	got, err := newScript([][]statement{
		{
			{sql: "begin read only"},
			{sql: "select set_config('hp.persons', $1, true), set_config('hp.reports', $2, true)", texts: []*string{text("7"), text("")}},
			{sql: "SELECT $1::date, $2 FROM t WHERE a = $1 AND b = $3;", texts: []*string{text("2026-11-22"), nil, text("x y")}},
		},
		{{sql: "\n select 1 "}},
	})
	if err != nil {
		t.Fatal(err)
	}
	want := `\startpipeline
begin read only;
select set_config('hp.persons', :s2_1, true), set_config('hp.reports', '', true);
SELECT :s3_1::date, NULL FROM t WHERE a = :s3_1 AND b = :s3_3;
\endpipeline
\startpipeline
select 1;
\endpipeline
`
	if got.text != want {
		t.Errorf("script:\n%s\nwant:\n%s", got.text, want)
	}
	if vars := []string{"s2_1=7", "s3_1=2026-11-22", "s3_3=x y"}; !slices.Equal(got.vars, vars) {
		t.Errorf("variables %q, want %q", got.vars, vars)
	}
}

func TestNewScriptRefusesWhatPgbenchWouldChange(t *testing.T) {
	for _, sql := range []string{"select 'loinc:8867-4'", "select a[1:2]", "select :name"} {
		if _, err := newScript([][]statement{{{sql: sql}}}); err == nil {
			t.Errorf("%s: no error", sql)
		}
	}
	for _, sql := range []string{"select a::text", "select '{}'::bigint[]", "select ': '"} {
		if _, err := newScript([][]statement{{{sql: sql}}}); err != nil {
			t.Errorf("%s: %v", sql, err)
		}
	}
}

func TestNewScriptLeavesUnknownParameters(t *testing.T) {
	got, err := newScript([][]statement{{{sql: "select $2", texts: []*string{text("1")}}}})
	if err != nil || !strings.Contains(got.text, "select $2;") {
		t.Errorf("script %q, error %v; pgbench shall refuse it itself", got.text, err)
	}
}

func TestWholeSeconds(t *testing.T) {
	for d, want := range map[time.Duration]int{100 * time.Millisecond: 1, time.Second: 1, 1001 * time.Millisecond: 2, 3 * time.Second: 3} {
		if got := wholeSeconds(d); got != want {
			t.Errorf("wholeSeconds(%s) = %d, want %d", d, got, want)
		}
	}
}

func TestPgOptions(t *testing.T) {
	got := pgOptions(map[string]string{
		"user": "portal", "database": "d", "application_name": "portal", "role": "hp_app", "timezone": "UTC", "search_path": `a b\c`,
	})
	if want := `-c role=hp_app -c search_path=a\ b\\c -c timezone=UTC`; got != want {
		t.Errorf("options %q, want %q", got, want)
	}
	if got := pgOptions(nil); got != "" {
		t.Errorf("options of nothing: %q", got)
	}
}

const report = `transaction type: x
number of transactions actually processed: 1234
number of failed transactions: 0 (0.000%)
tps = 617.000000 (without initial connection time)
`

func TestParseTPS(t *testing.T) {
	progress := "progress: 1.0 s, 100.0 tps, lat 9.0 ms stddev 1.0, 0 failed\n" +
		"progress: 2.0 s, 600.5 tps, lat 9.0 ms stddev 1.0, 0 failed\nprogress: 3.0 s, 620.5 tps, lat 9.0 ms stddev 1.0\n"
	tests := []struct {
		name, report, progress string
		want                   float64
		problem                string
	}{
		{"the first second is left out", report, progress, 610.5, ""},
		{"failures", strings.Replace(report, "failed transactions: 0", "failed transactions: 3", 1), progress, 0, "3 failed"},
		{"nothing done", strings.Replace(report, "1234", "0", 1), progress, 0, "no transactions"},
		{"no report", "", progress, 0, "no transactions"},
		{"too short", report, progress[:strings.Index(progress, "\n")+1], 0, "1 times"},
		{"no progress", report, "", 0, "0 times"},
		{"not a number", report, "progress: 1.0 s, 1 tps\nprogress: 2.0 s, 1.2.3 tps\n", 0, "progress"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := parseTPS(tt.report, tt.progress, 1)
			if tt.problem == "" {
				if err != nil || got != tt.want {
					t.Errorf("%v, %v; want %v", got, err, tt.want)
				}
				return
			}
			if err == nil || !strings.Contains(err.Error(), tt.problem) {
				t.Errorf("error %v, want %q", err, tt.problem)
			}
		})
	}
}
