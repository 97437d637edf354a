/** Files that survive a power cut. */
import { open, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';

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

/**
 * Gives a file new content so that whoever reads it after a crash at any moment finds the old content or the new
 * one, whole. Only one writer at a time may do this to a file.
 */
export async function replaceSynced(file: string, content: string | Buffer): Promise<void> {
  const temporary = `${file}.tmp`;
  try {
    const handle = await open(temporary, 'w', 0o600);
    try {
      await handle.writeFile(content);
      await handle.datasync();
    } finally {
      await handle.close();
    }
    await rename(temporary, file);
    await syncDirectory(dirname(file));
  } catch (error) {
    // On a full disk half a copy is room that others need.
    await rm(temporary, { force: true }).catch(() => undefined);
    throw error;
  }
}
