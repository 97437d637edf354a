import { messageOf } from '../contract/errors.js';
import { LIMITS } from '../contract/limits.js';
import { ConfigDocument } from './document.js';
import { parseToml } from './toml.js';
import { parseYaml } from './yaml.js';

/**
 * Parses a config file; `.yaml`, `.yml` and `.json` are YAML, everything else TOML.
 * Never throws: what is wrong is in `problems`.
 * @param shown name of the file in messages
 */
export function parseDocument(shown: string, text: string): ConfigDocument {
  const document = new ConfigDocument(shown);
  if (countMarks(text) > LIMITS.config_marks.value) {
    const most = `${LIMITS.config_marks.value} lines, commas, brackets and signs of structure together`;
    document.syntax({ line: 1, column: 1 }, `expected at most ${most}, came more`);
    return document;
  }
  try {
    if (/\.(ya?ml|json)$/i.test(shown)) parseYaml(text, document);
    else parseToml(text, document);
  } catch (error) {
    // Both parsers recurse; a file of ten thousand brackets ends here.
    const message = error instanceof RangeError ? 'nested too deeply' : messageOf(error);
    document.syntax({ line: 1, column: 1 }, `cannot be parsed: ${message}`);
  }
  return document;
}

/** Whatever makes a parser work: what is long without these is read in no time. */
const MARKS: ReadonlySet<number> = new Set([...'\n,=[]{}.:-?&*!#'].map((mark) => mark.charCodeAt(0)));

function countMarks(text: string): number {
  let count = 0;
  for (let index = 0; index < text.length; index += 1) {
    if (MARKS.has(text.charCodeAt(index))) count += 1;
  }
  return count;
}
