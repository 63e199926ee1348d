-- When the source last changed what it sent, so that an older version that arrives
-- later does not replace a newer one, and one that the source set back returns. It only adds.
-- +goose Up
SET LOCAL ROLE hp_owner;

-- The latest time at which the source changed the observation, by the source's own
-- clock, of all that is known of it; NULL where it never said. The same in all slots.
ALTER TABLE health.event_identity ADD COLUMN updated timestamptz;
ALTER TABLE health.import_identity_before ADD COLUMN updated timestamptz;

-- Values that were older than what was known: stored, and superseded from the start.
ALTER TABLE health.import ADD COLUMN outdated bigint NOT NULL DEFAULT 0;

RESET ROLE;
