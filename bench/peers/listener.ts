/** Many WebSocket clients in one process: they read everything, count deltas and note when each arrived. */
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { servePeer } from '../harness/peer.js';
import { STAMP_PATTERN, stamp } from '../shared/checks.js';

export type ListenerCommand =
  | { readonly kind: 'connect'; readonly port: number; readonly path: string; readonly clients: number }
  /** Forgets what was counted. */
  | { readonly kind: 'begin' }
  | { readonly kind: 'end' };
export interface Heard {
  /** Deltas that arrived, over all clients. */
  readonly deliveries: number;
  readonly bytes: number;
  /** Of every commit at every client, in ms; null when no delta told a commit's time. */
  readonly latencyMs: { readonly p50: number; readonly p99: number; readonly max: number } | null;
}

const TEXT = 1;
const PING = 9;
const EMPTY_PONG = Buffer.from([0x8a, 0x80, 0, 0, 0, 0]);
/** As much of a message as is looked at by every client: type, epoch and number stand at its start. */
const LOOK_BYTES = 96;

const arrivals: { seq: number; at: number }[] = [];
const commits = new Map<number, readonly number[]>();
let bytes = 0;
let failure: Error | null = null;

class Client {
  /** Resolves with the first message. */
  readonly greeted: Promise<void>;
  private greet: () => void = () => undefined;
  private rest: Buffer | null = null;
  private missing = 0;
  private seq: number | null = null;
  private whole: Buffer[] | null = null;

  /** Only the observer reads messages whole, for the commits' times in them. */
  constructor(
    private readonly socket: Socket,
    private readonly observer: boolean,
  ) {
    this.greeted = new Promise((resolve) => {
      this.greet = resolve;
    });
    socket.on('data', (chunk) => this.take(chunk));
    socket.on('error', (error) => {
      failure ??= error;
    });
    socket.on('close', () => {
      failure ??= new Error('the server closed a client’s connection');
    });
  }

  private take(chunk: Buffer): void {
    bytes += chunk.length;
    let data = this.rest === null ? chunk : Buffer.concat([this.rest, chunk]);
    this.rest = null;
    while (data.length > 0) {
      if (this.missing > 0) {
        const part = data.subarray(0, this.missing);
        this.whole?.push(part);
        this.missing -= part.length;
        data = data.subarray(part.length);
      } else {
        const payloadAt = this.head(data);
        if (payloadAt === null) {
          this.rest = data;
          return;
        }
        data = data.subarray(payloadAt);
        if (this.missing > 0) continue;
      }
      if (this.missing === 0) this.complete();
    }
  }

  /** RFC 6455, section 5.2; frames of a server are not masked. Null while the head has not come whole. */
  private head(data: Buffer): number | null {
    const short = (data[1] ?? 0) & 0x7f;
    const at = short < 126 ? 2 : short === 126 ? 4 : 10;
    if (data.length < at) return null;
    const length =
      short < 126 ? short : short === 126 ? data.readUInt16BE(2) : Number(data.readBigUInt64BE(2));
    if (data.length < at + Math.min(length, LOOK_BYTES)) return null;
    const opcode = (data[0] ?? 0) & 0xf;
    if (opcode === PING) this.socket.write(EMPTY_PONG);
    const start = opcode === TEXT ? data.toString('latin1', at, at + Math.min(length, LOOK_BYTES)) : '';
    this.seq = start.includes('"delta"') ? Number(/"seq":(\d+)/.exec(start)?.[1]) : null;
    this.whole = this.observer && this.seq !== null ? [] : null;
    this.missing = length;
    return at;
  }

  private complete(): void {
    this.greet();
    if (this.seq === null) return;
    arrivals.push({ seq: this.seq, at: stamp() });
    if (this.whole === null) return;
    const times = Buffer.concat(this.whole).toString('latin1').matchAll(STAMP_PATTERN);
    commits.set(this.seq, [...new Set([...times].map((match) => Number(match[1])))]);
  }
}

async function open(port: number, path: string, observer: boolean): Promise<Client> {
  const socket = connect(port, '127.0.0.1');
  await once(socket, 'connect');
  socket.write(
    `GET ${path} HTTP/1.1\r\nhost: 127.0.0.1:${port}\r\nupgrade: websocket\r\nconnection: upgrade\r\n` +
      'sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n',
  );
  const [first] = (await once(socket, 'data')) as [Buffer];
  const end = first.indexOf('\r\n\r\n') + 4;
  if (!first.toString('latin1', 0, 12).endsWith('101')) throw new Error(`no WebSocket: ${first}`);
  const client = new Client(socket, observer);
  if (first.length > end) socket.emit('data', first.subarray(end));
  return client;
}

function heard(): Heard {
  if (failure !== null) throw failure;
  const latencies = arrivals
    .flatMap(({ seq, at }) => (commits.get(seq) ?? []).map((committed) => at - committed))
    .sort((a, b) => a - b);
  const quantile = (share: number): number => latencies[Math.floor((latencies.length - 1) * share)] ?? 0;
  const latencyMs =
    latencies.length === 0 ? null : { p50: quantile(0.5), p99: quantile(0.99), max: quantile(1) };
  return { deliveries: arrivals.length, bytes, latencyMs };
}

servePeer<ListenerCommand>(async (command) => {
  if (command.kind === 'end') return heard();
  if (command.kind === 'begin') {
    arrivals.length = 0;
    commits.clear();
    bytes = 0;
    return null;
  }
  const opened: Client[] = [];
  for (let count = 0; count < command.clients; count += 1) {
    opened.push(await open(command.port, command.path, count === 0));
  }
  await Promise.all(opened.map((client) => client.greeted));
  return null;
});
