/** Lost if this fails: the live view breaks on a small terminal, hides what matters, or shows the past as the present. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { stripVTControlCharacters } from 'node:util';
import fc from 'fast-check';
import { drawTree, type Frame, type ViewState } from '../../src/cli/supervisor/view.js';
import type { NodeState } from '../../src/contract/tree.js';
import { node, tree } from '../front/tree-kit.js';

const NOW = Date.UTC(2026, 0, 2, 0, 10);

function state(of: NodeState, more: Partial<ViewState> = {}): ViewState {
  const report = { tree: of, at: NOW, sinceMs: 0, heardMs: 0 };
  return { server: 'http://127.0.0.1:3910', report, lost: null, selected: of.id, notice: null, ...more };
}

function frame(more: Partial<Frame> = {}): Frame {
  return { columns: 100, rows: 30, colour: false, nowMs: 500, ...more };
}

const rowOf = (lines: readonly string[], id: string): string =>
  lines.find((line) => line.slice(2).includes(` ${id} `) && /^[> ] \w/.test(line)) ?? '';

test('a row says status, restarts of the budget, load, heap, backlog, uptime and the last exit', () => {
  const writer = {
    status: 'backoff',
    restarts: { total: 7, inWindow: 3, intensity: 10, periodMs: 60_000 },
    lastExit: { reason: 'hung', at: NOW - 5_000 },
  } as const;
  const lines = drawTree(state(tree(writer)), frame());
  assert.match(
    rowOf(lines, 'writer'),
    /backoff +writer +7 \(3\/10\) +0 +25 % +20 MiB +10 min 5 s ago: hung$/,
  );
  assert.match(rowOf(lines, 'probe:http'), /running +probe:http +0 \(0\/5\) +3 /);
  assert.match(rowOf(lines, 'families'), /running +families +- /, 'a node without a budget has none');
});

test('a loop that stands still is told, with for how long', () => {
  const lines = drawTree(state(tree({ stalledMs: 4_200 })), frame());
  assert.match(rowOf(lines, 'writer'), /stalled 4 s +writer/);
});

test('what the server no longer says is shown with its age, and without its colours', () => {
  const lively = drawTree(state(tree()), frame({ colour: true }));
  assert.ok(lively.join('').includes('\u001b[32mrunning') || lively.join('').includes('\u001b[32m  running'));
  const report = { tree: tree(), at: NOW, sinceMs: 0, heardMs: 41_000 };
  const old = drawTree(state(tree(), { report }), frame({ nowMs: 42_000, colour: true }));
  assert.match(stripVTControlCharacters(old[1] ?? ''), /as of 42 s ago: the supervisor has not reported/);
  assert.ok(!old.join('').includes('\u001b[32m'), 'a green that was true 42 s ago');
  const [, silent] = drawTree(state(tree()), frame({ nowMs: 42_000 }));
  assert.equal(silent, 'as of 42 s ago: the server does not answer', 'the supervisor was blamed');
  const lost = { reason: 'the server is gone', next: 'Start it.', retryAtMs: 45_000 };
  const [, told] = drawTree(state(tree(), { lost }), frame({ nowMs: 42_000 }));
  assert.equal(told, 'no connection, as of 42 s ago, next try in 3 s: the server is gone. Start it.');
});

test('ages go by the clock of the server and grow while nothing comes', () => {
  const ended = tree({ lastExit: { reason: 'killed', at: NOW - 5_000 } });
  assert.match(rowOf(drawTree(state(ended), frame({ nowMs: 0 })), 'writer'), /5 s ago: killed/);
  assert.match(rowOf(drawTree(state(ended), frame({ nowMs: 60_000 })), 'writer'), /65 s ago: killed/);
});

test('a refusal is shown to its end, however narrow the terminal is', () => {
  const said = 'missing bearer token (MX_UNAUTHENTICATED, request_id 0b7e9d0a-5a0c-4a25-9d8b-0c6f0b8a7d11).';
  const command = 'export MATRIX_TOKEN=$(matrix token --role admin)';
  const notice = { text: `${said}\n${command}`, endsAtMs: 15_000 };
  const narrow = drawTree(state(tree(), { notice }), frame({ columns: 40 }));
  assert.ok(narrow.join(' ').includes(`${said} ${command}`));
  const lines = drawTree(state(tree(), { notice }), frame({ columns: 80 }));
  assert.ok(lines.includes(command), 'a command that is cut in two cannot be copied');
  const later = drawTree(state(tree(), { notice }), frame({ nowMs: 15_000 }));
  assert.ok(!later.join(' ').includes('MATRIX_TOKEN'), 'it stays for ever');
});

test('what a child said of its end cannot move the cursor', () => {
  const reason = 'bad\u001b[2J\u001b[Hforged\nline';
  const lines = drawTree(state(tree({ lastExit: { reason, at: NOW } }), { selected: 'writer' }), frame());
  const text = lines.join('\n');
  assert.equal(text, stripVTControlCharacters(text));
  assert.match(rowOf(lines, 'writer'), /badforged line$/);
});

const anyNode: fc.Arbitrary<NodeState> = fc
  .record({
    id: fc.string({ minLength: 1, maxLength: 60 }),
    status: fc.constantFrom('starting', 'running', 'backoff', 'failed', 'stopping', 'stopped'),
    stalledMs: fc.option(fc.nat()),
    backlog: fc.nat(),
    heapUsedBytes: fc.option(fc.nat()),
    reason: fc.option(fc.string({ maxLength: 300, unit: 'binary' })),
  })
  .map(({ id, reason, ...rest }) =>
    node(id, { ...rest, lastExit: reason === null ? null : { reason, at: NOW } }),
  );

test('whatever the tree and the terminal, it fits, and the selected row is on the screen', () => {
  fc.assert(
    fc.property(
      fc.uniqueArray(anyNode, { minLength: 1, maxLength: 60, selector: ({ id }) => id }),
      fc.integer({ min: 1, max: 200 }),
      fc.integer({ min: 1, max: 50 }),
      fc.nat(),
      fc.boolean(),
      (children, columns, rows, pick, colour) => {
        const root = node('\u0000root', { kind: 'supervisor', children });
        const selected = children[pick % children.length]?.id ?? '';
        const lines = drawTree(state(root, { selected }), frame({ columns, rows, colour })).map((line) =>
          stripVTControlCharacters(line),
        );
        assert.ok(lines.length <= rows);
        for (const line of lines) {
          assert.ok([...line].length <= columns);
          // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what must not be there
          assert.doesNotMatch(line, /[\u0000-\u001f\u007f-\u009f]/);
        }
        if (rows >= 12 && columns >= 40) {
          assert.equal(lines.filter((line) => line.startsWith('> ')).length, 1);
        }
      },
    ),
    { numRuns: 300 },
  );
});
