/** Questions of the front to main: each gets its answer, or an error that says that none came. */
import { randomUUID } from 'node:crypto';
import type { FromFront, RestartOutcome } from '../../schema/messages.js';
import { MatrixError } from '../contract/errors.js';
import { LIMITS } from '../contract/limits.js';

/** Main answers within 5 s also when a child takes longer; beyond this it does not answer at all. */
const ANSWER_MS = 10_000;

type Ask = (message: Extract<FromFront, { kind: 'restart_child' }>) => void;

interface Waiting {
  readonly resolve: (outcome: RestartOutcome) => void;
  readonly timer: NodeJS.Timeout;
}

export class MainRequests {
  readonly #ask: Ask;
  readonly #answerMs: number;
  /** By the id of the request: random, since an answer may come to a front that was restarted meanwhile. */
  readonly #waiting = new Map<string, Waiting>();

  constructor(ask: Ask, answerMs: number = ANSWER_MS) {
    this.#ask = ask;
    this.#answerMs = answerMs;
  }

  /** Requests that are not answered yet. */
  get size(): number {
    return this.#waiting.size;
  }

  /**
   * Asks for the restart of a node of the tree.
   * @throws MatrixError MX_SUPERVISOR_SILENT when main does not answer, MX_NOT_READY when too many wait already.
   */
  restartChild(child: string): Promise<RestartOutcome> {
    const { value: most } = LIMITS.waiting_restarts;
    if (this.#waiting.size >= most) {
      throw new MatrixError('MX_NOT_READY', `${most} restarts are waited for already`);
    }
    const request = randomUUID();
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        this.#waiting.delete(request);
        const sentence = `The supervisor has not answered within ${this.#answerMs / 1000} s; whether ${child} is restarted is not known`;
        reject(new MatrixError('MX_SUPERVISOR_SILENT', sentence));
      }, this.#answerMs);
      this.#waiting.set(request, { resolve, timer });
      this.#ask({ kind: 'restart_child', request, child });
    });
  }

  /** An answer of main; one that nobody waits for any more is dropped. */
  answered(request: string, outcome: RestartOutcome): void {
    const waiting = this.#waiting.get(request);
    if (waiting === undefined) return;
    clearTimeout(waiting.timer);
    this.#waiting.delete(request);
    waiting.resolve(outcome);
  }
}
