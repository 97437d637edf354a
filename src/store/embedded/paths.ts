import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Longest path a unix socket may have (sockaddr_un on Linux, without the closing NUL). */
const MAX_SOCKET_PATH_BYTES = 107;
/** Name of the server's socket; node-postgres and `psql` compose the same from directory and port. */
export const SOCKET_FILE = '.s.PGSQL.5432';

/** Where the embedded database keeps what. All paths are absolute. */
export interface EmbeddedPaths {
  /** Holds everything below; mode 0700, owned by the account that the server runs as. */
  readonly home: string;
  /** PostgreSQL's own data directory. */
  readonly data: string;
  /** The generated password, one line, mode 0600. */
  readonly password: string;
  /** What the server says; `<log>.1` is the part before the last trimming. */
  readonly log: string;
  /** Says where `home` is when it cannot be in the data directory. */
  readonly pointer: string;
}

/**
 * The paths of the database of one Matrix data directory; also right before the first start, except that a
 * home outside of the data directory is known only once its pointer file is written.
 */
export function embeddedPaths(dataDir: string): EmbeddedPaths {
  return pathsUnder(readPointer(pointerFile(dataDir)) ?? join(dataDir, 'postgres'), dataDir);
}

export function pathsUnder(home: string, dataDir: string): EmbeddedPaths {
  return {
    home,
    data: join(home, 'data'),
    password: join(home, 'password'),
    log: join(home, 'server.log'),
    pointer: pointerFile(dataDir),
  };
}

function pointerFile(dataDir: string): string {
  return join(dataDir, 'postgres.location');
}

function readPointer(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8').split('\n')[0]?.trim() || undefined;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

/** Candidates for the socket's directory, best first: beside the data, else a short one for temporary files. */
export function socketDirs(home: string): readonly string[] {
  const short = `matrix-pg-${shortHash(home)}`;
  const candidates = [join(home, 'run'), join(tmpdir(), short), join('/tmp', short)];
  return candidates.filter((dir) => Buffer.byteLength(join(dir, SOCKET_FILE)) <= MAX_SOCKET_PATH_BYTES);
}

/** Twelve hex digits: enough to tell the data directories of one machine apart. */
export function shortHash(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 12);
}
