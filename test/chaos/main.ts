/**
 * Entry of `npm run chaos`: makes network namespaces that belong to the run, and runs it inside the one of the
 * machine whose uplink can be cut. See ops/chaos.md.
 */
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { createUplink, type Part } from '../support/netns.js';
import { readOptions, USAGE } from './options.js';

const BAD_USE = 2;
const RUNNER = fileURLToPath(new URL('./runner.js', import.meta.url));

/** Runner → here: the uplink is made here, outside the namespaces that it connects. */
export interface CutRequest {
  readonly verb: 'cut' | 'restore';
  readonly part: Part;
}

/** Makes the place, runs, removes the place; answers the exit code: 0 nothing wrong, 1 something is, 2 bad usage. */
export async function chaos(argv: readonly string[]): Promise<number> {
  try {
    if (readOptions(argv).help) {
      console.log(USAGE);
      return 0;
    }
  } catch (error) {
    console.error(`chaos: ${error instanceof Error ? error.message : error}\n\n${USAGE}`);
    return BAD_USE;
  }
  const uplink = await createUplink();
  try {
    const { far, gateway, internet, dns } = uplink;
    const args = [
      '--max-old-space-size=6000',
      RUNNER,
      JSON.stringify({ far, gateway, internet, dns }),
      ...argv,
    ];
    const runner = uplink.exec(process.execPath, args, { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
    const stop = (): void => void runner.kill('SIGTERM');
    process.once('SIGINT', stop).once('SIGTERM', stop);
    runner.on('message', (message) => {
      const { verb, part } = message as CutRequest;
      void uplink[verb](part).then(() => runner.send('done'));
    });
    const [code] = await once(runner, 'exit');
    return typeof code === 'number' ? code : 1;
  } finally {
    await uplink.close();
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) process.exit(await chaos(process.argv.slice(2)));
