-- The event table: filters by source and flag, the history of a value, and the
-- view that a user keeps for a patient. It only adds.
-- +goose Up
SET LOCAL ROLE hp_owner;

-- Both are of few values in many rows, which PostgreSQL keeps as lists: a few bytes a row.
CREATE INDEX event_source ON health.event (person_id, source_id);
CREATE INDEX event_flag ON health.event (person_id, flag) WHERE flag IS NOT NULL;
-- Older versions are few among many rows, and looked up by what they were versions of.
CREATE INDEX event_superseded ON health.event (person_id, source_id) WHERE superseded_at IS NOT NULL;

-- Which sources and flags a person's rows have or had; '' is no flag. What is here and
-- in no row any more is left out by those who read it.
CREATE TABLE health.event_choice (
  person_id bigint NOT NULL,
  source_id integer NOT NULL,
  flag      text NOT NULL,
  PRIMARY KEY (person_id, source_id, flag)
);
ALTER TABLE health.event_choice ENABLE ROW LEVEL SECURITY;
CREATE POLICY scope ON health.event_choice FOR SELECT TO hp_app
  USING (person_id = ANY ((SELECT health.scope_persons())::bigint[]));
GRANT SELECT ON health.event_choice TO hp_app;

-- +goose StatementBegin
CREATE FUNCTION health.note_choices() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = health, pg_temp AS $$
BEGIN
  INSERT INTO health.event_choice (person_id, source_id, flag)
  SELECT DISTINCT person_id, source_id, coalesce(flag, '') FROM new_rows ORDER BY 1, 2, 3
  ON CONFLICT DO NOTHING;
  RETURN NULL;
END $$;
-- +goose StatementEnd
CREATE TRIGGER event_choice_insert AFTER INSERT ON health.event
  REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION health.note_choices();
CREATE TRIGGER event_choice_update AFTER UPDATE ON health.event
  REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION health.note_choices();
INSERT INTO health.event_choice SELECT DISTINCT person_id, source_id, coalesce(flag, '') FROM health.event;

-- Which import brought a version; not the rest of what is known about imports.
GRANT SELECT (id, format, started_at, undone_at) ON health.import TO hp_app;

-- What a user sees first of a patient's events. view is a query of the table's
-- own parameters, without the patient and the place in the list.
CREATE TABLE auth.saved_view (
  user_id   bigint NOT NULL REFERENCES auth.user_account (id) ON DELETE CASCADE,
  person_id bigint NOT NULL REFERENCES health.person (id) ON DELETE CASCADE,
  view      text NOT NULL CHECK (length(view) BETWEEN 1 AND 2000),
  saved_at  timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (user_id, person_id)
);
CREATE INDEX saved_view_person ON auth.saved_view (person_id);

ALTER TABLE auth.saved_view ENABLE ROW LEVEL SECURITY;
-- Which metric somebody looks at in a patient is health information too.
CREATE POLICY scope ON auth.saved_view TO hp_app
  USING (person_id = ANY ((SELECT health.scope_persons())::bigint[]))
  WITH CHECK (person_id = ANY ((SELECT health.scope_persons())::bigint[]));
GRANT SELECT, INSERT, UPDATE, DELETE ON auth.saved_view TO hp_app;

-- A receipt says what was chosen.
ALTER TABLE ops.export
  ADD COLUMN source_id integer NOT NULL DEFAULT 0,
  ADD COLUMN flag      text NOT NULL DEFAULT '';
GRANT INSERT (source_id, flag) ON ops.export TO hp_app;

RESET ROLE;
