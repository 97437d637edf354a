/** Finds the handler for a method and a path. Fixed paths cost one look-up; the others are tried in order. */
import type { Exchange } from './exchange.js';

export type Handler = (exchange: Exchange, params: Readonly<Record<string, string>>) => void;

interface Route {
  readonly pattern: string;
  readonly handlers: Map<string, Handler>;
}
interface PatternRoute extends Route {
  readonly segments: readonly string[];
}

export type Found =
  | {
      readonly kind: 'handler';
      readonly handler: Handler;
      readonly pattern: string;
      readonly params: Record<string, string>;
    }
  | { readonly kind: 'method'; readonly allow: string; readonly pattern: string }
  | { readonly kind: 'none' };

const NO_PARAMS: Record<string, string> = {};

export class Router {
  readonly #fixed = new Map<string, Route>();
  readonly #patterns: PatternRoute[] = [];

  /** `{name}` in a pattern takes one segment, decoded: an encoded slash stays inside its segment. */
  add(method: 'GET' | 'POST' | 'DELETE', pattern: string, handler: Handler): void {
    const isFixed = !pattern.includes('{');
    let route = isFixed
      ? this.#fixed.get(pattern)
      : this.#patterns.find((other) => other.pattern === pattern);
    if (route === undefined) {
      route = { pattern, handlers: new Map() };
      if (isFixed) this.#fixed.set(pattern, route);
      else this.#patterns.push(Object.assign(route, { segments: pattern.split('/') }));
    }
    route.handlers.set(method, handler);
    if (method === 'GET') route.handlers.set('HEAD', handler);
  }

  find(method: string, path: string): Found {
    const fixed = this.#fixed.get(path);
    if (fixed !== undefined) return choose(fixed, method, NO_PARAMS);
    const segments = path.split('/');
    for (const route of this.#patterns) {
      const params = match(route.segments, segments);
      if (params !== null) return choose(route, method, params);
    }
    return { kind: 'none' };
  }
}

function choose(route: Route, method: string, params: Record<string, string>): Found {
  const handler = route.handlers.get(method);
  const { pattern } = route;
  if (handler !== undefined) return { kind: 'handler', handler, pattern, params };
  return { kind: 'method', allow: [...route.handlers.keys()].join(', '), pattern };
}

function match(pattern: readonly string[], path: readonly string[]): Record<string, string> | null {
  if (pattern.length !== path.length) return null;
  const params: Record<string, string> = {};
  for (const [index, expected] of pattern.entries()) {
    const given = path[index] ?? '';
    if (!expected.startsWith('{')) {
      if (expected !== given) return null;
      continue;
    }
    try {
      params[expected.slice(1, -1)] = decodeURIComponent(given);
    } catch {
      return null;
    }
  }
  return params;
}
