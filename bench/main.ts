/** Entry of `npm run bench`: see ops/bench.md. */
import { writeFileSync } from 'node:fs';
import type { Bench } from './harness/bench.js';
import { environment } from './harness/environment.js';
import { isolated, runIsolated } from './harness/isolate.js';
import { type Options, readOptions, USAGE } from './harness/options.js';
import { progress } from './harness/progress.js';
import { choose, loadAll } from './harness/registry.js';
import { type Outcome, runBench } from './harness/run.js';
import { summarise } from './harness/summary.js';
import { goalText, table } from './harness/table.js';

const BAD_USE = 2;

async function main(argv: readonly string[]): Promise<number> {
  let options: Options;
  let benches: Bench[];
  try {
    options = readOptions(argv);
    benches = choose(await loadAll(), options.wanted);
  } catch (error) {
    console.error(`${error instanceof Error ? error.message : error}\n\n${USAGE}`);
    return BAD_USE;
  }
  if (options.help) return say(USAGE);
  if (options.list) return say(list(benches));
  const code = isolated ? null : await runIsolated();
  return code ?? measure(benches, options);
}

async function measure(benches: readonly Bench[], options: Options): Promise<number> {
  const where = environment(isolated);
  if (!isolated)
    console.error('No network namespace of its own could be made (needs root): this run uses the host’s.');
  const outcomes: Outcome[] = [];
  const line = progress(benches.length);
  for (const bench of benches) {
    const outcome = await runBench(bench, { ...options, onStep: (step) => line.show(bench.name, step) });
    outcomes.push(outcome);
    line.next();
  }
  line.clear();
  report(outcomes, where, options);
  return outcomes.every((outcome) => outcome.pairs.length > 0 || !outcome.problem?.startsWith('failed'))
    ? 0
    : 1;
}

function report(outcomes: readonly Outcome[], where: ReturnType<typeof environment>, options: Options): void {
  const { rounds, seconds, scale } = options;
  const json = {
    environment: where,
    options: { rounds, seconds, scale },
    benches: outcomes.map(({ bench, pairs, problem }) => ({
      name: bench.name,
      title: bench.title,
      group: bench.group,
      unit: bench.unit,
      compare: bench.compare,
      peer: bench.peer,
      goal: bench.goal ?? null,
      problem,
      summary: summarise({ bench, pairs, problem }),
      pairs,
    })),
  };
  const text = `${JSON.stringify(json, null, 1)}\n`;
  if (options.json === '-') {
    process.stdout.write(text);
    return;
  }
  const { cpu, cores, node, kernel, loadAtStart } = where;
  console.log(
    `${cores} cores, ${cpu}, Linux ${kernel}, Node.js ${node}, load ${loadAtStart} at the start; ${rounds} rounds of ${seconds} s; medians`,
  );
  for (const row of table(outcomes)) console.log(row);
  if (options.json !== null) writeFileSync(options.json, text);
}

function list(benches: readonly Bench[]): string {
  return benches
    .map(
      ({ name, group, title, goal }) =>
        `${name.padEnd(16)}${group.padEnd(11)}${title} (goal: ${goalText(goal)})`,
    )
    .join('\n');
}

function say(text: string): number {
  console.log(text);
  return 0;
}

process.exitCode = await main(process.argv.slice(2));
