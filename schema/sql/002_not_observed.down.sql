-- Number:      002
-- Description: takes back 002_not_observed.sql; results, alerts and counts stay, what is known of gaps goes
-- Date:        2026-11-21
BEGIN;

DROP TABLE matrix.declaration;
ALTER TABLE matrix.results DROP COLUMN observed_ms;
ALTER TABLE matrix.service_state DROP COLUMN made;
-- Hours that hold nothing but observed time.
DELETE FROM matrix.uptime_hourly WHERE pass + warn + fail + unknown = 0;
ALTER TABLE matrix.uptime_hourly DROP COLUMN observed_ms;
ALTER TABLE matrix.cycles DROP COLUMN closed_by;
-- Without its stamp the migration is applied again at the next start.
DELETE FROM matrix.migrations WHERE number = 2;

COMMIT;
