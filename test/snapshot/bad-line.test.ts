/** Lost if this fails: a board believes something that never was so, or never finds back to what is. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { Check } from '../../schema/wire.js';
import { type ClientState, receive } from '../../src/snapshot/client.js';
import { check } from '../front/support.js';
import { anyChanges, minute } from './kit.js';
import { BadLine } from './line.js';

type Happening = (line: BadLine) => void;

const place = fc.nat({ max: 12 });
const anyHappening: fc.Arbitrary<Happening> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.array(anyChanges, { minLength: 1, maxLength: 3 }).map(
      (batch): Happening =>
        (line) =>
          line.change(batch),
    ),
  },
  { weight: 8, arbitrary: fc.constant<Happening>((line) => line.deliver(0)) },
  {
    weight: 4,
    arbitrary: place.map(
      (at): Happening =>
        (line) =>
          line.deliver(at),
    ),
  },
  {
    weight: 2,
    arbitrary: place.map(
      (at): Happening =>
        (line) =>
          line.lose(at),
    ),
  },
  {
    weight: 2,
    arbitrary: place.map(
      (at): Happening =>
        (line) =>
          line.double(at),
    ),
  },
  {
    weight: 2,
    arbitrary: place.map(
      (kind): Happening =>
        (line) =>
          line.noise(kind),
    ),
  },
  { weight: 1, arbitrary: fc.constant<Happening>((line) => line.beat()) },
  { weight: 1, arbitrary: fc.constant<Happening>((line) => line.restart()) },
);

test('lost, doubled, overtaken, of an old server or of no known kind: the client converges, and never believes what never was', () => {
  fc.assert(
    fc.property(fc.array(anyHappening, { maxLength: 60, size: 'max' }), (happenings) => {
      const line = new BadLine();
      for (const happening of happenings) happening(line);
      line.settle();
      line.assertConverged();
      assert.ok(line.resyncs <= 1, `one beat, and it asked ${line.resyncs} times`);
    }),
    { numRuns: 1_000 },
  );
});

test('a part that comes twice does not stand for one that did not come', () => {
  const at = { epoch: 'e', seq: 4 } as const;
  const status = {
    customer_id: 'axe',
    deploy_color: null,
    generated_at: minute(0),
    cycle: null,
    overall: 'pass' as const,
    checks: [check('a')],
  };
  const part = (number: number, service: string) =>
    ({ type: 'snapshot_part', ...at, part: number, checks: [check(service)] }) as const;
  let state: ClientState | null = null;
  const heard = (message: Parameters<typeof receive>[1]): readonly string[] | null => {
    state = receive(state, message).state;
    const known: ReadonlyMap<string, Check> | undefined = state?.checks;
    return state?.missingParts === 0 ? [...(known?.keys() ?? [])] : null;
  };
  assert.equal(heard({ type: 'snapshot', ...at, parts: 3, status, alerts: [] }), null);
  assert.equal(heard(part(2, 'b')), null);
  assert.equal(heard(part(2, 'b')), null);
  assert.deepEqual(heard(part(3, 'c')), ['a', 'b', 'c']);
});

test('a delta that comes twice is ignored, and costs no new snapshot', () => {
  const at = { epoch: 'e', seq: 0 } as const;
  const status = {
    customer_id: 'axe',
    deploy_color: null,
    generated_at: minute(0),
    cycle: null,
    overall: 'pass' as const,
    checks: [],
  };
  const before = receive(null, { type: 'snapshot', ...at, parts: 1, status, alerts: [] }).state;
  const body = { removed: [], alerts: [], cycle: null, overall: 'pass', generated_at: minute(1) } as const;
  const delta = { type: 'delta', epoch: 'e', seq: 1, checks: [check('a')], ...body } as const;
  const once = receive(before, delta);
  const twice = receive(once.state, delta);
  assert.deepEqual([once.resync, once.state?.checks.size], [false, 1]);
  assert.deepEqual([twice.resync, twice.state], [false, once.state]);
});
