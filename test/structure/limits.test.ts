/**
 * Every bound is named in one place, taken from there, shown and tested. Lost if this fails: the list would tell of
 * bounds that are none, and what is bounded elsewhere would be known to nobody.
 */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { TargetCommonSchema } from '../../schema/config.js';
import { renderLimits } from '../../src/config/limits-page.js';
import { LIMIT_AREAS, LIMITS } from '../../src/contract/limits.js';
import { MAX_LIVE_ALERTS } from '../../src/snapshot/client.js';
import { TESTED_ELSEWHERE } from './limits-tested.js';
import { ROOT, type Source, sources } from './sources.js';

const names = Object.keys(LIMITS);
const code = sources(['src', 'workers']).filter(({ path }) => !path.startsWith('src/contract/limits'));
const tests = sources(['test']).filter(
  ({ path }) => path.endsWith('.test.ts') && !path.includes('structure/'),
);

/** Numbers with the name of a bound that are none, or that cannot be taken from the list. */
const NOT_BOUNDS: Readonly<Record<string, string>> = {
  'src/snapshot/client.ts MAX_LIVE_ALERTS':
    'the browser loads this file, which may import nothing; held below',
  'src/front/http/exchange.ts STREAM_FROM_BYTES': 'from here on a body is streamed; nothing is refused',
  'src/front/live/outbox.ts PART_CHARS': 'the size that a part aims at; the snapshot is sent whole',
  'src/config/secret.ts MIN_CHARS': 'a least, not a most',
  'src/config/secret.ts MIN_DIFFERENT_CHARS': 'a least, not a most',
  'src/store/embedded/paths.ts MAX_SOCKET_PATH_BYTES': "the kernel's own, unix(7)",
  'src/store/embedded/obtain.ts MAX_LOOKS': 'ends a loop; nothing grows with it',
};

/** Held by somebody else than the code of Matrix. */
const HELD_BY_OTHERS: readonly string[] = ['request_header'];

/** `MAX_…`, `…_BYTES` and the like with a number; times have a `_MS` or `_S` of their own and bound no memory. */
const BOUND =
  /\b(?:const|readonly|static)\s+((?:MAX_\w+|\w+_(?:LIMIT|CAP|MOST|BYTES|CHARS))(?<!_MS|_S))\b[^=\n]*=\s*[\d(]/g;

/** The limits that a file takes from the list, by `LIMITS.name` or by taking it apart. */
function taken({ text }: Source): string[] {
  const direct = [...text.matchAll(/\bLIMITS\.(\w+)/g)].map(([, name = '']) => name);
  const apart = [...text.matchAll(/\{([^{}]*)\}\s*=\s*LIMITS\b(?!\.)/g)];
  return [
    ...direct,
    ...apart.flatMap(([, list = '']) =>
      [...list.matchAll(/(\w+)\s*(?::\s*\w+)?\s*(?:,|$)/g)].map(([, name = '']) => name),
    ),
  ];
}

function isTestedElsewhere(name: string): boolean {
  const [file, title] = TESTED_ELSEWHERE[name] ?? [];
  return tests.some(
    ({ path, text }) => path === `test/${file}` && title !== undefined && text.includes(title),
  );
}

describe('the list of limits', () => {
  test('is where the code takes its bounds from: none is declared elsewhere', () => {
    const declared = code.flatMap(({ path, text }) =>
      [...text.matchAll(BOUND)].map(([, name]) => `${path} ${name}`),
    );
    const excused = Object.keys(NOT_BOUNDS);
    assert.deepEqual(
      declared.filter((one) => !excused.includes(one)),
      [],
    );
    assert.deepEqual(
      excused.filter((one) => !declared.includes(one)),
      [],
      'an exception for what is not there any more',
    );
  });

  test('has nothing that the code does not take, and no name twice', () => {
    const all = new Set([...code.flatMap(taken), ...HELD_BY_OTHERS]);
    assert.deepEqual(
      names.filter((name) => !all.has(name)),
      [],
    );
    const each = Object.values(LIMIT_AREAS).flatMap((area) => Object.keys(area));
    assert.equal(new Set(each).size, each.length);
  });

  test('is what ops/limits.md tells', () => {
    const page = readFileSync(join(ROOT, 'ops', 'limits.md'), 'utf8');
    assert.equal(page, renderLimits(page), 'run `node dist/src/config/publish.js`');
    const ownWords = page.slice(page.indexOf('<!-- end limits -->'));
    const meant = [...ownWords.matchAll(/`([a-z]+(?:_[a-z]+)+)`/g)].map(([, name = '']) => name);
    assert.ok(meant.length > 10);
    assert.deepEqual(
      meant.filter((name) => !names.includes(name)),
      [],
    );
  });

  test('is tested: each limit is driven to its value by some test', () => {
    const tested = new Set(tests.flatMap(taken));
    assert.deepEqual(
      names.filter((name) => !tested.has(name) && !isTestedElsewhere(name)),
      [],
    );
    assert.deepEqual(
      Object.keys(TESTED_ELSEWHERE).filter((name) => !names.includes(name) || !isTestedElsewhere(name)),
      [],
    );
  });

  test('and what cannot take its number from it has the same', () => {
    assert.equal(MAX_LIVE_ALERTS, LIMITS.live_alerts.value);
    const { maxLength } = TargetCommonSchema.properties.name as { maxLength?: number };
    assert.equal(maxLength, LIMITS.name_chars.value);
  });
});
