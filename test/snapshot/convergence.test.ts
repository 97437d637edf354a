/** Lost if this fails: a board that lost a message shows something that is not true, and goes on showing it. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { Changes } from '../../schema/messages.js';
import type { Check } from '../../schema/wire.js';
import { type ClientState, type LiveMessage, MAX_LIVE_ALERTS, receive } from '../../src/snapshot/client.js';
import { deltaBetween, deltaOf } from '../../src/snapshot/delta.js';
import { EMPTY_SNAPSHOT, rebase, reduceAll, type Snapshot } from '../../src/snapshot/reduce.js';
import { alert, changes, check } from '../front/support.js';
import { anyChanges, minute } from './kit.js';

/** A server and a client with a lossy line between them; the client asks again when it notices. */
class Line {
  snapshot: Snapshot = EMPTY_SNAPSHOT;
  seq = 0;
  client: ClientState | null = null;

  tick(batch: readonly Changes[], arrives: boolean): void {
    const after = reduceAll(this.snapshot, batch);
    const delta = deltaOf(this.snapshot, after, batch);
    this.become(after, delta, arrives);
  }

  become(after: Snapshot, delta: ReturnType<typeof deltaOf>, arrives: boolean): void {
    this.snapshot = after;
    if (delta === null) return;
    this.seq += 1;
    const message = { type: 'delta', epoch: 'e', seq: this.seq, generated_at: minute(0), ...delta } as const;
    if (arrives) this.hear(message);
  }

  hear(message: LiveMessage): void {
    const step = receive(this.client, message);
    this.client = step.state;
    if (step.resync) for (const part of this.whole()) this.hear(part);
  }

  whole(): LiveMessage[] {
    const all = [...this.snapshot.checks.values()];
    const at = { epoch: 'e', seq: this.seq } as const;
    const status = {
      customer_id: 'axe',
      deploy_color: null,
      generated_at: minute(0),
      cycle: this.snapshot.cycle,
      overall: all.some((one) => one.status === 'fail') ? ('fail' as const) : ('pass' as const),
      checks: all.slice(0, 2),
    };
    const rest = all.slice(2);
    return [
      { type: 'snapshot', ...at, parts: rest.length === 0 ? 1 : 2, status, alerts: this.snapshot.alerts },
      ...(rest.length === 0 ? [] : [{ type: 'snapshot_part' as const, ...at, part: 2, checks: rest }]),
    ];
  }

  assertSame(): void {
    const byName = (checks: ReadonlyMap<string, Check>) => Object.fromEntries(checks);
    assert.deepEqual(byName(this.client?.checks ?? new Map()), byName(this.snapshot.checks));
    assert.deepEqual(this.client?.alerts, this.snapshot.alerts);
    assert.deepEqual(this.client?.status.cycle, this.snapshot.cycle);
    const fails = [...this.snapshot.checks.values()].some((one) => one.status === 'fail');
    assert.equal(this.client?.status.overall, fails ? 'fail' : 'pass');
  }
}

test('whatever changes and whatever is lost, the client ends with the snapshot', () => {
  const step = fc.record({ batch: fc.array(anyChanges, { maxLength: 3 }), arrives: fc.boolean() });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 15 }), (steps) => {
      const line = new Line();
      for (const message of line.whole()) line.hear(message);
      for (const { batch, arrives } of steps) line.tick(batch, arrives);
      line.hear({ type: 'beat', epoch: 'e', seq: line.seq, at: minute(0) });
      line.assertSame();
    }),
    { numRuns: 500 },
  );
});

test('a reload from the store reaches the client as a delta like any other', () => {
  fc.assert(
    fc.property(
      fc.array(anyChanges, { maxLength: 6 }),
      fc.array(anyChanges, { maxLength: 6 }),
      (one, other) => {
        const line = new Line();
        for (const message of line.whole()) line.hear(message);
        line.tick(one, true);
        const store = reduceAll(EMPTY_SNAPSHOT, other);
        const loaded = { ...store, rev: 50, checks: [...store.checks.values()] };
        const after = rebase(line.snapshot, loaded);
        line.become(after, deltaBetween(line.snapshot, after), true);
        line.assertSame();
      },
    ),
    { numRuns: 300 },
  );
});

test('a revision already in the snapshot changes nothing, also when it comes again or late', () => {
  const first = reduceAll(EMPTY_SNAPSHOT, [changes(5, { checks: [check('a', { status: 'fail' })] })]);
  assert.equal(
    reduceAll(first, [changes(5, { checks: [check('a')] }), changes(4, { removed: ['a'] })]),
    first,
  );
});

test('a live result that waits for the database shows at once, and older replays do not hide it', () => {
  const live = check('a', { status: 'fail', checked_at: minute(9), stored: false });
  const before = reduceAll(EMPTY_SNAPSHOT, [changes(7, { checks: [check('a', { checked_at: minute(1) })] })]);
  const shown = reduceAll(before, [changes(0, { checks: [live] })]);
  assert.deepEqual([shown.checks.get('a'), shown.rev], [live, 7]);
  const replayed = reduceAll(shown, [changes(8, { checks: [check('a', { checked_at: minute(5) })] })]);
  assert.equal(replayed.checks.get('a'), live);
  const stored = reduceAll(replayed, [changes(9, { checks: [{ ...live, stored: true }] })]);
  assert.equal(stored.checks.get('a')?.stored, true);
});

test('the list of alerts is bounded, newest first, for server and client alike', () => {
  const many = Array.from({ length: MAX_LIVE_ALERTS + 5 }, (_, index) =>
    alert('a', { created_at: minute(index) }),
  );
  const line = new Line();
  for (const message of line.whole()) line.hear(message);
  line.tick([changes(1, { alerts: many.slice(0, MAX_LIVE_ALERTS) })], true);
  const newest = many.slice(MAX_LIVE_ALERTS);
  const acked = newest.map((one) => ({ ...one, acked_at: minute(9) }));
  line.tick([changes(2, { alerts: newest }), changes(3, { alerts: acked })], true);
  line.assertSame();
  assert.ok(line.snapshot.alerts.length <= MAX_LIVE_ALERTS);
  assert.ok((line.snapshot.alerts[0]?.created_at ?? '') > (line.snapshot.alerts.at(-1)?.created_at ?? ''));
});

test('a live result of the same verdict keeps what is shown as its beginning; a change begins with it', () => {
  const before = reduceAll(EMPTY_SNAPSHOT, [
    changes(7, { checks: [check('a', { status: 'pass', since: minute(1), checked_at: minute(2) })] }),
  ]);
  const live = (status: 'pass' | 'fail', at: number) =>
    changes(0, { checks: [check('a', { status, since: null, checked_at: minute(at), stored: false })] });
  const same = reduceAll(before, [live('pass', 3)]);
  assert.equal(same.checks.get('a')?.since, minute(1));
  assert.equal(reduceAll(same, [live('fail', 4)]).checks.get('a')?.since, minute(4));
});
