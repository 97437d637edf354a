/**
 * A core child in a forked process: the front. Terminating a worker thread that holds uWebSockets.js handles
 * aborts the whole process, so a front that hangs could not be killed alone; a process can (ADR 0002).
 */
import { type ChildProcess, fork } from 'node:child_process';
import type { Beat } from '../contract/beat.js';
import { LIMITS } from '../contract/limits.js';
import type { Child } from './child.js';
import { readyOrEnded } from './thread.js';

export interface ProcessOptions<In, Out> {
  readonly file: URL;
  /** Sent as soon as the process lives. */
  readonly first: Out;
  readonly onMessage: (message: In) => void;
  readonly isReady: (message: In) => boolean;
  readonly readyMs: number;
  /** Which messages may be left out while the process does not read; default none. */
  readonly mayDrop?: (message: Out) => boolean;
  readonly onDropped?: () => void;
}

export interface ProcessChild<Out> extends Child {
  readonly pid: number;
  send(message: Out): void;
}

/** Starts a process and waits until it is ready. `stop` sends `{kind: 'drain'}`; it also ends with its parent. */
export async function startProcess<In extends { kind: string }, Out extends { kind: string }>(
  options: ProcessOptions<In, Out>,
): Promise<ProcessChild<Out | { kind: 'drain' }>> {
  // Signals of the terminal reach the whole group; the child is to drain when its parent says so, not before.
  const child = fork(options.file, [], { serialization: 'advanced', detached: true });
  let beats = 0;
  let health: Pick<Beat, 'heapUsedBytes' | 'eventLoopUtilisation'> | null = null;
  let reason: string | null = null;
  const exited = new Promise<string>((resolve) => {
    child.on('error', (error) => {
      // A process that was never started has no exit; any other error of the handle is not an end.
      if (child.pid === undefined) resolve(error.message);
    });
    child.once('exit', (code, signal) => {
      resolve(reason ?? (code === 0 ? 'normal' : `exit ${String(signal ?? code)}`));
    });
  });
  const sendBounded = boundedSend(child);
  const send = (message: Out | { kind: 'drain' }): void => {
    const mayDrop = message.kind !== 'drain' && options.mayDrop?.(message as Out) === true;
    if (!sendBounded(message, mayDrop)) options.onDropped?.();
  };
  const ready = new Promise<void>((resolve) => {
    child.on('message', (raw) => {
      const message = raw as unknown as In | Beat;
      if (message.kind === 'beat') {
        beats += 1;
        health = message as Beat;
        return;
      }
      options.onMessage(message as In);
      if (options.isReady(message as In)) resolve();
    });
  });
  const kill = async (): Promise<void> => {
    reason ??= 'killed';
    child.kill('SIGKILL');
    await exited;
  };
  send(options.first);
  await readyOrEnded(ready, exited, options.readyMs, kill);
  return {
    pid: child.pid ?? 0,
    exited,
    stop: () => send({ kind: 'drain' }),
    kill,
    send,
    beats: () => beats,
    health: () => ({
      eventLoopUtilisation: health?.eventLoopUtilisation ?? null,
      heapUsedBytes: health?.heapUsedBytes ?? null,
    }),
  };
}

/**
 * Sends until too much is unread, which Node keeps in memory without a limit; from then on what may be left out is,
 * and that is answered with false.
 */
function boundedSend(child: ChildProcess): (message: object, mayDrop: boolean) => boolean {
  let unread = 0;
  return (message, mayDrop) => {
    // A message to a child that has just died is not a fault of the parent.
    if (!child.connected) return true;
    if (mayDrop && unread >= LIMITS.front_unread_messages.value) return false;
    unread += 1;
    child.send(message, () => {
      unread -= 1;
    });
    return true;
  };
}
