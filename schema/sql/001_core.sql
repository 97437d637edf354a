-- Number:      001
-- Description: services, their state, results by day, cycles, alerts, hourly uptime
-- Date:        2026-11-21
-- Rollback:    001_core.down.sql
BEGIN;

CREATE TYPE matrix.verdict AS ENUM ('pass', 'warn', 'fail', 'unknown');
CREATE TYPE matrix.severity AS ENUM ('info', 'warning', 'error', 'critical');

-- One row: the number of the last commit that changed what people see. Its row lock puts such commits in one
-- order, so "everything after rev N" never misses a commit that took its number early and landed late.
CREATE TABLE matrix.revision (
  only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
  rev      bigint  NOT NULL DEFAULT 0
) WITH (fillfactor = 50);
INSERT INTO matrix.revision DEFAULT VALUES;

CREATE TABLE matrix.services (
  id          int GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  customer_id text        NOT NULL,
  name        text        NOT NULL,
  family      text        NOT NULL,
  target      text        NOT NULL,             -- the configured target; differs from name when discovered
  source      text        NOT NULL CHECK (source IN ('config', 'api', 'discovered')),
  config      jsonb       NOT NULL DEFAULT '{}',
  interval_ms int         NOT NULL CHECK (interval_ms > 0),
  created_at  timestamptz NOT NULL DEFAULT now(),
  removed_at  timestamptz,
  rev         bigint      NOT NULL DEFAULT 0    -- of the commit that last changed this row
);
CREATE UNIQUE INDEX services_name ON matrix.services (name) WHERE removed_at IS NULL;

-- The newest truth per service: the board, status and restarts read this, never the results.
CREATE TABLE matrix.service_state (
  service_id   int PRIMARY KEY REFERENCES matrix.services (id) ON DELETE CASCADE,
  verdict      matrix.verdict NOT NULL,
  code         text,
  detail       text           NOT NULL,
  since        timestamptz    NOT NULL,         -- when the verdict became what it is
  due_at       timestamptz    NOT NULL,
  started_at   timestamptz    NOT NULL,
  duration_ms  real           NOT NULL,
  measurements jsonb          NOT NULL DEFAULT '[]',
  facts        jsonb          NOT NULL DEFAULT '{}',
  outage_since timestamptz,                     -- first failure of the outage that is going on
  rev          bigint         NOT NULL
) WITH (fillfactor = 60);

-- (service_id, due_at) identifies a result: a batch delivered twice stores nothing twice, and newest-first
-- reading of one service is a backward scan of the same index.
CREATE TABLE matrix.results (
  service_id   int            NOT NULL,
  due_at       timestamptz    NOT NULL,
  started_at   timestamptz    NOT NULL,
  duration_ms  real           NOT NULL,
  verdict      matrix.verdict NOT NULL,
  customer_id  text           NOT NULL,
  code         text,
  detail       text           NOT NULL,
  measurements jsonb,
  facts        jsonb,
  PRIMARY KEY (service_id, due_at)
) PARTITION BY RANGE (due_at);

CREATE TABLE matrix.cycles (
  id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  customer_id text        NOT NULL,
  ts          timestamptz NOT NULL UNIQUE,      -- start of the aligned window; newest first is a backward scan
  interval_ms int         NOT NULL,
  duration_ms real        NOT NULL DEFAULT 0,
  pass        int         NOT NULL DEFAULT 0,
  warn        int         NOT NULL DEFAULT 0,
  fail        int         NOT NULL DEFAULT 0,
  unknown     int         NOT NULL DEFAULT 0,
  overall     text        NOT NULL GENERATED ALWAYS AS (CASE WHEN fail > 0 THEN 'fail' ELSE 'pass' END) STORED,
  expected    int,                              -- targets that were due; null until the cycle closes
  skipped     int,                              -- of those, the ones whose previous check still ran
  closed_at   timestamptz
) WITH (fillfactor = 70);

CREATE TABLE matrix.alerts (
  id          uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  customer_id text            NOT NULL,
  service     text            NOT NULL,
  severity    matrix.severity NOT NULL DEFAULT 'error',
  code        text,
  message     text            NOT NULL,
  created_at  timestamptz     NOT NULL,
  acked_at    timestamptz,
  acked_by    text,
  rev         bigint          NOT NULL,
  CHECK ((acked_at IS NULL) = (acked_by IS NULL))
);
CREATE INDEX alerts_newest ON matrix.alerts (created_at DESC);
CREATE INDEX alerts_unacked_newest ON matrix.alerts (created_at DESC) WHERE acked_at IS NULL;
-- At most one unacknowledged alert a service, whatever two writers might believe.
CREATE UNIQUE INDEX alerts_one_unacked ON matrix.alerts (service) WHERE acked_at IS NULL;

-- Uptime is added up as results are stored, so a report never scans them.
CREATE TABLE matrix.uptime_hourly (
  service_id int         NOT NULL REFERENCES matrix.services (id) ON DELETE CASCADE,
  hour       timestamptz NOT NULL,
  pass       int         NOT NULL DEFAULT 0,
  warn       int         NOT NULL DEFAULT 0,
  fail       int         NOT NULL DEFAULT 0,
  unknown    int         NOT NULL DEFAULT 0,
  PRIMARY KEY (service_id, hour)
) WITH (fillfactor = 70);

COMMIT;
