package postgres

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"healthportal/app/health"
)

// arguments numbers the parameters of a statement that is put together from parts.
type arguments []any

// add returns the placeholder of a further parameter.
func (a *arguments) add(v any) string {
	*a = append(*a, v)
	return "$" + strconv.Itoa(len(*a))
}

// patientQuery puts the statements of one page together.
type patientQuery struct {
	filter health.PatientFilter
	user   int64
}

// matches is the condition on health.person AS p, seen under row security. Its
// functions are applied to the user's own patients only, because they may leak.
func (q patientQuery) matches(args *arguments) string {
	var all []string
	if q.filter.Text != "" {
		text := args.add(q.filter.Text)
		all = append(all, `(((SELECT health.fold_name(`+text+`)) <> '' AND NOT EXISTS (
		  SELECT 1 FROM unnest(string_to_array((SELECT health.fold_name(`+text+`)), ' ')) w WHERE strpos(' ' || p.search_name, ' ' || w) = 0))
		  OR starts_with(lower(p.record_number), lower(`+text+`))
		  OR EXISTS (SELECT 1 FROM health.person_identifier i WHERE i.person_id = p.id AND i.system = '`+health.SystemRecordNumber+`'
		    AND starts_with(lower(i.value), lower(`+text+`))))`)
	}
	if q.filter.Team != "" {
		all = append(all, `p.id IN (SELECT n.person_id FROM health.unopened(`+args.add(q.user)+`) n JOIN auth.care_team c ON c.id = n.team_id WHERE c.public_id = `+args.add(q.filter.Team)+`)`)
	}
	if all == nil {
		return "true"
	}
	return strings.Join(all, " AND ")
}

// order gives the two leading numbers of the order, and where they come from. Both rise.
func (q patientQuery) order(args *arguments) (first, second, from string) {
	switch q.filter.Sort {
	case health.ByData:
		return "coalesce(date '1970-01-01' - o.local_day, 2147483647)", "0", " LEFT JOIN health.scope_last_days(NULL) o ON o.person_id = p.id"
	case health.ByFlags:
		return "coalesce(o.rank, 9)", "coalesce(date '1970-01-01' - o.local_day, 0)", " LEFT JOIN health.scope_flags(" + args.add(q.filter.FlagsSince) + ", NULL) o ON o.person_id = p.id"
	default:
		return "0", "0", ""
	}
}

// page reads one row more than the page has. Names stand as a reader sorts them,
// Ö beside O. The cursor is a public id, because names stay out of addresses; its
// patient need not match any more: one who was opened is no news.
func (q patientQuery) page() (string, arguments) {
	var args arguments
	f := q.filter
	first, second, from := q.order(&args)
	match := q.matches(&args)
	cursor := f.After
	down, than := "", ">"
	if f.Before != "" {
		cursor, down, than = f.Before, " DESC", "<"
	}
	keyed := match
	if cursor != "" {
		keyed = `(` + match + `) OR p.public_id = ` + args.add(cursor)
	}
	sql := `WITH keyed AS MATERIALIZED (
	  SELECT p.id, p.public_id, ` + first + ` AS k1, ` + second + ` AS k2, lower(p.family_name) COLLATE "und-x-icu" AS family,
	    lower(p.given_name) COLLATE "und-x-icu" AS given, ` + match + ` AS matches
	  FROM health.person p` + from + ` WHERE ` + keyed + `),
	chosen AS (SELECT k.* FROM keyed k WHERE k.matches`
	if cursor != "" {
		sql += ` AND (k.k1, k.k2, k.family, k.given, k.id) ` + than + ` (SELECT c.k1, c.k2, c.family, c.given, c.id FROM keyed c WHERE c.public_id = ` + args.add(cursor) + `)`
	}
	order := ` ORDER BY k.k1` + down + `, k.k2` + down + `, k.family` + down + `, k.given` + down + `, k.id` + down
	sql += order + ` LIMIT ` + args.add(f.Size+1) + `),
	ids AS MATERIALIZED (SELECT coalesce(array_agg(id), '{}') AS list FROM chosen)
	SELECT ` + personColumns + `, d.local_day, coalesce(o.flag, ''), coalesce(m.name, ''), o.local_day, coalesce(o.n, 0),
	  p.id IN (SELECT n.person_id FROM health.unopened(` + args.add(q.user) + `) n),
	  (SELECT max(b.expires_at) FROM auth.break_glass b WHERE b.user_id = ` + args.add(q.user) + ` AND b.person_id = p.id AND ` + glassOpen + `)
	FROM chosen k JOIN health.person p ON p.id = k.id
	LEFT JOIN health.scope_last_days((SELECT list FROM ids)) d ON d.person_id = k.id
	LEFT JOIN health.scope_flags(` + args.add(f.FlagsSince) + `, (SELECT list FROM ids)) o ON o.person_id = k.id
	LEFT JOIN health.metric m ON m.id = o.metric_id` + order
	return sql, args
}

// exists makes the batch fail with ErrNotFound unless the statement finds a row.
func exists(b *pgx.Batch, sql string, args ...any) {
	b.Queue(sql, args...).QueryRow(func(row pgx.Row) error {
		var one int
		return row.Scan(&one)
	})
}

// Patients returns a page of the persons in the user's care teams. A cursor that
// names none of them, and a team that isn't the user's, give ErrNotFound.
func (db *DB) Patients(ctx context.Context, userID int64, f health.PatientFilter) (health.PatientPage, error) {
	var page health.PatientPage
	if err := f.Validate(); err != nil {
		return page, err
	}
	q := patientQuery{f, userID}
	err := db.readAs(ctx, userID, func(b *pgx.Batch) {
		if cursor := f.After + f.Before; cursor != "" {
			exists(b, `SELECT 1 FROM health.person WHERE public_id = $1`, cursor)
		}
		if f.Team != "" {
			exists(b, `SELECT 1 FROM auth.care_team c JOIN auth.care_team_user u ON u.team_id = c.id WHERE c.public_id = $1 AND u.user_id = $2
				AND u.valid_from <= now() AND (u.valid_to IS NULL OR u.valid_to > now()) LIMIT 1`, f.Team, userID)
		}
		var args arguments
		match := q.matches(&args)
		b.Queue(`SELECT count(*), count(*) FILTER (WHERE `+match+`) FROM health.person p`, args...).
			QueryRow(func(row pgx.Row) error { return row.Scan(&page.All, &page.Total) })
		sql, args := q.page()
		b.Queue(sql, args...).Query(func(rows pgx.Rows) error {
			var err error
			page.Patients, err = scanPatients(rows)
			return err
		})
	})
	if err != nil {
		return health.PatientPage{}, fmt.Errorf("patients: %w", err)
	}
	more := len(page.Patients) > f.Size
	page.Patients = page.Patients[:min(len(page.Patients), f.Size)]
	if f.Before != "" {
		slices.Reverse(page.Patients)
		page.Previous, page.Next = more, true
	} else {
		page.Previous, page.Next = f.After != "", more
	}
	return page, nil
}

func scanPatients(rows pgx.Rows) ([]health.PatientRow, error) {
	var list []health.PatientRow
	for rows.Next() {
		var s personScan
		var r health.PatientRow
		var last, flagDay, until *time.Time
		if err := rows.Scan(append(s.targets(), &last, &r.Flags.Flag, &r.Flags.Metric, &flagDay, &r.Flags.Count, &r.New, &until)...); err != nil {
			return nil, err
		}
		r.Person, r.LastDay, r.Flags.Day, r.BreakGlassUntil = s.person(), dayOf(last), dayOf(flagDay), orZero(until).UTC()
		list = append(list, r)
	}
	return list, rows.Err()
}
