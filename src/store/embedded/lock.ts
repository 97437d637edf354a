import { statSync } from 'node:fs';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { MatrixError } from '../../contract/errors.js';

const WAIT_LIMIT_MS = 120_000;
const RETRY_MS = 20;

/**
 * Runs `work` while no other Matrix on this machine does so for the same data directory.
 *
 * The lock is a listening socket with an abstract name (unix(7)): the kernel gives a name to one socket only,
 * and takes it back when the thread or process that holds it ends, however that ends. So there is no lock
 * file that can be stale. Who waits is connected to the holder, and is woken when that connection closes.
 * Other systems than Linux have no such names; there PostgreSQL's own lock file must suffice.
 *
 * Throws MX_EMBEDDED_FAILED when another one holds it for two minutes.
 */
export async function withStartLock<T>(dataDir: string, work: () => Promise<T>): Promise<T> {
  if (process.platform !== 'linux') return work();
  const { dev, ino } = statSync(dataDir);
  const release = await acquire(`\0matrix-embedded-${dev}-${ino}`, dataDir);
  try {
    return await work();
  } finally {
    await release();
  }
}

async function acquire(name: string, dataDir: string): Promise<() => Promise<void>> {
  const deadline = performance.now() + WAIT_LIMIT_MS;
  for (;;) {
    const holder = await tryListen(name);
    if (holder !== undefined) return holder;
    const leftMs = deadline - performance.now();
    if (leftMs <= 0) {
      throw new MatrixError(
        'MX_EMBEDDED_FAILED',
        `Another Matrix has been starting the database in ${dataDir} for two minutes. Stop one of the two, or ` +
          'give this one another MATRIX_DATA_DIR.',
      );
    }
    await holderGone(name, leftMs);
  }
}

/** Becomes the holder; undefined when there is one. The answer gives the lock back. */
async function tryListen(name: string): Promise<(() => Promise<void>) | undefined> {
  const waiting = new Set<Socket>();
  const server: Server = createServer((socket) => {
    waiting.add(socket);
    socket.on('error', () => undefined); // a waiter that was killed
    socket.on('close', () => waiting.delete(socket));
  });
  return new Promise((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'EADDRINUSE') resolve(undefined);
      else reject(error);
    });
    // `exclusive`: a cluster worker would otherwise share its parent's socket.
    server.listen({ path: name, exclusive: true }, () => {
      resolve(async () => {
        const closed = new Promise<void>((done) => server.close(() => done()));
        for (const socket of waiting) socket.destroy();
        await closed;
      });
    });
  });
}

/** Resolves when the present holder is gone, or after `limitMs`. */
async function holderGone(name: string, limitMs: number): Promise<void> {
  await new Promise<void>((resolve) => {
    const socket = connect(name);
    const timer = setTimeout(() => socket.destroy(), limitMs);
    let pauseMs = 0;
    socket.on('error', () => {
      pauseMs = RETRY_MS; // refused: it left just now, or is not one of us; never a busy loop
    });
    socket.on('close', () => {
      clearTimeout(timer);
      setTimeout(resolve, pauseMs);
    });
  });
}
