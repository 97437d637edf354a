import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { MatrixError, messageOf } from '../../contract/errors.js';
import type { EmbeddedLog } from './errors.js';

const run = promisify(execFile);
const EXISTING_USER = 'postgres';
const OWN_USER = 'matrix-postgres';

/** The system account that the server runs as. */
export interface Account {
  readonly uid: number;
  readonly gid: number;
  readonly name: string;
}

/** Whether `account` is not the one of this process, so that files and programs must be given to it. */
export function isOther(account: Account): boolean {
  return account.uid !== process.getuid?.();
}

/** The account of this process. */
function currentAccount(): Account {
  const uid = process.getuid?.() ?? -1;
  return { uid, gid: process.getgid?.() ?? -1, name: `uid ${uid}` };
}

/** What `spawn` needs to run as `account`; nothing when that is who we are already. */
export function spawnAs(account: Account): { uid?: number; gid?: number } {
  return isOther(account) ? { uid: account.uid, gid: account.gid } : {};
}

/**
 * PostgreSQL refuses to run as root. Root uses the account that owns an existing cluster (a cluster made
 * before by that user stays usable), else `postgres`, else `matrix-postgres`, which is made if needed.
 * Throws MX_EMBEDDED_UNAVAILABLE when there is none and none can be made.
 */
export async function serverAccount(owner: Account | undefined, log: EmbeddedLog): Promise<Account> {
  if (process.getuid?.() !== 0) return currentAccount();
  if (owner !== undefined && owner.uid !== 0) return owner;
  const found = (await lookUp(EXISTING_USER)) ?? (await lookUp(OWN_USER));
  if (found !== undefined) return found;
  return makeAccount(log);
}

async function lookUp(name: string): Promise<Account | undefined> {
  try {
    const [uid, gid] = await Promise.all([run('id', ['-u', name]), run('id', ['-g', name])]);
    return { uid: Number(uid.stdout), gid: Number(gid.stdout), name };
  } catch {
    return undefined; // `id` answers an unknown user with a failure
  }
}

async function makeAccount(log: EmbeddedLog): Promise<Account> {
  const options = ['--system', '--user-group', '--no-create-home', '--home-dir', '/nonexistent'];
  try {
    await run('useradd', [...options, '--shell', '/usr/sbin/nologin', OWN_USER]);
  } catch (error) {
    // Another Matrix on this machine may have made it in this moment.
    const found = await lookUp(OWN_USER);
    if (found !== undefined) return found;
    throw new MatrixError(
      'MX_EMBEDDED_UNAVAILABLE',
      `PostgreSQL refuses to run as root, there is no user "${EXISTING_USER}", and "${OWN_USER}" cannot be ` +
        `made (${messageOf(error).trim()}). Run Matrix as another user, or make that user.`,
      { cause: error },
    );
  }
  const made = await lookUp(OWN_USER);
  if (made === undefined) {
    throw new MatrixError('MX_EMBEDDED_UNAVAILABLE', `The user "${OWN_USER}" was made but cannot be found.`);
  }
  log.warn(
    { user: OWN_USER, uid: made.uid },
    `PostgreSQL refuses to run as root and there is no user "${EXISTING_USER}": made the system user "${OWN_USER}"`,
  );
  return made;
}
