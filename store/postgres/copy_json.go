package postgres

import (
	"context"
	"strings"

	"github.com/jackc/pgx/v5"

	"healthportal/app/health"
)

// The lines are those of the portable NDJSON (docs/export.md): the same bytes
// from every portal that holds the same, so that nothing in them is this
// database's own. This file is the only place that knows their shape.

// identityOf names a person p in files: by the record number, else by the least
// further identifier, else by the public id.
const identityOf = `SELECT x.system, x.value FROM (
	SELECT 1 AS rank, '` + health.SystemRecordNumber + `' AS system, p.record_number AS value WHERE p.record_number <> ''
	UNION ALL SELECT 2, i.system, i.value FROM health.person_identifier i WHERE i.person_id = p.id
	UNION ALL SELECT 3, 'urn:healthportal:public-id', p.public_id) x
	ORDER BY x.rank, x.system COLLATE "C", x.value COLLATE "C" LIMIT 1`

// jsonTime is a time with the offset that the source wrote, Z where it wrote none.
func jsonTime(x string) string {
	return `replace(((` + x + ` AT TIME ZONE 'UTC') + make_interval(mins => coalesce(e.tz_offset_min, 0)))::text, ' ', 'T') ||
	CASE WHEN e.tz_offset_min IS NULL THEN 'Z' ELSE CASE WHEN e.tz_offset_min < 0 THEN '-' ELSE '+' END
	  || lpad((abs(e.tz_offset_min) / 60)::text, 2, '0') || ':' || lpad((abs(e.tz_offset_min) % 60)::text, 2, '0') END`
}

// jsonMembers are the members of a line behind the person, in their order; an
// expression that is NULL leaves its member out. Days are dates: the first and
// the last one.
func jsonMembers(wholeDays bool) [][2]string {
	start, end := jsonTime("e.effective_at"), jsonTime("e.effective_end")
	if wholeDays {
		start, end = "e.local_day::text", "((e.effective_end AT TIME ZONE health.person_zone(e.person_id))::date - 1)::text"
	}
	return [][2]string{
		{"effective", start}, {"effective_end", end}, {"source", "nullif(s.name, '')"}, {"external_id", "nullif(e.external_id, '')"}, {"slot", "CASE WHEN e.external_id IS NOT NULL THEN nullif(coalesce(e.slot, i.slot), '') END"},
		{"group", "nullif(e.group_id, '')"}, {"metric", "m.code"}, {"metric_name", "CASE WHEN NOT m.in_catalogue THEN nullif(m.name, '') END"},
		{"code_system", "nullif(e.code_system, '')"}, {"code", "nullif(e.code, '')"}, {"value", "e.value"}, {"comparator", "nullif(e.comparator, '')"},
		{"text", "nullif(e.value_text, '')"}, {"unit", "u.ucum"}, {"orig_value", "nullif(e.orig_value, '')"}, {"orig_unit", "nullif(e.orig_unit, '')"},
		{"ref_low", "e.ref_low"}, {"ref_high", "e.ref_high"}, {"flag", "nullif(e.flag, '')"}, {"status", "e.status"}, {"device", "d.name"},
		{"updated", "replace((i.updated AT TIME ZONE 'UTC')::text, ' ', 'T') || 'Z'"},
	}
}

// jsonLine puts a line together; to_json prints each value. That is faster than
// json_strip_nulls of a row, and the same bytes.
func jsonLine(wholeDays bool) string {
	var b strings.Builder
	b.WriteString("(SELECT start FROM who)")
	for _, m := range jsonMembers(wholeDays) {
		b.WriteString("\n || coalesce(',\"" + m[0] + "\":' || to_json(" + m[1] + ")::text, '')")
	}
	return b.String() + ` || '}'`
}

// jsonQuery prints each row that the conditions choose of one person, by time and
// then by the bytes of the line. Rows of whole days count by their midnight in
// UTC; they are sorted by themselves, so that all others come in the order of the
// index. The digest ext is made first, behind OFFSET 0: row security forbids to
// search event_identity by functions that are not leakproof. It is NULL, which
// needs no search, where the row itself has the slot, as all have but old ones, and
// no source of the person told when it changed anything.
func jsonQuery(person, where string) string {
	half := func(wholeDays bool, condition, at string) string {
		return `(SELECT ` + at + ` AS at, (` + jsonLine(wholeDays) + `) COLLATE "C" AS line
		FROM (SELECT e.*, CASE WHEN e.external_id IS NOT NULL AND (e.slot IS NULL OR (SELECT dated FROM who)) THEN encode(substring(sha256(convert_to(e.external_id, 'UTF8')) FOR 16), 'hex')::uuid END AS ext
		  FROM health.event e WHERE ` + where + ` AND ` + condition + ` ORDER BY e.effective_at OFFSET 0) e ` + eventJoins + `
		LEFT JOIN health.event_identity i ON i.person_id = e.person_id AND i.source_id = e.source_id AND i.ext = e.ext AND i.event_id = e.id
		ORDER BY at, line)`
	}
	return `WITH who AS MATERIALIZED (SELECT '{"person":' || row_to_json(k)::text AS start,
	  EXISTS (SELECT FROM health.event_identity i WHERE i.person_id = p.id AND i.updated IS NOT NULL) AS dated
	FROM health.person p CROSS JOIN LATERAL (` + identityOf + `) k WHERE p.id = ` + person + `)
	SELECT line FROM (` + half(false, "NOT e.whole_days", "e.effective_at") + `
	UNION ALL
	` + half(true, "e.whole_days", "(e.local_day::timestamp AT TIME ZONE 'UTC')") + `) lines ORDER BY at, line`
}

// personLine is the line about a person, which files of everybody have.
const personLine = `SELECT '{"person":' || row_to_json(k)::text || ',"identifiers":' ||
	coalesce((SELECT '[' || string_agg(row_to_json(f)::text, ',' ORDER BY f.system COLLATE "C", f.value COLLATE "C") || ']' FROM (
	  SELECT i.system, i.value FROM health.person_identifier i WHERE i.person_id = p.id AND (i.system, i.value) <> (k.system, k.value)) f), '[]') ||
	coalesce(',"record_number":' || to_json(nullif(p.record_number, ''))::text, '') || coalesce(',"family_name":' || to_json(nullif(p.family_name, ''))::text, '') ||
	coalesce(',"given_name":' || to_json(nullif(p.given_name, ''))::text, '') || coalesce(',"birth_date":' || to_json(p.birth_date::text)::text, '') ||
	',"sex":' || to_json(p.sex)::text || coalesce(',"time_zone":' || to_json(nullif(p.timezone, ''))::text, '') || ',"synthetic":' || p.synthetic::text || E'}\n'
	FROM health.person p CROSS JOIN LATERAL (` + identityOf + `) k WHERE p.id = $1`

// writePerson writes the line about a person.
func writePerson(ctx context.Context, tx pgx.Tx, person health.PersonID, out *rowWriter) error {
	var line []byte
	if err := tx.QueryRow(ctx, personLine, int64(person)).Scan(&line); err != nil {
		return err
	}
	_, err := out.Write(line)
	return err
}
