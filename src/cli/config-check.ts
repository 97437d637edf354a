/** `matrix config check`: says whether Matrix would start with this configuration, and touches nothing. */
import { parseArgs } from 'node:util';
import { checkConfig } from '../config/check.js';
import { loadFamilies } from '../config/families.js';
import { type Command, EXIT, UsageError } from './command.js';

export const configCommand: Command = {
  name: 'config',
  summary: 'Check the configuration as a start would, without starting.',
  usage: 'config check [--config FILE] [--json]',
  options: [
    ['--config <file>', 'config file; otherwise the one that a start would find'],
    ['--json', 'the findings as JSON'],
  ],
  async run(args, io) {
    const options = { config: { type: 'string' }, json: { type: 'boolean' } } as const;
    const { values, positionals } = parseArgs({
      args: [...args],
      options,
      allowPositionals: true,
      strict: true,
    });
    if (positionals.length !== 1 || positionals[0] !== 'check')
      throw new UsageError('expected `config check`');
    const load = { env: io.env, cwd: io.cwd, families: await loadFamilies() };
    const summary = await checkConfig(values.config === undefined ? load : { ...load, file: values.config });
    if (values.json === true) io.out(`${JSON.stringify(summary, null, 2)}\n`);
    else {
      for (const warning of summary.warnings) io.err(`warning: ${warning}\n`);
      (summary.ok ? io.out : io.err)(`${summary.message}\n`);
    }
    return summary.ok ? EXIT.ok : EXIT.failed;
  },
};
