-- Receipts of exports that were narrowed to instants, as the hours of a chart are. It only adds.
-- +goose Up
SET LOCAL ROLE hp_owner;

ALTER TABLE ops.export
  ADD COLUMN since timestamptz,
  ADD COLUMN until timestamptz;
GRANT INSERT (since, until) ON ops.export TO hp_app;

RESET ROLE;
