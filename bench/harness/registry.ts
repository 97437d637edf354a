/** The benchmarks are the files of `bench/`: adding one touches nothing else. */
import { readdir } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { type Bench, GROUPS, type Group } from './bench.js';

const DIRECTORY = new URL('../', import.meta.url);

/** Loads `bench/<name>.js`. */
export async function loadBench(name: string): Promise<Bench> {
  const { bench } = (await import(new URL(`${name}.js`, DIRECTORY).href)) as { bench?: Bench };
  if (bench?.name !== name) throw new Error(`bench/${name}.ts must export a bench named "${name}"`);
  return bench;
}

/** All of them, in the order of their groups. */
export async function loadAll(): Promise<Bench[]> {
  const files = (await readdir(fileURLToPath(DIRECTORY))).filter(
    (file) => file.endsWith('.js') && file !== 'main.js',
  );
  const benches = await Promise.all(files.sort().map((file) => loadBench(file.slice(0, -3))));
  return benches.sort((a, b) => GROUPS.indexOf(a.group) - GROUPS.indexOf(b.group));
}

/** Those whose name or group is wanted; all without a wish. Throws naming what there is. */
export function choose(benches: readonly Bench[], wanted: readonly string[]): Bench[] {
  const names = benches.map((bench) => bench.name);
  const unknown = wanted.find((wish) => !names.includes(wish) && !GROUPS.includes(wish as Group));
  if (unknown !== undefined)
    throw new Error(
      `there is no benchmark "${unknown}"; there are ${names.join(', ')} and the groups ${GROUPS.join(', ')}`,
    );
  if (wanted.length === 0) return [...benches];
  return benches.filter((bench) => wanted.includes(bench.name) || wanted.includes(bench.group));
}
