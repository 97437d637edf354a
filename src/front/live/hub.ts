/**
 * The WebSocket `/matrix/ws`. A client gets a snapshot as fast as it reads it, then the deltas it missed
 * meanwhile, and only then joins the topic on which each delta is published once for all. So a big snapshot gets
 * through although little is ever buffered for one client, and one that stops reading is cut off. Who watches the
 * process tree only leaves that topic and pays for none of it.
 */
import type { Alert } from '../../../schema/wire.js';
import { MatrixError } from '../../contract/errors.js';
import { LIMITS } from '../../contract/limits.js';
import type { NodeState } from '../../contract/tree.js';
import type { BeatMessage, ClientMessage, LiveStatus } from '../../snapshot/client.js';
import { errorBody } from '../http/reply.js';
import type { TemplatedApp, WebSocket } from '../uws.js';
import { parseClientMessage, UNDERSTOOD } from './client-message.js';
import { RecentDeltas, snapshotParts } from './outbox.js';
import { TreeTopic } from './tree-topic.js';

const TOPIC = 'live';
const BEAT_MS = 10_000;
/** A tree that stays the same is repeated sooner: who watches must tell a silent supervisor from a silent server. */
const TREE_BEAT_MS = 2_000;
const WINDOW_MS = 10_000;

export interface LiveSource {
  readonly epoch: string;
  readonly seq: number;
  readonly alerts: readonly Alert[];
  liveStatus(): LiveStatus;
}

export interface ClientData {
  readonly requestId: string;
  /** Null once it has joined the topic, or left it. */
  catchUp: { parts: readonly Buffer[]; next: number; seq: number; startedAtMs: number } | null;
  messages: number;
  windowFromMs: number;
}
type Client = WebSocket<ClientData>;

export class LiveHub {
  readonly #app: TemplatedApp;
  readonly #source: LiveSource;
  readonly #onDropped: () => void;
  readonly #clients = new Set<Client>();
  readonly #recent = new RecentDeltas();
  readonly #trees: TreeTopic;
  #parts: { readonly seq: number; readonly messages: readonly Buffer[] } | null = null;
  readonly #timer: NodeJS.Timeout;
  readonly #treeTimer: NodeJS.Timeout;

  constructor(app: TemplatedApp, source: LiveSource, onDropped: () => void) {
    this.#app = app;
    this.#source = source;
    this.#onDropped = onDropped;
    this.#trees = new TreeTopic(app);
    this.#timer = setInterval(() => this.#beat(), BEAT_MS);
    this.#treeTimer = setInterval(() => this.#trees.beat(TREE_BEAT_MS), TREE_BEAT_MS);
  }

  get count(): number {
    return this.#clients.size;
  }

  /** Bytes of the deltas that are kept for catching up. */
  get recentBytes(): number {
    return this.#recent.sizeBytes;
  }

  get full(): boolean {
    return this.#clients.size >= LIMITS.live_clients.value;
  }

  /** Sends a delta to everyone who has caught up, and keeps it for those who have not. */
  publish(seq: number, bytes: Buffer): void {
    this.#recent.add(seq, bytes);
    this.#app.publish(TOPIC, bytes, false);
  }

  /** The process tree as main reports it. */
  report(tree: NodeState): void {
    this.#trees.take(tree);
  }

  open(client: Client): void {
    this.#clients.add(client);
    this.#begin(client);
  }

  /** More may be sent. */
  drained(client: Client): void {
    this.#pump(client);
  }

  /** Something was not sent for lack of room; the connection closes by itself. */
  dropped(): void {
    this.#onDropped();
  }

  closed(client: Client): void {
    this.#clients.delete(client);
  }

  message(client: Client, text: string): void {
    const data = client.getUserData();
    const nowMs = performance.now();
    if (nowMs - data.windowFromMs > WINDOW_MS) {
      data.windowFromMs = nowMs;
      data.messages = 0;
    }
    data.messages += 1;
    if (data.messages > LIMITS.live_messages.value) {
      client.end(1008, 'too many messages');
      return;
    }
    const message = parseClientMessage(text);
    if (message !== null) this.#obey(client, message);
    else {
      const { code, message: sentence } = new MatrixError('MX_BAD_REQUEST', UNDERSTOOD);
      client.send(JSON.stringify({ type: 'error', ...errorBody(code, sentence, data.requestId) }));
    }
  }

  /** Says goodbye to everyone. */
  close(): void {
    clearInterval(this.#timer);
    clearInterval(this.#treeTimer);
    for (const client of [...this.#clients]) client.end(1001, 'stopping');
  }

  #obey(client: Client, message: ClientMessage): void {
    if (message.type !== 'resync' && message.topic === 'supervisor') {
      if (message.type === 'subscribe') this.#trees.join(client);
      else this.#trees.leave(client);
    } else if (message.type === 'unsubscribe') {
      client.getUserData().catchUp = null;
      client.unsubscribe(TOPIC);
    } else if (client.getUserData().catchUp === null) {
      client.unsubscribe(TOPIC);
      this.#begin(client);
    }
  }

  #begin(client: Client): void {
    const { seq } = this.#source;
    if (this.#parts?.seq !== seq) {
      const at = { epoch: this.#source.epoch, seq };
      this.#parts = { seq, messages: snapshotParts(at, this.#source.liveStatus(), this.#source.alerts) };
    }
    const startedAtMs = client.getUserData().catchUp?.startedAtMs ?? performance.now();
    client.getUserData().catchUp = { parts: this.#parts.messages, next: 0, seq, startedAtMs };
    this.#pump(client);
  }

  /** Sends what the client still lacks for as long as there is room, then lets it join the topic. */
  #pump(client: Client): void {
    const { catchUp } = client.getUserData();
    if (catchUp === null) return;
    client.cork(() => {
      while (client.getBufferedAmount() < LIMITS.live_high_water.value) {
        const part = catchUp.parts[catchUp.next];
        if (part !== undefined) {
          client.send(part, false);
          catchUp.next += 1;
          continue;
        }
        if (catchUp.seq === this.#source.seq) {
          client.getUserData().catchUp = null;
          client.send(this.#beatText(), false);
          client.subscribe(TOPIC);
          return;
        }
        const delta = this.#recent.get(catchUp.seq + 1);
        // Too far behind for the deltas that are kept: once more from a newer snapshot.
        if (delta === undefined) return this.#begin(client);
        client.send(delta, false);
        catchUp.seq += 1;
      }
    });
  }

  #beatText(): string {
    const { epoch, seq } = this.#source;
    const beat: BeatMessage = { type: 'beat', epoch, seq, at: new Date().toISOString() };
    return JSON.stringify(beat);
  }

  #beat(): void {
    this.#app.publish(TOPIC, this.#beatText(), false);
    for (const client of [...this.#clients]) {
      const startedAtMs = client.getUserData().catchUp?.startedAtMs;
      if (startedAtMs === undefined || performance.now() - startedAtMs < LIMITS.live_catch_up.value * 1000)
        continue;
      this.#onDropped();
      client.close();
    }
  }
}
