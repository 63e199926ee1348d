-- Rows that move from the default partition to a month's own are missed by nobody. It only replaces a function.
-- +goose Up
SET LOCAL ROLE hp_owner;

-- Whoever sees an older instant but plans with the new partition would look for the moved rows there, where that instant
-- has none. Readers of one instant hold the table before it begins (holdPartitions in store/postgres); here is what they wait for.
-- +goose StatementBegin
CREATE OR REPLACE FUNCTION health.make_partition(part text, month date) RETURNS void
LANGUAGE plpgsql SET search_path = health, pg_temp AS $$
DECLARE
  low  timestamptz := month::timestamp AT TIME ZONE 'UTC';
  high timestamptz := (month + interval '1 month')::timestamp AT TIME ZONE 'UTC';
BEGIN
  LOCK TABLE ONLY health.event IN ACCESS EXCLUSIVE MODE;
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

RESET ROLE;
