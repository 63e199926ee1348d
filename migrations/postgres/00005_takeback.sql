-- Taking back: what an import changed of others' rows, so that `import undo` restores
-- exactly that, and two records of one human that become one, and two again.
-- +goose Up
SET LOCAL ROLE hp_owner;

ALTER TABLE health.import
  -- Written by a program that keeps the two journals below.
  ADD COLUMN journaled boolean NOT NULL DEFAULT false,
  ADD COLUMN undone_at timestamptz,
  ADD COLUMN undone_by text,
  -- What the undo took back, as counts.
  ADD COLUMN undone    jsonb,
  ADD CHECK ((undone_at IS NULL) = (undone_by IS NULL) AND (undone_at IS NULL) = (undone IS NULL));

ALTER TABLE health.person
  -- The import that made the person; NULL: none, or one from before this column.
  ADD COLUMN import_id   bigint,
  -- The record that this one became part of: nothing leads here any more.
  ADD COLUMN merged_into bigint REFERENCES health.person (id) CHECK (merged_into <> id);
CREATE INDEX person_import ON health.person (import_id) WHERE import_id IS NOT NULL;
CREATE INDEX person_merged ON health.person (merged_into) WHERE merged_into IS NOT NULL;

ALTER TABLE health.event
  -- Under which person a row was imported, where a merge brought it to another.
  ADD COLUMN origin_person_id bigint,
  -- Tells the components of one external id apart; part of dedupe, which another person's row
  -- needs anew. NULL: from before this column.
  ADD COLUMN slot text;
CREATE INDEX event_import_brin ON health.event USING brin (import_id);

-- The order of what imports did to the same external id.
CREATE SEQUENCE health.import_change_seq;

-- What event_identity said before an import changed it for the first time.
CREATE TABLE health.import_identity_before (
  import_id    bigint NOT NULL REFERENCES health.import (id),
  person_id    bigint NOT NULL,
  source_id    integer NOT NULL,
  ext          uuid NOT NULL,
  slot         text NOT NULL,
  version      integer NOT NULL,
  dedupe       bytea NOT NULL,
  effective_at timestamptz NOT NULL,
  event_id     bigint NOT NULL,
  -- The import of that event.
  event_import bigint,
  -- When this import changed it, first and last, in health.import_change_seq.
  first_no     bigint NOT NULL,
  last_no      bigint NOT NULL,
  PRIMARY KEY (import_id, person_id, source_id, ext, slot)
);
CREATE INDEX import_identity_before_key ON health.import_identity_before (person_id, source_id, ext);
CREATE INDEX import_identity_before_event ON health.import_identity_before (event_import);

-- What other imports' rows were before an import superseded them or made them current again.
CREATE TABLE health.import_event_before (
  import_id     bigint NOT NULL REFERENCES health.import (id),
  person_id     bigint NOT NULL,
  event_id      bigint NOT NULL,
  effective_at  timestamptz NOT NULL,
  version       integer NOT NULL,
  superseded_at timestamptz,
  PRIMARY KEY (import_id, person_id, event_id)
);
CREATE INDEX import_event_before_person ON health.import_event_before (person_id, event_id);

-- Each merge of two records, with what they were before.
CREATE TABLE health.person_merge (
  id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  keep_id    bigint NOT NULL REFERENCES health.person (id),
  gone_id    bigint NOT NULL REFERENCES health.person (id),
  merged_at  timestamptz NOT NULL DEFAULT now(),
  merged_by  text NOT NULL,
  -- Why two records that differ in birth date or sex are one human.
  reason     text NOT NULL DEFAULT '',
  counts     jsonb NOT NULL,
  -- What moved, by ids, and what both records said before and after.
  state      jsonb NOT NULL,
  undone_at  timestamptz,
  undone_by  text,
  CHECK (keep_id <> gone_id),
  CHECK ((undone_at IS NULL) = (undone_by IS NULL))
);
CREATE INDEX person_merge_keep ON health.person_merge (keep_id);
CREATE INDEX person_merge_gone ON health.person_merge (gone_id);

ALTER TABLE health.import_identity_before ENABLE ROW LEVEL SECURITY;
ALTER TABLE health.import_event_before ENABLE ROW LEVEL SECURITY;
ALTER TABLE health.person_merge ENABLE ROW LEVEL SECURITY;

-- A person with all records that became part of theirs: the audit log goes on naming those.
-- +goose StatementBegin
CREATE FUNCTION auth.same_person(of_person bigint) RETURNS bigint[]
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = health, pg_temp AS $$
  WITH RECURSIVE same(id) AS (
    SELECT of_person UNION SELECT p.id FROM health.person p JOIN same s ON p.merged_into = s.id)
  SELECT array_agg(id) FROM same
$$;
-- +goose StatementEnd

-- The person of a record number: their own, or that of a record that became part of theirs.
-- +goose StatementBegin
CREATE FUNCTION health.person_of_number(number text) RETURNS bigint
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = health, pg_temp AS $$
  SELECT coalesce((SELECT p.id FROM health.person p WHERE p.record_number = number),
    (SELECT i.person_id FROM health.person_identifier i
     WHERE i.system = 'urn:healthportal:record-number' AND i.value = number))
$$;
-- +goose StatementEnd

-- +goose StatementBegin
CREATE OR REPLACE FUNCTION auth.person_for_break_glass(number text, born date)
RETURNS TABLE (id bigint, public_id text)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = health, pg_temp AS $$
  SELECT p.id, p.public_id FROM health.person p WHERE p.id = health.person_of_number(number) AND p.birth_date = born
$$;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE OR REPLACE FUNCTION auth.person_by_record_number(number text) RETURNS bigint
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = health, pg_temp AS $$
  SELECT health.person_of_number(number)
$$;
-- +goose StatementEnd
-- A record that became part of another shows that one's number.
-- +goose StatementBegin
CREATE OR REPLACE FUNCTION auth.patients_of_log(ids bigint[], number text, public text)
RETURNS TABLE (id bigint, public_id text, record_number text)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = health, pg_temp AS $$
  SELECT p.id, p.public_id, coalesce(p.record_number, k.record_number, '')
  FROM health.person p LEFT JOIN health.person k ON k.id = p.merged_into
  WHERE (SELECT current_setting('hp.audit', true)) = 'all'
    AND (p.id = ANY (ids) OR p.id = health.person_of_number(nullif(number, '')) OR p.public_id = nullif(public, ''))
$$;
-- +goose StatementEnd

REVOKE ALL ON FUNCTION auth.same_person(bigint), health.person_of_number(text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION auth.same_person(bigint) TO hp_app;

RESET ROLE;
