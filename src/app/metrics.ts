import type { MetricSample } from '../../schema/messages.js';
import { LIMIT_VALUE, limitSample, limitUse } from '../contract/limits/use.js';
import type { NodeState } from '../contract/tree.js';
import type { Producer } from '../queue/producer.js';
import type { Spool } from '../queue/spool.js';
import type { SupervisionEvent } from '../supervisor/child.js';
import type { WriterStats } from '../writer/writer.js';

/** Counts what supervision did, by child and reason; reasons are shortened so that labels stay few. */
export class SupervisionCounts {
  private readonly restarts = new Map<string, { child: string; reason: string; count: number }>();
  private readonly stalls = new Map<string, number>();
  private droppedToFront = 0;

  observe(event: SupervisionEvent): void {
    if (event.kind === 'stalled' || event.kind === 'main_stalled') {
      this.stalls.set(event.id, (this.stalls.get(event.id) ?? 0) + 1);
    }
    if (event.kind !== 'restarting') return;
    const reason = event.requested ? 'requested' : reasonClass(event.reason);
    const key = `${event.id}\n${reason}`;
    const entry = this.restarts.get(key) ?? { child: event.id, reason, count: 0 };
    entry.count += 1;
    this.restarts.set(key, entry);
  }

  /** A message to the front was left out. */
  frontDropped(): void {
    this.droppedToFront += 1;
  }

  samples(): MetricSample[] {
    const restarts = [...this.restarts.values()].map(
      ({ child, reason, count }): MetricSample => ({
        name: 'matrix_supervisor_restarts_total',
        help: 'Restarts by child and reason.',
        type: 'counter',
        labels: { child, reason },
        value: count,
      }),
    );
    const stalls = [...this.stalls].map(
      ([child, count]): MetricSample => ({
        name: 'matrix_supervisor_stalls_total',
        help: 'How often the event loop of a child stood still for a second; root is the main thread.',
        type: 'counter',
        labels: { child },
        value: count,
      }),
    );
    const dropped = one(
      'matrix_front_messages_dropped_total',
      'counter',
      this.droppedToFront,
      'Messages that were not sent to a front which does not read.',
    );
    return [...restarts, ...stalls, dropped];
  }
}

function reasonClass(reason: string): string {
  if (reason === 'hung' || reason === 'killed' || reason === 'normal') return reason;
  if (/heap|memory/i.test(reason)) return 'out_of_memory';
  return reason.startsWith('start failed') ? 'start_failed' : 'crashed';
}

/** What the way into the queue counts. */
export function spoolSamples(producer: Producer, spool: Spool): MetricSample[] {
  const dropped = producer.dropped + spool.droppedResults;
  return [
    one(
      'matrix_queue_pending_results',
      'gauge',
      producer.backlog,
      'Results not yet in the queue or on the spool.',
    ),
    one('matrix_spool_bytes', 'gauge', spool.bytes, 'Bytes that wait on disk for the database.'),
    one('matrix_spool_results', 'gauge', spool.results, 'Results that wait on disk for the database.'),
    ...[...producer.trimmed].map(([queue, jobs]) => ({
      ...one('matrix_queue_trimmed_total', 'counter', jobs, 'Jobs removed because too many waited.'),
      labels: { queue },
    })),
    one(
      'matrix_results_dropped_total',
      'counter',
      dropped,
      'Results lost because spool and memory were full.',
    ),
    limitSample(LIMIT_VALUE, 'spool', spool.maxBytes),
    ...limitUse({ pending_results: producer.backlog, spool: spool.bytes }),
  ];
}

/** What the writer counts. */
export function writerSamples(writer: WriterStats): MetricSample[] {
  return [
    one('matrix_writer_active', 'gauge', writer.active ? 1 : 0, '1 while this process is the writer.'),
    one('matrix_results_stored_total', 'counter', writer.stored, 'Results stored by this writer.'),
    one(
      'matrix_results_duplicate_total',
      'counter',
      writer.duplicates,
      'Results that had been stored before.',
    ),
    one(
      'matrix_results_orphaned_total',
      'counter',
      writer.orphaned,
      'Results of services no longer watched.',
    ),
    one('matrix_batches_buried_total', 'counter', writer.buried, 'Batches put aside: they cannot be stored.'),
  ];
}

function one(name: string, type: MetricSample['type'], value: number, help: string): MetricSample {
  return { name, help, type, labels: {}, value };
}

/** How much the busiest thread of each kind uses of its limits. */
export function threadUse(tree: NodeState): MetricSample[] {
  const nodes = threadsOf(tree);
  const most = (of: readonly NodeState[], figure: (node: NodeState) => number): number =>
    of.reduce((max, node) => Math.max(max, figure(node)), 0);
  const mib = ({ heapUsedBytes }: NodeState): number => Math.round((heapUsedBytes ?? 0) / 2 ** 20);
  const probes = nodes.filter(({ id }) => id.startsWith('probe:'));
  const core = nodes.filter(({ id }) => !id.startsWith('probe:'));
  return limitUse({
    probe_heap: most(probes, mib),
    core_heap: most(core, mib),
    checks_per_thread: most(probes, ({ backlog }) => backlog),
  });
}

function threadsOf(node: NodeState): NodeState[] {
  return [...(node.kind === 'thread' ? [node] : []), ...node.children.flatMap(threadsOf)];
}

/** Every node of the tree as samples. */
export function treeSamples(tree: NodeState): MetricSample[] {
  const labels = { child: tree.id };
  const samples: MetricSample[] = [
    {
      name: 'matrix_supervisor_child_up',
      help: '1 while the child runs.',
      type: 'gauge',
      labels,
      value: tree.status === 'running' ? 1 : 0,
    },
    {
      name: 'matrix_supervisor_backlog',
      help: 'Work accepted and not finished.',
      type: 'gauge',
      labels,
      value: tree.backlog,
    },
    {
      name: 'matrix_supervisor_child_stalled',
      help: '1 while the event loop of the child stands still.',
      type: 'gauge',
      labels,
      value: tree.stalledMs === null ? 0 : 1,
    },
  ];
  if (tree.heapUsedBytes !== null) {
    samples.push({
      name: 'matrix_supervisor_heap_bytes',
      help: 'JavaScript heap in use.',
      type: 'gauge',
      labels,
      value: tree.heapUsedBytes,
    });
  }
  if (tree.eventLoopUtilisation !== null) {
    samples.push({
      name: 'matrix_supervisor_event_loop_utilisation',
      help: 'Share of time the event loop was busy, 0 to 1.',
      type: 'gauge',
      labels,
      value: tree.eventLoopUtilisation,
    });
  }
  return [...samples, ...tree.children.flatMap(treeSamples)];
}
