package csvfile

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/goccy/go-yaml"
)

// Mapping says what the columns of a file mean. The zero Mapping reads columns by
// the names of Fields.
type Mapping struct {
	// Columns leads from names of columns to names of fields. Columns that it does
	// not name are still known by the fields' own names.
	Columns map[string]string `yaml:"columns"`
	// Ignore names the columns that are left out on purpose.
	Ignore []string `yaml:"ignore"`
	// Constants gives fields that the file has no column for.
	Constants map[string]string `yaml:"constants"`
	// Zone is the IANA name of the zone of times without an offset; empty refuses them.
	Zone string `yaml:"zone"`
	// EffectiveFormat is a Go time layout ("02.01.2006 15:04"), "unix" for seconds since 1970 or
	// "unix_ms" for milliseconds; empty accepts RFC 3339, YYYY-MM-DD HH:MM[:SS[.ffffff]] and YYYY-MM-DD.
	EffectiveFormat string `yaml:"effective_format"`
	// Delimiter is ",", ";" or "tab"; empty finds it in the header.
	Delimiter string `yaml:"delimiter"`
	// DecimalComma reads 7,2 as seven and two tenths.
	DecimalComma bool `yaml:"decimal_comma"`
	// Guarded says that the portal's export wrote the file, which puts an apostrophe before texts that a
	// spreadsheet might evaluate. The column portal_export says so, too.
	Guarded bool `yaml:"guarded"`
}

// maxMapping bounds a mapping, in bytes.
const maxMapping = 1 << 20

// ParseMapping reads a mapping in YAML. Unknown keys are errors that name them.
func ParseMapping(data []byte) (m Mapping, err error) {
	if len(data) > maxMapping {
		return m, errors.New("the mapping is larger than 1 MiB")
	}
	// The decoder is foreign code that panics on some odd input.
	defer func() {
		if recover() != nil {
			m, err = Mapping{}, errors.New("the mapping is YAML of a kind that can't be read; docs/importing.md shows the shape")
		}
	}()
	if err := yaml.UnmarshalWithOptions(data, &m, yaml.Strict()); err != nil {
		var ye yaml.Error
		if errors.As(err, &ye) && ye.GetToken() != nil && ye.GetToken().Position != nil {
			return Mapping{}, fmt.Errorf("the mapping, line %d: %s; docs/importing.md shows the shape", ye.GetToken().Position.Line, ye.GetMessage())
		}
		return Mapping{}, fmt.Errorf("the mapping: %w", err)
	}
	return m, m.Validate()
}

// ParsePairs reads a mapping from arguments: columns are "column=field", with
// "column=-" for one that is left out, and constants are "field=value".
func ParsePairs(columns, constants []string) (Mapping, error) {
	m := Mapping{Columns: map[string]string{}, Constants: map[string]string{}}
	for _, pair := range columns {
		// A column's name may hold the sign, a field's doesn't.
		i := strings.LastIndex(pair, "=")
		if i < 1 {
			return Mapping{}, fmt.Errorf("%q is no column=field", pair)
		}
		name, to := pair[:i], strings.TrimSpace(pair[i+1:])
		if _, twice := m.Columns[name]; twice || slices.Contains(m.Ignore, name) {
			return Mapping{}, fmt.Errorf("the column %q is mapped twice", name)
		}
		if to == "-" {
			m.Ignore = append(m.Ignore, name)
			continue
		}
		m.Columns[name] = to
	}
	for _, pair := range constants {
		name, v, ok := strings.Cut(pair, "=")
		if !ok || name == "" {
			return Mapping{}, fmt.Errorf("%q is no field=value", pair)
		}
		if _, twice := m.Constants[name]; twice {
			return Mapping{}, fmt.Errorf("the field %q is set twice", name)
		}
		m.Constants[name] = v
	}
	return m, m.Validate()
}

// Validate refuses what contradicts itself or can't be understood; the error
// names the column or field.
func (m Mapping) Validate() error {
	taken := map[string]string{}
	for _, column := range slices.Sorted(maps.Keys(m.Columns)) {
		name := m.Columns[column]
		if _, ok := fieldOf(name); !ok {
			return fmt.Errorf("the column %q is mapped to %q, which is no field; the fields are %s", column, name, strings.Join(Fields(), ", "))
		}
		if other, twice := taken[name]; twice {
			return fmt.Errorf("the columns %q and %q are both mapped to %s", other, column, name)
		}
		taken[name] = column
		if slices.Contains(m.Ignore, column) {
			return fmt.Errorf("the column %q is mapped and ignored at once", column)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(m.Constants)) {
		f, ok := fieldOf(name)
		switch column, both := taken[name]; {
		case !ok:
			return fmt.Errorf("the constant %q is no field; the fields are %s", name, strings.Join(Fields(), ", "))
		case both:
			return fmt.Errorf("the field %s has the column %q and a constant at once", name, column)
		case f.varies():
			return fmt.Errorf("the field %s differs from line to line and can't be a constant", name)
		case m.Constants[name] == "":
			return fmt.Errorf("the constant %s is empty", name)
		}
	}
	_, err := m.settings()
	return err
}

// settings are the parts of a mapping that are not about columns, understood.
type settings struct {
	zone   *time.Location // nil: none was named
	layout layout
	delim  byte // 0: to be found in the header
}

func (m Mapping) settings() (s settings, err error) {
	if m.Zone != "" {
		// "Local" would be the server's own zone.
		if s.zone, err = time.LoadLocation(m.Zone); err != nil || m.Zone == "Local" {
			return s, fmt.Errorf("the zone %q is no IANA name such as Europe/Berlin", m.Zone)
		}
	}
	if s.layout, err = parseLayout(m.EffectiveFormat); err != nil {
		return s, err
	}
	switch m.Delimiter {
	case "":
	case ",", ";":
		s.delim = m.Delimiter[0]
	case "tab", "\t":
		s.delim = '\t'
	default:
		return s, fmt.Errorf("the delimiter %q is none of , ; tab", m.Delimiter)
	}
	return s, nil
}
