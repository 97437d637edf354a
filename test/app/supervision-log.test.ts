/** What the log says of supervision is what somebody reads after the fact, when there is no tree to look at. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { flatTree, logSupervision } from '../../src/app/supervision-log.js';
import type { NodeState } from '../../src/contract/tree.js';
import { createLogger, type Logger } from '../../src/log/logger.js';
import { memoryLog } from '../support/log.js';

const node = (id: string, children: readonly NodeState[] = [], more: Partial<NodeState> = {}): NodeState => ({
  id,
  kind: 'supervisor',
  status: 'running',
  startedAt: 0,
  restarts: { total: 0, inWindow: 0, intensity: null, periodMs: null },
  lastExit: null,
  eventLoopUtilisation: null,
  heapUsedBytes: null,
  stalledMs: null,
  backlog: 0,
  children,
  ...more,
});

test('a tree that gave up is in the log down to its last thread (a line cuts what is nested deeply)', () => {
  const restarts = { total: 12, inWindow: 6, intensity: 5, periodMs: 30_000 };
  const thread = node('probe:http:1', [], {
    status: 'failed',
    restarts,
    lastExit: { reason: 'boom', at: 1 },
  });
  const tree = node('root', [node('writer'), node('families', [node('family:http', [thread])])]);
  let line = '';
  const write = (bytes: Buffer): number => {
    line += bytes.toString();
    return bytes.length;
  };
  createLogger({ service: 'main', level: 'info', format: 'json', write }).fatal(
    { event: 'gave_up', tree: flatTree(tree) },
    'too many restarts',
  );
  const { tree: logged } = JSON.parse(line) as { tree: Record<string, string> };
  assert.deepEqual(Object.keys(logged), ['root', 'writer', 'families', 'family:http', 'probe:http:1']);
  assert.equal(logged['probe:http:1'], 'failed, restarts: 12, last exit: boom');
});

test('stalls are said with who and how long; a wish is no warning', () => {
  const log = memoryLog();
  const say = (event: Parameters<typeof logSupervision>[1]): void =>
    logSupervision(log as unknown as Logger, event, false);
  say({ kind: 'stalled', id: 'writer', forMs: 1_234.5 });
  say({ kind: 'recovered', id: 'writer', forMs: 2_000 });
  say({ kind: 'main_stalled', id: 'root', forMs: 700 });
  const restart = { kind: 'restarting', id: 'writer', reason: 'boom', pauseMs: 50, inWindow: 1 } as const;
  say({ ...restart, requested: false });
  say({ ...restart, pauseMs: 0, requested: true });
  assert.deepEqual(
    log.lines.map(({ level, event, child, for_ms }) => [level, event, child, for_ms]),
    [
      ['warn', 'child_stalled', 'writer', 1235],
      ['info', 'child_recovered', 'writer', 2000],
      ['warn', 'main_stalled', undefined, 700],
      ['warn', 'child_restarting', 'writer', undefined],
      ['info', 'child_restarting', 'writer', undefined],
    ],
  );
});
