/** Composition root: reads the configuration, starts Matrix, ends it cleanly. */
import { Matrix } from './app/matrix.js';
import { loadFamilies } from './config/families.js';
import { loadSettings } from './config/load.js';
import { PACKAGE_ROOT, VERSION } from './config/paths.js';
import { watchConfig } from './config/watch.js';
import { messageOf } from './contract/errors.js';
import { createLogger, identity } from './log/logger.js';

/** A drain that takes longer than this is cut off, in ms. */
const STOP_MS = 60_000;

/**
 * Runs Matrix until a signal ends it. Resolves with the exit code: 0 after a clean end, 1 when the tree gave up.
 * Rejects with a MatrixError when the configuration is wrong; nothing was started then.
 */
export async function run(
  options: { argv?: readonly string[]; env?: NodeJS.ProcessEnv; cwd?: string } = {},
): Promise<number> {
  const { argv = [], env = process.env, cwd = process.cwd() } = options;
  const families = await loadFamilies();
  const load = () => loadSettings({ argv, env, cwd, families });
  const settings = await load();
  const log = createLogger({
    service: 'main',
    ...settings.log,
    base: identity(settings),
  });
  log.info(
    {
      event: 'starting',
      version: VERSION,
      pid: process.pid,
      targets: settings.targets.length,
      config: settings.file,
      data_dir: settings.dataDir,
    },
    `Matrix ${VERSION} starts: ${settings.targets.length} targets`,
  );
  for (const warning of settings.warnings) log.warn({ event: 'config_warning' }, warning);

  const ended = new Promise<number>((resolve) => {
    const fatal = (reason: string, code?: string): void => {
      log.fatal({ event: 'gave_up', code, tree: matrixRef?.tree() }, reason);
      void end(1);
    };
    let matrixRef: Matrix | null = null;
    let ending = false;
    const end = async (code: number): Promise<void> => {
      if (ending) return;
      ending = true;
      watch.close();
      const cut = setTimeout(() => {
        log.error({ event: 'stop_timed_out' }, `stopping took longer than ${STOP_MS / 1000} s`);
        resolve(1);
      }, STOP_MS);
      await matrixRef
        ?.stop()
        .catch((error: unknown) =>
          log.error({ event: 'stop_failed', error: messageOf(error) }, 'stopping failed'),
        );
      clearTimeout(cut);
      log.info({ event: 'stopped' }, 'Matrix has stopped');
      resolve(code);
    };
    const watch = watchConfig({
      current: settings,
      load,
      log,
      onChange: (next) => {
        log.info(
          { event: 'config_changed', targets: next.targets.length },
          `the configuration was read again: ${next.targets.length} targets`,
        );
        void matrixRef?.configure(next);
      },
      onError: (error) => {
        matrixRef?.refuse(messageOf(error));
      },
    });
    for (const signal of ['SIGINT', 'SIGTERM'] as const) {
      process.on(signal, () => {
        // On Ctrl-C the terminal signals the whole group, and npm passes the signal on once more.
        if (ending) return;
        log.info({ event: 'stopping', signal }, `${signal}: stopping`);
        void end(0);
      });
    }
    process.on('SIGHUP', () => void watch.reload());
    for (const event of ['uncaughtException', 'unhandledRejection'] as const) {
      process.on(event, (error: unknown) => {
        // The main thread only supervises; an error that nobody caught here is a bug, and the host restarts us.
        log.fatal(
          { event, error: error instanceof Error ? error.stack : messageOf(error) },
          'unexpected error',
        );
        void end(1);
      });
    }
    Matrix.create({
      settings,
      families,
      log,
      onFatal: fatal,
      onListening: (port) => greet(port),
    }).then(
      (matrix) => {
        matrixRef = matrix;
        return matrix.start();
      },
      (error: unknown) => fatal(messageOf(error)),
    );

    const greet = (port: number): void => {
      const host = settings.front.host.includes(':') ? `[${settings.front.host}]` : settings.front.host;
      const shown = host === '0.0.0.0' || host === '[::]' ? 'localhost' : host;
      log.info(
        { event: 'listening', port, host: settings.front.host },
        `Board: http://${shown}:${port}/matrix`,
      );
      const command = PACKAGE_ROOT === cwd ? 'npx matrix' : 'matrix';
      log.info({ event: 'hint' }, `A token for changes and for agents: ${command} token --role admin`);
    };
  });
  return ended;
}
