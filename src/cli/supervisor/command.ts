/** `matrix supervisor`: the process tree, live on a terminal, once or as a stream of lines elsewhere. */
import { parseArgs } from 'node:util';
import { type AgedTree, getSupervisor } from '../../front/operations/get-supervisor.js';
import { ask } from '../client.js';
import { type Command, EXIT, type Io, UsageError } from '../command.js';
import { operationCommand } from '../operation-command.js';
import { followTree, reportOf, TREE_REQUEST } from './follow.js';

const once = operationCommand(getSupervisor);

export const supervisorCommand: Command = {
  name: once.name,
  summary: `${once.summary} On a terminal it is a live view.`,
  usage: 'supervisor [--once] [--json [--watch]]',
  options: [
    ['--once', 'print it once, also on a terminal'],
    ['--json', 'print it once as JSON, as the server gave it'],
    ['--json --watch', 'one JSON document a line, for each tree that comes'],
  ],
  async run(args, io) {
    const flag = { type: 'boolean' } as const;
    const options = { once: flag, json: flag, watch: flag };
    const { values } = parseArgs({ args: [...args], options, strict: true });
    const { once: isOnce = false, json = false, watch = false } = values;
    if (isOnce && watch) throw new UsageError('--once and --watch exclude each other');
    if (json && watch) return watchJson(io);
    if (watch && io.terminal === undefined) throw new UsageError('--watch needs --json, or a terminal');
    if (io.terminal === undefined || isOnce || json) return once.run(json ? ['--json'] : [], io);
    // A refusal, or a server that is not there, is said before the screen is taken.
    const tree = (await ask(io.env, TREE_REQUEST)) as AgedTree;
    const { showLive } = await import('./live.js');
    return showLive(
      io,
      io.terminal,
      reportOf(tree, new Date(Date.now() - tree.age_ms).toISOString(), tree.age_ms),
    );
  },
};

/** Ends only with its process: by a signal, or when nobody reads any more. */
async function watchJson(io: Io): Promise<number> {
  await ask(io.env, TREE_REQUEST);
  await followTree({
    env: io.env,
    signal: io.signal ?? new AbortController().signal,
    onTree: ({ tree }) => io.out(`${JSON.stringify(tree)}\n`),
    onLost: ({ reason }) => io.err(`matrix supervisor: ${reason}; trying again\n`),
  });
  return EXIT.ok;
}
