-- The audit log: append-only, chained, one chain per process.
-- +goose Up
SET LOCAL ROLE hp_owner;
CREATE SCHEMA audit;

-- Texts are stored as they were hashed. No reference leads out of the log: what
-- happened stays on record when users and persons are gone.
CREATE TABLE audit.entry (
  chain      text COLLATE "C" NOT NULL,
  seq        bigint NOT NULL CHECK (seq > 0),
  at         timestamptz NOT NULL,
  kind       text NOT NULL,
  outcome    text NOT NULL CHECK (outcome IN ('done', 'denied', 'failed')),
  user_id    bigint NOT NULL DEFAULT 0,
  roles      text NOT NULL DEFAULT '',
  session_id text NOT NULL DEFAULT '',
  key_id     text NOT NULL DEFAULT '',
  person_id  bigint NOT NULL DEFAULT 0,
  subject    text NOT NULL DEFAULT '',
  route      text NOT NULL DEFAULT '',
  request_id text NOT NULL DEFAULT '',
  address    text NOT NULL DEFAULT '',
  detail     text NOT NULL DEFAULT '',
  mac_key    text NOT NULL,
  hash       bytea NOT NULL CHECK (octet_length(hash) = 32),
  PRIMARY KEY (chain, seq)
);
-- Pages go by time, whatever they filter; (chain, seq) tells apart what happened in one microsecond,
-- for which the narrow indexes sort the few rows of that microsecond.
CREATE INDEX entry_at ON audit.entry (at, chain, seq);
CREATE INDEX entry_person ON audit.entry (person_id, at) WHERE person_id <> 0;
CREATE INDEX entry_user ON audit.entry (user_id, at) WHERE user_id <> 0;
CREATE INDEX entry_subject ON audit.entry (subject, at) WHERE subject <> '';
CREATE INDEX entry_kind ON audit.entry (kind, at);
CREATE INDEX entry_failed ON audit.entry (outcome, at) WHERE outcome <> 'done';
-- Every new chain reads what the older ones recorded at their start.
CREATE INDEX entry_start ON audit.entry (chain, seq) WHERE kind = 'chain.start';

ALTER TABLE audit.entry ENABLE ROW LEVEL SECURITY;
-- hp.audit is "all" for those who review the log; others see what concerns their patients.
CREATE POLICY scope ON audit.entry FOR SELECT TO hp_app
  USING ((SELECT current_setting('hp.audit', true)) = 'all'
         OR (person_id <> 0 AND person_id = ANY ((SELECT health.scope_persons())::bigint[])));
CREATE POLICY append ON audit.entry FOR INSERT TO hp_audit WITH CHECK (true);

GRANT USAGE ON SCHEMA audit TO hp_app, hp_audit;
GRANT SELECT ON audit.entry TO hp_app;
GRANT INSERT ON audit.entry TO hp_audit;

RESET ROLE;
