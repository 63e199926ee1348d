package health

import "time"

// ExportFormat is a form of exported Observations.
type ExportFormat string

// The forms.
const (
	// ExportCSV is RFC 4180 with CRLF in UTF-8; texts are guarded by csvguard.
	ExportCSV ExportFormat = "csv"
	// ExportNDJSON is one JSON object a line; its last line holds the count and the hash of all before.
	ExportNDJSON ExportFormat = "ndjson"
)

// ParseExportFormat returns the format named s.
func ParseExportFormat(s string) (ExportFormat, error) {
	if f := ExportFormat(s); f == ExportCSV || f == ExportNDJSON {
		return f, nil
	}
	return "", inputError("%q is no form of export: write csv or ndjson", s)
}

// MediaType is the format's, with its character set.
func (f ExportFormat) MediaType() string {
	if f == ExportCSV {
		return "text/csv; charset=utf-8; header=present"
	}
	return "application/x-ndjson; charset=utf-8"
}

// ExportColumn is a column of an exported CSV file.
type ExportColumn struct {
	Name string
	// Text columns are quoted and guarded against spreadsheet formulas by
	// csvguard.Cell; the others hold numbers, times, days and true or false as they are.
	Text bool
	// Meaning says what the column holds.
	Meaning string
}

// ExportColumns lists the columns of an exported CSV file in their order. New
// ones are added at the end: readers may rely on the place.
func ExportColumns() []ExportColumn {
	return []ExportColumn{
		{"person", true, "the patient's id in this portal's addresses and API"},
		{"record_number", true, "the patient's record number; empty where there is none"},
		{"metric", true, "metric code, such as heart_rate"},
		{"metric_name", true, "the metric's name for people"},
		{"code_system", true, "system of the source's code, such as http://loinc.org"},
		{"code", true, "the source's code"},
		{"effective", false, "clinically relevant time, the start of a period: RFC 3339 with the offset of the patient's zone at that time"},
		{"effective_end", false, "end of a period, exclusive; empty for an instant"},
		{"source_offset_minutes", false, "UTC offset that the source wrote, in minutes; empty where it wrote none"},
		{"local_day", false, "the day in the patient's zone to which tables and charts count the value"},
		{"whole_days", false, "true where the source gave days without a time: the times are then the borders of those days"},
		{"value", false, "the number in unit, with as many digits as bring the same number back; empty where there is none"},
		{"comparator", true, "<, <=, >= or >: the value is a bound, not a measurement"},
		{"unit", true, "unit of value, UCUM"},
		{"text", true, "the value of an observation without a number"},
		{"orig_value", true, "the source's own digits or code where they differ; a plain number is not guarded"},
		{"orig_unit", true, "the source's own unit where it differs"},
		{"ref_low", false, "lower end of the laboratory's reference range, in unit"},
		{"ref_high", false, "upper end"},
		{"flag", true, "the laboratory's flag"},
		{"status", true, "FHIR observation-status"},
		{"source", true, "where the value comes from"},
		{"device", true, "the device that measured"},
		{"external_id", true, "the source's id of the value"},
		{"group", true, "what belongs together, such as the two values of a blood pressure"},
		{"version", false, "1 for the first content under an external id, then counting up"},
	}
}

// ReceiptDays is for how many days after its end an export's receipt is kept.
const ReceiptDays = 90

// ExportOutcome says how an export ended.
type ExportOutcome string

// The outcomes.
const (
	ExportRunning ExportOutcome = "running"
	ExportDone    ExportOutcome = "done"
	ExportFailed  ExportOutcome = "failed"
)

// ExportStale is how long a running export may go without a sign of life before
// it counts as broken off: its process is gone.
const ExportStale = time.Minute

// Export is the receipt of one export by a user or an API key.
type Export struct {
	// ID is random and stands in addresses; Ticket is the id that the page gave
	// before the export began, or empty.
	ID, Ticket string
	UserID     int64
	// KeyID is the API key's id; empty for sessions.
	KeyID  string
	Filter EventFilter
	// PersonID is the patient's public id, empty for one who is no longer here.
	PersonID string
	Format   ExportFormat
	// Gzip says that the file is compressed; Bytes and SHA256 are of the content.
	Gzip bool
	// File is the file's name.
	File string
	// Promised is the table's total when the export began, Rows what was written.
	Promised, Rows int64
	Bytes          int64
	// SHA256 is the hash of the whole content, in hex; empty until it is done.
	SHA256   string
	Outcome  ExportOutcome
	Started  time.Time
	LastSeen time.Time
	// Finished is the zero time until then.
	Finished time.Time
}

// Broken reports whether the export failed, or shows no sign of life at now.
func (e Export) Broken(now time.Time) bool {
	return e.Outcome == ExportFailed || e.Outcome == ExportRunning && now.Sub(e.LastSeen) > ExportStale
}

// pseudonymLength is long enough to tell a clinic's patients apart in a folder.
const pseudonymLength = 12

// ExportName is the name of an export's file: the patient's pseudonym for file
// names, and the range of local days or instants. The pseudonym is the beginning of the
// random public id, which tells nobody outside the portal who it is: names,
// record numbers and metrics stay out of folders. An empty publicID is everybody.
func ExportName(publicID string, f EventFilter, format ExportFormat, gzip bool) string {
	name := "events-everybody"
	if publicID != "" {
		name = "events-" + publicID[:min(len(publicID), pseudonymLength)]
	}
	switch from, to := f.From, f.To; {
	case from.IsZero() && to.IsZero() && f.Timed():
	case from.IsZero() && to.IsZero():
		name += "-all"
	case from == to:
		name += "-" + from.String()
	case to.IsZero():
		name += "-from-" + from.String()
	case from.IsZero():
		name += "-to-" + to.String()
	default:
		name += "-" + from.String() + "-to-" + to.String()
	}
	const compact = "20060102T150405.999999Z"
	if !f.Since.IsZero() {
		name += "-since-" + f.Since.UTC().Format(compact)
	}
	if !f.Until.IsZero() {
		name += "-until-" + f.Until.UTC().Format(compact)
	}
	name += "." + string(format)
	if gzip {
		name += ".gz"
	}
	return name
}
