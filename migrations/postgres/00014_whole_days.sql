-- The portable export orders values of whole days by their midnight in UTC, and looks for them before its first line. It only adds.
-- +goose Up
SET LOCAL ROLE hp_owner;

-- Few rows have no time of day, so that those of a person are found without all others.
CREATE INDEX event_whole_days ON health.event (person_id, effective_at) WHERE whole_days;

RESET ROLE;
