import { isDeepStrictEqual } from 'node:util';
import type { Settings } from './settings.js';

/** Keys that take effect at the next start only, with where they are in the settings. */
const RESTART_KEYS: Readonly<Record<string, (settings: Settings) => unknown>> = {
  'matrix.customer_id': (settings) => settings.customerId,
  'matrix.check_interval_s': (settings) => settings.checkIntervalMs,
  'matrix.deploy_color': (settings) => settings.deployColor,
  'matrix.node': (settings) => settings.node,
  'matrix.data_dir': (settings) => settings.dataDir,
  'matrix.database_url': (settings) => settings.databaseUrl,
  MATRIX_JWT_SECRET: (settings) => settings.jwtSecret,
  'front.host': (settings) => settings.front.host,
  'front.port': (settings) => settings.front.port,
  'front.anonymous_read': (settings) => settings.front.anonymousRead,
  'front.allowed_hosts': (settings) => settings.front.allowedHosts,
  'log.level': (settings) => settings.log.level,
  'log.format': (settings) => settings.log.format,
};

/**
 * The settings to run with after a reload: targets and `keep_days` are the new ones, everything else
 * stays as it started. `restart` names what differs and needs a restart. Pure.
 */
export function applyReload<T extends Settings>(running: T, next: T): { settings: T; restart: string[] } {
  const restart = Object.entries(RESTART_KEYS)
    .filter(([, read]) => !isDeepStrictEqual(read(running), read(next)))
    .map(([key]) => key);
  const targets = next.targets.map((target) =>
    target.config.interval_s === undefined ? { ...target, intervalMs: running.checkIntervalMs } : target,
  );
  const settings = {
    ...running,
    file: next.file,
    keepDays: next.keepDays,
    targets,
  };
  return { settings, restart };
}
