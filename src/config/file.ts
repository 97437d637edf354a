import { constants, type Stats } from 'node:fs';
import { access, open } from 'node:fs/promises';
import { isAbsolute, join, relative, resolve } from 'node:path';
import { MatrixError, messageOf } from '../contract/errors.js';
import { LIMITS } from '../contract/limits.js';
import { ConfigError } from './problem.js';

/** Looked for in the current directory, when no file is named. */
export const FILE_NAMES = ['matrix.toml', 'matrix.yaml', 'matrix.yml'] as const;

export interface FileChoice {
  /** `--config`, then what the caller names, then `MATRIX_CONFIG`; relative to `cwd`. */
  readonly argv?: readonly string[] | undefined;
  readonly file?: string | undefined;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly cwd: string;
}

/**
 * Absolute path of the config file; null when none is named and none is there.
 * @throws MX_CONFIG_INVALID when several are there: which of them counts must not be a guess
 */
export async function findFile(choice: FileChoice): Promise<string | null> {
  const named = fromArgv(choice.argv ?? []) ?? choice.file ?? choice.env['MATRIX_CONFIG']?.trim();
  if (named !== undefined && named !== '') return resolve(choice.cwd, named);
  const present: string[] = [];
  for (const name of FILE_NAMES) {
    const there = await access(join(choice.cwd, name), constants.F_OK).then(
      () => true,
      () => false,
    );
    if (there) present.push(name);
  }
  const [first, ...others] = present;
  if (first === undefined) return null;
  if (others.length === 0) return join(choice.cwd, first);
  const message = `expected one config file in ${choice.cwd}, came ${present.join(' and ')}`;
  throw new ConfigError([
    {
      file: first,
      line: null,
      column: null,
      path: '',
      message,
      hint: 'keep one, or name it in MATRIX_CONFIG',
    },
  ]);
}

function fromArgv(argv: readonly string[]): string | undefined {
  const index = argv.findIndex((word) => word === '--config' || word.startsWith('--config='));
  const word = argv[index];
  if (word === undefined) return undefined;
  const value = word === '--config' ? argv[index + 1] : word.slice('--config='.length);
  if (value === undefined || value === '') {
    throw new MatrixError('MX_CONFIG_UNREADABLE', '--config needs the path of a config file');
  }
  return value;
}

/**
 * Text of a config file, without a byte order mark.
 * @throws MX_CONFIG_UNREADABLE when it is missing, no file, too large or not UTF-8
 */
export async function readConfigFile(file: string): Promise<string> {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(await readBounded(file));
  } catch (error) {
    const reason =
      (error as { code?: string }).code === 'ERR_ENCODING_INVALID_ENCODED_DATA'
        ? 'it is not UTF-8'
        : messageOf(error);
    throw new MatrixError('MX_CONFIG_UNREADABLE', `The config file ${file} cannot be read: ${reason}`, {
      cause: error,
    });
  }
}

/**
 * Reads a regular file, in pieces, since it may grow meanwhile. Opened so that a FIFO without a writer does not hold
 * the start for ever: it is refused, as a directory or a device is.
 */
async function readBounded(file: string): Promise<Buffer> {
  const handle = await open(file, constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    const stat = await handle.stat();
    if (!stat.isFile()) throw new Error(`it is ${kindOf(stat)}, not a regular file`);
    const pieces: Buffer[] = [];
    for (let size = 0; ; ) {
      const { bytesRead, buffer } = await handle.read(Buffer.allocUnsafe(64 * 1024), 0, 64 * 1024, null);
      if (bytesRead === 0) return Buffer.concat(pieces);
      size += bytesRead;
      if (size > LIMITS.config_file.value)
        throw new Error(`it is larger than ${LIMITS.config_file.value} bytes`);
      pieces.push(buffer.subarray(0, bytesRead));
    }
  } finally {
    await handle.close();
  }
}

function kindOf(stat: Stats): string {
  if (stat.isDirectory()) return 'a directory';
  if (stat.isFIFO()) return 'a FIFO';
  return stat.isCharacterDevice() || stat.isBlockDevice() ? 'a device' : 'something else';
}

/** A file's name as people type it: relative when it is below `cwd`. */
export function shownName(file: string, cwd: string): string {
  const name = relative(cwd, file);
  return name === '' || name.startsWith('..') || isAbsolute(name) ? file : name;
}
