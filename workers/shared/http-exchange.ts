/**
 * One HTTP/1.1 request and its answer on a connection of its own. A driver that families share: a family may
 * import `workers/shared`, never another family.
 *
 * A fresh connection each time, because a monitor must notice that nobody can connect any more. undici's
 * dispatcher is used below its `request()`: no streams, no promises per phase, no timers; the one deadline is
 * `signal`, and it ends name resolution, connecting, TLS, headers and body alike.
 */
import { Client, type Dispatcher } from 'undici';
import type { ProbeContext } from '../../src/contract/family.js';
import { LIMITS } from '../../src/contract/limits.js';
import { type Certificate, certificateOf } from './certificate.js';
import { CertificateError, Connection } from './http-connection.js';
import { cancelled, type Failure, failureOf, timedOut } from './http-failure.js';

/** `none`: the answer is complete with its headers; `drain`: read the body, bounded; `keep`: and hand it over. */
export type BodyUse = 'none' | 'drain' | 'keep';

export interface ExchangeRequest {
  /** `http:` or `https:`; credentials in it are sent as Basic authentication. */
  readonly url: URL;
  readonly method: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly verifyTls: boolean;
  /** Monotonic milliseconds at which the whole check began; the deadline runs from there. */
  readonly startedAt: number;
  /** Decides by the status what becomes of the body. */
  bodyUse(status: number): BodyUse;
}

export interface Answer {
  readonly status: number;
  /** The `location` header of a redirect. */
  readonly location: string | undefined;
  /** Empty unless the body was to be kept; at most `LIMITS.probe_body` of it. */
  readonly body: string;
  /** Whether the body was longer than what was read. */
  readonly bodyCut: boolean;
  /** Of https only. */
  readonly certificate: Certificate | undefined;
  readonly tlsVersion: string | undefined;
}

export type ExchangeOutcome =
  | { readonly kind: 'answer'; readonly answer: Answer }
  /** `status` is there when the headers had come before the failure. */
  | { readonly kind: 'failure'; readonly failure: Failure; readonly status: number | undefined };

/** Ends the exchange inside undici; never shown. */
const ENOUGH = new Error('enough was read');

/** A timer may fire early, and the caller's clock may have started before ours: this much of the time is all. */
const DEADLINE_SHARE = 0.95;

/**
 * Sends the request and waits for the answer, or for `signal`. Resolves for everything that a target, a network
 * or this machine can do; rejects only on an error that none of them explains (a bug).
 */
export function exchange(request: ExchangeRequest, context: ProbeContext): Promise<ExchangeOutcome> {
  return new Promise((resolve, reject) => {
    new Exchange(request, context, resolve, reject).start();
  });
}

class Exchange implements Dispatcher.DispatchHandler {
  readonly #request: ExchangeRequest;
  readonly #context: ProbeContext;
  readonly #resolve: (outcome: ExchangeOutcome) => void;
  readonly #reject: (error: Error) => void;
  readonly #connection: Connection;
  #client: Client | undefined;
  #done = false;
  #status = 0;
  #location: string | undefined;
  #use: BodyUse = 'none';
  #bodyBytes = 0;
  readonly #chunks: Buffer[] = [];

  constructor(
    request: ExchangeRequest,
    context: ProbeContext,
    resolve: (outcome: ExchangeOutcome) => void,
    reject: (error: Error) => void,
  ) {
    this.#request = request;
    this.#context = context;
    this.#resolve = resolve;
    this.#reject = reject;
    this.#connection = new Connection(request.url.host, request.verifyTls);
  }

  start(): void {
    const { signal } = this.#context;
    if (signal.aborted) {
      this.#cutOff();
      return;
    }
    signal.addEventListener('abort', this.#cutOff);
    const { url, method } = this.#request;
    // The timeouts of undici stay off: they are coarse, and `signal` covers every phase.
    const options = {
      connect: this.#connection.connector,
      headersTimeout: 0,
      bodyTimeout: 0,
      maxHeaderSize: LIMITS.probe_headers.value,
    };
    this.#client = new Client(url.origin, options);
    const path = url.pathname + url.search;
    const headers = requestHeaders(this.#request.headers, url);
    this.#client.dispatch({ path, method: method as Dispatcher.HttpMethod, headers, reset: true }, this);
  }

  onRequestStart(): void {
    this.#connection.phase = 'headers';
  }

  onResponseStart(
    _controller: Dispatcher.DispatchController,
    status: number,
    headers: Record<string, string | string[] | undefined>,
  ): void {
    if (status < 200) return;
    this.#status = status;
    this.#connection.phase = 'body';
    const { location } = headers;
    this.#location = Array.isArray(location) ? location[0] : location;
    this.#use = this.#request.bodyUse(status);
    if (this.#use === 'none') {
      this.#answer(false);
      this.#stop();
    }
  }

  onResponseData(_controller: Dispatcher.DispatchController, chunk: Buffer): void {
    if (this.#done) return;
    const room = LIMITS.probe_body.value - this.#bodyBytes;
    this.#bodyBytes += chunk.length;
    if (this.#use === 'keep') this.#chunks.push(chunk.subarray(0, room));
    if (this.#bodyBytes > LIMITS.probe_body.value) {
      this.#answer(true);
      this.#stop();
    }
  }

  onResponseEnd(): void {
    if (!this.#done) this.#answer(false);
    this.#connection.release();
  }

  onResponseError(_controller: Dispatcher.DispatchController, error: Error): void {
    if (this.#done) return;
    const where = this.#connection.where();
    const known = failureOf(error, where);
    this.#end();
    this.#connection.destroy();
    if (known === undefined) this.#reject(error);
    else {
      const failure = error instanceof CertificateError ? { ...known, detail: error.message } : known;
      this.#fail(failure);
    }
  }

  readonly #cutOff = (): void => {
    const { clock, deadlineMs } = this.#context;
    const where = this.#connection.where();
    this.#end();
    this.#stop();
    const atDeadline = clock.monotonic() - this.#request.startedAt >= deadlineMs * DEADLINE_SHARE;
    this.#fail(atDeadline ? timedOut(where, deadlineMs) : cancelled(where));
  };

  #fail(failure: Failure): void {
    this.#resolve({ kind: 'failure', failure, status: this.#status === 0 ? undefined : this.#status });
  }

  #answer(bodyCut: boolean): void {
    this.#end();
    const { tls } = this.#connection;
    const answer: Answer = {
      status: this.#status,
      location: this.#location,
      body: this.#use === 'keep' ? Buffer.concat(this.#chunks).toString('utf8') : '',
      bodyCut,
      certificate: tls === undefined ? undefined : certificateOf(tls),
      tlsVersion: tls?.getProtocol() ?? undefined,
    };
    this.#resolve({ kind: 'answer', answer });
  }

  /** Not the controller's `abort`: after that one undici connects once more and keeps the connection for 4 s. */
  #stop(): void {
    this.#connection.destroy();
    this.#client?.destroy(ENOUGH, () => {});
  }

  #end(): void {
    this.#done = true;
    this.#context.signal.removeEventListener('abort', this.#cutOff);
  }
}

/** The configured headers, and what every request carries unless they say otherwise. */
function requestHeaders(configured: Readonly<Record<string, string>>, url: URL): string[] {
  const names = new Set<string>();
  const headers: string[] = [];
  for (const [name, value] of Object.entries(configured)) {
    names.add(name.toLowerCase());
    headers.push(name, value);
  }
  if (!names.has('user-agent')) headers.push('user-agent', 'matrix-monitor');
  if (!names.has('accept')) headers.push('accept', '*/*');
  if (url.username !== '' && !names.has('authorization')) {
    const pair = `${decodeURIComponent(url.username)}:${decodeURIComponent(url.password)}`;
    headers.push('authorization', `Basic ${Buffer.from(pair).toString('base64')}`);
  }
  return headers;
}
