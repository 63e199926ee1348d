-- General adult ranges: who signed which off, and who withdrew that. It only adds.
-- +goose Up
SET LOCAL ROLE hp_owner;

-- What clinicians did, one row each, for good: the newest row of a metric is in force. A sign-off counts only for the
-- range with its digest, so that another range of a later program begins without one. metric is no foreign key: a
-- metric that leaves the catalogue leaves its history behind.
CREATE TABLE health.range_act (
  id       bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  metric   text NOT NULL CHECK (length(metric) BETWEEN 1 AND 100),
  act      text NOT NULL CHECK (act IN ('sign-off', 'withdraw')),
  digest   text NOT NULL CHECK (digest ~ '^[0-9a-f]{64}$'),
  said     text NOT NULL CHECK (length(said) BETWEEN 1 AND 500),
  user_id  bigint NOT NULL REFERENCES auth.user_account (id),
  acted_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX range_act_metric ON health.range_act (metric, id DESC);

-- Nothing here is about a patient. Only a clinician who is not disabled can act, and in nobody else's place can anything be changed.
ALTER TABLE health.range_act ENABLE ROW LEVEL SECURITY;
CREATE POLICY readers ON health.range_act FOR SELECT TO hp_app USING (true);
CREATE POLICY clinicians ON health.range_act FOR INSERT TO hp_app WITH CHECK (EXISTS (
  SELECT FROM auth.user_role r JOIN auth.user_account u ON u.id = r.user_id
  WHERE r.user_id = range_act.user_id AND r.role = 'clinician' AND u.disabled_at IS NULL));
GRANT SELECT ON health.range_act TO hp_app;
GRANT INSERT (metric, act, digest, said, user_id) ON health.range_act TO hp_app;

RESET ROLE;
