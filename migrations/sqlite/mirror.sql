-- The local mirror of the report index. It holds nothing of its own: another
-- version of this file makes the portal build it anew.
CREATE TABLE meta (
  name  TEXT PRIMARY KEY,
  value TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE root (
  name       TEXT PRIMARY KEY,
  indexed_at INTEGER,           -- microseconds since 1970, UTC; NULL: never
  problem    TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE person (
  id            INTEGER PRIMARY KEY,
  public_id     TEXT NOT NULL,
  record_number TEXT NOT NULL,
  family_name   TEXT NOT NULL,
  given_name    TEXT NOT NULL,
  birth_date    TEXT NOT NULL,  -- YYYY-MM-DD; empty: unknown
  sex           TEXT NOT NULL,
  timezone      TEXT NOT NULL,
  synthetic     INTEGER NOT NULL
) STRICT;

CREATE TABLE report (
  id           TEXT PRIMARY KEY,
  sort_at      INTEGER NOT NULL, -- generated_at, else modified_at
  change_no    INTEGER NOT NULL,
  person_id    INTEGER,
  unassigned   TEXT NOT NULL,
  root         TEXT NOT NULL,
  path         TEXT NOT NULL,
  claims       TEXT NOT NULL,   -- JSON
  kind         TEXT NOT NULL,
  title        TEXT NOT NULL,
  format       TEXT NOT NULL,
  status       TEXT NOT NULL,
  state        TEXT NOT NULL,
  problem      TEXT NOT NULL,
  size         INTEGER NOT NULL,
  modified_at  INTEGER NOT NULL,
  sha256       TEXT NOT NULL,
  generated_at INTEGER,
  risk_level   TEXT NOT NULL,
  risk_scale   TEXT NOT NULL,
  risk_tool    TEXT NOT NULL,
  risk_score   TEXT NOT NULL,
  tool         TEXT NOT NULL,
  summary      TEXT NOT NULL,
  supersedes   TEXT NOT NULL,
  synthetic    INTEGER NOT NULL,
  search       TEXT NOT NULL    -- lower case; empty for withdrawn and vanished reports
) STRICT, WITHOUT ROWID;
CREATE INDEX report_sort ON report (sort_at DESC, id DESC);
CREATE INDEX report_person ON report (person_id, sort_at DESC, id DESC);
CREATE INDEX report_kind ON report (kind);
