-- The patient list: searching names, flags of the last weeks, what nobody has opened yet, and how fresh each source is.
-- +goose Up
SET LOCAL ROLE hp_owner;

-- Spells a name as searches compare it: small letters and digits without accents, words apart by one space.
-- ß is ss, æ is a, ø and œ are o, and the e of ae, oe and ue is left out, so that Müller, Mueller and MULLER are one.
-- The spelling of a beginning is the beginning of the spelling. ICU, because a database of collation C knows ASCII only.
-- +goose StatementBegin
CREATE FUNCTION health.fold_name(name text) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
  SELECT pg_catalog.btrim(pg_catalog.regexp_replace(pg_catalog.regexp_replace(pg_catalog.regexp_replace(pg_catalog.regexp_replace(
    pg_catalog.translate(pg_catalog.replace(pg_catalog.replace(
      pg_catalog.lower(pg_catalog.normalize(name, 'NFKD') COLLATE pg_catalog."und-x-icu"), 'ß', 'ss'), 'þ', 'th'), 'æœøđðłıħŧ', 'aooddliht'),
    '[\u0300-\u036f]', '', 'g'), '[''’ʼ`´]', '', 'g'), '[^[:alnum:]]+', ' ', 'g'), '([aou])e', '\1', 'g'))
$$;
-- +goose StatementEnd
ALTER TABLE health.person ADD COLUMN search_name text NOT NULL
  GENERATED ALWAYS AS (health.fold_name(family_name || ' ' || given_name)) STORED;

-- Few rows have such a flag, so that the newest ones of a person are found without their months.
CREATE INDEX event_flagged ON health.event (person_id, effective_at DESC) WHERE flag IN ('H', 'L', 'A', 'HH', 'LL', 'AA');

-- Counts the times that data came to a person. Numbers instead of times: a page knows which number it has seen, while an
-- import that began before the page and ended after it has an earlier time.
CREATE TABLE health.person_news (
  person_id bigint PRIMARY KEY,
  data_no   bigint NOT NULL,
  data_at   timestamptz NOT NULL
);

-- Which number, and which change of the report index, somebody of a care team has seen on the patient's page.
CREATE TABLE health.person_seen (
  team_id    bigint NOT NULL REFERENCES auth.care_team (id),
  person_id  bigint NOT NULL,
  data_no    bigint NOT NULL,
  reports_no bigint NOT NULL,
  seen_at    timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (team_id, person_id)
);

-- How many stored rows came from a source about a person on a day (UTC) of arrival; at least the last 30 days and the one before.
CREATE TABLE health.person_source (
  person_id bigint NOT NULL,
  source_id integer NOT NULL,
  day       date NOT NULL,
  n         bigint NOT NULL,
  PRIMARY KEY (person_id, source_id, day)
);

-- Days older than 30 days are forgotten when a new one begins, all but the newest of them: an undone import must not
-- leave a source without its last day.
-- +goose StatementBegin
CREATE FUNCTION health.forget_source_days() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = health, pg_temp AS $$
BEGIN
  DELETE FROM health.person_source s
  WHERE s.person_id = NEW.person_id AND s.source_id = NEW.source_id AND s.day < (
    SELECT max(o.day) FROM health.person_source o
    WHERE o.person_id = NEW.person_id AND o.source_id = NEW.source_id AND o.day < NEW.day - 30);
  RETURN NULL;
END $$;
-- +goose StatementEnd
CREATE TRIGGER person_source_forget AFTER INSERT ON health.person_source
  FOR EACH ROW EXECUTE FUNCTION health.forget_source_days();

-- The triggers on health.event note the news beside the dirty keys.
-- +goose StatementBegin
CREATE OR REPLACE FUNCTION health.note_dirty_new() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = health, pg_temp AS $$
BEGIN
  INSERT INTO health.event_dirty (person_id, metric_id, local_day)
  SELECT DISTINCT person_id, metric_id, local_day FROM new_rows ORDER BY 1, 2, 3
  ON CONFLICT (person_id, metric_id, local_day) DO UPDATE SET noted_at = excluded.noted_at;
  INSERT INTO health.person_news AS w (person_id, data_no, data_at)
  SELECT DISTINCT person_id, 1, now() FROM new_rows ORDER BY 1
  ON CONFLICT (person_id) DO UPDATE SET data_no = w.data_no + 1, data_at = excluded.data_at;
  INSERT INTO health.person_source AS s (person_id, source_id, day, n)
  SELECT person_id, source_id, (ingested_at AT TIME ZONE 'UTC')::date, count(*) FROM new_rows GROUP BY 1, 2, 3 ORDER BY 1, 2, 3
  ON CONFLICT (person_id, source_id, day) DO UPDATE SET n = s.n + excluded.n;
  RETURN NULL;
END $$;
-- +goose StatementEnd
-- Rows of forgotten days are not there to be counted down.
-- +goose StatementBegin
CREATE OR REPLACE FUNCTION health.note_dirty_old() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = health, pg_temp AS $$
BEGIN
  INSERT INTO health.event_dirty (person_id, metric_id, local_day)
  SELECT DISTINCT person_id, metric_id, local_day FROM old_rows ORDER BY 1, 2, 3
  ON CONFLICT (person_id, metric_id, local_day) DO UPDATE SET noted_at = excluded.noted_at;
  UPDATE health.person_source s SET n = s.n - o.n
  FROM (SELECT person_id, source_id, (ingested_at AT TIME ZONE 'UTC')::date AS day, count(*) AS n FROM old_rows GROUP BY 1, 2, 3) o
  WHERE s.person_id = o.person_id AND s.source_id = o.source_id AND s.day = o.day;
  RETURN NULL;
END $$;
-- +goose StatementEnd
-- Corrections update the row that they replace, which changes no count; a merge of records moves rows.
-- +goose StatementBegin
CREATE OR REPLACE FUNCTION health.note_dirty_both() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = health, pg_temp AS $$
BEGIN
  INSERT INTO health.event_dirty (person_id, metric_id, local_day)
  SELECT person_id, metric_id, local_day FROM old_rows
  UNION SELECT person_id, metric_id, local_day FROM new_rows ORDER BY 1, 2, 3
  ON CONFLICT (person_id, metric_id, local_day) DO UPDATE SET noted_at = excluded.noted_at;
  INSERT INTO health.person_source AS s (person_id, source_id, day, n)
  SELECT person_id, source_id, (ingested_at AT TIME ZONE 'UTC')::date, sum(d)
  FROM (SELECT person_id, source_id, ingested_at, -1 AS d FROM old_rows
    UNION ALL SELECT person_id, source_id, ingested_at, 1 FROM new_rows) x
  GROUP BY 1, 2, 3 HAVING sum(d) <> 0 ORDER BY 1, 2, 3
  ON CONFLICT (person_id, source_id, day) DO UPDATE SET n = s.n + excluded.n;
  INSERT INTO health.person_news AS w (person_id, data_no, data_at)
  SELECT person_id, 1, now()
  FROM (SELECT person_id, -1 AS d FROM old_rows UNION ALL SELECT person_id, 1 FROM new_rows) x
  GROUP BY person_id HAVING sum(d) > 0 ORDER BY 1
  ON CONFLICT (person_id) DO UPDATE SET data_no = w.data_no + 1, data_at = excluded.data_at;
  RETURN NULL;
END $$;
-- +goose StatementEnd

-- Notes that somebody has seen a patient's page, for each care team in which the two meet now. Numbers only rise.
-- +goose StatementBegin
CREATE FUNCTION health.see_person(member bigint, of_person bigint, data bigint, reports bigint) RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = health, auth, pg_temp AS $$
  INSERT INTO health.person_seen AS s (team_id, person_id, data_no, reports_no)
  SELECT DISTINCT u.team_id, p.person_id, data, reports
  FROM auth.care_team_user u JOIN auth.care_team_person p USING (team_id)
  WHERE u.user_id = member AND p.person_id = of_person
    AND u.valid_from <= now() AND (u.valid_to IS NULL OR u.valid_to > now())
    AND p.valid_from <= now() AND (p.valid_to IS NULL OR p.valid_to > now())
  ORDER BY 1
  ON CONFLICT (team_id, person_id) DO UPDATE
    SET data_no = greatest(s.data_no, excluded.data_no), reports_no = greatest(s.reports_no, excluded.reports_no), seen_at = excluded.seen_at
    WHERE s.data_no < excluded.data_no OR s.reports_no < excluded.reports_no
$$;
-- +goose StatementEnd

-- The list asks these functions instead of the tables: row security would look for each of the user's patients in each of their
-- rows anew. They run as the owner and begin with the request's persons, or with the member's care teams.
-- Of each series the newest Observation counts; of its flags the worst, and of several the newest. wanted narrows, null doesn't.
-- +goose StatementBegin
CREATE FUNCTION health.scope_flags(since timestamptz, wanted bigint[])
RETURNS TABLE (person_id bigint, rank integer, flag text, metric_id integer, local_day date, n bigint)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = health, pg_temp AS $$
  SELECT p.id, f.* FROM (SELECT unnest(health.scope_persons()) AS id) p CROSS JOIN LATERAL (
    SELECT CASE WHEN e.flag IN ('HH', 'LL', 'AA') THEN 0 ELSE 1 END AS rank, e.flag, e.metric_id, e.local_day, count(*) OVER () AS n
    FROM health.event e
    WHERE e.person_id = p.id AND e.flag IN ('H', 'L', 'A', 'HH', 'LL', 'AA') AND e.effective_at >= since
      AND e.superseded_at IS NULL AND e.status <> 'entered-in-error'
      AND NOT EXISTS (SELECT 1 FROM health.event x
        WHERE x.person_id = p.id AND x.metric_id = e.metric_id AND x.code_system = e.code_system AND x.code = e.code
          AND x.effective_at >= e.effective_at AND (x.effective_at, x.id) > (e.effective_at, e.id)
          AND x.superseded_at IS NULL AND x.status <> 'entered-in-error')
    ORDER BY 1, e.effective_at DESC, e.id DESC LIMIT 1) f
  WHERE wanted IS NULL OR p.id = ANY (wanted)
$$;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE FUNCTION health.scope_last_days(wanted bigint[]) RETURNS TABLE (person_id bigint, local_day date)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = health, pg_temp AS $$
  SELECT p.id, (SELECT max(d.local_day) FROM health.event_day d WHERE d.person_id = p.id)
  FROM (SELECT unnest(health.scope_persons()) AS id) p WHERE wanted IS NULL OR p.id = ANY (wanted)
$$;
-- +goose StatementEnd
-- Pairs of a care team of the member's and a patient of it, now.
-- +goose StatementBegin
CREATE FUNCTION health.team_patients_of(member bigint) RETURNS TABLE (team_id bigint, person_id bigint)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = auth, pg_temp AS $$
  SELECT DISTINCT u.team_id, m.person_id FROM auth.care_team_user u JOIN auth.care_team_person m USING (team_id)
  WHERE u.user_id = member AND u.valid_from <= now() AND (u.valid_to IS NULL OR u.valid_to > now())
    AND m.valid_from <= now() AND (m.valid_to IS NULL OR m.valid_to > now())
$$;
-- +goose StatementEnd
-- Those of them of whom nobody of the team has opened the newest data or reports.
-- +goose StatementBegin
CREATE FUNCTION health.unopened(member bigint) RETURNS TABLE (team_id bigint, person_id bigint, data boolean, reports boolean)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = health, pg_temp AS $$
  SELECT t.team_id, t.person_id, coalesce(w.data_no, 0) > coalesce(s.data_no, 0), coalesce(r.change_no, 0) > coalesce(s.reports_no, 0)
  FROM health.team_patients_of(member) t
  LEFT JOIN health.person_news w ON w.person_id = t.person_id
  LEFT JOIN health.person_seen s ON s.team_id = t.team_id AND s.person_id = t.person_id
  LEFT JOIN LATERAL (SELECT max(g.change_no) AS change_no FROM analytics.genomics_reports g
    WHERE g.person_id = t.person_id AND g.state = 'present') r ON true
  WHERE coalesce(w.data_no, 0) > coalesce(s.data_no, 0) OR coalesce(r.change_no, 0) > coalesce(s.reports_no, 0)
$$;
-- +goose StatementEnd
-- When each source last sent something about a patient of the member's care teams, and how much in the seven days up to today.
-- +goose StatementBegin
CREATE FUNCTION health.sources_of(member bigint, today date) RETURNS TABLE (source_id integer, last_day date, week bigint)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = health, pg_temp AS $$
  SELECT s.source_id, max(s.day), coalesce(sum(s.n) FILTER (WHERE s.day > today - 7), 0)::bigint
  FROM (SELECT DISTINCT t.person_id FROM health.team_patients_of(member) t) m JOIN health.person_source s USING (person_id)
  WHERE s.n > 0 GROUP BY 1
$$;
-- +goose StatementEnd

-- What is there counts as one arrival; who looked since is in the audit log.
INSERT INTO health.person_source SELECT person_id, source_id, (ingested_at AT TIME ZONE 'UTC')::date, count(*) FROM health.event GROUP BY 1, 2, 3;
INSERT INTO health.person_news SELECT person_id, 1, max(ingested_at) FROM health.event GROUP BY 1;
INSERT INTO health.person_seen (team_id, person_id, data_no, reports_no, seen_at)
SELECT l.team_id, l.person_id, CASE WHEN w.data_at < l.at THEN w.data_no ELSE 0 END,
  coalesce((SELECT max(r.change_no) FROM analytics.genomics_reports r WHERE r.person_id = l.person_id AND r.changed_at < l.at), 0), l.at
FROM (SELECT m.team_id, a.person_id, max(a.at) AS at
  FROM audit.entry a JOIN auth.care_team_user m ON m.user_id = a.user_id JOIN auth.care_team_person p ON p.team_id = m.team_id AND p.person_id = a.person_id
  WHERE a.kind = 'patient.view' AND a.outcome = 'done' GROUP BY 1, 2) l
  LEFT JOIN health.person_news w ON w.person_id = l.person_id;

ALTER TABLE health.person_news ENABLE ROW LEVEL SECURITY;
ALTER TABLE health.person_seen ENABLE ROW LEVEL SECURITY;
ALTER TABLE health.person_source ENABLE ROW LEVEL SECURITY;
CREATE POLICY scope ON health.person_news FOR SELECT TO hp_app
  USING (person_id = ANY ((SELECT health.scope_persons())::bigint[]));
CREATE POLICY scope ON health.person_seen FOR SELECT TO hp_app
  USING (person_id = ANY ((SELECT health.scope_persons())::bigint[]));
CREATE POLICY scope ON health.person_source FOR SELECT TO hp_app
  USING (person_id = ANY ((SELECT health.scope_persons())::bigint[]));
GRANT SELECT ON health.person_news, health.person_seen, health.person_source TO hp_app;
REVOKE ALL ON FUNCTION health.fold_name(text), health.forget_source_days(), health.see_person(bigint, bigint, bigint, bigint),
  health.scope_flags(timestamptz, bigint[]), health.scope_last_days(bigint[]), health.team_patients_of(bigint), health.unopened(bigint), health.sources_of(bigint, date) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION health.fold_name(text), health.see_person(bigint, bigint, bigint, bigint),
  health.scope_flags(timestamptz, bigint[]), health.scope_last_days(bigint[]), health.unopened(bigint), health.sources_of(bigint, date) TO hp_app;

RESET ROLE;
