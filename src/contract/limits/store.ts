import { limits } from './limit.js';

/** The way of results into the store, and what waits while it is away. */
export const STORE_LIMITS = limits({
  pending_results: {
    value: 100_000,
    unit: 'count',
    bounds: 'Results in memory that neither the database nor the spool has taken.',
    beyond:
      'The oldest routine passes go first, then the oldest batches; counted in matrix_results_dropped_total.',
  },
  batch_results: {
    value: 500,
    unit: 'count',
    bounds: 'Results of one batch, unless one entry alone has more.',
    beyond: 'The next batch begins.',
  },
  spool: {
    value: 256 * 1024 * 1024,
    unit: 'bytes',
    bounds: 'Batches that wait on disk for the database.',
    beyond:
      'The oldest routine passes go first, then the oldest segment; counted in matrix_results_dropped_total.',
  },
  spool_segment: {
    value: 1024 * 1024,
    unit: 'bytes',
    bounds: 'One file of the spool, unless one write alone is larger.',
    beyond: 'The next file begins.',
  },
  queued_batches: {
    value: 20_000,
    unit: 'count',
    bounds: 'Batches of results that wait in the queue for the writer.',
    beyond: 'Results go to the spool until half of them are stored; readiness says so.',
  },
  queued_batches_read: {
    value: 200,
    unit: 'count',
    bounds: 'Waiting batches that whoever takes over the collecting looks through.',
    beyond: 'The newest are read; the store knows the others.',
  },
  dead_batches: {
    value: 1_000,
    unit: 'count',
    bounds: 'Batches kept aside because they cannot be stored.',
    beyond: 'The oldest are removed, logged, and counted in matrix_queue_trimmed_total.',
  },
  queued_notices: {
    value: 10_000,
    unit: 'count',
    bounds: 'Notices in the queue that no channel has taken yet.',
    beyond: 'The oldest are removed, logged, and counted in matrix_queue_trimmed_total.',
  },
  direct_notices: {
    value: 20,
    unit: 'count',
    bounds: 'Notices about the database itself that no channel has taken yet, in memory.',
    beyond: 'The oldest is dropped and logged.',
  },
  writer_jobs: {
    value: 20,
    unit: 'count',
    bounds: 'Batches that the writer stores in one transaction.',
    beyond: 'The others wait for the next transaction.',
  },
  known_days: {
    value: 64,
    unit: 'count',
    bounds: 'Days whose partition the writer knows to exist.',
    beyond: 'It forgets them and looks again.',
  },
  writer_attempts: {
    value: 3,
    unit: 'count',
    bounds: 'Attempts to store a batch that fails by itself.',
    beyond: 'It is put into the dead queue, counted in matrix_batches_buried_total.',
  },
  postgres_log: {
    value: 4 * 1024 * 1024,
    unit: 'bytes',
    bounds: 'The log of the embedded PostgreSQL.',
    beyond: 'Its last part replaces the one kept before, and the log begins anew.',
  },
  postgres_log_kept: {
    value: 1024 * 1024,
    unit: 'bytes',
    bounds: 'What is kept of the log of the embedded PostgreSQL when it begins anew.',
    beyond: 'Older lines are gone.',
  },
  postgres_log_tail: {
    value: 2_000,
    unit: 'bytes',
    bounds: 'What an error repeats of the log of the embedded PostgreSQL.',
    beyond: 'The last lines are kept.',
  },
});
