/** A load generator for HTTP: sends one request again and again on open connections and counts the answers. */
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { servePeer } from '../harness/peer.js';

export type ReaderCommand =
  | {
      readonly kind: 'connect';
      readonly port: number;
      /** The bytes of the request. */
      readonly request: string;
      readonly connections: number;
      /** Requests under way on each connection. */
      readonly depth: number;
    }
  | { readonly kind: 'read'; readonly seconds: number };
export interface Read {
  readonly answers: number;
  readonly bytes: number;
}

const HEAD_END = Buffer.from('\r\n\r\n');

class Connection {
  answers = 0;
  bytes = 0;
  private underWay = 0;
  private until = 0;
  /** The start of a head that has not come whole. */
  private rest: Buffer | null = null;
  private bodyMissing = 0;
  private finished: () => void = () => undefined;
  private failed: (error: Error) => void = () => undefined;

  constructor(
    private readonly socket: Socket,
    private readonly request: string,
    private readonly depth: number,
  ) {
    socket.setNoDelay(true);
    socket.on('data', (chunk) => this.take(chunk));
    socket.on('error', (error) => this.failed(error));
    socket.on('close', () => this.failed(new Error('the server closed the connection')));
  }

  read(until: number): Promise<void> {
    this.answers = 0;
    this.bytes = 0;
    this.until = until;
    return new Promise((resolve, reject) => {
      this.finished = resolve;
      this.failed = reject;
      this.underWay = this.depth;
      this.socket.write(this.request.repeat(this.depth));
    });
  }

  private take(chunk: Buffer): void {
    this.bytes += chunk.length;
    const before = this.answers;
    let at = 0;
    while (at < chunk.length) {
      if (this.bodyMissing > 0) {
        const part = Math.min(this.bodyMissing, chunk.length - at);
        this.bodyMissing -= part;
        at += part;
      } else at = this.head(chunk, at);
      if (this.bodyMissing === 0 && this.rest === null) this.answers += 1;
    }
    this.more(this.answers - before);
  }

  /** Reads a head from `at` on; answers where it ends. */
  private head(chunk: Buffer, at: number): number {
    const held = this.rest?.length ?? 0;
    const text = this.rest === null ? chunk.subarray(at) : Buffer.concat([this.rest, chunk.subarray(at)]);
    const end = text.indexOf(HEAD_END);
    if (end < 0) {
      this.rest = text;
      return chunk.length;
    }
    this.rest = null;
    const head = text.toString('latin1', 0, end);
    if (!head.startsWith('HTTP/1.1 200')) this.failed(new Error(`not the answer that was meant: ${head}`));
    this.bodyMissing = Number(/content-length: (\d+)/i.exec(head)?.[1] ?? 0);
    return at + end + HEAD_END.length - held;
  }

  private more(done: number): void {
    this.underWay -= done;
    if (performance.now() < this.until) {
      if (done === 0) return;
      this.underWay += done;
      this.socket.write(this.request.repeat(done));
    } else if (this.underWay === 0) this.finished();
  }
}

let connections: Connection[] = [];

servePeer<ReaderCommand>(async (command) => {
  if (command.kind === 'connect') {
    const { port, request, depth } = command;
    connections = await Promise.all(
      Array.from({ length: command.connections }, async () => {
        const socket = connect(port, '127.0.0.1');
        await once(socket, 'connect');
        return new Connection(socket, request, depth);
      }),
    );
    return null;
  }
  const until = performance.now() + command.seconds * 1000;
  await Promise.all(connections.map((connection) => connection.read(until)));
  const sum = (pick: (connection: Connection) => number): number =>
    connections.reduce((total, connection) => total + pick(connection), 0);
  return { answers: sum((one) => one.answers), bytes: sum((one) => one.bytes) } satisfies Read;
});
