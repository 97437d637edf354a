import { constants, fstatSync, openSync } from 'node:fs';
import { isMainThread } from 'node:worker_threads';

/**
 * A descriptor for standard output that never blocks its writer. A reader that stalls (a paused terminal, a full
 * `docker logs` pipe) would otherwise block the thread, or with asynchronous writes take up libuv's few pool threads,
 * which DNS and disk checks share.
 *
 * Pipes and terminals are opened anew without blocking, so that whoever shares the original descriptor keeps theirs
 * as it is. A socket (systemd's journal) cannot be opened anew; touching `process.stdout` makes libuv switch it, and
 * every thread shares that switch. Files are used as they are: they do not stall.
 */
export function openStdout(): number {
  const kind = fstatSync(1);
  if (kind.isFIFO() || kind.isCharacterDevice()) {
    try {
      return openSync('/proc/self/fd/1', constants.O_WRONLY | constants.O_NONBLOCK | constants.O_NOCTTY);
    } catch {
      // Belongs to another user, or nobody reads the pipe any more.
      if (isMainThread && kind.isFIFO()) void process.stdout;
      return 1;
    }
  }
  if (isMainThread && kind.isSocket()) void process.stdout;
  return 1;
}
