/**
 * A process that collects in quick motion while the database is away: ten seconds pass on its clock in one. Its
 * targets come, go, fail and hang on real threads. Says what it uses of its limits, and its heap after a collection.
 */
import { Collector } from '../../src/collector/collector.js';
import type { Target } from '../../src/config/settings.js';
import type { FamilySpec } from '../../src/contract/family.js';
import { LIMIT_USED } from '../../src/contract/limits/use.js';
import { LIMITS } from '../../src/contract/limits.js';
import { Producer } from '../../src/queue/producer.js';
import { Spool } from '../../src/queue/spool.js';

const [directory = '', maxBytes = '', seconds = ''] = process.argv.slice(2);
const PACE = 10;
const REGISTERED = 200;
const quiet = (): void => undefined;
const log = { info: quiet, warn: quiet, error: quiet };

const beganAt = Date.now();
const clock = {
  now: () => beganAt + performance.now() * PACE,
  monotonic: () => performance.now() * PACE,
};

function targetOf(name: string, does: string, intervalMs = 1_000): Target {
  const config = { name, does } as Target['config'];
  // `obedient` fails at its timeout.
  return { family: 'fixture', name, intervalMs, timeoutMs: 50, overUplink: does === 'obedient', config };
}

const spool = await Spool.open({ directory, maxBytes: Number(maxBytes) });
const producer = new Producer({ node: 'test', spool, log, onState: quiet });
const collector = new Collector({
  clock,
  cycleMs: 2_000,
  families: new Map([['fixture', { name: 'fixture' } as FamilySpec]]),
  probeFile: new URL('../support/probe-fixture.js', import.meta.url),
  logging: {},
  producer,
  onEvent: quiet,
  log,
});

const kinds = ['pass', 'pass', 'many', 'obedient', 'throw'];
const configured = Array.from({ length: 100 }, (_, index) =>
  targetOf(`c${index}`, kinds[index % 5] ?? 'pass'),
);
await collector.start(configured);
collector.lead();
let round = 0;
// Whoever adds and removes services all the time: each leaves a due instant a day ahead behind.
const churn = setInterval(() => {
  round += 1;
  const day = 86_400_000;
  void collector.register(
    Array.from({ length: REGISTERED }, (_, index) =>
      targetOf(`r${round}-${index}`.padEnd(LIMITS.name_chars.value, 'x'), 'obedient', day),
    ),
  );
}, 100);

for (let second = 1; second <= Number(seconds); second += 1) {
  await new Promise((resolve) => setTimeout(resolve, 1_000));
  globalThis.gc?.();
  const { heapUsed, external } = process.memoryUsage();
  const used = collector
    .samples()
    .filter(({ name }) => name === LIMIT_USED)
    .map(({ labels, value }) => [labels['limit'], value]);
  const { dropped, onSpool, spoolBytes, inMemory } = producer.counts;
  process.send?.({
    second,
    round,
    memoryBytes: heapUsed + external,
    made: dropped + onSpool + inMemory,
    dropped,
    used: { ...Object.fromEntries(used), spool: spoolBytes, pending_results: inMemory },
  });
}
clearInterval(churn);
await collector.stop(2_000);
await producer.close();
process.disconnect();
