-- Number:      001
-- Description: takes back 001_core.sql; every stored result, cycle and alert goes with it
-- Date:        2026-11-21
BEGIN;

DROP TABLE matrix.uptime_hourly, matrix.alerts, matrix.cycles, matrix.results, matrix.service_state,
  matrix.services, matrix.revision;
DROP TYPE matrix.verdict, matrix.severity;
-- Without its stamp the migration is applied again at the next start.
DELETE FROM matrix.migrations WHERE number = 1;

COMMIT;
