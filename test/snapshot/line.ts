/**
 * A server and a client with a line between them on which anything happens: messages are lost, doubled, overtaken,
 * strange ones come in between, and the server is restarted while its old messages are still on the way.
 */
import assert from 'node:assert/strict';
import type { Changes } from '../../schema/messages.js';
import type { Check } from '../../schema/wire.js';
import {
  type ClientState,
  type LiveMessage,
  type LiveStatus,
  overallOf,
  receive,
  type SnapshotMessage,
} from '../../src/snapshot/client.js';
import { deltaOf } from '../../src/snapshot/delta.js';
import { EMPTY_SNAPSHOT, reduceAll, type Snapshot } from '../../src/snapshot/reduce.js';
import { tree } from '../front/tree-kit.js';
import { minute } from './kit.js';

/** Services in one message of a snapshot, so that four services take four messages. */
const PART_SIZE = 1;

export class BadLine {
  client: ClientState | null = null;
  /** How often the client asked for a snapshot. */
  resyncs = 0;
  readonly #wire: LiveMessage[] = [];
  /** Every truth there ever was, by epoch and number. */
  readonly #truths = new Map<string, Snapshot>();
  #epoch = 0;
  #seq = 0;
  #snapshot: Snapshot = EMPTY_SNAPSHOT;

  constructor() {
    this.#remember();
    this.#sendWhole();
  }

  get waiting(): number {
    return this.#wire.length;
  }

  /** Commits, numbered as a store does: none of them is old. */
  change(commits: readonly Changes[]): void {
    const before = this.#snapshot;
    const batch = commits.map((commit, index) => ({ ...commit, rev: before.rev + 1 + index }));
    this.#snapshot = reduceAll(before, batch);
    const delta = deltaOf(before, this.#snapshot, batch);
    if (delta === null) return;
    this.#seq += 1;
    this.#remember();
    this.#wire.push({ type: 'delta', ...this.#at, generated_at: minute(0), ...delta });
  }

  /** Another process with the same store: it counts anew. */
  restart(): void {
    this.#epoch += 1;
    this.#seq = 0;
    this.#remember();
  }

  beat(): void {
    this.#wire.push({ type: 'beat', ...this.#at, at: minute(0) });
  }

  /** Messages that are not about the status, and those of a server that is newer than the client. */
  noise(kind: number): void {
    const unknown = { type: 'invented_later', epoch: 'x', seq: 1e9, checks: [] } as unknown as LiveMessage;
    const error = { code: 'MX_BAD_REQUEST', message: 'no', next: 'yes' };
    const all: LiveMessage[] = [
      { type: 'tree', at: minute(0), age_ms: 0, tree: tree() },
      { type: 'error', error },
      unknown,
    ];
    this.#wire.push(all[kind % all.length] ?? unknown);
  }

  lose(place: number): void {
    if (this.waiting > 0) this.#wire.splice(place % this.waiting, 1);
  }

  double(place: number): void {
    const message = this.#wire[place % this.waiting];
    if (message !== undefined) this.#wire.push(message);
  }

  /** 0 is the next one; any other place is one that overtakes. */
  deliver(place: number): void {
    if (this.waiting === 0) return;
    const [message] = this.#wire.splice(place % this.waiting, 1);
    if (message !== undefined) this.#hear(message);
  }

  /** The line is good again: everything arrives, and then a beat. */
  settle(): void {
    while (this.waiting > 0) this.deliver(0);
    this.resyncs = 0;
    this.beat();
    while (this.waiting > 0) this.deliver(0);
  }

  assertConverged(): void {
    assert.equal(this.client?.missingParts, 0);
    assert.deepEqual([this.client?.epoch, this.client?.seq], [this.#at.epoch, this.#at.seq]);
  }

  get #at(): { readonly epoch: string; readonly seq: number } {
    return { epoch: `epoch ${this.#epoch}`, seq: this.#seq };
  }

  #remember(): void {
    this.#truths.set(keyOf(this.#at), this.#snapshot);
  }

  #hear(message: LiveMessage): void {
    const before = this.client;
    const step = receive(before, message);
    this.client = step.state;
    if (!['snapshot', 'snapshot_part', 'delta', 'beat'].includes(message.type)) {
      assert.equal(step.state, before, `${message.type} disturbs the state`);
      assert.equal(step.resync, false, `${message.type} asks for a snapshot`);
    }
    if (before !== null && step.state?.epoch === before.epoch) {
      assert.ok(step.state.seq >= before.seq, 'time goes back within an epoch');
    }
    this.#assertTrue();
    if (!step.resync) return;
    this.resyncs += 1;
    this.#sendWhole();
  }

  /** What the client takes for whole is a truth that there was, at the number that it has for it. */
  #assertTrue(): void {
    if (this.client === null || this.client.missingParts > 0) return;
    const truth = this.#truths.get(keyOf(this.client));
    assert.ok(truth !== undefined, 'a number that the server never had');
    assert.deepEqual(Object.fromEntries(this.client.checks), Object.fromEntries(truth.checks));
    assert.deepEqual(this.client.alerts, truth.alerts);
    assert.deepEqual(this.client.status.cycle, truth.cycle);
    assert.equal(this.client.status.overall, overallOf(truth.checks.values()));
  }

  #sendWhole(): void {
    const { checks, alerts, cycle } = this.#snapshot;
    const groups = grouped([...checks.values()]);
    const [first = [], ...rest] = groups;
    const status: LiveStatus = {
      customer_id: 'axe',
      deploy_color: null,
      generated_at: minute(0),
      cycle,
      overall: overallOf(checks.values()),
      checks: first,
    };
    const parts = Math.max(1, groups.length);
    const head: SnapshotMessage = { type: 'snapshot', ...this.#at, parts, status, alerts };
    this.#wire.push(
      head,
      ...rest.map((group, index) => ({
        type: 'snapshot_part' as const,
        ...this.#at,
        part: index + 2,
        checks: group,
      })),
    );
  }
}

function grouped(checks: readonly Check[]): readonly (readonly Check[])[] {
  const sorted = checks.toSorted((a, b) => (a.service < b.service ? -1 : 1));
  const count = Math.ceil(sorted.length / PART_SIZE);
  return Array.from({ length: count }, (_, index) =>
    sorted.slice(index * PART_SIZE, (index + 1) * PART_SIZE),
  );
}

const keyOf = ({ epoch, seq }: { readonly epoch: string; readonly seq: number }): string => `${epoch}/${seq}`;
