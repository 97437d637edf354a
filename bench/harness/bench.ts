/**
 * What a benchmark is. One file `bench/<name>.ts` exports one `bench`; the directory is the registry.
 *
 * `ours` and `bare` each run in a process of their own for the whole benchmark, so both are warm, and they take
 * turns: ours, bare, ours, bare. A pair of neighbouring rounds met the same machine, so ratios are made per pair.
 */
import type { Parts } from './meter.js';

export const GROUPS = ['collector', 'pipeline', 'front', 'fanout', 'restart'] as const;
export type Group = (typeof GROUPS)[number];

/**
 * What is compared. `cpu`: units per CPU second, ours / bare, more is better. `rate`: units per second of wall
 * time, ours / bare, more is better. `time`: milliseconds a unit takes, ours / bare, less is better.
 */
export type Compare = 'cpu' | 'rate' | 'time';

/** What the ratio is meant to reach; `plusMs`: at most so many ms longer than bare. */
export type Goal = { readonly atLeast: number } | { readonly atMost: number } | { readonly plusMs: number };

/** What both sides use: servers and databases that belong to neither. Data must survive JSON. */
export interface Fixture {
  readonly data?: unknown;
  /** Added to the environment of both sides. */
  readonly env?: Readonly<Record<string, string>>;
  /** Processes whose CPU is reported and not counted, by what they are. */
  readonly reported?: Parts;
  close(): Promise<void>;
}

export interface SideContext {
  /** What the fixture left; `undefined` without one. */
  readonly data: unknown;
  /** From the fixture, for the side's own meter. */
  readonly reported: Parts;
  /** Multiplies sizes (targets, clients): 1, or less in the smoke test. */
  readonly scale: number;
}

/** What one round did. CPU is user + system of whole process trees, in ms. */
export interface Round {
  readonly units: number;
  readonly seconds: number;
  /** Of the processes that do the work, by what they are (`node`, `postgres`). */
  readonly cpuMs: Readonly<Record<string, number>>;
  /** Of load generators and target servers: shown, never part of a ratio. */
  readonly reportedCpuMs: Readonly<Record<string, number>>;
  /** Of a benchmark that compares `time`: how long each unit took. */
  readonly timesMs?: readonly number[];
  /** More numbers, with their unit in the name: `p99_ms`. */
  readonly extra?: Readonly<Record<string, number>>;
}

export interface Side {
  /** Works for about `seconds` and measures itself. Called again and again, never twice at once. */
  round(seconds: number): Promise<Round>;
  close(): Promise<void>;
}

export interface Bench {
  readonly name: string;
  readonly title: string;
  readonly group: Group;
  /** What is counted, in the singular: `probe`. */
  readonly unit: string;
  readonly compare: Compare;
  readonly goal?: Goal;
  /** What the bare side is, in a few words. */
  readonly peer: string;
  fixture?(scale: number): Promise<Fixture>;
  /** May throw `CannotRun`. */
  ours(context: SideContext): Promise<Side>;
  bare(context: SideContext): Promise<Side>;
}

/** This machine lacks what a benchmark needs; the message says what. */
export class CannotRun extends Error {
  override readonly name = 'CannotRun';
}
