/**
 * The process tree for those who subscribed to it: serialised at most once a report, and only when somebody reads;
 * published once for all. Main bounds how often it reports.
 */
import type { NodeState } from '../../contract/tree.js';
import type { TemplatedApp } from '../uws.js';

const TOPIC = 'supervisor';

/** What it needs of a client's socket. */
interface Subscriber {
  subscribe(topic: string): boolean;
  unsubscribe(topic: string): boolean;
  send(message: string, isBinary: boolean): unknown;
}

export class TreeTopic {
  readonly #app: Pick<TemplatedApp, 'publish' | 'numSubscribers'>;
  /** The newest report, when it came (monotonic, ms) and, once somebody reads it, its JSON. */
  #newest: { readonly tree: NodeState; readonly at: string; readonly sinceMs: number; json?: string } | null =
    null;
  #publishedJson = '';
  #publishedAtMs = 0;

  constructor(app: Pick<TemplatedApp, 'publish' | 'numSubscribers'>) {
    this.#app = app;
  }

  /** A report of main; subscribers hear of it if it says something new. */
  take(tree: NodeState): void {
    this.#newest = { tree, at: new Date().toISOString(), sinceMs: performance.now() };
    if (this.#app.numSubscribers(TOPIC) > 0 && this.#json() !== this.#publishedJson) this.#publish();
  }

  /** Sends the newest tree, if there is one yet, and those that follow. */
  join(client: Subscriber): void {
    if (this.#newest !== null) client.send(this.#message(), false);
    client.subscribe(TOPIC);
  }

  leave(client: Subscriber): void {
    client.unsubscribe(TOPIC);
  }

  /** Repeats the newest tree when nothing was published for `quietMs`: subscribers see that the server lives. */
  beat(quietMs: number): void {
    const isQuiet = performance.now() - this.#publishedAtMs >= quietMs;
    if (isQuiet && this.#newest !== null && this.#app.numSubscribers(TOPIC) > 0) this.#publish();
  }

  #publish(): void {
    this.#publishedJson = this.#json();
    this.#publishedAtMs = performance.now();
    this.#app.publish(TOPIC, this.#message(), false);
  }

  #json(): string {
    if (this.#newest === null) return 'null';
    this.#newest.json ??= JSON.stringify(this.#newest.tree);
    return this.#newest.json;
  }

  /** A `TreeMessage`; the tree in it is not serialised again. */
  #message(): string {
    const at = this.#newest?.at ?? '';
    const ageMs = Math.round(performance.now() - (this.#newest?.sinceMs ?? 0));
    return `{"type":"tree","at":"${at}","age_ms":${ageMs},"tree":${this.#json()}}`;
  }
}
