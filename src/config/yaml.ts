import {
  isAlias,
  isMap,
  isNode,
  isScalar,
  isSeq,
  LineCounter,
  type Node,
  parseAllDocuments,
  type YAMLMap,
} from 'yaml';
import { LIMITS } from '../contract/limits.js';
import { type ConfigDocument, setOwn } from './document.js';
import type { Path, Place } from './problem.js';

/**
 * Reads YAML 1.2 (core schema: `no` is text, not false) into `document`. One document a file; duplicate keys and
 * unknown tags are refused; aliases are unfolded within a budget, since ten lines of them can mean gigabytes.
 */
export function parseYaml(text: string, document: ConfigDocument): void {
  const lines = new LineCounter();
  const at = (offset: number): Place => {
    const { line, col } = lines.linePos(offset);
    return { line: Math.max(line, 1), column: Math.max(col, 1) };
  };
  const parsed = parseAllDocuments(text, {
    lineCounter: lines,
    prettyErrors: false,
    // Looked for below: the parser compares each key with all before it, which takes minutes for a big map.
    uniqueKeys: false,
    version: '1.2',
    schema: 'core',
    logLevel: 'silent',
  });
  const documents = Array.isArray(parsed) ? parsed : [];
  const second = documents[1];
  if (second !== undefined) document.syntax(at(second.range[0]), 'expected one document, came another');
  const first = documents[0];
  if (first === undefined) return;
  // One mistake may make the parser complain of every character after it.
  const errors = [...first.errors, ...first.warnings].slice(0, LIMITS.config_syntax_errors.value);
  for (const error of errors) {
    document.syntax(at(error.pos[0]), error.message);
  }
  if (first.errors.length > 0) return;
  const root = first.contents;
  if (root === null || (isScalar(root) && root.value === null)) return;
  if (isMap(root)) new Reader(document, at).map(root, [], document.root);
  else
    document.syntax(at(root.range[0]), 'expected sections such as `matrix:` or `http:`, came something else');
}

/** Turns the tree into plain values; the tree keeps the places. */
class Reader {
  readonly #document: ConfigDocument;
  readonly #at: (offset: number) => Place;
  readonly #anchors = new Map<string, Node>();
  /** Anchored nodes that are being unfolded: an alias to one of them has no end. */
  readonly #open = new Set<Node>();
  #unfolded = 0;

  constructor(document: ConfigDocument, at: (offset: number) => Place) {
    this.#document = document;
    this.#at = at;
  }

  map(node: YAMLMap, path: Path, into: object): void {
    for (const pair of node.items) {
      const place = this.#place(pair.key, this.#document.placeOf(path));
      if (!isScalar(pair.key) || typeof pair.key.value === 'object') {
        this.#document.report(path, place, 'expected a plain key, came something else');
        continue;
      }
      const key = String(pair.key.value);
      const keyPath = [...path, key];
      // A tree that is unfolded once more was looked through before.
      if (Object.hasOwn(into, key) && this.#open.size === 0) {
        this.#document.syntax(place, 'Map keys must be unique');
      }
      this.#document.mark(keyPath, place);
      setOwn(into, key, this.#value(pair.value, keyPath, place));
    }
  }

  #value(node: unknown, path: Path, around: Place): unknown {
    const place = this.#place(node, around);
    if (!isNode(node) || !this.#document.allowsDepth(path, place)) return null;
    if (isAlias(node)) return this.#alias(node.source, path, place);
    if (this.#open.size > 0 && ++this.#unfolded > LIMITS.config_aliases.value) return null;
    if (node.anchor !== undefined) this.#anchors.set(node.anchor, node);
    if (isMap(node)) {
      const table = {};
      this.map(node, path, table);
      return table;
    }
    if (isSeq(node)) {
      return node.items.map((item, index) => {
        const itemPath = [...path, index];
        this.#document.mark(itemPath, this.#place(item, place));
        return this.#value(item, itemPath, place);
      });
    }
    return isScalar(node) ? this.#scalar(node.value, node.source, path, place) : null;
  }

  #scalar(value: unknown, source: string | undefined, path: Path, place: Place): unknown {
    if (typeof value === 'number') return this.#document.number(path, place, value, source ?? String(value));
    if (value === null || typeof value === 'string' || typeof value === 'boolean') return value;
    this.#document.refuse(path, place, 'expected text, a number, true or false, came something else');
    return undefined;
  }

  #alias(name: string, path: Path, place: Place): unknown {
    const target = this.#anchors.get(name);
    if (target === undefined || this.#open.has(target)) {
      const why =
        target === undefined
          ? 'expected an anchor defined above'
          : 'expected an anchor that does not hold itself';
      this.#document.refuse(path, place, `${why}, came *${name}`);
      return undefined;
    }
    this.#open.add(target);
    const value = this.#value(target, path, place);
    this.#open.delete(target);
    if (this.#unfolded > LIMITS.config_aliases.value && this.#open.size === 0) {
      this.#document.refuse(
        path,
        place,
        `expected aliases that unfold to at most ${LIMITS.config_aliases.value} values, came more`,
      );
    }
    return value;
  }

  #place(node: unknown, around: Place): Place {
    return isNode(node) && node.range ? this.#at(node.range[0]) : around;
  }
}
