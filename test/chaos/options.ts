import { parseArgs } from 'node:util';
import { FAULTS } from './faults/all.js';

export interface ChaosOptions {
  readonly seed: number;
  readonly seconds: number;
  /** Each fault once, however long that takes. */
  readonly once: boolean;
  readonly targets: number;
  readonly instances: 1 | 2;
  /** Names of the faults to make; empty: all that are possible. */
  readonly only: readonly string[];
  readonly json: string | null;
  readonly help: boolean;
}

export const USAGE = `npm run chaos -- [options]

  --seconds N     how long the faults go on (default 120; the documented run: 1200)
  --once          each fault once, however long that takes
  --targets N     HTTP targets, each asked every second (default 1000)
  --instances N   1, or 2: blue and green on one database (default 2)
  --seed N        the same seed breaks the same things in the same order (default 1)
  --only NAME     only this fault; may be given again
  --json FILE     write everything that was found; - for standard output
  --help

Faults:
${FAULTS.map(({ name, about }) => `  ${name.padEnd(22)}${about}`).join('\n')}

Needs root, network namespaces and what ops/test-deps.sh installs. All traffic stays in namespaces of its own.`;

/** Reads the command line. Throws an Error with one sentence when it is wrong. */
export function readOptions(argv: readonly string[]): ChaosOptions {
  const { values } = parseArgs({
    args: [...argv],
    options: {
      seconds: { type: 'string', default: '120' },
      once: { type: 'boolean', default: false },
      targets: { type: 'string', default: '1000' },
      instances: { type: 'string', default: '2' },
      seed: { type: 'string', default: '1' },
      only: { type: 'string', multiple: true, default: [] },
      json: { type: 'string' },
      help: { type: 'boolean', default: false },
    },
  });
  const unknown = values.only.find((name) => !FAULTS.some((fault) => fault.name === name));
  if (unknown !== undefined) throw new Error(`there is no fault "${unknown}"`);
  return {
    seconds: whole('--seconds', values.seconds, 10, 3000),
    once: values.once,
    targets: whole('--targets', values.targets, 2, 20_000),
    instances: whole('--instances', values.instances, 1, 2) as 1 | 2,
    seed: whole('--seed', values.seed, 0, 2 ** 31),
    only: values.only,
    json: values.json ?? null,
    help: values.help,
  };
}

function whole(name: string, text: string, min: number, max: number): number {
  const value = Number(text);
  if (text.trim() === '' || !Number.isInteger(value) || value < min || value > max) {
    throw new Error(`${name} must be a whole number from ${min} to ${max}, not "${text}"`);
  }
  return value;
}
