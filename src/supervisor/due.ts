/** What a family is given, and what it gives back. */
import type { Target } from '../config/settings.js';
import type { Result } from '../contract/result.js';

/** One moment on both clocks: a step of the wall clock lies between two moments whose difference is not the same on both. */
export interface Moment {
  /** Epoch ms. */
  readonly wallMs: number;
  readonly monotonicMs: number;
}

/** A target whose time has come. */
export interface Due {
  readonly target: Target;
  /** Epoch ms; with the service it identifies the result. */
  readonly dueAt: number;
  /** When it was to be handed over: at `dueAt`, or later where an instant that nobody asked for is made up for. */
  readonly ready: Moment;
}

/** What came of one target's check: all its results, at once. */
export interface Outcome {
  readonly due: Due;
  readonly results: readonly Result[];
}
