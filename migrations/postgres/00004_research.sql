-- What researchers may see, and the fingerprints of the keys that hide the rest.
-- +goose Up
SET LOCAL ROLE hp_owner;

-- Which keys this database was written with. The keys themselves lie elsewhere.
CREATE TABLE ops.key (
  purpose     text NOT NULL,
  key_id      text NOT NULL,
  fingerprint text NOT NULL,
  created_at  timestamptz NOT NULL DEFAULT now(),
  retired_at  timestamptz CHECK (retired_at >= created_at),
  -- An operator gave the key up: what it protected can't be read or verified any more.
  lost_at     timestamptz CHECK (lost_at IS NULL OR retired_at IS NOT NULL),
  PRIMARY KEY (purpose, key_id)
);
-- Two portals with different folders can't both have their way.
CREATE UNIQUE INDEX key_current ON ops.key (purpose) WHERE retired_at IS NULL;

CREATE SCHEMA research;

-- Units are text of whoever sent the data, so that only known ones are shown.
CREATE TABLE research.unit (
  ucum text PRIMARY KEY
);
INSERT INTO research.unit (ucum) VALUES
  ('/min'), ('{beats}/min'), ('{breaths}/min'), ('ms'), ('s'), ('min'), ('h'), ('d'), ('%'), ('1'), ('{score}'), ('{steps}'), ('{flights}'),
  ('Cel'), ('[degF]'), ('mm[Hg]'), ('kPa'), ('kg'), ('g'), ('[lb_av]'), ('m'), ('km'), ('cm'), ('[in_i]'), ('[ft_i]'), ('[mi_i]'),
  ('kg/m2'), ('mL/kg/min'), ('mL/min/kg'), ('L/min'), ('kcal'), ('kJ'), ('mg/dL'), ('mg/L'), ('g/dL'), ('g/L'), ('ug/dL'), ('ug/L'), ('ng/mL'),
  ('mmol/L'), ('umol/L'), ('nmol/L'), ('mmol/mol'), ('mEq/L'), ('mL/min/{1.73_m2}'), ('mL/min'), ('U/L'), ('10*3/uL'), ('10*6/uL');

-- Only persons with recorded consent, only an allow-list of columns. The age is
-- the one reached this year: one that moved on the birthday would tell the birthday.
CREATE VIEW research.participant WITH (security_barrier) AS
  SELECT p.id AS person_id, p.sex,
    CASE WHEN p.birth_date IS NOT NULL
      THEN least(90, greatest(0, extract(year FROM current_date) - extract(year FROM p.birth_date)))::integer END AS age_years
  FROM health.person p WHERE p.research_consent;

-- What may be shown of each current observation, and why not where it may not.
-- Flags and status are text of other systems too: what is no known code is left out.
CREATE VIEW research.observation WITH (security_barrier) AS
  SELECT e.person_id, e.id AS event_id, m.code AS metric, m.name AS metric_name, e.effective_at,
    e.effective_at AT TIME ZONE coalesce(p.timezone, s.value, 'UTC') AS local_at,
    e.effective_end AT TIME ZONE coalesce(p.timezone, s.value, 'UTC') AS local_end,
    e.local_day, e.whole_days, e.value, e.comparator, u.ucum AS unit, c.code AS loinc,
    CASE WHEN e.flag IN ('N', 'A', 'AA', 'H', 'HH', 'HU', 'L', 'LL', 'LU', 'POS', 'NEG', 'IND') THEN e.flag END AS flag,
    CASE WHEN e.status IN ('registered', 'preliminary', 'final', 'amended', 'corrected', 'cancelled') THEN e.status ELSE 'unknown' END AS status,
    e.device_id IS NOT NULL AS had_device,
    CASE WHEN NOT m.in_catalogue OR (e.code <> '' AND c.code IS NULL) THEN 'code'
         WHEN e.value IS NULL THEN 'text'
         WHEN e.unit_id IS NOT NULL AND a.ucum IS NULL THEN 'unit'
         ELSE '' END AS withheld
  FROM health.person p
  JOIN health.event e ON e.person_id = p.id
  JOIN health.metric m ON m.id = e.metric_id
  LEFT JOIN ops.setting s ON s.name = 'site_timezone'
  LEFT JOIN health.metric_code c ON c.code_system = e.code_system AND c.code = e.code AND c.metric_id = e.metric_id
  LEFT JOIN health.unit u ON u.id = e.unit_id
  LEFT JOIN research.unit a ON a.ucum = u.ucum
  WHERE p.research_consent AND e.superseded_at IS NULL AND e.status <> 'entered-in-error';

CREATE VIEW research.event WITH (security_barrier) AS
  SELECT person_id, event_id, metric, metric_name, effective_at, local_at, local_end, local_day, whole_days, value, comparator, unit, loinc, flag, status
  FROM research.observation WHERE withheld = '';

-- How many values of a participant are withheld, by the reason.
CREATE VIEW research.withheld WITH (security_barrier) AS
  SELECT person_id, count(*) FILTER (WHERE withheld = 'code') AS codes, count(*) FILTER (WHERE withheld = 'text') AS texts,
    count(*) FILTER (WHERE withheld = 'unit') AS units, count(*) FILTER (WHERE withheld = '' AND had_device) AS devices
  FROM research.observation GROUP BY person_id;

-- research.observation has what is withheld in its rows: it is for the views above alone.
GRANT USAGE ON SCHEMA research TO hp_research;
GRANT SELECT ON research.participant, research.event, research.withheld TO hp_research;

RESET ROLE;
