/** An uplink gate on a clock that the test moves, with what it asks for and lets out. */
import { mock } from 'node:test';
import { UplinkGate } from '../../src/collector/uplink-gate.js';
import type { Attribution, Result } from '../../src/contract/result.js';

const WALL = 1_700_000_000_000;
export const DOWN: Attribution = { state: 'down', cause: 'isp_fault', sentence: 'the line is dead' };
export const UP: Attribution = { state: 'up', cause: 'none', sentence: 'the uplink works' };

export class Scene {
  now = 0;
  /** Added to the wall clock only. */
  stepMs = 0;
  configured = true;
  /** Uplink checks that were asked for and not answered. */
  asked = 0;
  trustMs = 60_000;
  readonly out: Result[] = [];
  readonly calls: (readonly Result[])[] = [];
  readonly gate = new UplinkGate({
    clock: { now: () => this.wall, monotonic: () => this.now },
    overUplink: (target) => target.startsWith('far'),
    checkUplink: () => {
      if (this.configured) this.asked += 1;
      return this.configured;
    },
    holdMs: () => 9_000,
    trustMs: () => this.trustMs,
    onResults: (results) => {
      this.calls.push(results);
      this.out.push(...results);
    },
  });

  get wall(): number {
    return WALL + this.now + this.stepMs;
  }

  pass(ms: number): void {
    this.now += ms;
    mock.timers.tick(ms);
  }

  /** A check that began now and ends `tookMs` later. */
  check(target: string, verdict: Result['verdict'], more: Partial<Result> = {}): Result {
    const startedAt = this.wall;
    const base = { service: target, target, family: 'http', dueAt: startedAt, startedAt, durationMs: 5 };
    return { ...base, verdict, detail: verdict, ...more };
  }

  take(target: string, verdict: Result['verdict']): void {
    this.gate.take([this.check(target, verdict)], this.now);
  }

  uplink(attribution: Attribution): void {
    this.asked = 0;
    const verdict = attribution.state === 'up' ? 'pass' : 'fail';
    this.gate.take([this.check('wan', verdict, { attribution })], this.now);
  }

  /** What has come out of one target, in order. */
  of(target: string): string[] {
    return this.out
      .filter((result) => result.target === target)
      .map((result) => (result.code === 'uplink_down' ? 'excused' : result.verdict));
  }
}
