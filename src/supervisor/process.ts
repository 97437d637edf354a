/**
 * A core child in a forked process: the front. Terminating a worker thread that holds uWebSockets.js handles
 * aborts the whole process, so a front that hangs could not be killed alone; a process can (ADR 0002).
 */
import { fork } from 'node:child_process';
import type { Child } from './managed.js';
import { readyOrEnded, watchBeats } from './thread.js';

export interface ProcessOptions<In, Out> {
  readonly file: URL;
  /** Sent as soon as the process lives. */
  readonly first: Out;
  readonly onMessage: (message: In) => void;
  readonly isReady: (message: In) => boolean;
  readonly readyMs: number;
  /** A process that is silent for this long after its first beat hangs, in ms; default 20,000. */
  readonly hangMs?: number;
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
  let heapUsedBytes: number | null = null;
  let reason: string | null = null;
  const life = watchBeats(options.hangMs, () => {
    reason = 'hung';
    child.kill('SIGKILL');
  });
  const exited = new Promise<string>((resolve) => {
    child.on('error', (error) => {
      // A process that was never started has no exit; any other error of the handle is not an end.
      if (child.pid === undefined) resolve(error.message);
    });
    child.once('exit', (code, signal) => {
      life.end();
      resolve(reason ?? (code === 0 ? 'normal' : `exit ${String(signal ?? code)}`));
    });
  });
  // A message to a child that has just died is not a fault of the parent.
  const send = (message: Out | { kind: 'drain' }): void =>
    void (child.connected && child.send(message, () => undefined));
  const ready = new Promise<void>((resolve) => {
    child.on('message', (raw) => {
      const message = raw as unknown as In | { kind: 'beat'; heapUsedBytes: number };
      if (message.kind === 'beat') {
        life.beat();
        heapUsedBytes = (message as { heapUsedBytes: number }).heapUsedBytes;
      } else {
        options.onMessage(message as In);
        if (options.isReady(message as In)) resolve();
      }
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
    health: () => ({ eventLoopUtilisation: null, heapUsedBytes }),
  };
}
