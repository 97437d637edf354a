/** The collecting half on real threads and a real spool: what reaches the queue is read from the spool. */
import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, afterEach, before, describe, test } from 'node:test';
import type { Batch } from '../../schema/messages.js';
import { Collector } from '../../src/collector/collector.js';
import type { Target } from '../../src/config/settings.js';
import { systemClock } from '../../src/contract/clock.js';
import type { FamilySpec } from '../../src/contract/family.js';
import { Producer } from '../../src/queue/producer.js';
import { Spool } from '../../src/queue/spool.js';
import type { SupervisionEvent } from '../../src/supervisor/child.js';
import { memoryLog } from '../support/log.js';
import type { Load } from '../support/probe-fixture.js';
import { until } from '../support/wait.js';

let directory: string;
const running: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const stop of running.splice(0)) await stop();
});
before(() => {
  directory = mkdtempSync(join(tmpdir(), 'mx-collector-'));
});
after(() => rmSync(directory, { recursive: true, force: true }));

const target = (name: string, more: Partial<Target> & { does?: string } = {}): Target => ({
  family: 'fixture',
  name,
  intervalMs: 1_000,
  timeoutMs: 1_000,
  overUplink: false,
  config: { name, ...(more.does === undefined ? {} : { does: more.does }) },
  ...more,
});

async function collecting(name: string, families: readonly string[], load: Load = {}) {
  const path = join(directory, name);
  const spool = await Spool.open({ directory: path });
  const producer = new Producer({ node: 'test', spool, onState: () => undefined, log: memoryLog() });
  const events: SupervisionEvent[] = [];
  const collector = new Collector({
    clock: systemClock,
    cycleMs: 2_000,
    families: new Map(families.map((family) => [family, { name: family } as FamilySpec])),
    probeFile: new URL('../support/probe-fixture.js', import.meta.url),
    logging: load,
    producer,
    onEvent: (event) => void events.push(event),
    log: memoryLog(),
  });
  const batches = (): Batch[] =>
    readdirSync(path)
      .sort()
      .flatMap((file) => readFileSync(join(path, file), 'utf8').split('\n'))
      .flatMap((line) => {
        try {
          return [JSON.parse(line) as Batch];
        } catch {
          return [];
        }
      });
  const results = (service: string) =>
    batches().flatMap((batch) => batch.results.filter((result) => result.service === service));
  const stop = async (): Promise<void> => {
    await collector.stop(3_000);
    await producer.close();
  };
  running.push(stop);
  return { collector, events, batches, results, stop };
}

describe('collecting', () => {
  test('declares, checks, closes cycles; a following process does none of it; stopping loses nothing', async () => {
    const { collector, batches, results, stop } = await collecting('plain', ['fixture']);
    await collector.start([target('a'), target('b')]);
    assert.equal(collector.collecting, false);
    assert.deepEqual(batches(), []);
    collector.lead();
    collector.lead();
    await until('a cycle has closed', () => batches().some((batch) => batch.cycles.length > 0));
    const declared = batches().flatMap((batch) => (batch.declare === undefined ? [] : [batch.declare]));
    assert.deepEqual(
      declared.map((list) => list.map((entry) => entry.name)),
      [['a', 'b']],
    );
    await until('it is checked again and again', () => results('a').length > 2);
    collector.follow();
    const nodes = collector.nodes();
    assert.deepEqual([nodes.length, nodes[0]?.status], [1, 'running']);
    await stop();
    const count = results('a').length;
    assert.equal(new Set(results('a').map((result) => result.dueAt)).size, count);
  });

  test('follows changes: a new family gets a thread, one without targets loses it', async () => {
    const { collector, results, batches, stop } = await collecting('changes', ['fixture', 'second']);
    await collector.start([target('a')]);
    collector.lead();
    await until('a is checked', () => results('a').length > 0);
    await collector.configure([target('b', { family: 'second' })]);
    assert.deepEqual(
      collector.nodes().map((node) => node.id),
      ['family:second'],
    );
    await until('b is checked', () => results('b').length > 0);
    await collector.register([target('c'), target('b')]);
    await until('c is checked', () => results('c').length > 0);
    const last = batches()
      .filter((batch) => batch.declare !== undefined)
      .at(-1)?.declare;
    assert.deepEqual(
      last?.map((entry) => entry.name),
      ['b'],
      'only the configuration is declared',
    );
    await stop();
  });

  test('a family that keeps crashing is itself a failing service, once, and passes when it has made a check', async () => {
    const crash = { file: join(directory, 'crashes'), times: 6 };
    const { collector, events, results, stop } = await collecting('crashing', ['fixture'], { crash });
    collector.lead();
    await collector.start([target('a')]);
    await until('its budget is spent', () => events.some((event) => event.kind === 'exhausted'));
    await until('it says so', () => results('matrix-family-fixture').length > 0);
    await until('its services are not judged', () =>
      results('a').some((result) => (result as { code?: string }).code === 'family_failed'),
    );
    assert.equal(await collector.restart('family:fixture'), 'started');
    assert.equal(await collector.restart('family:nobody'), null);
    await until('it works again', () => results('matrix-family-fixture').length > 1);
    assert.deepEqual(
      results('matrix-family-fixture').map((result) => result.verdict),
      ['fail', 'pass'],
    );
    assert.ok(results('a').some((result) => result.verdict === 'pass'));
    await stop();
  });
});
