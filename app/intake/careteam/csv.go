package careteam

import (
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"healthportal/app/access"
	"healthportal/app/health"
)

// columns lists what a CSV file may have; team and one of user and record_number are needed.
func columns() []string { return []string{"team", "user", "record_number", "from", "to"} }

// maxText bounds names and numbers; longer ones are mistakes.
const maxText = 256

// readCSV reads a comma-separated file with a header. It fails where the file as
// a whole is none; single lines become problems.
func readCSV(body []byte, site *time.Location) (parsed, error) {
	var file parsed
	body = bytes.TrimPrefix(body, []byte("\xef\xbb\xbf"))
	if !utf8.Valid(body) {
		return file, errors.New("the file is not UTF-8: save it as CSV UTF-8")
	}
	in := csv.NewReader(bytes.NewReader(body))
	in.FieldsPerRecord = -1
	header, err := in.Read()
	if errors.Is(err, io.EOF) {
		return file, errors.New("the file is empty: its first line names the columns " + strings.Join(columns(), ","))
	}
	if err != nil {
		return file, fmt.Errorf("the first line is not CSV: %w", err)
	}
	at, err := places(header)
	if err != nil {
		return file, err
	}
	for {
		fields, err := in.Read()
		if errors.Is(err, io.EOF) {
			return file, nil
		}
		var wrong *csv.ParseError
		if errors.As(err, &wrong) {
			// Behind a stray quote nobody can say where lines begin.
			return file, fmt.Errorf("line %d is not CSV: %w; nothing was stored", wrong.StartLine, wrong.Err)
		}
		if err != nil {
			return file, fmt.Errorf("read CSV: %w", err)
		}
		line, _ := in.FieldPos(0)
		member, err := csvLine(fields, at, len(header), site)
		if err != nil {
			file.problems = append(file.problems, Problem{line, err.Error()})
			continue
		}
		member.Line = line
		file.lines = append(file.lines, member)
	}
}

// places finds the columns of a header. Unknown ones are refused, because what
// they were meant to say would be lost.
func places(header []string) (map[string]int, error) {
	at := map[string]int{}
	for i, name := range header {
		name = strings.ToLower(strings.TrimSpace(name))
		if !slices.Contains(columns(), name) {
			return nil, fmt.Errorf("unknown column %q: the columns are %s, separated by commas", name, strings.Join(columns(), ","))
		}
		if _, twice := at[name]; twice {
			return nil, fmt.Errorf("column %q stands twice", name)
		}
		at[name] = i
	}
	_, user := at["user"]
	_, record := at["record_number"]
	if _, ok := at["team"]; !ok || !user && !record {
		return nil, errors.New("the columns team and user or record_number are needed")
	}
	return at, nil
}

func csvLine(fields []string, at map[string]int, width int, site *time.Location) (access.TeamLine, error) {
	var line access.TeamLine
	if len(fields) != width {
		return line, fmt.Errorf("%d fields, the first line has %d", len(fields), width)
	}
	get := func(name string) string {
		i, ok := at[name]
		if !ok {
			return ""
		}
		return strings.TrimSpace(fields[i])
	}
	for _, f := range fields {
		if len(f) > maxText || strings.ContainsRune(f, 0) {
			return line, fmt.Errorf("a field has more than %d bytes or a NUL", maxText)
		}
	}
	var err error
	if line.Team, err = access.TeamName(get("team")); err != nil {
		return line, err
	}
	line.User, line.RecordNumber = strings.ToLower(get("user")), get("record_number")
	if (line.User == "") == (line.RecordNumber == "") {
		return line, errors.New("give either user or record_number, not both and not neither")
	}
	if line.From, err = instant(get("from"), site, false); err != nil {
		return line, fmt.Errorf("from: %w", err)
	}
	if line.To, err = instant(get("to"), site, true); err != nil {
		return line, fmt.Errorf("to: %w", err)
	}
	return line, nil
}

// instant reads a day of the site's zone or an RFC 3339 time. The last day of a
// membership still belongs to it, so that an ending day means the midnight after it.
func instant(s string, site *time.Location, ends bool) (time.Time, error) {
	if s == "" {
		return time.Time{}, nil
	}
	if day, err := health.ParseDay(s); err == nil {
		if ends {
			day = day.AddDays(1)
		}
		return day.Start(site).UTC(), nil
	}
	t, err := time.Parse(time.RFC3339, s)
	if err != nil || t.Year() < 1800 || t.Year() > 2999 {
		return time.Time{}, fmt.Errorf("%q is neither a day such as 2026-03-29 nor a time with its zone such as 2026-03-29T08:00:00+02:00", s)
	}
	return t.UTC(), nil
}
