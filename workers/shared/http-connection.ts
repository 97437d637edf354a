/**
 * The one connection of one exchange: opened fresh, TLS verified by hand so that a refusal can say what the
 * certificate is, and closed in the way that costs neither side a port.
 */
import { isIP, connect as netConnect, type Socket } from 'node:net';
import { createSecureContext, type SecureContext, type TLSSocket, connect as tlsConnect } from 'node:tls';
import type { buildConnector } from 'undici';
import { LIMITS } from '../../src/contract/limits.js';
import { certificateOf, certificateRefusal } from './certificate.js';
import type { Phase, Where } from './http-failure.js';
import { lookupShared } from './lookup.js';

/** Loading the trusted roots takes milliseconds, so all connections of a thread share them. */
let sharedContext: SecureContext | undefined;

function secureContext(): SecureContext {
  sharedContext ??= createSecureContext();
  return sharedContext;
}

/**
 * Who closes first keeps the port in TIME_WAIT for a minute, and there are some 28,000 ports towards one
 * address. Up to `LIMITS.ordinary_closes` checks a minute of one address and port close in the ordinary way; those above it
 * end with a reset, once the answer is complete, and leave nothing behind.
 */
const MINUTE_MS = 60_000;
const closes = new Map<string, number>();
let closesSince = performance.now();

/** Whether one more connection to `peer` may be closed in the ordinary way; counts it. */
export function mayCloseOrdinarily(peer: string): boolean {
  const now = performance.now();
  if (now - closesSince > MINUTE_MS || closes.size >= LIMITS.counted_peers.value) {
    closes.clear();
    closesSince = now;
  }
  const count = (closes.get(peer) ?? 0) + 1;
  closes.set(peer, count);
  return count <= LIMITS.ordinary_closes.value;
}

/** An error whose meaning is already known: the certificate was looked at and refused. */
export class CertificateError extends Error {
  readonly code: string;

  constructor(code: string, sentence: string) {
    super(sentence);
    this.name = 'CertificateError';
    this.code = code;
  }
}

export class Connection {
  phase: Phase = 'connect';
  readonly #host: string;
  readonly #verifyTls: boolean;
  #raw: Socket | undefined;
  #tls: TLSSocket | undefined;

  /** `host` is `host:port` as sentences show it. */
  constructor(host: string, verifyTls: boolean) {
    this.#host = host;
    this.#verifyTls = verifyTls;
  }

  /** Given to undici, which calls it once. */
  readonly connector = (options: buildConnector.Options, callback: buildConnector.Callback): void => {
    const secure = options.protocol === 'https:';
    if (isIP(options.hostname) === 0) this.phase = 'dns';
    const raw = netConnect({
      host: options.hostname,
      port: Number(options.port || (secure ? 443 : 80)),
      noDelay: true,
      autoSelectFamily: true,
      lookup: (hostname, _options, done) =>
        lookupShared(hostname, (error, addresses) => {
          if (error === null) this.phase = 'connect';
          done(error, addresses);
        }),
    });
    this.#raw = raw;
    // Stays for the socket's life: a second error after the first must not end the thread.
    raw.on('error', (error) => callback(error, null));
    raw.once('connect', () => {
      if (secure) this.#startTls(raw, options, callback);
      else callback(null, raw);
    });
  };

  #startTls(raw: Socket, options: buildConnector.Options, callback: buildConnector.Callback): void {
    this.phase = 'tls';
    const name = options.servername || (isIP(options.hostname) === 0 ? options.hostname : undefined);
    const socket = tlsConnect({
      socket: raw,
      host: options.hostname,
      ...(name === undefined ? {} : { servername: name }),
      secureContext: secureContext(),
      ALPNProtocols: ['http/1.1'],
      // Judged below, before a byte of the request is sent: Node's own refusal hides the certificate.
      rejectUnauthorized: false,
    });
    this.#tls = socket;
    socket.on('error', (error) => callback(error, null));
    socket.once('secureConnect', () => {
      if (socket.authorized || !this.#verifyTls) {
        callback(null, socket);
        return;
      }
      const code = String(socket.authorizationError);
      const error = new CertificateError(code, certificateRefusal(code, this.#host, certificateOf(socket)));
      socket.destroy();
      callback(error, null);
    });
  }

  /** The TLS side, once there is one. */
  get tls(): TLSSocket | undefined {
    return this.#tls;
  }

  /** Where the exchange stands, for the sentence of a failure. */
  where(): Where {
    const socket = this.#tls ?? this.#raw;
    // undici destroys the socket with an error when it dislikes an answer; without one, the peer has gone.
    const peerEnded = socket === undefined || socket.readableEnded || socket.errored === null;
    return { host: this.#host, phase: this.phase, peerEnded };
  }

  /** To be called when the answer is complete; undici closes the socket right after. */
  release(): void {
    const raw = this.#raw;
    if (raw === undefined || raw.destroyed) return;
    if (!mayCloseOrdinarily(`${raw.remoteAddress} ${raw.remotePort}`)) raw.resetAndDestroy();
  }

  /** Ends the connection in whatever phase it is; nothing of it remains. */
  destroy(): void {
    this.#tls?.destroy();
    this.#raw?.destroy();
  }
}
