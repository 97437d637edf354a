/** A family on real threads of `test/support/probe-fixture.ts`, with everything it says kept. */
import { after } from 'node:test';
import type { Target } from '../../src/config/settings.js';
import { systemClock } from '../../src/contract/clock.js';
import type { FamilySpec } from '../../src/contract/family.js';
import type { Result } from '../../src/contract/result.js';
import type { SupervisionEvent } from '../../src/supervisor/child.js';
import type { Due, Moment, Outcome } from '../../src/supervisor/due.js';
import { Family, type FamilyOptions } from '../../src/supervisor/family.js';
import type { Load } from '../support/probe-fixture.js';
import { until } from '../support/wait.js';

export interface Kit {
  readonly family: Family;
  readonly outcomes: Outcome[];
  readonly events: SupervisionEvent[];
  /** Hands over checks of targets that behave so; answers what was handed over. */
  submit(...targets: readonly Behaviour[]): Due[];
  /** The outcome of each of these checks, once all are there; fails when one is answered twice. */
  answers(dues: readonly Due[], withinMs?: number): Promise<Outcome[]>;
  /** Submits and waits for the only result of each. */
  ask(...targets: readonly Behaviour[]): Promise<Result[]>;
}

export interface Behaviour {
  readonly name?: string;
  readonly does?: string;
  readonly ms?: number;
  readonly timeoutMs?: number;
}

const made: Family[] = [];
// Also of a test that failed: threads that live on keep the whole process.
after(() => Promise.all(made.map((family) => family.stop())));

let nextName = 1;
let nextDueAt = 1_000;

const now = (): Moment => ({ wallMs: systemClock.now(), monotonicMs: systemClock.monotonic() });

export function targetOf({ name, does, ms, timeoutMs }: Behaviour): Target {
  const config = { name: name ?? `t${nextName++}`, does: does ?? 'pass', ms: ms ?? 0 };
  return {
    family: 'fixture',
    name: config.name,
    intervalMs: 1_000,
    timeoutMs: timeoutMs ?? 10_000,
    overUplink: false,
    config,
  };
}

interface KitOptions extends Pick<FamilyOptions, 'readyMs' | 'stallMs' | 'watch' | 'hangMs'> {
  readonly spec?: Partial<FamilySpec>;
  readonly load?: Load;
}

export function makeFamily(options: KitOptions = {}): Kit {
  const outcomes: Outcome[] = [];
  const events: SupervisionEvent[] = [];
  const { load, spec, ...limits } = options;
  const family = new Family({
    ...limits,
    spec: { name: 'fixture', ...spec } as FamilySpec,
    file: new URL('../support/probe-fixture.js', import.meta.url),
    clock: systemClock,
    logging: load ?? {},
    onOutcomes: (more) => void outcomes.push(...more),
    onEvent: (event) => void events.push(event),
  });
  made.push(family);
  const submit = (...targets: readonly Behaviour[]): Due[] => {
    const dues = targets.map((behaviour) => ({
      target: targetOf(behaviour),
      dueAt: nextDueAt++,
      ready: now(),
    }));
    family.submit(dues);
    return dues;
  };
  const answers = (dues: readonly Due[], withinMs?: number): Promise<Outcome[]> =>
    until(
      'every check is answered',
      () => {
        const found = dues.map((due) => outcomes.filter((outcome) => outcome.due === due));
        const twice = found.find((list) => list.length > 1);
        if (twice !== undefined) throw new Error(`${twice[0]?.due.target.name} is answered twice`);
        return found.every((list) => list.length === 1) && found.flat();
      },
      withinMs,
    );
  const ask = async (...targets: readonly Behaviour[]): Promise<Result[]> =>
    (await answers(submit(...targets))).map((outcome) => {
      const [result] = outcome.results;
      if (result === undefined || outcome.results.length !== 1) throw new Error('not exactly one result');
      return result;
    });
  return { family, outcomes, events, submit, answers, ask };
}
