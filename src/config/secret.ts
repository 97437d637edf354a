import { randomBytes } from 'node:crypto';
import { link, readFile, stat, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { MatrixError, messageOf } from '../contract/errors.js';
import { syncDirectory, writeSynced } from './durable.js';

const MIN_CHARS = 32;
/** Random secrets of 32 characters, even hexadecimal ones, have more different characters than this. */
const MIN_DIFFERENT_CHARS = 8;
const PLACEHOLDER =
  /change[-_ ]?(me|this|it)|your[-_ ]?(own|secret|jwt|key|token)|placeholder|example|replace[-_ ]?(me|this|with)|secret[-_ ]?(key|here)|pass(word|phrase)|insecure|^<.*>$|\$\{/i;

/** Why a secret may not sign tokens, as a sentence that does not show it; undefined when it may. */
export function weakness(secret: string): string | undefined {
  if (PLACEHOLDER.test(secret) || /^(secret|admin|default|matrix|test)+\d*$/i.test(secret)) {
    return 'MATRIX_JWT_SECRET is a known placeholder';
  }
  if (secret.length < MIN_CHARS) {
    return `MATRIX_JWT_SECRET has ${secret.length} characters, expected at least ${MIN_CHARS}`;
  }
  const repeats = `${secret}${secret}`.indexOf(secret, 1) <= secret.length / 2;
  if (repeats || new Set(secret).size < MIN_DIFFERENT_CHARS || isSequence(secret)) {
    return 'MATRIX_JWT_SECRET is easy to guess: it repeats itself or counts up';
  }
  return undefined;
}

function isSequence(secret: string): boolean {
  const codes = [...secret].map((char) => char.charCodeAt(0));
  const steps = codes.filter((code, index) => index > 0 && Math.abs(code - (codes[index - 1] ?? code)) === 1);
  return steps.length > secret.length * 0.8;
}

/**
 * The secret kept beside the data, made at the first start. Two starts at once end with the same one: it is
 * written whole and synced under a name of its own, then linked to its place, which only one of them can do.
 * @throws MX_SECRET_WEAK when the kept file was emptied or cut; MX_CONFIG_UNREADABLE when it cannot be used
 */
export async function keptSecret(dataDir: string): Promise<{ secret: string; warnings: string[] }> {
  const file = join(dataDir, 'jwt-secret');
  try {
    const secret = (await read(file)) ?? (await make(file, dataDir));
    if (secret.length < MIN_CHARS) {
      throw new MatrixError(
        'MX_SECRET_WEAK',
        `The secret kept in ${file} is damaged; remove the file to get a new one`,
      );
    }
    const { mode } = await stat(file);
    const open = (mode & 0o077) !== 0;
    return {
      secret,
      warnings: open ? [`${file} can be read by other users; run \`chmod 600 ${file}\``] : [],
    };
  } catch (error) {
    if (error instanceof MatrixError) throw error;
    throw new MatrixError(
      'MX_CONFIG_UNREADABLE',
      `The secret in ${file} cannot be used: ${messageOf(error)}`,
      {
        cause: error,
      },
    );
  }
}

async function read(file: string): Promise<string | undefined> {
  try {
    return (await readFile(file, 'utf8')).trim();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

async function make(file: string, dir: string): Promise<string> {
  const secret = randomBytes(48).toString('base64url');
  const own = `${file}.${process.pid}.${randomBytes(6).toString('hex')}`;
  await writeSynced(own, `${secret}\n`, { mode: 0o600 });
  try {
    await link(own, file);
    await syncDirectory(dir);
    return secret;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    return (await readFile(file, 'utf8')).trim();
  } finally {
    await unlink(own);
  }
}
