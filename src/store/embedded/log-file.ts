import { constants, existsSync } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { LIMITS } from '../../contract/limits.js';
import { type Account, isOther } from './account.js';

// The file is in a directory of the server's account: root must not be led elsewhere by a link in it.
const APPEND = constants.O_WRONLY | constants.O_APPEND | constants.O_CREAT | constants.O_NOFOLLOW;
const REPLACE = constants.O_WRONLY | constants.O_TRUNC | constants.O_CREAT | constants.O_NOFOLLOW;
const READ = constants.O_RDWR | constants.O_NOFOLLOW;

/** Opens the server's log for appending, 0600 and owned by its account. The caller closes it. */
export async function openLog(file: string, account: Account): Promise<FileHandle> {
  const isNew = !existsSync(file);
  const handle = await open(file, APPEND, 0o600);
  if (isNew && isOther(account)) await handle.chown(account.uid, account.gid);
  return handle;
}

/** The last lines of the log, at most about 2000 bytes, from `fromByte` on. Empty when there is no log. */
export async function logTail(file: string, fromByte = 0): Promise<string> {
  const handle = await open(file, constants.O_RDONLY | constants.O_NOFOLLOW).catch(() => undefined);
  if (handle === undefined) return '';
  try {
    const { size } = await handle.stat();
    // Smaller than the mark: it was trimmed meanwhile.
    const start = Math.max(size < fromByte ? 0 : fromByte, size - LIMITS.postgres_log_tail.value);
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(size - start), 0, size - start, start);
    return buffer.toString('utf8', 0, bytesRead).trim();
  } finally {
    await handle.close();
  }
}

/**
 * Keeps the log bounded: beyond `maxBytes` its last part moves to `<file>.1` and it begins anew. The server
 * writes in append mode, so it goes on at the new end; a line written in between may be lost.
 */
export async function trimLog(
  file: string,
  account: Account,
  maxBytes: number = LIMITS.postgres_log.value,
): Promise<void> {
  const handle = await open(file, READ).catch(() => undefined);
  if (handle === undefined) return;
  try {
    const { size } = await handle.stat();
    if (size <= maxBytes) return;
    const kept = Math.min(size, LIMITS.postgres_log_kept.value);
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(kept), 0, kept, size - kept);
    const old = await open(`${file}.1`, REPLACE, 0o600);
    try {
      if (isOther(account)) await old.chown(account.uid, account.gid);
      await old.writeFile(buffer.subarray(0, bytesRead));
    } finally {
      await old.close();
    }
    await handle.truncate(0);
  } finally {
    await handle.close();
  }
}
