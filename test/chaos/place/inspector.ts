/**
 * Runs code inside a thread of a running Matrix, through Node's own inspector: the product has no door for tests.
 * See https://chromedevtools.github.io/devtools-protocol/ and the NodeWorker domain of Node.js.
 */
import { once } from 'node:events';
import { WebSocket } from 'ws';

interface Message {
  readonly id?: number;
  readonly method?: string;
  readonly params?: {
    readonly sessionId?: string;
    readonly message?: string;
    readonly workerInfo?: { readonly url: string };
  };
  readonly result?: { readonly result?: { readonly value?: unknown } };
}

const ANSWER_MS = 5_000;
/** How long the threads have to show themselves, in ms. */
const ATTACH_MS = 300;

export class Inspector {
  private nextId = 1;
  private readonly waiting = new Map<string, (message: Message) => void>();
  private readonly sessions: string[] = [];

  private constructor(private readonly socket: WebSocket) {
    socket.on('message', (data) => this.received(JSON.parse(String(data)) as Message, 'main'));
    socket.on('error', () => undefined);
  }

  /** Connects to the inspector at `url` (`ws://127.0.0.1:…`). */
  static async open(url: string): Promise<Inspector> {
    const socket = new WebSocket(url, { perMessageDeflate: false });
    await once(socket, 'open');
    return new Inspector(socket);
  }

  /** The value of `expression` on the main thread. */
  async evaluate(expression: string): Promise<unknown> {
    return this.ask('main', expression);
  }

  /** Runs `expression` in the first thread whose data contains `mark`; false when there is no such thread. */
  async inThread(mark: string, expression: string): Promise<boolean> {
    this.send({ id: this.nextId++, method: 'NodeWorker.enable', params: { waitForDebuggerOnStart: false } });
    await new Promise((resolve) => setTimeout(resolve, ATTACH_MS));
    for (const session of this.sessions) {
      const data = await this.ask(
        session,
        `JSON.stringify(require('node:worker_threads').workerData ?? null)`,
      ).catch(() => '');
      if (!String(data).includes(mark)) continue;
      await this.ask(session, expression);
      return true;
    }
    return false;
  }

  close(): void {
    this.socket.terminate();
  }

  private ask(session: string, expression: string): Promise<unknown> {
    const id = this.nextId++;
    const request = { id, method: 'Runtime.evaluate', params: { expression, includeCommandLineAPI: true } };
    return new Promise((resolve, reject) => {
      const late = setTimeout(() => reject(new Error('the inspector does not answer')), ANSWER_MS);
      this.waiting.set(`${session} ${id}`, (message) => {
        clearTimeout(late);
        resolve(message.result?.result?.value);
      });
      if (session === 'main') this.send(request);
      else {
        this.send({
          id: this.nextId++,
          method: 'NodeWorker.sendMessageToWorker',
          params: { sessionId: session, message: JSON.stringify(request) },
        });
      }
    });
  }

  private send(message: object): void {
    this.socket.send(JSON.stringify(message));
  }

  private received(message: Message, from: string): void {
    const { method, params, id } = message;
    if (method === 'NodeWorker.attachedToWorker' && params?.sessionId !== undefined) {
      this.sessions.push(params.sessionId);
    } else if (method === 'NodeWorker.receivedMessageFromWorker' && params?.message !== undefined) {
      this.received(JSON.parse(params.message) as Message, params.sessionId ?? '');
    } else if (id !== undefined) {
      const key = `${from} ${id}`;
      this.waiting.get(key)?.(message);
      this.waiting.delete(key);
    }
  }
}
