-- Access: sessions that lock and rotate, passkeys that their owners manage, links,
-- care teams with a record, break-glass, API keys, and notices of what others did.
-- +goose Up

-- +goose StatementBegin
DO $$
BEGIN
  -- Roles belong to the cluster, so another database may have made it already.
  BEGIN
    EXECUTE 'CREATE ROLE hp_research NOLOGIN';
  EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL;
  END;
  IF NOT pg_has_role(current_user, 'hp_research', 'MEMBER') THEN
    EXECUTE format('GRANT hp_research TO %I', current_user);
  END IF;
  EXECUTE format('GRANT CONNECT ON DATABASE %I TO hp_research', current_database());
END $$;
-- +goose StatementEnd

SET LOCAL ROLE hp_owner;

-- Public ids stand in addresses: random, so that they tell nothing and can't be counted through.
ALTER TABLE auth.user_account
  ADD COLUMN public_id    text NOT NULL UNIQUE DEFAULT replace(gen_random_uuid()::text, '-', ''),
  ADD COLUMN last_sign_in timestamptz;

ALTER TABLE auth.user_role ADD COLUMN granted_by bigint REFERENCES auth.user_account (id);

ALTER TABLE auth.passkey
  ADD COLUMN public_id  text NOT NULL UNIQUE DEFAULT replace(gen_random_uuid()::text, '-', ''),
  ADD COLUMN aaguid     uuid,
  -- Whether the authenticator may copy the passkey to other devices, and whether it has.
  ADD COLUMN may_sync   boolean NOT NULL DEFAULT false,
  ADD COLUMN synced     boolean NOT NULL DEFAULT false,
  ADD COLUMN transports text[] NOT NULL DEFAULT '{}';

ALTER TABLE auth.enrolment
  ADD COLUMN public_id  text NOT NULL UNIQUE DEFAULT replace(gen_random_uuid()::text, '-', ''),
  -- NULL: made by a command on the server.
  ADD COLUMN created_by bigint REFERENCES auth.user_account (id),
  ADD COLUMN handed_as  text NOT NULL DEFAULT 'link' CHECK (handed_as IN ('link', 'qr')),
  -- Old passkeys and sessions end when the link is used.
  ADD COLUMN ends_old   boolean NOT NULL DEFAULT false;

ALTER TABLE auth.ceremony DROP CONSTRAINT ceremony_kind_check;
ALTER TABLE auth.ceremony
  ADD CONSTRAINT ceremony_kind_check CHECK (kind IN ('enrol', 'sign-in', 'verify', 'add')),
  -- The public id of the session that began a check or an addition.
  ADD COLUMN session_id text;

ALTER TABLE auth.session
  ADD COLUMN public_id   text NOT NULL UNIQUE DEFAULT replace(gen_random_uuid()::text, '-', ''),
  ADD COLUMN verified_at timestamptz NOT NULL DEFAULT now(),
  ADD COLUMN locked_at   timestamptz,
  -- The session of somebody who is a researcher among other things shows de-identified data, or identified data, never both.
  ADD COLUMN research    boolean NOT NULL DEFAULT false,
  ADD COLUMN browser     text NOT NULL DEFAULT '',
  ADD COLUMN address     inet,
  ADD COLUMN ended_why   text NOT NULL DEFAULT '',
  -- The token before the latest rotation: a sign-out that was under way ends the session too.
  ADD COLUMN token_before bytea;
UPDATE auth.session SET verified_at = created_at;
CREATE INDEX session_before ON auth.session (token_before);

-- Session caches of every process forget a user whose rights or sessions changed.
-- +goose StatementBegin
CREATE FUNCTION auth.tell_caches() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = auth, pg_temp AS $$
BEGIN
  IF TG_TABLE_NAME = 'user_account' THEN
    PERFORM pg_notify('hp_sessions', NEW.id::text);
  ELSIF TG_OP = 'DELETE' THEN
    PERFORM pg_notify('hp_sessions', OLD.user_id::text);
  ELSE
    PERFORM pg_notify('hp_sessions', NEW.user_id::text);
  END IF;
  RETURN NULL;
END $$;
-- +goose StatementEnd
CREATE TRIGGER session_changed AFTER UPDATE OF token_hash, ended_at, locked_at, research ON auth.session
  FOR EACH ROW EXECUTE FUNCTION auth.tell_caches();
CREATE TRIGGER session_deleted AFTER DELETE ON auth.session
  FOR EACH ROW EXECUTE FUNCTION auth.tell_caches();
CREATE TRIGGER roles_changed AFTER INSERT OR UPDATE OR DELETE ON auth.user_role
  FOR EACH ROW EXECUTE FUNCTION auth.tell_caches();
CREATE TRIGGER user_changed AFTER UPDATE OF disabled_at, display_name ON auth.user_account
  FOR EACH ROW EXECUTE FUNCTION auth.tell_caches();
CREATE TRIGGER passkey_changed AFTER UPDATE OF revoked_at ON auth.passkey
  FOR EACH ROW EXECUTE FUNCTION auth.tell_caches();

-- What somebody else added to or took from an account, shown at the next sign-in.
CREATE TABLE auth.notice (
  id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  user_id    bigint NOT NULL REFERENCES auth.user_account (id),
  kind       text NOT NULL CHECK (kind IN ('passkey', 'key', 'link', 'role', 'team', 'session', 'account')),
  what       text NOT NULL,
  -- NULL: a command on the server.
  by_user    bigint REFERENCES auth.user_account (id),
  created_at timestamptz NOT NULL DEFAULT now(),
  seen_at    timestamptz
);
CREATE INDEX notice_unseen ON auth.notice (user_id) WHERE seen_at IS NULL;

-- Keys of programs. The secret is 256 random bits, so that a plain hash can't be guessed back.
CREATE TABLE auth.api_key (
  id           text PRIMARY KEY CHECK (id ~ '^[a-z0-9]{8,32}$'),
  user_id      bigint NOT NULL REFERENCES auth.user_account (id),
  name         text NOT NULL DEFAULT '',
  secret_hash  bytea NOT NULL CHECK (octet_length(secret_hash) = 32),
  scopes       text[] NOT NULL CHECK (cardinality(scopes) > 0),
  created_at   timestamptz NOT NULL DEFAULT now(),
  created_by   bigint REFERENCES auth.user_account (id),
  expires_at   timestamptz NOT NULL,
  last_used_at timestamptz,
  revoked_at   timestamptz
);
CREATE INDEX api_key_user ON auth.api_key (user_id);

-- Emergency access of one user to one patient for at most an hour.
CREATE TABLE auth.break_glass (
  id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  public_id   text NOT NULL UNIQUE DEFAULT replace(gen_random_uuid()::text, '-', ''),
  user_id     bigint NOT NULL REFERENCES auth.user_account (id),
  person_id   bigint NOT NULL REFERENCES health.person (id),
  reason      text NOT NULL CHECK (length(btrim(reason)) >= 10),
  started_at  timestamptz NOT NULL DEFAULT now(),
  expires_at  timestamptz NOT NULL,
  ended_at    timestamptz,
  reviewed_at timestamptz,
  reviewed_by bigint REFERENCES auth.user_account (id),
  outcome     text CHECK (outcome IN ('justified', 'not justified')),
  note        text NOT NULL DEFAULT '',
  CHECK (expires_at > started_at AND expires_at <= started_at + interval '60 minutes'),
  CHECK ((reviewed_at IS NULL) = (outcome IS NULL) AND (reviewed_at IS NULL) = (reviewed_by IS NULL)),
  CHECK (reviewed_by <> user_id)
);
CREATE INDEX break_glass_user ON auth.break_glass (user_id, expires_at);
CREATE INDEX break_glass_person ON auth.break_glass (person_id);
CREATE INDEX break_glass_open ON auth.break_glass (started_at) WHERE reviewed_at IS NULL;

-- Attempts to sign in, counted across processes. Losing them in a crash does no harm.
CREATE UNLOGGED TABLE auth.attempt (
  bucket     text PRIMARY KEY,
  started_at timestamptz NOT NULL,
  n          integer NOT NULL
);

-- Persons in whose care teams the user is now, or for whom the user broke the glass.
-- +goose StatementBegin
CREATE OR REPLACE FUNCTION auth.persons_of(member bigint) RETURNS SETOF bigint
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = auth, pg_temp AS $$
  SELECT p.person_id
  FROM auth.care_team_user u JOIN auth.care_team_person p USING (team_id)
  WHERE u.user_id = member
    AND u.valid_from <= now() AND (u.valid_to IS NULL OR u.valid_to > now())
    AND p.valid_from <= now() AND (p.valid_to IS NULL OR p.valid_to > now())
  UNION
  SELECT b.person_id FROM auth.break_glass b
  WHERE b.user_id = member AND b.started_at <= now() AND b.expires_at > now() AND b.ended_at IS NULL
$$;
-- +goose StatementEnd

-- One patient by exact record number and birth date, or none: it lists nobody.
-- +goose StatementBegin
CREATE FUNCTION auth.person_for_break_glass(number text, born date)
RETURNS TABLE (id bigint, public_id text)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = health, pg_temp AS $$
  SELECT p.id, p.public_id FROM health.person p WHERE p.record_number = number AND p.birth_date = born
$$;
-- +goose StatementEnd

-- The patients of emergency accesses, by record number alone, for those who review them.
-- +goose StatementBegin
CREATE FUNCTION auth.break_glass_patients(accesses bigint[])
RETURNS TABLE (access_id bigint, public_id text, record_number text)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = auth, pg_temp AS $$
  SELECT b.id, p.public_id, coalesce(p.record_number, '')
  FROM auth.break_glass b JOIN health.person p ON p.id = b.person_id WHERE b.id = ANY (accesses)
$$;
-- +goose StatementEnd

-- Patients by record number alone, for those who read the whole audit log (hp.audit is "all").
-- +goose StatementBegin
CREATE FUNCTION auth.patients_of_log(ids bigint[], number text, public text)
RETURNS TABLE (id bigint, public_id text, record_number text)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = health, pg_temp AS $$
  SELECT p.id, p.public_id, coalesce(p.record_number, '') FROM health.person p
  WHERE (SELECT current_setting('hp.audit', true)) = 'all'
    AND (p.id = ANY (ids) OR p.record_number = nullif(number, '') OR p.public_id = nullif(public, ''))
$$;
-- +goose StatementEnd

-- The patient behind a record number, for whoever keeps care teams; no health data comes back.
-- +goose StatementBegin
CREATE FUNCTION auth.person_by_record_number(number text) RETURNS bigint
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = health, pg_temp AS $$
  SELECT p.id FROM health.person p WHERE p.record_number = number
$$;
-- +goose StatementEnd

-- Memberships are ended, not deleted; an id names each of them in addresses.
ALTER TABLE auth.care_team
  ADD COLUMN public_id text NOT NULL UNIQUE DEFAULT replace(gen_random_uuid()::text, '-', '');
ALTER TABLE auth.care_team_user
  ADD COLUMN public_id text NOT NULL UNIQUE DEFAULT replace(gen_random_uuid()::text, '-', ''),
  ADD COLUMN added_by  bigint REFERENCES auth.user_account (id),
  ADD CHECK (valid_to IS NULL OR valid_to >= valid_from);
ALTER TABLE auth.care_team_person
  ADD COLUMN public_id text NOT NULL UNIQUE DEFAULT replace(gen_random_uuid()::text, '-', ''),
  ADD COLUMN added_by  bigint REFERENCES auth.user_account (id),
  ADD CHECK (valid_to IS NULL OR valid_to >= valid_from);

-- A page of a team's patients, by record number alone, for administrators who see no health data.
-- +goose StatementBegin
CREATE FUNCTION auth.team_patients(of_team bigint, beyond text, most integer)
RETURNS TABLE (public_id text, record_number text, valid_from timestamptz, valid_to timestamptz, added_by text)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = auth, pg_temp AS $$
  SELECT m.public_id, coalesce(p.record_number, ''), m.valid_from, m.valid_to, coalesce(u.display_name, '')
  FROM auth.care_team_person m JOIN health.person p ON p.id = m.person_id LEFT JOIN auth.user_account u ON u.id = m.added_by
  WHERE m.team_id = of_team
    AND (beyond = '' OR (coalesce(p.record_number, ''), m.public_id) > (SELECT coalesce(q.record_number, ''), c.public_id
      FROM auth.care_team_person c JOIN health.person q ON q.id = c.person_id WHERE c.public_id = beyond AND c.team_id = of_team))
  ORDER BY coalesce(p.record_number, ''), m.public_id LIMIT most
$$;
-- +goose StatementEnd

GRANT SELECT ON auth.api_key, auth.break_glass, auth.notice TO hp_app;
GRANT UPDATE (last_used_at) ON auth.api_key TO hp_app;
GRANT UPDATE (seen_at) ON auth.notice TO hp_app;
GRANT INSERT (user_id, person_id, reason, expires_at), UPDATE (ended_at) ON auth.break_glass TO hp_app;
REVOKE ALL ON FUNCTION auth.break_glass_patients(bigint[]), auth.patients_of_log(bigint[], text, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION auth.break_glass_patients(bigint[]), auth.patients_of_log(bigint[], text, text) TO hp_app;
GRANT UPDATE (last_sign_in) ON auth.user_account TO hp_app;
GRANT SELECT, INSERT, UPDATE, DELETE ON auth.attempt TO hp_app;
REVOKE ALL ON FUNCTION auth.person_for_break_glass(text, date), auth.person_by_record_number(text), auth.team_patients(bigint, text, integer),
  auth.tell_caches() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION auth.person_for_break_glass(text, date), auth.person_by_record_number(text), auth.team_patients(bigint, text, integer) TO hp_app;

RESET ROLE;
