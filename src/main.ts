/** Composition root: reads the configuration, starts Matrix, ends it cleanly. */
import { Matrix } from './app/matrix.js';
import { flatTree } from './app/supervision-log.js';
import { loadFamilies } from './config/families.js';
import { type LoadedSettings, loadSettings } from './config/load.js';
import { PACKAGE_ROOT, VERSION } from './config/paths.js';
import { watchConfig } from './config/watch.js';
import { messageOf } from './contract/errors.js';
import { createLogger, identity, type Logger } from './log/logger.js';

/** A drain that takes longer than this is cut off, in ms. */
const STOP_MS = 60_000;

export interface RunOptions {
  /** Looked through for `--config FILE`. */
  readonly argv?: readonly string[];
  readonly env?: NodeJS.ProcessEnv;
  readonly cwd?: string;
}

/**
 * Runs Matrix until a signal ends it. Resolves with the exit code: 0 after a clean end, 1 when it gave up.
 * Rejects with a MatrixError when the configuration is wrong; nothing was started then.
 */
export async function run({
  argv = [],
  env = process.env,
  cwd = process.cwd(),
}: RunOptions = {}): Promise<number> {
  const families = await loadFamilies();
  const load = (): Promise<LoadedSettings> => loadSettings({ argv, env, cwd, families });
  const settings = await load();
  const log = createLogger({ service: 'main', ...settings.log, base: identity(settings) });
  introduce(settings, log);

  let end: (code: number) => void = () => undefined;
  const ended = new Promise<number>((resolve) => {
    end = resolve;
  });
  const matrix = await Matrix.create({
    settings,
    families,
    log,
    onFatal: (reason, code) => {
      log.fatal({ event: 'gave_up', code, tree: flatTree(matrix.tree()) }, reason);
      end(1);
    },
    onListening: greeter(settings, log, cwd, argv.includes('--config')),
  });
  const watch = watchConfig({
    current: settings,
    load,
    log,
    onChange: (next) => {
      const count = next.targets.length;
      log.info(
        { event: 'config_changed', targets: count },
        `the configuration was read again: ${count} targets`,
      );
      void matrix.configure(next);
    },
    onError: (error) => matrix.refuse(messageOf(error)),
  });
  hearSignals(log, end, () => void watch.reload());
  matrix.start();
  const code = await ended;
  watch.close();
  return stop(matrix, log, code);
}

function introduce(settings: LoadedSettings, log: Logger): void {
  const { targets, file, dataDir, warnings } = settings;
  log.info(
    {
      event: 'starting',
      version: VERSION,
      pid: process.pid,
      targets: targets.length,
      config: file,
      data_dir: dataDir,
    },
    `Matrix ${VERSION} starts: ${targets.length} targets`,
  );
  for (const warning of warnings) log.warn({ event: 'config_warning' }, warning);
}

/** Says where the board is, once: the front may be restarted later. */
function greeter(settings: LoadedSettings, log: Logger, cwd: string, given: boolean): (port: number) => void {
  let greeted = false;
  return (port) => {
    if (greeted) return;
    greeted = true;
    const { host } = settings.front;
    const shown = host === '0.0.0.0' || host === '::' ? 'localhost' : host.includes(':') ? `[${host}]` : host;
    log.info({ event: 'listening', port, host }, `Board: http://${shown}:${port}/matrix`);
    // Outside its own checkout `npx matrix` is something else, and nothing says that `matrix` is installed.
    const command = PACKAGE_ROOT === cwd ? 'npx matrix' : `node ${PACKAGE_ROOT}/ops/matrix.mjs`;
    const config = given ? ` --config ${settings.file}` : '';
    log.info({ event: 'hint' }, `A token for changes and for agents: ${command} token --role admin${config}`);
  };
}

function hearSignals(log: Logger, end: (code: number) => void, reload: () => void): void {
  let stopping = false;
  const stop = (signal: NodeJS.Signals): void => {
    // On Ctrl-C the terminal signals the whole group, and npm passes the signal on once more.
    if (stopping) return;
    stopping = true;
    log.info({ event: 'stopping', signal }, `${signal}: stopping`);
    end(0);
  };
  process.on('SIGINT', stop);
  process.on('SIGTERM', stop);
  // A daemon is told to read its configuration again; at a terminal it is the terminal that was closed.
  process.on('SIGHUP', () => (process.stdin.isTTY ? stop('SIGHUP') : reload()));
  for (const event of ['uncaughtException', 'unhandledRejection'] as const) {
    process.on(event, (error: unknown) => {
      // The main thread only supervises; an error that nobody caught here is a bug, and the host restarts us.
      const text = error instanceof Error ? error.stack : messageOf(error);
      log.fatal({ event, error: text }, 'unexpected error');
      end(1);
    });
  }
}

async function stop(matrix: Matrix, log: Logger, code: number): Promise<number> {
  let cut: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    cut = setTimeout(() => reject(new Error(`it took longer than ${STOP_MS / 1000} s`)), STOP_MS);
  });
  try {
    await Promise.race([matrix.stop(), late]);
    log.info({ event: 'stopped' }, 'Matrix has stopped');
    return code;
  } catch (error) {
    log.error({ event: 'stop_failed', error: messageOf(error) }, 'stopping failed');
    return 1;
  } finally {
    clearTimeout(cut);
  }
}
