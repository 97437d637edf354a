/**
 * One HTTP request and its answer. uWebSockets.js lets its request object be read only until the handler
 * returns, and its response object only until it was answered or aborted: this class keeps both rules.
 */
import { MatrixError } from '../../contract/errors.js';
import type { HttpRequest, HttpResponse } from '../uws.js';
import { type Reply, SECURITY_HEADERS, statusLine } from './reply.js';

/** Bodies beyond this are written as the client takes them, instead of being copied whole for each client. */
const STREAM_FROM_BYTES = 128 * 1024;
/** What a proxy may hand in as the id of a request. */
const FOREIGN_ID = /^[\w.-]{8,64}$/;

const SECURITY = Object.entries(SECURITY_HEADERS);
const ID_PREFIX = Math.random().toString(36).slice(2, 8);
let idCount = 0;

/** Told once, when the request is over: `status` 499 means the client went away first. */
export type OnDone = (exchange: Exchange, status: number, durationMs: number) => void;

export class Exchange {
  readonly id: string;
  /** Upper case. */
  readonly method: string;
  /** As sent, not decoded. */
  readonly path: string;
  readonly query: string;
  readonly host: string;
  readonly authorization: string;
  readonly contentType: string;
  readonly ifNoneMatch: string;
  /** For metrics: the pattern that matched, never the path itself. */
  route = 'none';
  /** The operation or surface it belongs to and who asks, for the log. */
  subject = 'anonymous';
  readonly #res: HttpResponse;
  /** Readable only until the route handler returns. */
  readonly #req: HttpRequest;
  readonly #startedAt = performance.now();
  readonly #onDone: OnDone;
  #over = false;
  #abort: AbortController | null = null;

  constructor(res: HttpResponse, req: HttpRequest, onDone: OnDone) {
    const foreignId = req.getHeader('x-request-id');
    this.id =
      foreignId !== '' && FOREIGN_ID.test(foreignId) ? foreignId : `${ID_PREFIX}-${(++idCount).toString(36)}`;
    this.method = req.getCaseSensitiveMethod().toUpperCase();
    this.path = req.getUrl();
    this.query = req.getQuery() ?? '';
    this.host = req.getHeader('host');
    this.authorization = req.getHeader('authorization');
    // Each of these crosses into native code, so each is read only where it can matter.
    const isRead = this.method === 'GET' || this.method === 'HEAD';
    this.contentType = isRead ? '' : req.getHeader('content-type');
    this.ifNoneMatch = isRead ? req.getHeader('if-none-match') : '';
    this.#res = res;
    this.#req = req;
    this.#onDone = onDone;
  }

  /**
   * Must be called when the route handler returns: uWebSockets.js wants a handler for aborts on every response that
   * is not answered by then. One that is answered has none, which spares the read that everybody makes its cost.
   */
  handedBack(): void {
    if (this.#over) return;
    this.#res.onAborted(() => {
      this.#abort?.abort();
      this.#finish(499);
    });
  }

  /**
   * Must be called before the route handler returns.
   * @throws MatrixError MX_BAD_REQUEST for several Host headers: whoever stands before Matrix may have judged by
   * another one than Matrix would (RFC 9112, section 3.2).
   */
  requireOneHost(): void {
    let hosts = 0;
    this.#req.forEach((name) => {
      if (name === 'host') hosts += 1;
    });
    if (hosts > 1) throw new MatrixError('MX_BAD_REQUEST', 'The request has more than one Host header');
  }

  /** True once answered, or once the client has gone: the socket may not be touched any more. */
  get over(): boolean {
    return this.#over;
  }

  /** A copy of all headers. Must be called before the route handler returns for the first time. */
  get headers(): Headers {
    const headers = new Headers();
    this.#req.forEach((name, value) => {
      headers.append(name, value);
    });
    return headers;
  }

  /** Aborts when the client goes away before its answer is complete. */
  get signal(): AbortSignal {
    this.#abort ??= new AbortController();
    if (this.#over) this.#abort.abort();
    return this.#abort.signal;
  }

  /** Answers. A no-op when the client has gone. */
  send(reply: Reply, closeConnection = false): void {
    if (this.#over) return;
    const body = reply.body ?? '';
    const bytes = typeof body === 'string' ? Buffer.from(body) : body;
    // Both describe a body without sending it; for a 304 too, `reply.body` is what a 200 would carry.
    if (this.method === 'HEAD' || reply.status === 304) {
      this.#res.cork(() => {
        this.#writeHead(reply);
        // Given the length, uWebSockets.js would wait for the body and cut off the connection's next request.
        this.#res.writeHeader('content-length', String(bytes.byteLength));
        this.#res.endWithoutBody();
      });
      this.#finish(reply.status);
    } else if (bytes.byteLength <= STREAM_FROM_BYTES) {
      this.#res.cork(() => {
        this.#writeHead(reply);
        this.#res.end(bytes, closeConnection);
      });
      this.#finish(reply.status);
    } else this.#sendLarge(reply, bytes);
  }

  /** Hands the connection over to a WebSocket; `take` does it. */
  upgraded(take: () => void): void {
    this.#finish(101);
    this.#res.cork(take);
  }

  /** Begins a chunked answer of unknown length; write with the function returned, `null` ends it. */
  stream(reply: Omit<Reply, 'body'>): (chunk: Uint8Array | null) => Promise<void> {
    if (!this.#over) this.#res.cork(() => this.#writeHead(reply));
    let writable: (() => void) | null = null;
    if (!this.#over) {
      this.#res.onWritable(() => {
        writable?.();
        return true;
      });
      this.signal.addEventListener('abort', () => writable?.(), { once: true });
    }
    return async (chunk) => {
      if (this.#over) return;
      if (chunk === null) {
        this.#res.cork(() => this.#res.end());
        this.#finish(reply.status);
        return;
      }
      let taken = true;
      this.#res.cork(() => {
        taken = this.#res.write(chunk);
      });
      if (!taken)
        await new Promise<void>((resolve) => {
          writable = resolve;
        });
    };
  }

  /**
   * Reads the whole body. Must be called before the route handler returns for the first time.
   * @throws MatrixError MX_TOO_LARGE beyond `limitBytes`; MX_BAD_REQUEST when the client goes away.
   */
  readBody(limitBytes: number): Promise<Buffer> {
    const body = new Promise<Buffer>((resolve, reject) => {
      const chunks: Buffer[] = [];
      let sizeBytes = 0;
      this.signal.addEventListener('abort', () => {
        reject(new MatrixError('MX_BAD_REQUEST', 'The client went away before its request was complete'));
      });
      this.#res.onData((chunk, isLast) => {
        sizeBytes += chunk.byteLength;
        if (sizeBytes > limitBytes) {
          chunks.length = 0;
          reject(new MatrixError('MX_TOO_LARGE', `The body is larger than ${limitBytes} bytes`));
          return;
        }
        // The chunk's memory is taken back when this returns.
        chunks.push(Buffer.from(new Uint8Array(chunk)));
        if (isLast) resolve(Buffer.concat(chunks));
      });
    });
    // A request refused for its token is answered without looking at its body.
    body.catch(() => undefined);
    return body;
  }

  #sendLarge(reply: Reply, bytes: Uint8Array): void {
    const total = bytes.byteLength;
    const offsetAtStart = { value: 0 };
    const push = (from: number): boolean => {
      const [ok, done] = this.#res.tryEnd(bytes.subarray(from), total);
      if (done) this.#finish(reply.status);
      return ok;
    };
    this.#res.onWritable((offset) => {
      if (this.#over) return true;
      let ok = true;
      this.#res.cork(() => {
        ok = push(offset - offsetAtStart.value);
      });
      return ok;
    });
    this.#res.cork(() => {
      this.#writeHead(reply);
      offsetAtStart.value = this.#res.getWriteOffset();
      push(0);
    });
  }

  #writeHead(reply: Omit<Reply, 'body'>): void {
    this.#res.writeStatus(statusLine(reply.status));
    this.#res.writeHeader('x-request-id', this.id);
    for (const [name, value] of SECURITY) this.#res.writeHeader(name, value);
    for (const name in reply.headers) this.#res.writeHeader(name, reply.headers[name] ?? '');
  }

  #finish(status: number): void {
    if (this.#over) return;
    this.#over = true;
    this.#onDone(this, status, performance.now() - this.#startedAt);
  }
}
