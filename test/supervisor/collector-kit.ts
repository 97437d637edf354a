/** A collector over families on real threads of `test/support/probe-fixture.ts`; what it says is kept. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after } from 'node:test';
import { Collector } from '../../src/collector/collector.js';
import type { Target } from '../../src/config/settings.js';
import { systemClock } from '../../src/contract/clock.js';
import type { FamilySpec } from '../../src/contract/family.js';
import type { Result } from '../../src/contract/result.js';
import { Producer } from '../../src/queue/producer.js';
import { Spool } from '../../src/queue/spool.js';
import type { SupervisionEvent } from '../../src/supervisor/child.js';
import { memoryLog } from '../support/log.js';
import type { Load } from '../support/probe-fixture.js';

const directory = mkdtempSync(join(tmpdir(), 'mx-supervised-'));
after(() => rmSync(directory, { recursive: true, force: true }));

/** A file of the test's own, which is removed with everything else. */
export const fileOf = (name: string): string => join(directory, name);

/** A target that is checked every second and behaves so. */
export function checked(family: string, index: number, does = 'pass'): Target {
  const name = `${family}-${index}`;
  const config = { name, does } as Target['config'];
  return { family, name, intervalMs: 1_000, timeoutMs: 1_000, overUplink: false, config };
}

export interface Collecting {
  readonly collector: Collector;
  readonly events: SupervisionEvent[];
  /** In the order in which they came; there is no database that would take them. */
  readonly results: Result[];
  stop(): Promise<void>;
}

let made = 0;

export async function collect(targets: readonly Target[], load: Load = {}): Promise<Collecting> {
  made += 1;
  const spool = await Spool.open({ directory: join(directory, `spool-${made}`) });
  const results: Result[] = [];
  const onWaiting = (more: readonly Result[]): void => void results.push(...more);
  const producer = new Producer({
    node: 'test',
    spool,
    onState: () => undefined,
    onWaiting,
    log: memoryLog(),
  });
  const events: SupervisionEvent[] = [];
  const names = new Set(targets.map(({ family }) => family));
  const collector = new Collector({
    clock: systemClock,
    cycleMs: 2_000,
    families: new Map([...names].map((name) => [name, { name } as FamilySpec])),
    probeFile: new URL('../support/probe-fixture.js', import.meta.url),
    logging: load,
    producer,
    onEvent: (event) => void events.push(event),
    log: memoryLog(),
  });
  await collector.start(targets);
  collector.lead();
  return {
    collector,
    events,
    results,
    stop: async () => {
      await collector.stop(3_000);
      await producer.close();
    },
  };
}
