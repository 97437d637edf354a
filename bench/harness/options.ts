import { parseArgs } from 'node:util';

export interface Options {
  /** Names and groups of benchmarks; empty: all. */
  readonly wanted: readonly string[];
  readonly rounds: number;
  readonly seconds: number;
  readonly scale: number;
  readonly json: string | null;
  readonly list: boolean;
  readonly help: boolean;
}

export const USAGE = `npm run bench -- [NAME|GROUP …] [options]

  --only NAME     run this benchmark or group only; may be given again, as may plain names
  --rounds N      pairs of rounds, ours then bare (default 3)
  --seconds S     length of a round (default 1)
  --scale F       part of the targets, clients and services (default 1)
  --json FILE     write everything that was measured; - for standard output
  --list          name the benchmarks and stop
  --help`;

/** Reads the command line. Throws an Error with one sentence when it is wrong. */
export function readOptions(argv: readonly string[]): Options {
  const { values, positionals } = parseArgs({
    args: [...argv],
    allowPositionals: true,
    options: {
      only: { type: 'string', multiple: true, default: [] },
      rounds: { type: 'string', default: '3' },
      seconds: { type: 'string', default: '1' },
      scale: { type: 'string', default: '1' },
      json: { type: 'string' },
      list: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  const rounds = number('--rounds', values.rounds, 1, 1000);
  if (!Number.isInteger(rounds)) throw new Error('--rounds must be a whole number');
  return {
    wanted: [...values.only, ...positionals],
    rounds,
    seconds: number('--seconds', values.seconds, 0.1, 600),
    scale: number('--scale', values.scale, 0.01, 1),
    json: values.json ?? null,
    list: values.list,
    help: values.help,
  };
}

function number(name: string, text: string, min: number, max: number): number {
  const value = Number(text);
  if (text.trim() === '' || !(value >= min && value <= max))
    throw new Error(`${name} must be a number from ${min} to ${max}, not "${text}"`);
  return value;
}
