import { MatrixError, messageOf } from '../../contract/errors.js';

/** Where the database logs what it does for the operator; pino's logger fits. */
export interface EmbeddedLog {
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

const SENTENCES: Readonly<Record<string, string>> = {
  ENOSPC: 'the disk is full',
  EDQUOT: 'the disk quota is used up',
  EROFS: 'the file system is read-only',
  EACCES: 'the directory is not writable for this user',
  EPERM: 'this user may not do that',
  ENOTDIR: 'a part of the path is not a directory',
  EBUSY: 'the directory is a mount point or otherwise busy',
};

/** MX_EMBEDDED_FAILED for anything thrown, unless it is a MatrixError already. `doing` completes "Cannot …". */
export function embeddedFailure(doing: string, error: unknown): MatrixError {
  if (error instanceof MatrixError) return error;
  const sentence = SENTENCES[(error as NodeJS.ErrnoException | undefined)?.code ?? ''];
  const cause = sentence === undefined ? messageOf(error) : `${sentence} (${messageOf(error)})`;
  return new MatrixError('MX_EMBEDDED_FAILED', `Cannot ${doing}: ${cause}.`, { cause: error });
}

/**
 * The error for a server or `initdb` that ended on its own: names the likely cause first, then quotes what it
 * said last. Reading message text is all right here: it only chooses words, nothing branches on it.
 */
export function serverFailure(what: string, output: string, logFile?: string): MatrixError {
  const said = output.trim() || 'nothing';
  if (/error while loading shared libraries|not found \(required by|symbol lookup error/.test(output)) {
    return new MatrixError(
      'MX_EMBEDDED_UNAVAILABLE',
      `${what}: the PostgreSQL binaries cannot be loaded on this system. They said: ${said}`,
    );
  }
  const place = logFile === undefined ? 'It said' : `The end of ${logFile}`;
  return new MatrixError('MX_EMBEDDED_FAILED', `${what}${likelyCause(output)}. ${place}: ${said}`);
}

const DAMAGED =
  /could not locate a valid checkpoint record|invalid data in file|incorrect checksum in control file/;

function likelyCause(output: string): string {
  if (/No space left on device|Disk quota exceeded|Check free disk space/.test(output)) {
    return ': the disk is full';
  }
  if (/Read-only file system/.test(output)) return ': the file system is read-only';
  if (/Permission denied/.test(output)) return ': a file is not accessible to its user';
  if (/could not look up effective user ID/.test(output)) {
    return ': the user that it runs as has no entry in /etc/passwd; add one';
  }
  if (DAMAGED.test(output)) {
    return ': the data directory is damaged; restore a backup, or move it away to begin empty';
  }
  return '';
}
