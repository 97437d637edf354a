/** Tests that drive a limit to its value, or to a smaller one, without naming it: the file, and what the test is called. */
export const TESTED_ELSEWHERE: Readonly<Record<string, readonly [file: string, test: string]>> = {
  checks_per_thread: ['supervisor/family.test.ts', 'no thread gets more at once than the family allows'],
  held_checks: ['collector/uplink-gate.test.ts', 'no more calls are held than 10,000'],
  probe_heap: ['supervisor/family.test.ts', 'a thread that dies ('],
  probe_redirects: [
    'workers/http/redirects.test.ts',
    'as many redirects as allowed are followed, one more is not',
  ],
  engine_answer: [
    'fuzz/probe-docker.test.ts',
    'so are those of an engine that does not speak HTTP, or never ends',
  ],
  engine_values: ['fuzz/probe-docker.test.ts', 'huge lists cost bounded memory'],
  engine_pieces: ['fuzz/probe-docker.test.ts', 'an answer in more pieces than its size needs is refused'],
  spool: ['queue/spool.test.ts', 'stays within its bound, drops routine passes first'],
  spool_segment: ['queue/spool.test.ts', 'comes back whole and in order, over many segments'],
  queued_batches: [
    'queue/depth.test.ts',
    'results that nobody stores wait on the spool when the queue is full',
  ],
  dead_batches: ['queue/depth.test.ts', 'batches kept aside and notices that no channel takes are bounded'],
  queued_notices: ['queue/depth.test.ts', 'batches kept aside and notices that no channel takes are bounded'],
  writer_attempts: [
    'writer/writer.test.ts',
    'a batch that cannot be stored is put aside and holds nothing up',
  ],
  postgres_log: ['store/embedded.test.ts', 'the log stays bounded and goes on after trimming'],
  postgres_log_kept: ['store/embedded.test.ts', 'the log stays bounded and goes on after trimming'],
  live_alerts: ['snapshot/convergence.test.ts', 'the list of alerts is bounded, newest first'],
  live_frame: ['front/live.test.ts', 'floods and big frames end the connection'],
  live_messages: ['front/live.test.ts', 'floods and big frames end the connection'],
  live_high_water: ['front/live.test.ts', 'ten thousand services reach a client that reads slowly'],
  live_backpressure: ['front/live.test.ts', 'a client that stops reading is cut off and others go on'],
};
