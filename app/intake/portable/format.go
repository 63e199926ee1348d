// Package portable reads and writes the portal's own NDJSON, in which health
// events and persons move from one portal to another: exported, imported into an
// empty portal and exported again, the lines between the first and the last are
// the same bytes. docs/observation_ndjson.schema.json describes each line.
//
// # Lines
//
// The first line is the header, the last one the trailer with the number of rows,
// which are the lines between the two, and the SHA-256 of all bytes before it, so
// that a file that was cut off can't be taken for a whole one. Between them stand Observations,
// and before those of a person, where the file carries persons, one line about
// the person. Each line ends with LF. Nothing in a line belongs to one portal
// only: no ids of rows, no time or number of an import, no local day.
//
// Members stand in a fixed order and empty ones are left out. The bytes are those
// that PostgreSQL's json_strip_nulls(row_to_json(r)) prints: no spaces, escapes
// only for ", \ and characters below U+0020 (\b \f \n \r \t, else \u00xx in lower
// case), everything else as it is in UTF-8. Numbers are the shortest digits that
// lead back to the same float64 whatever way a reader rounds, from 1e+15 on and
// below 1e-04 with an exponent of at least two digits. What is no number stands
// as a text ("NaN", "Infinity", "-Infinity"): such rows are exported and refused
// at import.
//
// # Persons
//
// A person is named by the record number (system urn:healthportal:record-number),
// else by the least of the identifiers, ordered as bytes by system and value, else
// by the public id (system urn:healthportal:public-id); see [Identity]. The
// importing portal keeps that identifier, so that it names the person there, too.
// A line about a person gives all further identifiers. Consent to research stays
// behind: it was given to one clinic.
//
// # Times
//
// effective and effective_end are RFC 3339 with at most six digits of a second,
// without trailing zeros. They carry the offset that the source wrote; "Z" means
// that it wrote none. The end has the offset of the start. Where the source gave
// days they are dates: the first and, included, the last day.
//
// # Order
//
// Lines are ordered by person (system, then value), effective time and the bytes
// of the line. A date counts as its midnight in UTC here, so that the order does
// not depend on the zone of person or site. The dedupe key of the store would not
// do: it covers the internal id of the person, which another portal gives anew.
// The bytes of the line say the same as it, and [Compare] orders by them. As
// source, external_id and slot stand right behind the time, the values of one
// external id stand together, which the reader needs to import a panel as one.
//
// # SQL
//
// r is a row of these columns, in this order (e: health.event, m: health.metric,
// s: health.source, u: health.unit, d: health.device, i: health.event_identity of
// the current version, k: the person's identity as above, a row of system and value):
//
//	k AS person,
//	CASE WHEN e.whole_days THEN e.local_day::text ELSE at(e.effective_at) END AS effective,
//	CASE WHEN e.whole_days THEN ((e.effective_end AT TIME ZONE health.person_zone(e.person_id))::date - 1)::text
//	     ELSE at(e.effective_end) END AS effective_end,
//	nullif(s.name, '') AS source, nullif(e.external_id, '') AS external_id, nullif(i.slot, '') AS slot,
//	nullif(e.group_id, '') AS "group", m.code AS metric,
//	CASE WHEN NOT m.in_catalogue THEN nullif(m.name, '') END AS metric_name,
//	nullif(e.code_system, '') AS code_system, nullif(e.code, '') AS code,
//	e.value, nullif(e.comparator, '') AS comparator, nullif(e.value_text, '') AS text, u.ucum AS unit,
//	nullif(e.orig_value, '') AS orig_value, nullif(e.orig_unit, '') AS orig_unit, e.ref_low, e.ref_high,
//	nullif(e.flag, '') AS flag, e.status, d.name AS device,
//	replace((i.updated AT TIME ZONE 'UTC')::text, ' ', 'T') || 'Z' AS updated
//
// where at(t) stands for
//
//	replace(((t AT TIME ZONE 'UTC') + make_interval(mins => coalesce(e.tz_offset_min, 0)))::text, ' ', 'T') || offset
//	offset: 'Z' where e.tz_offset_min IS NULL, else
//	CASE WHEN e.tz_offset_min < 0 THEN '-' ELSE '+' END || lpad((abs(e.tz_offset_min) / 60)::text, 2, '0')
//	  || ':' || lpad((abs(e.tz_offset_min) % 60)::text, 2, '0')
//
// under DateStyle ISO and extra_float_digits 1 (PostgreSQL's defaults), and
//
//	ORDER BY k.system COLLATE "C", k.value COLLATE "C",
//	  CASE WHEN e.whole_days THEN e.local_day::timestamp AT TIME ZONE 'UTC' ELSE e.effective_at END, line COLLATE "C"
//
// Joining the pieces prints the same bytes with less work:
//
//	'{"person":' || row_to_json(k)::text || coalesce(',"unit":' || to_json(u.ucum)::text, '') || ... || '}'
//
// Processor time of PostgreSQL 15 for 400,000 rows: json_strip_nulls 2.7 s,
// row_to_json of the same columns with its nulls 2.0 s, the pieces 1.7 s, and
// 1.5 s where those of metric, source, unit, device and offset come from
// MATERIALIZED expressions, made once a name. (row_to_json of plain columns, with
// times in UTC: 1.3 s.)
//
// COPY's text format doubles backslashes; FORMAT csv, QUOTE E'\x01', DELIMITER
// E'\x02' leaves the lines as they are, because JSON holds no such bytes. The
// tests hold both expressions and Writer to the same bytes.
package portable

// The names that the header gives.
const (
	// Format stands in the header of each file.
	Format = "health-portal-observations"
	// Version is that of the format; readers refuse later ones.
	Version = 1
)

// SystemPublicID is the system of identifiers for persons that have no other:
// their public id in the portal that wrote the file.
const SystemPublicID = "urn:healthportal:public-id"

// header is the first line.
const header = `{"format":"health-portal-observations","version":1}` + "\n"
