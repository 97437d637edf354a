-- Number:      002
-- Description: how much time results speak for; the order of batches, declarations and closed cycles
-- Date:        2026-11-21
-- Rollback:    002_not_observed.down.sql
BEGIN;

-- No table is rewritten, and they are locked in the order in which the writer takes them: an older Matrix that still
-- works on this database goes on, and its rows are told from newer ones by their NULL.

-- How long a result speaks for: until the next check is due. NULL: not known, or the service is not
-- checked by a clock.
ALTER TABLE matrix.results ADD COLUMN observed_ms int;

-- Batch and place in it of the newest result: what the same process made later is newer, whatever its clock did.
ALTER TABLE matrix.service_state ADD COLUMN made text;

-- The time of this hour that results speak for; what is missing to a full hour was not observed. Overlaps are counted
-- twice. NULL: written before this column was; each of its results then speaks for one interval.
ALTER TABLE matrix.uptime_hourly ADD COLUMN observed_ms bigint;

-- The batches that closed it: one that is replayed closes nothing twice.
ALTER TABLE matrix.cycles ADD COLUMN closed_by text[] NOT NULL DEFAULT '{}';

-- The newest list of configured targets that was applied: an older one that comes late is ignored.
CREATE TABLE matrix.declaration (
  only_row   boolean PRIMARY KEY DEFAULT true CHECK (only_row),
  batch      text        NOT NULL,
  applied_at timestamptz NOT NULL DEFAULT now()
);

COMMIT;
