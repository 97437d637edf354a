import { type AST, ParseError, parseTOML } from 'toml-eslint-parser';
import { type ConfigDocument, setOwn } from './document.js';
import type { Path, Place } from './problem.js';

/** Reads TOML 1.0 into `document`. The parser refuses duplicate keys and stops at the first syntax error. */
export function parseToml(text: string, document: ConfigDocument): void {
  let program: AST.TOMLProgram;
  try {
    program = parseTOML(text, { tomlVersion: '1.0' });
  } catch (error) {
    if (!(error instanceof ParseError)) throw error;
    document.syntax(placeOfError(error, text), error.message);
    return;
  }
  for (const node of program.body[0].body) {
    if (node.type === 'TOMLKeyValue') assign(document, document.root, [], node);
    else readTable(document, node);
  }
}

/** The parser's message for a missing value. */
const NO_VALUE = 'Unspecified values are invalid';

/** A missing value is reported at the start of the next line; the user looks for it on the line before. */
function placeOfError(error: ParseError, text: string): Place {
  const isAtNextLine = error.message === NO_VALUE && error.column === 0;
  if (!isAtNextLine) return { line: error.lineNumber, column: error.column + 1 };
  const before = text.slice(0, error.index).trimEnd().split('\n');
  return { line: before.length, column: (before.at(-1)?.length ?? 0) + 1 };
}

function readTable(document: ConfigDocument, table: AST.TOMLTable): void {
  const place = placeOf(table);
  if (!document.allowsDepth(table.resolvedKey, place)) return;
  const holder = descend(document, document.root, [], table.resolvedKey, place);
  for (const pair of table.body) assign(document, holder, table.resolvedKey, pair);
}

function assign(document: ConfigDocument, holder: object, base: Path, pair: AST.TOMLKeyValue): void {
  const keys = pair.key.keys.map((key) => (key.type === 'TOMLBare' ? key.name : key.value));
  const path = [...base, ...keys];
  const place = placeOf(pair);
  if (!document.allowsDepth(path, place)) return;
  const last = keys.at(-1) ?? '';
  const parent = descend(document, holder, base, keys.slice(0, -1), place);
  document.mark(path, place);
  setOwn(parent, last, readValue(document, path, pair.value));
}

/** Walks `steps` from `holder`, making the tables and lists on the way. */
function descend(document: ConfigDocument, holder: object, base: Path, steps: Path, place: Place): object {
  let current = holder;
  steps.forEach((step, index) => {
    document.mark([...base, ...steps.slice(0, index + 1)], place);
    const existing: unknown = Object.getOwnPropertyDescriptor(current, step)?.value;
    if (typeof existing === 'object' && existing !== null) {
      current = existing;
      return;
    }
    const made = typeof steps[index + 1] === 'number' ? [] : {};
    setOwn(current, step, made);
    current = made;
  });
  return current;
}

function readValue(document: ConfigDocument, path: Path, node: AST.TOMLContentNode): unknown {
  const place = placeOf(node);
  if (!document.allowsDepth(path, place)) return undefined;
  if (node.type === 'TOMLArray') {
    return node.elements.map((element, index) => {
      document.mark([...path, index], placeOf(element));
      return readValue(document, [...path, index], element);
    });
  }
  if (node.type === 'TOMLInlineTable') {
    const table = {};
    for (const pair of node.body) assign(document, table, path, pair);
    return table;
  }
  switch (node.kind) {
    case 'string':
    case 'boolean':
      return node.value;
    case 'integer':
    case 'float':
      return document.number(path, place, node.value, node.number);
    default:
      document.refuse(
        path,
        place,
        `expected text, a number, true or false, came the date ${node.datetime} (quote it to make it text)`,
      );
      return undefined;
  }
}

function placeOf(node: AST.TOMLNode): Place {
  return { line: node.loc.start.line, column: node.loc.start.column + 1 };
}
