/**
 * Who may import whom. A change in one room must not reach another that has nothing to do with it, and a probe
 * thread must load its own family's driver and nothing else.
 */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { type Import, importsOf, type Source, sources } from './sources.js';

/** Each room and the rooms that it may import; the picture of design and ADR 0007, from left to right. */
const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
  contract: [],
  config: ['contract'],
  log: ['config', 'contract'],
  store: ['contract', 'config', 'log'],
  queue: ['contract', 'config', 'store'],
  writer: ['contract', 'queue', 'store'],
  keeper: ['contract', 'store', 'writer'],
  notify: ['contract', 'queue', 'store', 'writer'],
  supervisor: ['contract', 'config', 'log'],
  collector: ['contract', 'config', 'queue', 'supervisor'],
  snapshot: ['contract'],
  // The board is text that the front serves.
  board: ['contract', 'snapshot'],
  // `writer` for the commands of operations, which run in the front's process.
  front: ['board', 'contract', 'config', 'log', 'snapshot', 'store', 'writer'],
  cli: ['contract', 'config', 'snapshot', 'front', 'main.ts'],
  app: ['collector', 'config', 'contract', 'log', 'notify', 'queue', 'store', 'supervisor', 'writer'],
  'main.ts': ['app', 'config', 'contract', 'log'],
};

/** Packages that one room alone may know, so that each can be replaced in one place. */
const ONLY_IN: Readonly<Record<string, readonly string[]>> = {
  'pg-boss': ['src/queue/', 'src/writer/', 'src/notify/'],
  piscina: ['src/supervisor/probe-thread.ts'],
  'uWebSockets.js': ['src/front/uws.ts'],
  '@modelcontextprotocol/server': ['src/front/mcp/'],
  dockerode: ['workers/docker/'],
  pino: ['src/log/', 'src/front/', 'src/supervisor/', 'src/store/embedded/'],
  jose: ['src/front/', 'src/cli/'],
};

const all = sources();
const room = (path: string): string => path.split('/')[1] ?? '';
const each = (check: (source: Source, one: Import) => void): void => {
  for (const source of all) for (const one of importsOf(source)) check(source, one);
};

describe('rooms', () => {
  test('are all known here: a new one says who may import it', () => {
    const rooms = new Set(all.filter(({ path }) => path.startsWith('src/')).map(({ path }) => room(path)));
    assert.deepEqual([...rooms].filter((name) => !(name in MAY_IMPORT)).sort(), []);
  });

  test('import to the left only', () => {
    each(({ path }, { to }) => {
      if (!path.startsWith('src/') || !to.startsWith('src/')) return;
      const [from, into] = [room(path), room(to).replace(/\.js$/, '.ts')];
      if (from !== into) assert.ok(MAY_IMPORT[from]?.includes(into), `${path} imports ${to}`);
    });
  });

  test('and the rules themselves have no circle', () => {
    const reach = (from: string, seen: readonly string[]): void => {
      assert.ok(!seen.includes(from), [...seen, from].join(' → '));
      for (const next of MAY_IMPORT[from] ?? []) reach(next, [...seen, from]);
    };
    for (const name of Object.keys(MAY_IMPORT)) reach(name, []);
  });
});

describe('the contract', () => {
  test('imports nothing but types', () => {
    each(({ path }, { to, relative, typeOnly }) => {
      if (!path.startsWith('src/contract/')) return;
      if (!relative) assert.ok(typeOnly || to.startsWith('node:'), `${path} imports ${to}`);
      else
        assert.ok(
          to.startsWith('src/contract/') || (to.startsWith('schema/') && typeOnly),
          `${path} imports ${to}`,
        );
    });
  });

  test('and the schema imports nothing of the house but the contract’s types', () => {
    each(({ path }, { to, relative, typeOnly }) => {
      if (!path.startsWith('schema/')) return;
      if (relative)
        assert.ok(
          to.startsWith('schema/') || (to.startsWith('src/contract/') && typeOnly),
          `${path} imports ${to}`,
        );
      else assert.equal(to, 'typebox', `${path} imports ${to}`);
    });
  });
});

describe('a family', () => {
  const families = new Set(
    all.filter(({ path }) => /^workers\/[^/]+\/spec\.ts$/.test(path)).map(({ path }) => room(path)),
  );

  test('there are some', () => assert.ok(families.size >= 5));

  test('imports the contract, what families share, its driver and itself: no other family, no other room', () => {
    each(({ path }, { to, relative }) => {
      if (!path.startsWith('workers/') || !families.has(room(path)) || !relative) return;
      const allowed = ['src/contract/', 'workers/shared/', `workers/${room(path)}/`];
      assert.ok(
        allowed.some((prefix) => to.startsWith(prefix)),
        `${path} imports ${to}`,
      );
    });
  });

  test('what families share imports the contract and no family', () => {
    each(({ path }, { to, relative }) => {
      if (!path.startsWith('workers/shared/') || !relative) return;
      assert.ok(to.startsWith('src/contract/') || to.startsWith('workers/shared/'), `${path} imports ${to}`);
    });
  });

  test('is described by pure data: reading a spec loads no driver', () => {
    const byPath = new Map(all.map((source) => [source.path, source]));
    for (const name of families) {
      const seen = new Set<string>();
      const visit = (path: string): void => {
        const source = byPath.get(path);
        if (source === undefined || seen.has(path)) return;
        seen.add(path);
        for (const { to, relative, typeOnly } of importsOf(source)) {
          if (typeOnly) continue;
          if (relative) visit(to.replace(/\.js$/, '.ts'));
          else
            assert.ok(
              to === 'typebox' || to === 'node:net',
              `workers/${name}/spec.ts loads ${to} through ${path}`,
            );
        }
      };
      visit(`workers/${name}/spec.ts`);
    }
  });

  test('is named nowhere else: adding one touches no switch, map or column', () => {
    for (const { path, text } of all) {
      if (path.startsWith('workers/')) continue;
      for (const name of families)
        assert.ok(
          !text.includes(`workers/${name}/`) && !text.includes(`case '${name}':`),
          `${path} names ${name}`,
        );
    }
  });
});

describe('packages', () => {
  test('are known where they belong and nowhere else', () => {
    each(({ path }, { to, relative }) => {
      const places = relative ? undefined : ONLY_IN[to];
      if (places !== undefined)
        assert.ok(
          places.some((place) => path.startsWith(place)),
          `${path} imports ${to}`,
        );
    });
  });
});

describe('house limits', () => {
  test('no file has more than 400 lines', () => {
    for (const { path, text } of sources(['src', 'workers', 'schema', 'bench', 'test']))
      assert.ok(text.split('\n').length <= 401, `${path}: ${text.split('\n').length} lines`);
  });

  test('nothing is left to do', () => {
    for (const { path, text } of all) assert.doesNotMatch(text, /\b(TODO|FIXME|XXX)\b/, path);
  });
});
