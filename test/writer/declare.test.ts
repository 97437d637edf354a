/** Lost if this fails: a list of targets that waited on somebody's disk takes the place of the one that is true. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import fc from 'fast-check';
import { haveOneMaker, madeAt, makeIdsAfter, orderedId } from '../../src/queue/ids.js';
import { loadSnapshot, newestDeclaration } from '../../src/store/reads.js';
import { isSuperseded } from '../../src/writer/declare.js';
import { batchOf } from '../queue/batch-kit.js';
import { until } from '../support/wait.js';
import { idOf } from './model.js';
import { declaration, type Rig, startRig } from './writer-kit.js';

const NOW = 1_700_000_000_000;
const HOUR_MS = 3_600_000;

/** An id that another process made, at this instant by its own clock. */
function idFrom(maker: number, atMs: number): string {
  const at = atMs.toString(16).padStart(12, '0');
  return `${at.slice(0, 8)}-${at.slice(8)}-7000-8000-${maker.toString(16).padStart(12, '0')}`;
}

describe('which of two declarations counts', () => {
  test('of one process the later one, whatever its clock did meanwhile', () => {
    fc.assert(
      fc.property(fc.nat(1_000), fc.nat(1_000), fc.integer(), (a, b, nowMs) => {
        assert.equal(isSuperseded(idOf(1, a), { batch: idOf(1, b), appliedAt: nowMs }, nowMs), a < b);
      }),
    );
  });

  /** Applied at once, by the same clock, unless something else is said. */
  const applied = (made: number, appliedAt = made) => ({ batch: idFrom(2, made), appliedAt });
  const isOld = (made: number, newest: ReturnType<typeof applied>): boolean =>
    isSuperseded(idFrom(1, made), newest, NOW);

  test('of several the one that was made later', () => {
    assert.equal(isOld(NOW - HOUR_MS, applied(NOW - 1_000)), true, 'it waited on a disk');
    assert.equal(isOld(NOW - 1_000, applied(NOW - HOUR_MS)), false);
    assert.equal(isSuperseded(idFrom(1, NOW), null, NOW), false);
    assert.equal(isOld(NOW, applied(NOW + 10_000)), true, 'clocks differ a little');
  });

  test('one from the future does not forbid what is true now, but what was true before it was applied', () => {
    assert.equal(isOld(NOW, applied(NOW + HOUR_MS)), false, 'the clock of all was set back');
    const fromAhead = applied(NOW + HOUR_MS, NOW - 5_000);
    assert.equal(isOld(NOW, fromAhead), false, 'only its own clock was ahead');
    assert.equal(isOld(NOW - HOUR_MS, fromAhead), true);
  });

  test('what has no such id is taken: an older Matrix made it', () => {
    assert.equal(isSuperseded('0', applied(NOW), NOW), false);
    assert.equal(isSuperseded(idFrom(1, NOW), { batch: 'z', appliedAt: NOW }, NOW), false);
  });

  test('who takes over speaks after the one before, also with a clock that is behind', () => {
    const ahead = idFrom(7, Date.now() + HOUR_MS);
    assert.ok(orderedId() < ahead);
    makeIdsAfter(ahead);
    const id = orderedId();
    assert.ok(id > ahead);
    assert.ok(orderedId() > id);
    makeIdsAfter('nothing of the kind');
    makeIdsAfter(idFrom(7, 5));
    assert.ok(orderedId() > id);
  });

  test('an id tells its maker and its instant', () => {
    assert.equal(madeAt(idFrom(3, NOW)), NOW);
    assert.equal(madeAt('nothing of the kind'), null);
    assert.equal(haveOneMaker(orderedId(), orderedId()), true);
    assert.equal(haveOneMaker(orderedId(), idFrom(3, NOW)), false);
    assert.equal(haveOneMaker('x', 'x'), false);
  });
});

describe('in the store', () => {
  let rig: Rig;
  before(async () => {
    rig = await startRig();
  });
  after(() => rig.close());

  const names = async (): Promise<string[]> =>
    (await loadSnapshot(rig.pool)).checks.map((check) => check.service);
  const job = (batch: object): Promise<unknown> =>
    rig.postgres.query(`INSERT INTO pgboss.job (name, data) VALUES ('matrix-results', $1)`, [
      JSON.stringify(batch),
    ]);

  test('an old list that comes late changes nothing, and the log says so', async () => {
    rig.producer.add({ declare: declaration('a', 'b') });
    await rig.settled();
    const newest = await newestDeclaration(rig.pool);
    const old = batchOf([], { id: idFrom(9, Date.now() - HOUR_MS), declare: declaration('old') });
    await job(old);
    await until('it is ignored', () =>
      rig.writer.log.lines.some((line) => line['event'] === 'declaration_superseded'),
    );
    await rig.settled();
    assert.deepEqual(await names(), ['a', 'b']);
    assert.equal(await newestDeclaration(rig.pool), newest);
  });

  test('its results are stored all the same, for what is still watched', async () => {
    const dueAt = Date.now() - HOUR_MS;
    const result = { service: 'a', target: 'a', family: 'http', dueAt, startedAt: dueAt, durationMs: 1 };
    const more = { id: idFrom(9, Date.now() - HOUR_MS + 1), declare: declaration('old') };
    await job(batchOf([{ ...result, verdict: 'warn', detail: 'late' }], more));
    await until('it is stored', async () =>
      (await loadSnapshot(rig.pool)).checks.some((check) => check.detail === 'late'),
    );
    assert.deepEqual(await names(), ['a', 'b']);
  });

  test('a newer one counts', async () => {
    rig.producer.add({ declare: declaration('b', 'c') });
    await rig.settled();
    assert.deepEqual(await names(), ['b', 'c']);
  });
});
