import { messageOf } from '../contract/errors.js';
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
