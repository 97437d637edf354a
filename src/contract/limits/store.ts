import { limits } from './limit.js';

/** The way of results into the store, and what waits while it is away. */
export const STORE_LIMITS = limits({
  pending_results: {
    value: 100_000,
    unit: 'count',
    bounds: 'Results in memory that neither the database nor the spool has taken.',
    beyond: 'The oldest are dropped and counted in matrix_results_dropped_total.',
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
  writer_jobs: {
    value: 20,
    unit: 'count',
    bounds: 'Batches that the writer stores in one transaction.',
    beyond: 'The others wait for the next transaction.',
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
