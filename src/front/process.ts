/** The front as a forked process: talks with main over IPC, and ends when main does. */
import type { FromFront, FrontInit, ToFront } from '../../schema/messages.js';
import { loadFamilies } from '../config/families.js';
import { createTargetValidator, type TargetValidator } from '../config/targets.js';
import { createCompiler } from '../config/validator.js';
import { MatrixError, messageOf } from '../contract/errors.js';
import { createLogger, identity, type Logger } from '../log/logger.js';
import { startBeat } from './beat.js';
import { Early } from './early.js';
import type { CheckTarget } from './operations/operation.js';
import { type Front, startFront } from './server.js';

/** Runs until main says `drain` or goes away. Every failure to start is told to main before this exits. */
export function runFront(): void {
  let front: Front | null = null;
  const early = new Early();
  const take = (message: ToFront): void => {
    if (message.kind === 'init') {
      start(message.init).then((started) => {
        front = started;
        for (const waiting of early.take()) take(waiting);
      }, refuse);
    } else if (front === null) early.add(message);
    else if (message.kind === 'drain') void front.drain().finally(() => process.exit(0));
    else front.take(message);
  };
  process.on('message', (message) => take(message as unknown as ToFront));
  // Without its parent nobody tells the truth here any more, and the port must be free for the next one.
  process.on('disconnect', () => process.exit(0));
  // It may have gone while this process was still loading.
  if (!process.connected) process.exit(0);
  startBeat((beat, taken) => void (process.connected && process.send?.(beat, undefined, undefined, taken)));
}

async function start(init: FrontInit): Promise<Front> {
  const log: Logger = createLogger({
    service: 'front',
    level: init.log?.level ?? 'info',
    format: init.log?.format ?? 'json',
    base: identity(init),
  });
  process.on('unhandledRejection', (error) =>
    log.error({ err: error }, 'a promise failed without anybody waiting for it'),
  );
  const front = await startFront({
    init,
    log,
    checkTarget: targetChecker(init.checkIntervalS * 1000),
    tell,
  });
  tell({ kind: 'ready', port: front.port });
  return front;
}

/** Checks a target against its family, as the config file is checked. The families are read when first asked for. */
export function targetChecker(checkIntervalMs: number): CheckTarget {
  let loading: Promise<TargetValidator> | null = null;
  return async ({ name, family, config }) => {
    loading ??= loadFamilies().then((families) => createTargetValidator(families, createCompiler()));
    const { target, findings } = (await loading)(family, { ...config, name }, checkIntervalMs);
    if (target !== null) return { intervalMs: target.intervalMs };
    const problems = findings.map(({ path, message, hint }) => {
      const where = path.filter((part) => part !== 'name').join('.');
      const what = where === '' ? message : `${where}: ${message}`;
      return hint === undefined ? what : `${what} (${hint})`;
    });
    throw new MatrixError('MX_BAD_REQUEST', `This ${family} target is not valid: ${problems.join('; ')}`);
  };
}

function refuse(error: unknown): void {
  const code = error instanceof MatrixError ? error.code : 'MX_INTERNAL';
  process.send?.({ kind: 'fatal', code, message: messageOf(error) } satisfies FromFront, () =>
    process.exit(1),
  );
}

function tell(message: FromFront): void {
  // Main may be gone already; `disconnect` ends this process then.
  if (process.connected) process.send?.(message, undefined, undefined, () => undefined);
}
