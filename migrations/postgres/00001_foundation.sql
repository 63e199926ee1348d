-- The foundation: roles, row security, health data in monthly partitions, the
-- report index, sign-in, and the record of jobs.
-- +goose Up

-- +goose StatementBegin
DO $$
DECLARE r text;
BEGIN
  -- Roles belong to the cluster, so another database may have made them already.
  FOREACH r IN ARRAY ARRAY['hp_owner', 'hp_app', 'hp_audit'] LOOP
    BEGIN
      EXECUTE format('CREATE ROLE %I NOLOGIN', r);
    EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL;
    END;
    IF NOT pg_has_role(current_user, r, 'MEMBER') THEN
      EXECUTE format('GRANT %I TO %I', r, current_user);
    END IF;
  END LOOP;
  EXECUTE format('GRANT CREATE ON DATABASE %I TO hp_owner', current_database());
  EXECUTE format('REVOKE ALL ON DATABASE %I FROM PUBLIC', current_database());
  EXECUTE format('GRANT CONNECT ON DATABASE %I TO hp_owner, hp_app, hp_audit', current_database());
  -- Importers stage rows in temporary tables.
  EXECUTE format('GRANT TEMPORARY ON DATABASE %I TO hp_owner', current_database());
END $$;
-- +goose StatementEnd
REVOKE ALL ON SCHEMA public FROM PUBLIC;

SET LOCAL ROLE hp_owner;
CREATE SCHEMA health;
CREATE SCHEMA genomics;
CREATE SCHEMA analytics;
CREATE SCHEMA auth;
CREATE SCHEMA ops;

-- What the schema demands of a program, and settings that SQL itself needs.
CREATE TABLE ops.schema_state (
  only_row    boolean PRIMARY KEY DEFAULT true CHECK (only_row),
  min_program integer NOT NULL
);
INSERT INTO ops.schema_state (min_program) VALUES (1);

CREATE TABLE ops.setting (
  name  text PRIMARY KEY,
  value text NOT NULL
);
INSERT INTO ops.setting (name, value) VALUES ('site_timezone', 'UTC');
-- Mirrors notice by it that they follow another database.
INSERT INTO ops.setting (name, value) VALUES ('database_id', gen_random_uuid());

CREATE TABLE ops.job_runs (
  id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  job         text NOT NULL,
  host        text NOT NULL,
  pid         integer NOT NULL,
  started_at  timestamptz NOT NULL DEFAULT now(),
  finished_at timestamptz,
  outcome     text NOT NULL DEFAULT 'running' CHECK (outcome IN ('running', 'done', 'failed', 'abandoned')),
  counts      jsonb NOT NULL DEFAULT '{}',
  error       text
);
CREATE INDEX job_runs_job_started ON ops.job_runs (job, started_at DESC);

-- Persons --------------------------------------------------------------------

CREATE TABLE health.person (
  id               bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  public_id        text NOT NULL UNIQUE,
  record_number    text UNIQUE,
  family_name      text NOT NULL DEFAULT '',
  given_name       text NOT NULL DEFAULT '',
  birth_date       date,
  sex              text NOT NULL DEFAULT 'unknown' CHECK (sex IN ('male', 'female', 'other', 'unknown')),
  timezone         text,
  synthetic        boolean NOT NULL DEFAULT false,
  research_consent boolean NOT NULL DEFAULT false,
  created_at       timestamptz NOT NULL DEFAULT now(),
  updated_at       timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE health.person_identifier (
  system    text NOT NULL,
  value     text NOT NULL,
  person_id bigint NOT NULL REFERENCES health.person (id),
  PRIMARY KEY (system, value)
);
CREATE INDEX person_identifier_person ON health.person_identifier (person_id);

-- Catalogue, units, sources ---------------------------------------------------

CREATE TABLE health.metric (
  id           integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  code         text NOT NULL UNIQUE,
  name         text NOT NULL,
  unit         text NOT NULL DEFAULT '',
  kind         text NOT NULL CHECK (kind IN ('vital', 'laboratory', 'total', 'other')),
  low          double precision,
  high         double precision,
  reference    text NOT NULL DEFAULT '',
  position     integer,
  in_catalogue boolean NOT NULL DEFAULT false
);

CREATE TABLE health.metric_code (
  metric_id   integer NOT NULL REFERENCES health.metric (id),
  code_system text NOT NULL,
  code        text NOT NULL,
  PRIMARY KEY (code_system, code)
);

CREATE TABLE health.unit (
  id   integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  ucum text NOT NULL UNIQUE
);

CREATE TABLE health.source (
  id   integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  name text NOT NULL UNIQUE
);

CREATE TABLE health.device (
  id   integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  name text NOT NULL UNIQUE
);

CREATE TABLE health.import (
  id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  format      text NOT NULL,
  file_sha256 bytea,
  started_at  timestamptz NOT NULL DEFAULT now(),
  finished_at timestamptz,
  read        bigint NOT NULL DEFAULT 0,
  stored      bigint NOT NULL DEFAULT 0,
  repeated    bigint NOT NULL DEFAULT 0,
  corrected   bigint NOT NULL DEFAULT 0,
  refused     bigint NOT NULL DEFAULT 0
);

-- Events ----------------------------------------------------------------------

CREATE SEQUENCE health.event_id_seq;

-- person_id stands in every key, so that the table distributes by person.
CREATE TABLE health.event (
  id            bigint NOT NULL DEFAULT nextval('health.event_id_seq'),
  person_id     bigint NOT NULL,
  metric_id     integer NOT NULL,
  effective_at  timestamptz NOT NULL,
  effective_end timestamptz,
  tz_offset_min smallint,
  local_day     date NOT NULL,
  -- Start and end are the borders of whole days in the person's zone: the source gave dates without times.
  whole_days    boolean NOT NULL DEFAULT false,
  value         double precision,
  comparator    text CHECK (comparator IN ('<', '<=', '>=', '>')),
  value_text    text,
  unit_id       integer,
  orig_value    text,
  orig_unit     text,
  ref_low       double precision,
  ref_high      double precision,
  flag          text,
  status        text NOT NULL DEFAULT 'final',
  source_id     integer NOT NULL,
  device_id     integer,
  external_id   text,
  group_id      text,
  code_system   text NOT NULL DEFAULT '',
  code          text NOT NULL DEFAULT '',
  dedupe        bytea NOT NULL,
  version       integer NOT NULL DEFAULT 1,
  superseded_at timestamptz,
  import_id     bigint,
  ingested_at   timestamptz NOT NULL DEFAULT now(),
  CHECK (value IS NOT NULL OR value_text IS NOT NULL),
  CHECK (effective_end IS NULL OR effective_end >= effective_at),
  -- A day's rows are found by a bounded range of effective_at: zones shift it by
  -- less than a day, and sleep belongs to the day of waking, at most one later.
  CONSTRAINT event_day_near CHECK (local_day - (effective_at AT TIME ZONE 'UTC')::date BETWEEN -1 AND 2),
  PRIMARY KEY (person_id, effective_at, id)
) PARTITION BY RANGE (effective_at);

CREATE UNIQUE INDEX event_dedupe ON health.event (person_id, dedupe, effective_at);
CREATE INDEX event_series ON health.event (person_id, metric_id, effective_at DESC, id DESC) INCLUDE (value, unit_id, flag);
CREATE INDEX event_effective_brin ON health.event USING brin (effective_at);
CREATE INDEX event_ingested_brin ON health.event USING brin (ingested_at);

-- The current version behind each external id. One unpartitioned look-up per
-- imported row instead of one per partition; ext is the digest of external_id.
CREATE TABLE health.event_identity (
  person_id    bigint NOT NULL,
  source_id    integer NOT NULL,
  ext          uuid NOT NULL,
  slot         text NOT NULL,
  version      integer NOT NULL,
  dedupe       bytea NOT NULL,
  effective_at timestamptz NOT NULL,
  event_id     bigint NOT NULL,
  PRIMARY KEY (person_id, source_id, ext, slot)
);

CREATE TABLE health.event_before_2015 PARTITION OF health.event FOR VALUES FROM (MINVALUE) TO ('2015-01-01 00:00:00+00');
CREATE TABLE health.event_default PARTITION OF health.event DEFAULT;

-- Makes the monthly partitions (UTC) that cover first..last. Rows that waited in
-- the default partition move along, because PostgreSQL would refuse the range.
-- +goose StatementBegin
CREATE FUNCTION health.ensure_partitions(first date, last date) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET search_path = health, pg_temp AS $$
DECLARE
  month date := greatest(date_trunc('month', first)::date, date '2015-01-01');
  part  text;
  made  integer := 0;
BEGIN
  WHILE month <= last LOOP
    part := 'event_' || to_char(month, 'YYYY_MM');
    IF to_regclass('health.' || part) IS NULL THEN
      -- Only a missing partition is worth waiting for another maker of partitions.
      PERFORM pg_advisory_xact_lock(hashtext('health.ensure_partitions'));
      -- Looked up in the catalogue: to_regclass remembers from before the wait that it is missing.
      IF NOT EXISTS (SELECT 1 FROM pg_class c WHERE c.relname = part AND c.relnamespace = 'health'::regnamespace) THEN
        PERFORM health.make_partition(part, month);
        made := made + 1;
      END IF;
    END IF;
    month := (month + interval '1 month')::date;
  END LOOP;
  RETURN made;
END $$;
-- +goose StatementEnd

-- +goose StatementBegin
CREATE FUNCTION health.make_partition(part text, month date) RETURNS void
LANGUAGE plpgsql SET search_path = health, pg_temp AS $$
DECLARE
  low  timestamptz := month::timestamp AT TIME ZONE 'UTC';
  high timestamptz := (month + interval '1 month')::timestamp AT TIME ZONE 'UTC';
BEGIN
  IF EXISTS (SELECT 1 FROM health.event_default WHERE effective_at >= low AND effective_at < high) THEN
    EXECUTE format('CREATE TABLE health.%I (LIKE health.event INCLUDING DEFAULTS INCLUDING CONSTRAINTS)', part);
    EXECUTE format('WITH moved AS (DELETE FROM health.event_default WHERE effective_at >= %L AND effective_at < %L RETURNING *)
      INSERT INTO health.%I SELECT * FROM moved', low, high, part);
    EXECUTE format('ALTER TABLE health.event ATTACH PARTITION health.%I FOR VALUES FROM (%L) TO (%L)', part, low, high);
  ELSE
    EXECUTE format('CREATE TABLE health.%I PARTITION OF health.event FOR VALUES FROM (%L) TO (%L)', part, low, high);
  END IF;
END $$;
-- +goose StatementEnd

SELECT health.ensure_partitions(current_date, (current_date + interval '3 months')::date);

-- The zone whose midnights are a person's day borders.
-- +goose StatementBegin
CREATE FUNCTION health.person_zone(of_person bigint) RETURNS text
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = health, ops, pg_temp AS $$
  SELECT coalesce((SELECT timezone FROM health.person WHERE id = of_person),
                  (SELECT value FROM ops.setting WHERE name = 'site_timezone'), 'UTC')
$$;
-- +goose StatementEnd

-- An event belongs to the day of its start, sleep of up to a day to that of waking.
-- +goose StatementBegin
CREATE FUNCTION health.local_day_of(metric integer, starts timestamptz, ends timestamptz, zone text) RETURNS date
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = health, pg_temp AS $$
  SELECT ((CASE WHEN ends - starts <= interval '24 hours'
                 AND metric = (SELECT id FROM health.metric WHERE code = 'sleep_duration')
           THEN ends ELSE starts END) AT TIME ZONE zone)::date
$$;
-- +goose StatementEnd

-- Rows of an external ETL may leave local_day out.
-- +goose StatementBegin
CREATE FUNCTION health.fill_local_day() RETURNS trigger
LANGUAGE plpgsql SET search_path = health, pg_temp AS $$
DECLARE
  zone text := health.person_zone(NEW.person_id);
BEGIN
  IF NEW.whole_days THEN
    NEW.local_day := (NEW.effective_at AT TIME ZONE zone)::date;
  ELSE
    NEW.local_day := health.local_day_of(NEW.metric_id, NEW.effective_at, NEW.effective_end, zone);
  END IF;
  RETURN NEW;
END $$;
-- +goose StatementEnd
CREATE TRIGGER event_local_day BEFORE INSERT ON health.event
  FOR EACH ROW WHEN (NEW.local_day IS NULL) EXECUTE FUNCTION health.fill_local_day();

-- The rollup that charts read, and the keys whose rollup is out of date.
CREATE TABLE health.event_day (
  person_id   bigint NOT NULL,
  metric_id   integer NOT NULL,
  local_day   date NOT NULL,
  code_system text NOT NULL,
  code        text NOT NULL,
  unit_id     integer NOT NULL,
  n           integer NOT NULL,
  n_used      integer NOT NULL,
  value_min   double precision,
  value_max   double precision,
  value_sum   double precision,
  PRIMARY KEY (person_id, metric_id, local_day, code_system, code, unit_id)
);

CREATE INDEX event_day_person ON health.event_day (person_id, local_day DESC);

CREATE TABLE health.event_dirty (
  person_id bigint NOT NULL,
  metric_id integer NOT NULL,
  local_day date NOT NULL,
  noted_at  timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (person_id, metric_id, local_day)
);

-- A watermark on time would miss long transactions, updates and deletes.
-- +goose StatementBegin
CREATE FUNCTION health.note_dirty_new() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = health, pg_temp AS $$
BEGIN
  INSERT INTO health.event_dirty (person_id, metric_id, local_day)
  SELECT DISTINCT person_id, metric_id, local_day FROM new_rows ORDER BY 1, 2, 3
  ON CONFLICT (person_id, metric_id, local_day) DO UPDATE SET noted_at = excluded.noted_at;
  RETURN NULL;
END $$;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE FUNCTION health.note_dirty_old() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = health, pg_temp AS $$
BEGIN
  INSERT INTO health.event_dirty (person_id, metric_id, local_day)
  SELECT DISTINCT person_id, metric_id, local_day FROM old_rows ORDER BY 1, 2, 3
  ON CONFLICT (person_id, metric_id, local_day) DO UPDATE SET noted_at = excluded.noted_at;
  RETURN NULL;
END $$;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE FUNCTION health.note_dirty_both() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = health, pg_temp AS $$
BEGIN
  INSERT INTO health.event_dirty (person_id, metric_id, local_day)
  SELECT person_id, metric_id, local_day FROM old_rows
  UNION SELECT person_id, metric_id, local_day FROM new_rows ORDER BY 1, 2, 3
  ON CONFLICT (person_id, metric_id, local_day) DO UPDATE SET noted_at = excluded.noted_at;
  RETURN NULL;
END $$;
-- +goose StatementEnd
CREATE TRIGGER event_dirty_insert AFTER INSERT ON health.event
  REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION health.note_dirty_new();
CREATE TRIGGER event_dirty_update AFTER UPDATE ON health.event
  REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION health.note_dirty_both();
CREATE TRIGGER event_dirty_delete AFTER DELETE ON health.event
  REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION health.note_dirty_old();

-- Reports ---------------------------------------------------------------------

-- Every change takes a new number, by which mirrors follow.
CREATE SEQUENCE analytics.report_change_seq;

CREATE TABLE analytics.genomics_reports (
  report_id    text PRIMARY KEY,
  root         text NOT NULL,
  report_path  text NOT NULL,
  person_id    bigint REFERENCES health.person (id),
  patient_ref  text NOT NULL DEFAULT '',
  claims       jsonb NOT NULL DEFAULT '[]',
  unassigned   text NOT NULL DEFAULT '',
  kind         text NOT NULL,
  title        text NOT NULL,
  format       text NOT NULL CHECK (format IN ('pdf', 'html')),
  status       text NOT NULL DEFAULT 'unknown' CHECK (status IN ('preliminary', 'final', 'amended', 'withdrawn', 'unknown')),
  state        text NOT NULL CHECK (state IN ('present', 'gone', 'empty', 'mismatch', 'outside', 'unreadable')),
  problem      text NOT NULL DEFAULT '',
  size_bytes   bigint NOT NULL,
  modified_at  timestamptz NOT NULL,
  sha256       bytea CHECK (octet_length(sha256) = 32),
  generated_at timestamptz,
  risk_level   text NOT NULL DEFAULT '',
  risk_scale   text NOT NULL DEFAULT '',
  risk_tool    text NOT NULL DEFAULT '',
  risk_score   text NOT NULL DEFAULT '',
  tool         text NOT NULL DEFAULT '',
  summary      text NOT NULL DEFAULT '',
  supersedes   text NOT NULL DEFAULT '',
  synthetic    boolean NOT NULL DEFAULT false,
  mark         text NOT NULL DEFAULT '',
  first_seen   timestamptz NOT NULL DEFAULT now(),
  changed_at   timestamptz NOT NULL DEFAULT now(),
  change_no    bigint NOT NULL DEFAULT nextval('analytics.report_change_seq'),
  CHECK ((person_id IS NULL) = (unassigned <> '')),
  UNIQUE (root, report_path)
);
CREATE INDEX genomics_reports_person ON analytics.genomics_reports (person_id, generated_at DESC);
CREATE INDEX genomics_reports_change ON analytics.genomics_reports (change_no);

-- When each root of the manifest was last compared with the index completely.
CREATE TABLE analytics.report_roots (
  root       text PRIMARY KEY,
  indexed_at timestamptz,
  problem    text NOT NULL DEFAULT ''
);

-- Sign-in ---------------------------------------------------------------------

-- A user is not a patient: nothing here refers to health.person but care teams.
CREATE TABLE auth.user_account (
  id           bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  name         text NOT NULL UNIQUE CHECK (name = lower(name) AND name <> ''),
  display_name text NOT NULL,
  handle       bytea NOT NULL UNIQUE CHECK (octet_length(handle) = 64),
  disabled_at  timestamptz,
  created_at   timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE auth.user_role (
  user_id    bigint NOT NULL REFERENCES auth.user_account (id),
  role       text NOT NULL CHECK (role IN ('clinician', 'analyst', 'researcher', 'ops', 'privacy', 'admin')),
  granted_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (user_id, role)
);

CREATE TABLE auth.passkey (
  id            bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  user_id       bigint NOT NULL REFERENCES auth.user_account (id),
  credential_id bytea NOT NULL UNIQUE,
  credential    jsonb NOT NULL,
  name          text NOT NULL,
  created_at    timestamptz NOT NULL DEFAULT now(),
  last_used_at  timestamptz,
  revoked_at    timestamptz
);
CREATE INDEX passkey_user ON auth.passkey (user_id);

CREATE TABLE auth.enrolment (
  token_hash bytea PRIMARY KEY,
  user_id    bigint NOT NULL REFERENCES auth.user_account (id),
  created_at timestamptz NOT NULL DEFAULT now(),
  expires_at timestamptz NOT NULL,
  used_at    timestamptz,
  revoked_at timestamptz
);
CREATE INDEX enrolment_user ON auth.enrolment (user_id);

-- Taken out with DELETE ... RETURNING, so that each is verified at most once.
CREATE TABLE auth.ceremony (
  id_hash    bytea PRIMARY KEY,
  kind       text NOT NULL CHECK (kind IN ('enrol', 'sign-in')),
  user_id    bigint REFERENCES auth.user_account (id),
  enrolment  bytea REFERENCES auth.enrolment (token_hash),
  state      jsonb NOT NULL,
  expires_at timestamptz NOT NULL
);
CREATE INDEX ceremony_expiry ON auth.ceremony (expires_at);

CREATE TABLE auth.session (
  token_hash bytea PRIMARY KEY,
  user_id    bigint NOT NULL REFERENCES auth.user_account (id),
  passkey_id bigint REFERENCES auth.passkey (id),
  csrf       text NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now(),
  last_seen  timestamptz NOT NULL DEFAULT now(),
  expires_at timestamptz NOT NULL,
  ended_at   timestamptz
);
CREATE INDEX session_by_user ON auth.session (user_id);

CREATE TABLE auth.care_team (
  id   bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  name text NOT NULL UNIQUE
);

CREATE TABLE auth.care_team_user (
  team_id    bigint NOT NULL REFERENCES auth.care_team (id),
  user_id    bigint NOT NULL REFERENCES auth.user_account (id),
  valid_from timestamptz NOT NULL DEFAULT now(),
  valid_to   timestamptz,
  PRIMARY KEY (team_id, user_id, valid_from)
);
CREATE INDEX care_team_user_user ON auth.care_team_user (user_id);

CREATE TABLE auth.care_team_person (
  team_id    bigint NOT NULL REFERENCES auth.care_team (id),
  person_id  bigint NOT NULL REFERENCES health.person (id),
  valid_from timestamptz NOT NULL DEFAULT now(),
  valid_to   timestamptz,
  PRIMARY KEY (team_id, person_id, valid_from)
);
CREATE INDEX care_team_person_person ON auth.care_team_person (person_id);

-- Persons in whose care teams the user is now. It runs as the owner, because
-- row security has nothing to go by before this answer is known.
-- +goose StatementBegin
CREATE FUNCTION auth.persons_of(member bigint) RETURNS SETOF bigint
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = auth, pg_temp AS $$
  SELECT DISTINCT p.person_id
  FROM auth.care_team_user u JOIN auth.care_team_person p USING (team_id)
  WHERE u.user_id = member
    AND u.valid_from <= now() AND (u.valid_to IS NULL OR u.valid_to > now())
    AND p.valid_from <= now() AND (p.valid_to IS NULL OR p.valid_to > now())
$$;
-- +goose StatementEnd

-- Row security ----------------------------------------------------------------

-- No SET clause, so that PostgreSQL can inline it: names are qualified instead.
-- hp.persons holds the ids that the request may read; unset means nobody.
-- +goose StatementBegin
CREATE FUNCTION health.scope_persons() RETURNS bigint[]
LANGUAGE sql STABLE AS $$
  SELECT pg_catalog.string_to_array(nullif(pg_catalog.current_setting('hp.persons', true), ''), ',')::bigint[]
$$;
-- +goose StatementEnd

ALTER TABLE health.person ENABLE ROW LEVEL SECURITY;
ALTER TABLE health.person_identifier ENABLE ROW LEVEL SECURITY;
ALTER TABLE health.event ENABLE ROW LEVEL SECURITY;
ALTER TABLE health.event_identity ENABLE ROW LEVEL SECURITY;
ALTER TABLE health.event_day ENABLE ROW LEVEL SECURITY;
ALTER TABLE health.event_dirty ENABLE ROW LEVEL SECURITY;
ALTER TABLE analytics.genomics_reports ENABLE ROW LEVEL SECURITY;

CREATE POLICY scope ON health.person FOR SELECT TO hp_app
  USING (id = ANY ((SELECT health.scope_persons())::bigint[]));
CREATE POLICY scope ON health.person_identifier FOR SELECT TO hp_app
  USING (person_id = ANY ((SELECT health.scope_persons())::bigint[]));
CREATE POLICY scope ON health.event FOR SELECT TO hp_app
  USING (person_id = ANY ((SELECT health.scope_persons())::bigint[]));
CREATE POLICY scope ON health.event_day FOR SELECT TO hp_app
  USING (person_id = ANY ((SELECT health.scope_persons())::bigint[]));
CREATE POLICY scope ON health.event_dirty FOR SELECT TO hp_app
  USING (person_id = ANY ((SELECT health.scope_persons())::bigint[]));
CREATE POLICY scope ON analytics.genomics_reports FOR SELECT TO hp_app
  USING ((SELECT current_setting('hp.reports', true)) = 'all'
         OR person_id = ANY ((SELECT health.scope_persons())::bigint[]));

GRANT USAGE ON SCHEMA health, genomics, analytics, auth, ops TO hp_app;
GRANT SELECT ON health.person, health.person_identifier, health.metric, health.metric_code, health.unit, health.source,
  health.device, health.event, health.event_day, health.event_dirty, analytics.genomics_reports, analytics.report_roots, ops.schema_state,
  ops.setting, ops.job_runs TO hp_app;
GRANT SELECT ON auth.user_account, auth.user_role, auth.care_team, auth.care_team_user, auth.care_team_person TO hp_app;
GRANT SELECT, INSERT, UPDATE ON auth.passkey, auth.enrolment, auth.session TO hp_app;
GRANT SELECT, INSERT, UPDATE, DELETE ON auth.ceremony TO hp_app;
REVOKE ALL ON FUNCTION health.ensure_partitions(date, date), health.make_partition(text, date),
  health.person_zone(bigint), health.local_day_of(integer, timestamptz, timestamptz, text), auth.persons_of(bigint),
  health.scope_persons() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION auth.persons_of(bigint), health.scope_persons(), health.person_zone(bigint) TO hp_app;

RESET ROLE;
