import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { type TObject, Type } from 'typebox';
import { draftSettings, type LoadOptions } from '../../src/config/load.js';
import { ConfigError } from '../../src/config/problem.js';
import type { FamilySpec } from '../../src/contract/family.js';

function family(name: string, schema: TObject, more: Partial<FamilySpec> = {}): [string, FamilySpec] {
  return [name, { name, title: name, schema, codes: {}, ...more }];
}

/** Families as the registry gives them, fixed here so that messages and lines do not move with the real ones. */
export const families: ReadonlyMap<string, FamilySpec> = new Map([
  family(
    'disk',
    Type.Object({
      path: Type.String({ minLength: 1, default: '/' }),
      warn_percent: Type.Number({ exclusiveMinimum: 0, maximum: 100, default: 90 }),
    }),
  ),
  family('docker', Type.Object({ socket: Type.Optional(Type.String({ pattern: '^/' })) })),
  family(
    'http',
    Type.Object({
      url: Type.String({ minLength: 1 }),
      headers: Type.Record(Type.String(), Type.String(), { default: {} }),
      expect_status: Type.Array(Type.Union([Type.Integer(), Type.String()]), { minItems: 1, default: [200] }),
      method: Type.Union([Type.Literal('GET'), Type.Literal('HEAD')], { default: 'GET' }),
    }),
    {
      timeoutS: 7,
      overUplink: (target) => !String((target as unknown as { url: string }).url).includes('127.0.0.1'),
      check: (target) =>
        URL.canParse((target as unknown as { url: string }).url) ? undefined : 'url: must be a URL',
    },
  ),
  family(
    'wan',
    Type.Object({
      gateway: Type.Optional(Type.String({ format: 'ipv4' })),
      target: Type.String({ default: '1.1.1.1', minLength: 1 }),
      dns_host: Type.String({ default: 'google.com', minLength: 1 }),
    }),
  ),
]);

/** A directory of this test's own, removed afterwards. */
export async function tempDir(t: TestContext): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), 'matrix-config-'));
  t.after(() => rm(dir, { recursive: true, force: true }));
  return dir;
}

/** A directory with one file in it. */
export async function dirWith(t: TestContext, name: string, text: string): Promise<string> {
  const dir = await tempDir(t);
  await writeFile(join(dir, name), text);
  return dir;
}

/** Options for `cwd` and nothing from the machine that runs the test. */
export function optionsFor(cwd: string, env: LoadOptions['env'] = {}): LoadOptions {
  return { cwd, families, env: { HOME: cwd, DOCKER_HOST: `unix://${join(cwd, 'no.sock')}`, ...env } };
}

/** The message of the error that loading ends with. */
export async function refusal(options: LoadOptions): Promise<ConfigError> {
  try {
    await draftSettings(options);
  } catch (error) {
    if (error instanceof ConfigError) return error;
    throw error;
  }
  throw new Error('the configuration was accepted');
}
