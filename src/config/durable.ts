/** Files that survive a power cut. */
import { open } from 'node:fs/promises';

/** Writes a new file; when this resolves its content is on disk. Rejects with EEXIST when there is one. */
export async function writeSynced(
  file: string,
  text: string,
  options: { readonly mode: number; readonly owner?: { readonly uid: number; readonly gid: number } },
): Promise<void> {
  const { mode, owner } = options;
  const handle = await open(file, 'wx', mode);
  try {
    await handle.writeFile(text);
    if (owner !== undefined) await handle.chown(owner.uid, owner.gid);
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** Makes a new name in a directory survive as well. */
export async function syncDirectory(directory: string): Promise<void> {
  const handle = await open(directory, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
