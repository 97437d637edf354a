import { LIMITS } from '../contract/limits.js';
import { type Path, type Place, type Problem, pathText } from './problem.js';

/** A parsed file that knows where each key is written. */
export class ConfigDocument {
  readonly root: Record<string, unknown> = {};
  readonly problems: Problem[] = [];
  /** Name of the file as shown to the user. */
  readonly file: string;
  readonly #places = new Map<string, Place>();
  /** Keys already reported while reading; validation does not report them again. */
  readonly #reported = new Set<string>();

  constructor(file: string) {
    this.file = file;
  }

  mark(path: Path, place: Place): void {
    const key = JSON.stringify(path);
    if (!this.#places.has(key)) this.#places.set(key, place);
  }

  /** Where `path` is written, or the nearest thing around it. */
  placeOf(path: Path): Place {
    for (let length = path.length; length > 0; length--) {
      const place = this.#places.get(JSON.stringify(path.slice(0, length)));
      if (place !== undefined) return place;
    }
    return { line: 1, column: 1 };
  }

  problem(path: Path, message: string, hint?: string): Problem {
    return {
      file: this.file,
      ...this.placeOf(path),
      path: pathText(path),
      message,
      ...(hint === undefined ? {} : { hint }),
    };
  }

  /** Reports a value that cannot be read at all, at its own place. */
  refuse(path: Path, place: Place, message: string): void {
    this.#reported.add(JSON.stringify(path));
    this.report(path, place, message);
  }

  /** Reports something at a place of its own; what stands under `path` is still validated. */
  report(path: Path, place: Place, message: string): void {
    this.problems.push({ file: this.file, ...place, path: pathText(path), message });
  }

  syntax(place: Place, message: string): void {
    this.problems.push({ file: this.file, ...place, path: '', message, syntax: true });
  }

  wasReported(path: Path): boolean {
    return this.#reported.has(JSON.stringify(path));
  }

  /** Whether values may go one level deeper; the first that may not is reported. */
  allowsDepth(path: Path, place: Place): boolean {
    if (path.length <= LIMITS.config_depth.value) return true;
    this.refuse(path, place, `expected at most ${LIMITS.config_depth.value} levels, came more`);
    return false;
  }

  /** A number as read, or undefined (reported) when it is not finite or loses digits. */
  number(path: Path, place: Place, value: number, written: string): number | undefined {
    if (Number.isFinite(value) && (!Number.isInteger(value) || Number.isSafeInteger(value))) return value;
    this.refuse(path, place, `expected a finite number, came ${written.slice(0, 60)}`);
    return undefined;
  }
}

/** Sets an own property whatever its name, so that `__proto__` is a key like any other. */
export function setOwn(object: object, key: string | number, value: unknown): void {
  Object.defineProperty(object, key, { value, enumerable: true, configurable: true, writable: true });
}
