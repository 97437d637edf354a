/** What a family is given, and what it gives back. */
import type { Target } from '../config/settings.js';
import type { Result } from '../contract/result.js';

/** A target whose time has come. */
export interface Due {
  readonly target: Target;
  readonly dueAt: number;
}

/** What came of one target's check: all its results, at once. */
export interface Outcome {
  readonly due: Due;
  readonly results: readonly Result[];
}
