-- Stamps by which a cache knows whether what it read of a person still is what the database says. It only adds.
-- +goose Up
SET LOCAL ROLE hp_owner;

-- Every transaction that changes what charts and overviews of a person show leaves a stamp here, and takes away those of
-- transactions before it. Whoever sees the same stamps sees the same data: a snapshot that sees one change more sees its
-- stamp, or that of a later change that took it away. Random, not counted, so that a database that was restored never shows
-- an old stamp beside other data. Each transaction has a row of its own, so that nobody waits for anybody here.
-- person_id 0 stands for what every answer shows: the names of metrics, units, sources and devices; -1 for arrivals of
-- anybody (health.person_source).
CREATE TABLE health.data_stamp (
  person_id bigint NOT NULL,
  xid       bigint NOT NULL,
  stamp     uuid NOT NULL DEFAULT gen_random_uuid(),
  PRIMARY KEY (person_id, xid)
);
ALTER TABLE health.data_stamp ENABLE ROW LEVEL SECURITY;
CREATE POLICY scope ON health.data_stamp FOR SELECT TO hp_app
  USING (person_id <= 0 OR person_id = ANY ((SELECT health.scope_persons())::bigint[]));
GRANT SELECT ON health.data_stamp TO hp_app;

-- The first change of a transaction is enough. A row of the same number that isn't this transaction's own is of a database
-- from which this one was copied. Transactions that see one instant only can't take away what others changed since.
-- +goose StatementBegin
CREATE FUNCTION health.stamp_data(persons bigint[]) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = health, pg_temp AS $$
DECLARE
  own     bigint := pg_current_xact_id()::text::bigint;
  changed bigint[];
BEGIN
  WITH fresh AS (
    INSERT INTO health.data_stamp AS s (person_id, xid) SELECT p, own FROM unnest(persons) AS p GROUP BY p ORDER BY p
    ON CONFLICT (person_id, xid) DO UPDATE SET stamp = excluded.stamp WHERE s.xmin <> pg_current_xact_id()::xid
    RETURNING person_id)
  SELECT array_agg(person_id) INTO changed FROM fresh;
  IF changed IS NOT NULL AND current_setting('transaction_isolation') = 'read committed' THEN
    DELETE FROM health.data_stamp d USING (
      SELECT o.person_id, o.xid FROM health.data_stamp o
      WHERE o.person_id = ANY (changed) AND o.xid <> own FOR UPDATE SKIP LOCKED) o
    WHERE d.person_id = o.person_id AND d.xid = o.xid;
  END IF;
END $$;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE FUNCTION health.stamp_new() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = health, pg_temp AS $$
BEGIN
  PERFORM health.stamp_data(ARRAY(SELECT DISTINCT person_id FROM new_rows));
  RETURN NULL;
END $$;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE FUNCTION health.stamp_old() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = health, pg_temp AS $$
BEGIN
  PERFORM health.stamp_data(ARRAY(SELECT DISTINCT person_id FROM old_rows));
  RETURN NULL;
END $$;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE FUNCTION health.stamp_both() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = health, pg_temp AS $$
BEGIN
  PERFORM health.stamp_data(ARRAY(SELECT person_id FROM old_rows UNION SELECT person_id FROM new_rows));
  RETURN NULL;
END $$;
-- +goose StatementEnd
-- What a table as a whole stands for: the trigger's argument.
-- +goose StatementBegin
CREATE FUNCTION health.stamp_all() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = health, pg_temp AS $$
BEGIN
  PERFORM health.stamp_data(ARRAY[TG_ARGV[0]::bigint]);
  RETURN NULL;
END $$;
-- +goose StatementEnd

-- Each change of health.event notes a dirty key, or comes with the rollup's own rows where an import fills partitions
-- directly; each rebuild, of whatever figures, writes the rollup.
CREATE TRIGGER event_dirty_stamp_insert AFTER INSERT ON health.event_dirty
  REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION health.stamp_new();
CREATE TRIGGER event_dirty_stamp_update AFTER UPDATE ON health.event_dirty
  REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION health.stamp_both();
CREATE TRIGGER event_dirty_stamp_delete AFTER DELETE ON health.event_dirty
  REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION health.stamp_old();
CREATE TRIGGER event_day_stamp_insert AFTER INSERT ON health.event_day
  REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION health.stamp_new();
CREATE TRIGGER event_day_stamp_update AFTER UPDATE ON health.event_day
  REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION health.stamp_both();
CREATE TRIGGER event_day_stamp_delete AFTER DELETE ON health.event_day
  REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION health.stamp_old();
CREATE TRIGGER event_stamp_truncate AFTER TRUNCATE ON health.event FOR EACH STATEMENT EXECUTE FUNCTION health.stamp_all('0');
CREATE TRIGGER event_dirty_stamp_truncate AFTER TRUNCATE ON health.event_dirty FOR EACH STATEMENT EXECUTE FUNCTION health.stamp_all('0');
CREATE TRIGGER event_day_stamp_truncate AFTER TRUNCATE ON health.event_day FOR EACH STATEMENT EXECUTE FUNCTION health.stamp_all('0');
CREATE TRIGGER person_source_stamp AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON health.person_source
  FOR EACH STATEMENT EXECUTE FUNCTION health.stamp_all('-1');

-- A name that is new is in no answer yet. That an import stamps here when it writes a name anew costs no more than reading again.
CREATE TRIGGER metric_stamp AFTER UPDATE OR DELETE OR TRUNCATE ON health.metric FOR EACH STATEMENT EXECUTE FUNCTION health.stamp_all('0');
CREATE TRIGGER unit_stamp AFTER UPDATE OR DELETE OR TRUNCATE ON health.unit FOR EACH STATEMENT EXECUTE FUNCTION health.stamp_all('0');
CREATE TRIGGER source_stamp AFTER UPDATE OR DELETE OR TRUNCATE ON health.source FOR EACH STATEMENT EXECUTE FUNCTION health.stamp_all('0');
CREATE TRIGGER device_stamp AFTER UPDATE OR DELETE OR TRUNCATE ON health.device FOR EACH STATEMENT EXECUTE FUNCTION health.stamp_all('0');

-- What the freshness of a member's sources depends on: the patients of the member's care teams now, and what arrived.
-- +goose StatementBegin
CREATE FUNCTION health.sources_stamp(member bigint) RETURNS text
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = health, pg_temp AS $$
  SELECT CASE WHEN bool_or(s.person_id = 0) AND bool_or(s.person_id = -1) THEN
    (SELECT encode(sha256(convert_to(coalesce(string_agg(t.person_id::text, ',' ORDER BY t.person_id), ''), 'UTF8')), 'hex')
      FROM (SELECT DISTINCT person_id FROM health.team_patients_of(member)) t) || string_agg(' ' || s.stamp, '' ORDER BY s.stamp)
    ELSE '' END
  FROM health.data_stamp s WHERE s.person_id <= 0
$$;
-- +goose StatementEnd

INSERT INTO health.data_stamp (person_id, xid) SELECT DISTINCT person_id, pg_current_xact_id()::text::bigint FROM health.event_day;
INSERT INTO health.data_stamp (person_id, xid) SELECT person_id, pg_current_xact_id()::text::bigint FROM health.event_dirty ON CONFLICT DO NOTHING;
INSERT INTO health.data_stamp (person_id, xid) SELECT p, pg_current_xact_id()::text::bigint FROM unnest(ARRAY[0, -1]) p ON CONFLICT DO NOTHING;

REVOKE ALL ON FUNCTION health.stamp_data(bigint[]), health.stamp_new(), health.stamp_old(), health.stamp_both(), health.stamp_all(),
  health.sources_stamp(bigint) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION health.sources_stamp(bigint) TO hp_app;

RESET ROLE;
