-- Receipts of exports: what proves to whoever made one that the file is complete.
-- +goose Up
SET LOCAL ROLE hp_owner;

-- No reference leads to the person: a receipt holds no health data, and stays
-- when the person is gone. The audit log has the same facts for good.
CREATE TABLE ops.export (
  id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  public_id   text NOT NULL UNIQUE DEFAULT replace(gen_random_uuid()::text, '-', ''),
  -- The id that a page gave before the export began; a download that is tried again has it too.
  ticket      text NOT NULL DEFAULT '',
  user_id     bigint NOT NULL REFERENCES auth.user_account (id),
  key_id      text NOT NULL DEFAULT '',
  person_id   bigint NOT NULL,
  -- The person's public id.
  person      text NOT NULL,
  metric      text NOT NULL DEFAULT '',
  first_day   date,
  last_day    date,
  format      text NOT NULL CHECK (format IN ('csv', 'ndjson')),
  gzip        boolean NOT NULL DEFAULT false,
  file        text NOT NULL,
  promised    bigint NOT NULL,
  rows        bigint NOT NULL DEFAULT 0,
  bytes       bigint NOT NULL DEFAULT 0,
  sha256      bytea CHECK (octet_length(sha256) = 32),
  outcome     text NOT NULL DEFAULT 'running' CHECK (outcome IN ('running', 'done', 'failed')),
  started_at  timestamptz NOT NULL DEFAULT now(),
  -- The latest sign of life of a running export.
  seen_at     timestamptz NOT NULL DEFAULT now(),
  finished_at timestamptz,
  CHECK ((finished_at IS NULL) = (outcome = 'running')),
  CHECK ((sha256 IS NULL) = (outcome <> 'done'))
);
CREATE INDEX export_user ON ops.export (user_id, id);
CREATE INDEX export_ticket ON ops.export (ticket) WHERE ticket <> '';

GRANT SELECT ON ops.export TO hp_app;
GRANT INSERT (ticket, user_id, key_id, person_id, person, metric, first_day, last_day, format, gzip, file, promised) ON ops.export TO hp_app;
GRANT UPDATE (rows, bytes, sha256, outcome, seen_at, finished_at) ON ops.export TO hp_app;

-- NDJSON tells the values of one external id apart by their slots.
GRANT SELECT ON health.event_identity TO hp_app;
CREATE POLICY scope ON health.event_identity FOR SELECT TO hp_app
  USING (person_id = ANY ((SELECT health.scope_persons())::bigint[]));

RESET ROLE;
