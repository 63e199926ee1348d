-- Sums in which each moment counts once: the priority of sources, the resolved sum
-- beside the plain one, and daily figures of the site. It only adds.
-- +goose Up
SET LOCAL ROLE hp_owner;

-- The smaller number counts. priority is what an operator chose, priority_default what the name says
-- (app/health.SourceKindOf); NULL: the program has not looked yet. Of source and device the better default holds.
ALTER TABLE health.source
  ADD COLUMN priority         smallint CHECK (priority BETWEEN 1 AND 999),
  ADD COLUMN priority_default smallint CHECK (priority_default BETWEEN 1 AND 999);
ALTER TABLE health.device
  ADD COLUMN priority_default smallint CHECK (priority_default BETWEEN 1 AND 999);

ALTER TABLE health.event_day
  -- The source and device of the day's numbers (device 0: none); several: they are not the only ones.
  ADD COLUMN source_id     integer,
  ADD COLUMN device_id     integer,
  ADD COLUMN several       boolean NOT NULL DEFAULT false,
  -- Of totals with more than one source on the day or one beside it: the sum in which each moment counts once,
  -- and the sources of which something was left out. NULL: value_sum is that sum.
  ADD COLUMN value_counted double precision,
  ADD COLUMN left_sources  integer[],
  ADD CHECK (left_sources IS NULL OR value_counted IS NOT NULL);

-- The numbers of totals on the given keys, each with the part of it that counts, where more than one source
-- or device measured about that time; other days give no rows. A row gives way to rows of the same series, on its
-- day and the ones beside it, of a better priority: by the share of its time that they cover, at an instant wholly.
-- Rows of one source and device never give way to one another. docs/importing.md has the rule in words.
-- It runs as the caller, under row security.
-- +goose StatementBegin
CREATE FUNCTION health.counted_rows(persons bigint[], metrics integer[], days date[])
RETURNS TABLE (person_id bigint, metric_id integer, local_day date, code_system text, code text, unit_id integer,
  source_id integer, effective_at timestamptz, whole_days boolean, value double precision, counted double precision)
LANGUAGE plpgsql STABLE SET search_path = health, pg_temp SET enable_hashjoin = on SET enable_nestloop = off
  SET jit = off SET work_mem = '32MB' AS $$
#variable_conflict use_column
DECLARE
  span_from timestamptz;
  span_to   timestamptz;
BEGIN
  IF coalesce(cardinality(days), 0) = 0 THEN
    RETURN;
  END IF;
  SELECT (min(d) - 3)::timestamp AT TIME ZONE 'UTC', (max(d) + 3)::timestamp AT TIME ZONE 'UTC' INTO span_from, span_to FROM unnest(days) d;
  RETURN QUERY
  WITH own AS MATERIALIZED (
    SELECT k.person_id, k.metric_id, k.local_day, e.*
    FROM unnest(persons, metrics, days) AS k (person_id, metric_id, local_day)
    JOIN health.metric m ON m.id = k.metric_id AND m.kind = 'total'
    CROSS JOIN LATERAL (
      SELECT x.code_system, x.code, coalesce(x.unit_id, 0) AS unit_id, x.source_id, coalesce(x.device_id, 0) AS device_id, x.effective_at,
        least(coalesce(x.effective_end, x.effective_at), '9999-12-31 00:00:00+00') AS effective_to, x.whole_days, x.value
      FROM health.event x
      WHERE x.person_id = k.person_id AND x.metric_id = k.metric_id AND x.local_day = k.local_day
        AND x.effective_at >= (k.local_day - 2)::timestamp AT TIME ZONE 'UTC' AND x.effective_at < (k.local_day + 2)::timestamp AT TIME ZONE 'UTC'
        AND x.effective_at >= span_from AND x.effective_at < span_to
        AND x.superseded_at IS NULL AND x.status <> 'entered-in-error' AND x.value IS NOT NULL AND x.comparator IS NULL
      OFFSET 0) e -- looked up key by key
  ), beside AS (
    -- Of the days beside, what reaches to the day's own rows.
    SELECT k.person_id, k.metric_id, k.local_day, e.*
    FROM (SELECT o.person_id, o.metric_id, o.local_day, min(o.effective_at) AS first, max(o.effective_to) AS last FROM own o GROUP BY 1, 2, 3) k
    CROSS JOIN (VALUES (-1), (1)) AS g (off)
    CROSS JOIN LATERAL (
      SELECT x.code_system, x.code, coalesce(x.unit_id, 0) AS unit_id, x.source_id, coalesce(x.device_id, 0) AS device_id, x.effective_at,
        least(coalesce(x.effective_end, x.effective_at), '9999-12-31 00:00:00+00') AS effective_to, x.whole_days, x.value
      FROM health.event x
      WHERE x.person_id = k.person_id AND x.metric_id = k.metric_id AND x.local_day = k.local_day + g.off
        AND x.effective_at >= (k.local_day + g.off - 2)::timestamp AT TIME ZONE 'UTC' AND x.effective_at < (k.local_day + g.off + 2)::timestamp AT TIME ZONE 'UTC'
        AND x.effective_at >= span_from AND x.effective_at < span_to AND x.effective_at <= k.last AND coalesce(x.effective_end, x.effective_at) >= k.first
        AND x.superseded_at IS NULL AND x.status <> 'entered-in-error' AND x.value IS NOT NULL AND x.comparator IS NULL
      OFFSET 0) e
  ), taken AS MATERIALIZED (
    SELECT o.*, true AS own FROM own o UNION ALL SELECT b.*, false FROM beside b
  ), lanes AS (
    SELECT t.*, dense_rank() OVER (ORDER BY t.person_id, t.metric_id, t.local_day, t.code_system, t.code, t.unit_id) AS series,
      count(*) OVER (PARTITION BY t.person_id, t.metric_id, t.local_day, t.code_system, t.code, t.unit_id) AS lanes,
      row_number() OVER (PARTITION BY t.person_id, t.metric_id, t.local_day, t.code_system, t.code, t.unit_id
        ORDER BY coalesce(s.priority, least(s.priority_default, v.priority_default), 500), coalesce(least(s.priority_default, v.priority_default), 500),
          coalesce(s.priority_default, 500), s.name COLLATE "C", v.name COLLATE "C", t.source_id, t.device_id) AS lane
    FROM (SELECT DISTINCT x.person_id, x.metric_id, x.local_day, x.code_system, x.code, x.unit_id, x.source_id, x.device_id FROM taken x) t
    LEFT JOIN health.source s ON s.id = t.source_id LEFT JOIN health.device v ON v.id = t.device_id
  ), ranked AS MATERIALIZED (
    SELECT t.*, l.series, l.lane, l.lanes, row_number() OVER () AS row_no,
      (extract(epoch FROM t.effective_at) * 1000000)::bigint AS starts, (extract(epoch FROM t.effective_to) * 1000000)::bigint AS ends
    FROM taken t JOIN lanes l USING (person_id, metric_id, local_day, code_system, code, unit_id, source_id, device_id)
    WHERE l.lanes > 1
  ), marks AS (
    -- What covers the lanes behind, and where each row of these asks how much was covered so far.
    SELECT r.series, l.lane, m.at, m.step, NULL::bigint AS row_no, false AS ending
    FROM ranked r CROSS JOIN LATERAL generate_series(r.lane + 1, r.lanes) AS l (lane)
    CROSS JOIN LATERAL (VALUES (r.starts, 1), (r.ends, -1)) AS m (at, step)
    WHERE r.ends > r.starts
    UNION ALL
    SELECT r.series, r.lane, p.at, 0, r.row_no, p.ending
    FROM ranked r CROSS JOIN LATERAL (VALUES (r.starts, false), (r.ends, true)) AS p (at, ending)
    WHERE r.own AND r.lane > 1
  ), open AS (
    SELECT m.*, sum(m.step) OVER (PARTITION BY m.series, m.lane ORDER BY m.at) AS depth FROM marks m
  ), gaps AS (
    SELECT o.*, CASE WHEN lag(o.depth) OVER w > 0 THEN o.at - lag(o.at) OVER w ELSE 0 END AS gap
    FROM open o WINDOW w AS (PARTITION BY o.series, o.lane ORDER BY o.at)
  ), swept AS (
    SELECT g.*, sum(g.gap) OVER (PARTITION BY g.series, g.lane ORDER BY g.at) AS so_far FROM gaps g
  ), shares AS (
    SELECT s.row_no, (max(s.so_far) FILTER (WHERE s.ending) - max(s.so_far) FILTER (WHERE NOT s.ending))::bigint AS covered,
      bool_or(NOT s.ending AND s.depth > 0) AS hidden
    FROM swept s WHERE s.row_no IS NOT NULL GROUP BY s.row_no
  ), points AS (
    SELECT r.series, r.starts, min(r.lane) AS lane FROM ranked r WHERE r.ends = r.starts GROUP BY 1, 2
  )
  SELECT r.person_id, r.metric_id, r.local_day, r.code_system, r.code, r.unit_id, r.source_id, r.effective_at, r.whole_days, r.value,
    CASE WHEN r.ends = r.starts THEN CASE WHEN s.hidden OR p.lane < r.lane THEN 0 ELSE r.value END
      WHEN coalesce(s.covered, 0) = 0 THEN r.value WHEN s.covered = r.ends - r.starts THEN 0
      ELSE r.value * ((r.ends - r.starts - s.covered)::double precision / (r.ends - r.starts)) END
  FROM ranked r LEFT JOIN shares s ON s.row_no = r.row_no LEFT JOIN points p ON p.series = r.series AND p.starts = r.starts AND r.ends = r.starts
  WHERE r.own;
END $$;
-- +goose StatementEnd

-- Their sums, and the sources of which something was left out (NULL: none).
-- +goose StatementBegin
CREATE FUNCTION health.counted_days(persons bigint[], metrics integer[], days date[])
RETURNS TABLE (person_id bigint, metric_id integer, local_day date, code_system text, code text, unit_id integer, value_counted double precision, left_sources integer[])
LANGUAGE sql STABLE AS $$
  SELECT c.person_id, c.metric_id, c.local_day, c.code_system, c.code, c.unit_id, sum(c.counted),
    array_agg(DISTINCT c.source_id ORDER BY c.source_id) FILTER (WHERE c.counted IS DISTINCT FROM c.value)
  FROM health.counted_rows(persons, metrics, days) c GROUP BY 1, 2, 3, 4, 5, 6
$$;
-- +goose StatementEnd

-- How many persons of the site have data of a series on a local day, and their mean: of the numbers, for totals of the
-- persons' daily sums in which each moment counts once. A row about few persons tells about them.
CREATE MATERIALIZED VIEW analytics.mv_daily_metrics AS
  SELECT d.local_day, m.code AS metric, m.kind, d.code_system, d.code, coalesce(u.ucum, '') AS unit,
    count(*) AS persons, sum(d.n)::bigint AS observations, sum(d.n_used)::bigint AS numbers,
    (CASE WHEN m.kind = 'total' THEN avg(coalesce(d.value_counted, d.value_sum)::numeric)
      ELSE sum(d.value_sum::numeric) / nullif(sum(d.n_used), 0) END)::double precision AS mean
  FROM health.event_day d JOIN health.metric m ON m.id = d.metric_id LEFT JOIN health.unit u ON u.id = d.unit_id
  GROUP BY d.local_day, m.code, m.kind, d.code_system, d.code, d.unit_id, u.ucum;
-- refresh-views replaces the rows while others read, which needs a key.
CREATE UNIQUE INDEX mv_daily_metrics_key ON analytics.mv_daily_metrics (local_day, metric, code_system, code, unit);

-- What is there: the sources of the days of totals, and the days that have to be counted anew.
UPDATE health.event_day d SET source_id = r.source_id, device_id = r.device_id, several = r.several
FROM (
  SELECT e.person_id, e.metric_id, e.local_day, e.code_system, e.code, coalesce(e.unit_id, 0) AS unit_id, min(e.source_id) AS source_id,
    min(coalesce(e.device_id, 0)) AS device_id,
    min(e.source_id) <> max(e.source_id) OR min(coalesce(e.device_id, 0)) <> max(coalesce(e.device_id, 0)) AS several
  FROM health.event e JOIN health.metric m ON m.id = e.metric_id AND m.kind = 'total'
  WHERE e.superseded_at IS NULL AND e.status <> 'entered-in-error' AND e.value IS NOT NULL AND e.comparator IS NULL
  GROUP BY 1, 2, 3, 4, 5, 6) r
WHERE (d.person_id, d.metric_id, d.local_day, d.code_system, d.code, d.unit_id) = (r.person_id, r.metric_id, r.local_day, r.code_system, r.code, r.unit_id);
INSERT INTO health.event_dirty (person_id, metric_id, local_day)
SELECT DISTINCT d.person_id, d.metric_id, d.local_day
FROM health.event_day d JOIN health.metric m ON m.id = d.metric_id AND m.kind = 'total'
WHERE d.source_id IS NOT NULL AND (d.several OR EXISTS (SELECT FROM health.event_day x
  WHERE x.person_id = d.person_id AND x.metric_id = d.metric_id AND x.local_day BETWEEN d.local_day - 1 AND d.local_day + 1
    AND x.code_system = d.code_system AND x.code = d.code AND x.unit_id = d.unit_id AND x.source_id IS NOT NULL
    AND (x.several OR (x.source_id, x.device_id) <> (d.source_id, d.device_id))))
ON CONFLICT DO NOTHING;

REVOKE ALL ON FUNCTION health.counted_rows(bigint[], integer[], date[]), health.counted_days(bigint[], integer[], date[]) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION health.counted_rows(bigint[], integer[], date[]), health.counted_days(bigint[], integer[], date[]) TO hp_app;

RESET ROLE;
