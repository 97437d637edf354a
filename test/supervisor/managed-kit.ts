/** One supervised child whose life the test decides, on a clock and timers that the test moves. */
import assert from 'node:assert/strict';
import { afterEach, beforeEach, mock } from 'node:test';
import type { Child, ManagedOptions, SupervisionEvent } from '../../src/supervisor/child.js';
import { type ChildSpec, childSpec } from '../../src/supervisor/child-spec.js';
import { Managed } from '../../src/supervisor/managed.js';

/** A child that lives until told otherwise; `ignores` makes it deaf to `stop`. */
export class Puppet implements Child {
  readonly exited: Promise<string>;
  asked = 0;
  killed = 0;
  private end: (reason: string) => void = () => undefined;

  constructor(private readonly ignores = false) {
    this.exited = new Promise((resolve) => {
      this.end = resolve;
    });
  }

  die(reason: string): void {
    this.end(reason);
  }

  stop(): void {
    this.asked += 1;
    if (!this.ignores) this.end('normal');
  }

  async kill(): Promise<void> {
    this.killed += 1;
    this.end('killed');
  }
}

let now = 0;
export const clock = { now: () => 1_700_000_000_000 + now, monotonic: () => now };

/** Lets everything that is due happen, `ms` from now, in steps as the timers come. */
export async function pass(ms: number): Promise<void> {
  for (let left = ms; left > 0; left -= Math.min(left, 10)) {
    now += Math.min(left, 10);
    mock.timers.tick(Math.min(left, 10));
    await settle();
  }
}
export async function settle(): Promise<void> {
  for (let turn = 0; turn < 10; turn += 1) await Promise.resolve();
}

export interface Scene {
  readonly managed: Managed;
  readonly events: SupervisionEvent[];
  readonly puppets: Puppet[];
  /** What the next starts do; afterwards every start works. */
  readonly starts: (Error | Puppet | Promise<Child>)[];
  readonly newest: () => Puppet;
  readonly kinds: () => string[];
}

export function scene(spec: Partial<ChildSpec> = {}, more: Partial<ManagedOptions> = {}): Scene {
  const events: SupervisionEvent[] = [];
  const puppets: Puppet[] = [];
  const starts: Scene['starts'] = [];
  const managed = new Managed({
    spec: childSpec({ id: 'child', intensity: 3, periodMs: 1_000, shutdownMs: 500, ...spec }),
    kind: 'thread',
    clock,
    whenExhausted: 'pause',
    random: () => 0.5,
    onEvent: (event) => void events.push(event),
    start: async () => {
      const next = starts.shift() ?? new Puppet();
      if (next instanceof Error) throw next;
      if (next instanceof Puppet) puppets.push(next);
      return next;
    },
    ...more,
  });
  const newest = (): Puppet => {
    const puppet = puppets.at(-1);
    assert.ok(puppet);
    return puppet;
  };
  return { managed, events, puppets, starts, newest, kinds: () => events.map((event) => event.kind) };
}

/** Gives every test of the file a clock at 0. */
export function onOwnClock(): void {
  beforeEach(() => {
    now = 0;
    mock.timers.enable({ apis: ['setTimeout'] });
  });
  afterEach(() => mock.timers.reset());
}
