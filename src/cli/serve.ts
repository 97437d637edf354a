/** `matrix serve`: runs Matrix in the foreground until a signal ends it. */
import { parseArgs } from 'node:util';
import type { Command } from './command.js';

export const serveCommand: Command = {
  name: 'serve',
  summary: 'Run Matrix in the foreground.',
  usage: 'serve [--config FILE]',
  options: [['--config <file>', 'config file; otherwise MATRIX_CONFIG, or matrix.toml in this directory']],
  async run(args, io) {
    parseArgs({ args: [...args], options: { config: { type: 'string' } }, strict: true });
    // Loaded only here: the other commands need neither the database's driver nor the supervisor.
    const { run } = await import('../main.js');
    return run({ argv: args, env: io.env, cwd: io.cwd });
  },
};
