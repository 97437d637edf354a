/** Runs the system's `ping`: it has the right to send ICMP, which this process has not. */
import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { isIPv6 } from 'node:net';
import type { Readable } from 'node:stream';
import { messageOf } from '../../src/contract/errors.js';
import { LIMITS } from '../../src/contract/limits.js';

export interface PingRequest {
  /** An IP address; a name would make `ping` resolve it, beyond anyone's deadline. */
  readonly address: string;
  readonly count: number;
  readonly intervalMs: number;
  /** How long to wait for an answer after the last request, in whole seconds: busybox takes no others. */
  readonly waitS: number;
}

export type PingOutcome =
  | {
      readonly kind: 'counted';
      readonly sent: number;
      readonly received: number;
      /** Mean round trip in ms; null when nothing came back. */
      readonly rttMs: number | null;
    }
  | { readonly kind: 'no_route'; readonly errno: string }
  | { readonly kind: 'missing' }
  | { readonly kind: 'denied'; readonly why: string }
  | { readonly kind: 'failed'; readonly why: string };

/** One run of `ping`. When `signal` aborts it is killed; either way it has ended when this resolves. Never rejects. */
export async function ping(request: PingRequest, signal: AbortSignal): Promise<PingOutcome> {
  const run = await runPing(argumentsOf(request), signal);
  if (run.spawnError !== undefined) return notStarted(run.spawnError);
  const counted = parseSummary(run.stdout);
  if (counted !== undefined) return counted;
  if (signal.aborted) return { kind: 'failed', why: 'it did not end in time' };
  // iputils ends with 2 both without a route and without the right to send, and tells which only in words.
  const errno = await routeError(request.address);
  if (errno !== undefined) return { kind: 'no_route', errno };
  const why = run.stderr.trim() || `it ended with ${run.exitCode}`;
  return run.exitCode === 2 ? { kind: 'denied', why } : { kind: 'failed', why };
}

function argumentsOf({ address, count, intervalMs, waitS }: PingRequest): string[] {
  const options = ['-n', '-q', '-c', String(count), '-i', String(intervalMs / 1000), '-W', String(waitS)];
  return [...options, '--', address];
}

interface Run {
  readonly stdout: string;
  readonly stderr: string;
  readonly exitCode: number | null;
  readonly spawnError?: unknown;
}

async function runPing(args: readonly string[], signal: AbortSignal): Promise<Run> {
  const env = { PATH: process.env['PATH'] ?? '/usr/sbin:/usr/bin:/sbin:/bin', LC_ALL: 'C' };
  let child: ChildProcessByStdio<null, Readable, Readable>;
  try {
    child = spawn('ping', args, { env, stdio: ['ignore', 'pipe', 'pipe'] });
  } catch (spawnError) {
    // Node reports some failures (ENOENT) by an event and others (EPERM) by throwing.
    return { stdout: '', stderr: '', exitCode: null, spawnError };
  }
  const out = { stdout: '', stderr: '' };
  for (const stream of ['stdout', 'stderr'] as const) {
    child[stream].setEncoding('utf8').on('data', (text: string) => {
      out[stream] = (out[stream] + text).slice(-LIMITS.ping_output.value);
    });
  }
  const kill = () => {
    child.kill('SIGKILL');
    // Where `ping` is a script, what it runs outlives it, and would hold these open.
    child.stdout.destroy();
    child.stderr.destroy();
  };
  signal.addEventListener('abort', kill, { once: true });
  if (signal.aborted) kill();
  try {
    await once(child, 'close');
    return { ...out, exitCode: child.exitCode };
  } catch (spawnError) {
    return { ...out, exitCode: null, spawnError };
  } finally {
    signal.removeEventListener('abort', kill);
  }
}

/** Executing a file with a capability that the process may not have ends in EPERM: a container without NET_RAW. */
function notStarted(error: unknown): PingOutcome {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  if (code === 'ENOENT') return { kind: 'missing' };
  const why = messageOf(error);
  return code === 'EPERM' || code === 'EACCES' ? { kind: 'denied', why } : { kind: 'failed', why };
}

/**
 * Reads the two summary lines, of iputils and of busybox; they are the only result that `ping` has. Undefined when
 * the first is not there or nothing was sent.
 */
export function parseSummary(stdout: string): PingOutcome | undefined {
  const counts = /^(\d{1,9}) packets transmitted, (\d{1,9}) (?:packets )?received/m.exec(stdout);
  if (counts === null || Number(counts[1]) === 0) return undefined;
  const rtt = /^(?:rtt|round-trip) min\/avg\/max\S* = [\d.]+\/(\d{1,9}(?:\.\d{1,9})?)\//m.exec(stdout);
  return {
    kind: 'counted',
    sent: Number(counts[1]),
    received: Number(counts[2]),
    rttMs: rtt === null ? null : Number(rtt[1]),
  };
}

/** The error that sending to `address` would meet, asked of the kernel with a UDP socket: connecting one sends nothing. */
async function routeError(address: string): Promise<string | undefined> {
  const socket = createSocket(isIPv6(address) ? 'udp6' : 'udp4');
  try {
    socket.connect(9, address);
    await once(socket, 'connect');
    return undefined;
  } catch (error) {
    return error instanceof Error && 'code' in error ? String(error.code) : undefined;
  } finally {
    socket.close();
  }
}
