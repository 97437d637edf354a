import { stat } from 'node:fs/promises';
import { createServer } from 'node:net';
import { MatrixError } from '../contract/errors.js';

/**
 * Makes this process the owner of a data directory until it ends. Two that shared one would delete each other's
 * spooled results, and the first to stop would stop the other's database.
 *
 * The lock is a listening socket with an abstract name (unix(7)): the kernel gives a name once, and takes it back
 * when the process ends, however it ends. Elsewhere than on Linux there are no such names and nothing is locked.
 * Rejects with MX_DATA_DIR_IN_USE.
 */
export async function ownDataDir(dataDir: string): Promise<void> {
  if (process.platform !== 'linux') return;
  const { dev, ino } = await stat(dataDir);
  const server = createServer((socket) => socket.destroy());
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      const taken = error.code === 'EADDRINUSE';
      reject(
        taken
          ? new MatrixError('MX_DATA_DIR_IN_USE', `another Matrix runs on the data in ${dataDir}`)
          : error,
      );
    });
    server.listen({ path: `\0matrix-data-${dev}-${ino}`, exclusive: true }, resolve);
  });
  server.unref();
}
