package csvfile

import (
	"errors"
	"maps"
	"slices"
	"strings"
	"testing"
)

const watch = `
columns:
  Zeit: effective
  "Puls (1/min)": value
ignore: [Bemerkung]
constants:
  metric: heart_rate
  unit: /min
  person_system: urn:healthportal:record-number
  person: MRN-1
zone: Europe/Berlin
effective_format: "02.01.2006 15:04"
delimiter: ";"
decimal_comma: true
`

func TestMappedFile(t *testing.T) {
	m, err := ParseMapping([]byte(watch))
	if err != nil {
		t.Fatal(err)
	}
	const file = "Zeit;Puls (1/min);Bemerkung\r\n01.03.2026 10:00;60,5;\"a;b\"\r\n"
	list, err := read(t, m, file)
	if err != nil || len(list) != 1 || len(list[0].Observations) != 1 {
		t.Fatalf("%+v, %v", list, err)
	}
	o := list[0].Observations[0]
	if o.Value != 60.5 || o.Metric != "heart_rate" || o.Unit != "/min" || o.EffectiveAt.Hour() != 9 || list[0].Subject.Value != "MRN-1" {
		t.Errorf("%+v", list[0])
	}
	pairs, err := ParsePairs([]string{"Zeit=effective", "Puls (1/min)=value", "Bemerkung=-"},
		[]string{"metric=heart_rate", "unit=/min", "person_system=urn:healthportal:record-number", "person=MRN-1"})
	if err != nil {
		t.Fatal(err)
	}
	if !maps.Equal(pairs.Columns, m.Columns) || !maps.Equal(pairs.Constants, m.Constants) || !slices.Equal(pairs.Ignore, m.Ignore) {
		t.Errorf("%+v\n%+v", pairs, m)
	}
}

func TestBadMappings(t *testing.T) {
	tests := []struct{ name, yaml, words string }{
		{"unknown key", "colums: {}", "line 1"},
		{"not YAML", "columns: [", "the mapping"},
		{"a list", "- a", "the mapping"},
		{"wrong type", "decimal_comma: maybe", "line 1"},
		{"key twice", "zone: UTC\nzone: UTC", "line 2"},
		{"unknown field", "columns: {Zeit: time}", `the column "Zeit" is mapped to "time"`},
		{"two columns", "columns: {A: value, B: value}", `the columns "A" and "B"`},
		{"mapped and ignored", "columns: {A: value}\nignore: [A]", `the column "A" is mapped and ignored`},
		{"unknown constant", "constants: {colour: red}", `"colour" is no field`},
		{"column and constant", "columns: {A: unit}\nconstants: {unit: kg}", `the field unit has the column "A"`},
		{"constant value", "constants: {value: \"5\"}", "the field value differs"},
		{"empty constant", "constants: {unit: \"\"}", "constant unit is empty"},
		{"zone", "zone: CEST", `zone "CEST"`},
		{"the server's zone", "zone: Local", `zone "Local"`},
		{"delimiter", "delimiter: \"|\"", `delimiter "|"`},
		{"year of two digits", "effective_format: 02.01.06 15:04", "year, month and day"},
		{"no year", "effective_format: 02.01. 15:04", "year, month and day"},
		{"day twice", "effective_format: 02.02.2006", "year, month and day"},
		{"no format", "effective_format: DD.MM.YYYY", "year, month and day"},
		{"half a clock", "effective_format: 02.01.2006 03:04", "hour and minute"},
		{"hours alone", "effective_format: 02.01.2006 15", "hour and minute"},
		{"zone's name", "effective_format: 2006-01-02 15:04 MST", "name of a zone"},
		{"offset of a day", "effective_format: 2006-01-02 -0700", "offset without"},
		{"too large", "zone: " + strings.Repeat("x", maxMapping), "1 MiB"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if _, err := ParseMapping([]byte(tt.yaml)); err == nil || !strings.Contains(err.Error(), tt.words) {
				t.Errorf("got %v", err)
			}
		})
	}
	for _, m := range []Mapping{{Zone: "Nowhere"}, {Columns: map[string]string{"A": "b"}}} {
		if _, err := New(strings.NewReader(""), m); err == nil {
			t.Errorf("%+v was taken", m)
		}
	}
}

func TestBadPairs(t *testing.T) {
	tests := []struct {
		columns, constants []string
		words              string
	}{
		{[]string{"Zeit"}, nil, `"Zeit" is no column=field`},
		{[]string{"=value"}, nil, "is no column=field"},
		{[]string{"A=value", "A=unit"}, nil, `column "A" is mapped twice`},
		{[]string{"A=-", "A=unit"}, nil, `column "A" is mapped twice`},
		{[]string{"A=colour"}, nil, `"A" is mapped to "colour"`},
		{nil, []string{"unit"}, `"unit" is no field=value`},
		{nil, []string{"unit=kg", "unit=g"}, `field "unit" is set twice`},
		{nil, []string{"colour=red"}, `"colour" is no field`},
	}
	for _, tt := range tests {
		if _, err := ParsePairs(tt.columns, tt.constants); err == nil || !strings.Contains(err.Error(), tt.words) {
			t.Errorf("%v %v: %v", tt.columns, tt.constants, err)
		}
	}
	if m, err := ParsePairs([]string{"a=b=value"}, []string{"source=a=b"}); err != nil || m.Columns["a=b"] != "value" || m.Constants["source"] != "a=b" {
		t.Errorf("%+v, %v", m, err)
	}
}

func TestHeaders(t *testing.T) {
	tests := []struct {
		name, header string
		m            Mapping
		words        string // of the error; empty: the header is good
	}{
		{"as documented", "effective,metric,value", Mapping{}, ""},
		{"capitals and spaces", " Effective , METRIC,Value", Mapping{}, ""},
		{"semicolons", "effective;metric;value", Mapping{}, ""},
		{"tabs", "effective\tmetric\tvalue", Mapping{}, ""},
		{"semicolons in quotes", `"effective";"metric";"value"`, Mapping{}, ""},
		{"tab by mapping", "effective\tmetric\tvalue", Mapping{Delimiter: "tab"}, ""},
		{"text instead of value", "effective,metric,text", Mapping{}, ""},
		{"code instead of metric", "effective,code_system,code,value", Mapping{}, ""},
		{"unknown column ignored", "effective,metric,value,Note", Mapping{Ignore: []string{"Note"}}, ""},
		{"known column ignored", "effective,metric,value,unit", Mapping{Ignore: []string{"unit"}}, ""},
		{"unknown column", "effective,metric,value,Note", Mapping{}, `column "Note" is unknown`},
		{"ignored in other case", "effective,metric,value,Note", Mapping{Ignore: []string{"note"}}, `column "Note" is unknown`},
		{"no name", "effective,metric,value,", Mapping{}, "column 4 has no name"},
		{"column twice", "effective,metric,value,value", Mapping{}, `column "value" stands twice`},
		{"field twice", "effective,metric,value,Value", Mapping{}, `two columns stand for the field value`},
		{"field twice by mapping", "effective,metric,value,A", Mapping{Columns: map[string]string{"A": "value"}}, "two columns stand for the field value"},
		{"column and constant", "effective,metric,value,unit", Mapping{Constants: map[string]string{"unit": "kg"}}, "has a constant"},
		{"column that is not there", "effective,metric,value", Mapping{Columns: map[string]string{"A": "unit"}}, `names the column "A", and the file has none`},
		{"no time", "metric,value", Mapping{}, "field effective"},
		{"no value", "effective,metric", Mapping{}, "value or text"},
		{"no metric", "effective,value", Mapping{}, "what was measured"},
		{"no system", "effective,value,code", Mapping{}, "needs code_system"},
		{"person without system", "effective,metric,value,person", Mapping{}, "needs person_system"},
		{"system without person", "effective,metric,value,person_system", Mapping{}, "needs person beside it"},
		{"two delimiters", "effective;metric;value,unit", Mapping{}, "more than one of comma"},
		{"other delimiter by mapping", "effective,metric,value", Mapping{Delimiter: ";"}, "names no known column"},
		{"a line of values", "2026-03-01,heart_rate,60", Mapping{}, "names no known column"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := read(t, tt.m, tt.header+"\n")
			if err != nil && strings.Contains(err.Error(), "60") {
				t.Errorf("the error quotes a value: %v", err)
			}
			if tt.words == "" && err != nil || tt.words != "" && (!errors.Is(err, ErrHeader) || !strings.Contains(err.Error(), tt.words)) {
				t.Errorf("got %v", err)
			}
		})
	}
}

func FuzzParseMapping(f *testing.F) {
	f.Add([]byte(watch))
	f.Add([]byte("columns: {A: value}\nconstants: {unit: 5}\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		m, err := ParseMapping(b)
		if err != nil {
			return
		}
		if _, err := New(strings.NewReader(""), m); err != nil {
			t.Errorf("a mapping that was taken is refused: %v", err)
		}
	})
}
