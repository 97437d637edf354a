import { type Static, Type } from 'typebox';
import type { FamilySpec, TargetCommon } from '../../src/contract/family.js';

const Percent = { exclusiveMinimum: 0, maximum: 100 };

const schema = Type.Object({
  path: Type.String({ minLength: 1, default: '/', description: 'any path on the filesystem to watch' }),
  warn_percent: Type.Number({ ...Percent, default: 90, description: 'used space from which to warn' }),
  fail_percent: Type.Optional(Type.Number({ ...Percent, description: 'used space from which to fail' })),
  inode_warn_percent: Type.Number({ ...Percent, default: 90, description: 'used inodes from which to warn' }),
});

export type DiskTarget = TargetCommon & Static<typeof schema>;

export const spec: FamilySpec<DiskTarget> = {
  name: 'disk',
  title: 'Filesystems',
  schema,
  codes: {
    disk_nearly_full: 'The used space is at or above warn_percent.',
    disk_full: 'The used space is at or above fail_percent.',
    inodes_nearly_full: 'The used inodes are at or above inode_warn_percent: new files soon cannot be made.',
    path_missing: 'The path does not exist; perhaps the filesystem is not mounted.',
    io_error: 'The filesystem answers with an error (a failing disk, a stale or disconnected mount).',
    timeout: 'The filesystem does not answer within the timeout, as a network mount whose server is gone.',
    path_denied: 'Matrix may not reach the path; the filesystem was not judged.',
    not_measurable: 'The filesystem reports no size, as /proc does; it was not judged.',
    local_exhausted:
      'This machine ran out of processes, file descriptors or memory; the filesystem was not judged.',
    cancelled: 'The check was cut off before its timeout, because Matrix was stopping; it was not judged.',
  },
  concurrency: 50,
  check: problemOf,
};

function problemOf(target: DiskTarget): string | undefined {
  if (!target.path.startsWith('/')) return 'path: must be absolute, that is begin with /';
  if (target.path.includes('\0')) return 'path: must not contain a NUL character';
  if (target.fail_percent !== undefined && target.fail_percent <= target.warn_percent) {
    return `fail_percent: must be above warn_percent (${target.warn_percent})`;
  }
  return undefined;
}
