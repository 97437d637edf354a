/** What `statfs` counts, as it travels from the helper process: blocks of `bsize` bytes, and inodes. */
export interface FsCounts {
  /** Magic number of the filesystem's type. */
  readonly type: number;
  readonly bsize: number;
  readonly blocks: number;
  readonly bfree: number;
  /** Blocks free to users; less than `bfree` where some are kept for root. */
  readonly bavail: number;
  readonly files: number;
  readonly ffree: number;
}

/** Where the path is mounted, as the kernel's mount table says; null where there is none. */
export interface Mount {
  readonly path: string;
  readonly device: string;
  readonly filesystem: string;
}

export interface Usage {
  readonly usedBytes: number;
  readonly availableBytes: number;
  readonly totalBytes: number;
  /** As `df` counts: used / (used + available to users), unrounded; null without a size, or one that cannot be. */
  readonly usedPercent: number | null;
  /** null on filesystems that do not count inodes (btrfs, vfat, most network ones). */
  readonly inodePercent: number | null;
}

/** Some network and FUSE filesystems count more free blocks than there are, or as many as 64 bits hold. */
export function usageOf(counts: FsCounts): Usage {
  const used = counts.blocks - counts.bfree;
  const reachable = used + counts.bavail;
  const inodesUsed = counts.files - counts.ffree;
  const usedBytes = used * counts.bsize;
  const availableBytes = counts.bavail * counts.bsize;
  const totalBytes = counts.blocks * counts.bsize;
  const canBe =
    [used, counts.bfree, counts.bavail].every((blocks) => blocks >= 0) &&
    counts.bsize > 0 &&
    Math.max(totalBytes, availableBytes) <= LARGEST_SIZE;
  const inodesCanBe = counts.ffree >= 0 && inodesUsed >= 0 && counts.files <= LARGEST_SIZE;
  return {
    usedBytes,
    availableBytes,
    totalBytes,
    usedPercent: canBe && reachable > 0 ? (used / reachable) * 100 : null,
    inodePercent: inodesCanBe && counts.files > 0 ? (inodesUsed / counts.files) * 100 : null,
  };
}

/** What 63 bits hold; sizes beyond come from a subtraction that went below zero. */
const LARGEST_SIZE = 2 ** 63;

const UNITS = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB'] as const;

/** `11.4 GiB`. */
export function bytesText(bytes: number): string {
  let value = bytes;
  let unit = 0;
  while (value >= 1024 && unit < UNITS.length - 1) {
    value /= 1024;
    unit += 1;
  }
  return `${unit === 0 ? value : value.toFixed(1)} ${UNITS[unit]}`;
}

/**
 * The mount that holds `realPath` (symlinks resolved), from the text of `/proc/self/mountinfo`. The last of
 * several mounts on one path is the one that is seen. Pure; see proc_pid_mountinfo(5).
 */
export function mountOf(realPath: string, mountinfo: string): Mount | null {
  let found: Mount | null = null;
  for (const line of mountinfo.split('\n')) {
    const fields = line.split(' ');
    const path = unescapeMount(fields[4] ?? '');
    const holds = path === '/' || realPath === path || realPath.startsWith(`${path}/`);
    if (path === '' || !holds || (found !== null && path.length < found.path.length)) continue;
    const separator = fields.indexOf('-', 6);
    const filesystem = fields[separator + 1] ?? '';
    found = { path, device: unescapeMount(fields[separator + 2] ?? ''), filesystem };
  }
  return found;
}

/** The kernel writes space, tab, line feed and backslash in octal. */
function unescapeMount(text: string): string {
  return text.replaceAll(/\\([0-7]{3})/g, (_match, octal: string) =>
    String.fromCharCode(Number.parseInt(octal, 8)),
  );
}
