/** Keeps one target from bringing in services without end. Pure. */
import { LIMITS } from '../contract/limits.js';
import { cleanText, type Result } from '../contract/result.js';
import type { Directory } from './directory.js';

const MOST = LIMITS.discovered_services.value;

/** How many services each target has, and which calls reported more than it may have. */
export class Crowd {
  private sizes: Map<string, number> | null = null;
  private readonly leftOut = new Map<string, number>();

  constructor(private readonly directory: Directory) {}

  /** Whether a service that is not known yet may come in; counts it. */
  admits(result: Result): boolean {
    this.sizes ??= this.count();
    const size = this.sizes.get(result.target) ?? 0;
    if (size < MOST) {
      this.sizes.set(result.target, size + 1);
      return true;
    }
    const call = callOf(result);
    this.leftOut.set(call, (this.leftOut.get(call) ?? 0) + 1);
    return false;
  }

  /** A target's own result says what was left out of its call; any other result stays as it is. */
  tell<R extends Result>(result: R): R {
    const count = result.service === result.target ? this.leftOut.get(callOf(result)) : undefined;
    if (count === undefined) return result;
    const sentence = `; ${count} of its services are left out, for at most ${MOST} are watched`;
    return {
      ...result,
      detail: cleanText(result.detail, LIMITS.detail_chars.value - sentence.length) + sentence,
    };
  }

  private count(): Map<string, number> {
    const sizes = new Map<string, number>();
    for (const { source, target } of this.directory.values()) {
      if (source === 'discovered') sizes.set(target, (sizes.get(target) ?? 0) + 1);
    }
    return sizes;
  }
}

const callOf = ({ target, dueAt }: Result): string => `${Math.round(dueAt)}\n${target}`;
