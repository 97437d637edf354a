/**
 * A process with one real family in its real thread, under its real supervisor: for inputs that may crash a thread
 * or fill the memory. `node family-child.js <family>`; speaks over IPC, one message a check and one an answer.
 */
import { pathToFileURL } from 'node:url';
import { workerEntry } from '../../../src/config/paths.js';
import { systemClock } from '../../../src/contract/clock.js';
import type { FamilySpec } from '../../../src/contract/family.js';
import type { Result } from '../../../src/contract/result.js';
import { Family } from '../../../src/supervisor/family.js';

export interface Ask {
  readonly kind: 'ask';
  readonly name: string;
  readonly timeoutMs: number;
  readonly config: Readonly<Record<string, unknown>>;
}
export type ToChild = Ask | { readonly kind: 'memory' };
export type FromChild =
  | { readonly kind: 'ready' }
  | { readonly kind: 'results'; readonly name: string; readonly results: readonly Result[] }
  /** Something happened to the thread; in a run without faults nothing does but its start. */
  | { readonly kind: 'event'; readonly text: string }
  | { readonly kind: 'memory'; readonly peakBytes: number };

const name = process.argv[2] ?? '';
const { spec } = (await import(`../../../workers/${name}/spec.js`)) as { spec: FamilySpec };
const send = (message: FromChild): void => void process.send?.(message);
let dueAt = 1_000;

const family = new Family({
  spec,
  file: pathToFileURL(workerEntry('probe')),
  clock: systemClock,
  logging: { level: 'error', format: 'json', base: {} },
  readyMs: 60_000,
  stallMs: 60_000,
  onOutcomes: (outcomes) => {
    for (const { due, results } of outcomes) send({ kind: 'results', name: due.target.name, results });
  },
  onEvent: (event) => send({ kind: 'event', text: JSON.stringify(event) }),
});

process.on('message', (message: ToChild) => {
  if (message.kind === 'memory') {
    send({ kind: 'memory', peakBytes: process.resourceUsage().maxRSS * 1024 });
    return;
  }
  const { config, timeoutMs } = message;
  const target = {
    family: name,
    name: message.name,
    intervalMs: 60_000,
    timeoutMs,
    overUplink: false,
    config: { ...config, name: message.name },
  };
  dueAt += 1;
  const ready = { wallMs: Date.now(), monotonicMs: performance.now() };
  family.submit([{ target, dueAt, ready }]);
});
process.on('disconnect', () => process.exit(0));
await family.start();
send({ kind: 'ready' });
