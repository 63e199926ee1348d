package portable

import "strings"

// The SQL of the package comment.
const (
	offset = `CASE WHEN e.tz_offset_min IS NULL THEN 'Z' ELSE CASE WHEN e.tz_offset_min < 0 THEN '-' ELSE '+' END
	  || lpad((abs(e.tz_offset_min) / 60)::text, 2, '0') || ':' || lpad((abs(e.tz_offset_min) % 60)::text, 2, '0') END`
	shifted = `replace(((@ AT TIME ZONE 'UTC') + make_interval(mins => coalesce(e.tz_offset_min, 0)))::text, ' ', 'T') || ` + offset
	tables  = `
	FROM health.event e
	JOIN health.metric m ON m.id = e.metric_id
	JOIN health.source s ON s.id = e.source_id
	LEFT JOIN health.unit u ON u.id = e.unit_id
	LEFT JOIN health.device d ON d.id = e.device_id
	LEFT JOIN health.event_identity i ON e.external_id IS NOT NULL AND i.person_id = e.person_id AND i.source_id = e.source_id
	  AND i.ext = encode(substring(sha256(convert_to(e.external_id, 'UTF8')) FOR 16), 'hex')::uuid AND i.event_id = e.id
	JOIN health.person p ON p.id = e.person_id
	CROSS JOIN LATERAL (
	  (SELECT 'urn:healthportal:record-number' AS system, p.record_number AS value WHERE p.record_number IS NOT NULL)
	  UNION ALL
	  (SELECT system, value FROM health.person_identifier WHERE person_id = p.id ORDER BY system COLLATE "C", value COLLATE "C" LIMIT 1)
	  UNION ALL
	  (SELECT 'urn:healthportal:public-id', p.public_id)
	  LIMIT 1) k
	WHERE e.superseded_at IS NULL AND e.status <> 'entered-in-error'`
)

// column is a column of a row: what it is called and what it holds.
type column struct{ name, expression string }

func columns() []column {
	at := func(t string) string { return strings.ReplaceAll(shifted, "@", t) }
	return []column{
		{"person", `k`},
		{"effective", `CASE WHEN e.whole_days THEN e.local_day::text ELSE ` + at("e.effective_at") + ` END`},
		{"effective_end", `CASE WHEN e.whole_days THEN ((e.effective_end AT TIME ZONE health.person_zone(e.person_id))::date - 1)::text
		  ELSE ` + at("e.effective_end") + ` END`},
		{"source", `nullif(s.name, '')`}, {"external_id", `nullif(e.external_id, '')`}, {"slot", `nullif(i.slot, '')`},
		{"group", `nullif(e.group_id, '')`}, {"metric", `m.code`},
		{"metric_name", `CASE WHEN NOT m.in_catalogue THEN nullif(m.name, '') END`},
		{"code_system", `nullif(e.code_system, '')`}, {"code", `nullif(e.code, '')`},
		{"value", `e.value`}, {"comparator", `nullif(e.comparator, '')`}, {"text", `nullif(e.value_text, '')`}, {"unit", `u.ucum`},
		{"orig_value", `nullif(e.orig_value, '')`}, {"orig_unit", `nullif(e.orig_unit, '')`}, {"ref_low", `e.ref_low`}, {"ref_high", `e.ref_high`},
		{"flag", `nullif(e.flag, '')`}, {"status", `e.status`}, {"device", `d.name`},
		{"updated", `replace((i.updated AT TIME ZONE 'UTC')::text, ' ', 'T') || 'Z'`},
	}
}

// stripped is the expression that defines the format, and its tables.
func stripped() string {
	list := make([]string, 0, len(columns()))
	for _, c := range columns() {
		list = append(list, c.expression+` AS "`+c.name+`"`)
	}
	return `json_strip_nulls((SELECT row_to_json(r) FROM (SELECT ` + strings.Join(list, ", ") + `) r))::text AS line` + tables
}

// pieced is the faster expression for the same bytes, and its tables.
func pieced() string {
	var b strings.Builder
	for i, c := range columns() {
		value := `to_json(` + c.expression + `)::text`
		if i == 0 {
			b.WriteString(`'{"person":' || row_to_json(` + c.expression + `)::text`)
			continue
		}
		b.WriteString(` || coalesce(',"` + c.name + `":' || ` + value + `, '')`)
	}
	return b.String() + ` || '}' AS line` + tables
}

// copyOf copies the lines out in their order.
func copyOf(lines string) string {
	return `COPY (SELECT line FROM (
	  SELECT k.system AS person_system, k.value AS person_value,
	    CASE WHEN e.whole_days THEN e.local_day::timestamp AT TIME ZONE 'UTC' ELSE e.effective_at END AS at, ` + lines + `) l
	  ORDER BY person_system COLLATE "C", person_value COLLATE "C", at, line COLLATE "C")
	TO STDOUT (FORMAT csv, QUOTE E'\x01', DELIMITER E'\x02')`
}
