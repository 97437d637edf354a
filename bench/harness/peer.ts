/** Helper processes (servers, load generators) over Node's IPC. They end when the process that made them does. */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

const ANSWER_WITHIN_MS = 90_000;
/** For a process to clear away what it made once it has lost its parent. */
const END_WITHIN_MS = 20_000;

export interface Peer {
  readonly pid: number;
  /** Sends a command and waits for its answer. */
  ask<Answer>(command: object): Promise<Answer>;
  /** Sends without an answer. */
  tell<T extends { readonly told: true }>(message: T): void;
  /** Lets go of it, so that it clears away what it made and ends; kills it when it does not. */
  close(): Promise<void>;
}

/** Forks `bench/peers/<name>.js`, or another file, and waits for its first answer, to `first`. */
export async function startPeer<Answer>(
  name: string | URL,
  first: object,
  env: NodeJS.ProcessEnv = process.env,
): Promise<Peer & { readonly answer: Answer }> {
  const file = typeof name === 'string' ? new URL(`../peers/${name}.js`, import.meta.url) : name;
  const child = fork(fileURLToPath(file), [], { serialization: 'advanced', env });
  const peer: Peer = {
    pid: child.pid ?? 0,
    ask: <A>(command: object) => ask<A>(child, command),
    tell: (message) => void child.send(message),
    close: async () => {
      if (child.exitCode !== null || child.signalCode !== null) return;
      const exited = once(child, 'exit');
      if (child.connected) child.disconnect();
      const impatient = setTimeout(() => child.kill('SIGKILL'), END_WITHIN_MS);
      await exited;
      clearTimeout(impatient);
    },
  };
  try {
    return { ...peer, answer: await ask<Answer>(child, first) };
  } catch (error) {
    await peer.close();
    throw error;
  }
}

async function ask<Answer>(child: ChildProcess, command: object): Promise<Answer> {
  const name = child.spawnargs[1] ?? '';
  return new Promise<Answer>((resolve, reject) => {
    const end = (settle: () => void): void => {
      clearTimeout(timer);
      child.off('message', onMessage);
      child.off('exit', onExit);
      settle();
    };
    const onMessage = (raw: unknown): void => {
      const message = raw as { answer?: Answer; failed?: string };
      if ('failed' in message) end(() => reject(new Error(`${name}: ${message.failed}`)));
      else if ('answer' in message) end(() => resolve(message.answer as Answer));
    };
    const onExit = (code: number | null): void => end(() => reject(new Error(`${name} ended with ${code}`)));
    const timer = setTimeout(
      () => end(() => reject(new Error(`${name} did not answer within ${ANSWER_WITHIN_MS / 1000} s`))),
      ANSWER_WITHIN_MS,
    );
    child.on('message', onMessage);
    child.once('exit', onExit);
    child.send(command);
  });
}

/**
 * The inside of a peer: answers each command in turn, and ends with its parent. `heard` gets what came by `tell`,
 * which is marked by `told: true` and is not answered.
 */
export function servePeer<Command, Told = never>(
  handle: (command: Command) => Promise<unknown>,
  heard: (message: Told) => void = () => undefined,
): void {
  let turn: Promise<void> = Promise.resolve();
  process.on('message', (command: object) => {
    if ('told' in command) {
      heard(command as Told);
      return;
    }
    turn = turn.then(async () => {
      try {
        process.send?.({ answer: await handle(command as Command) });
      } catch (error) {
        process.send?.({ failed: error instanceof Error ? (error.stack ?? error.message) : String(error) });
      }
    });
  });
  process.on('disconnect', () => process.exit(0));
  // A terminal's Ctrl-C reaches the whole group; whoever made this process ends it in order.
  process.on('SIGINT', () => undefined);
}
