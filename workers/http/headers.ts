/** Headers that the exchange itself sets, or that would make the answer unreadable. */
const RESERVED = [
  'connection',
  'content-length',
  'expect',
  'keep-alive',
  'te',
  'transfer-encoding',
  'upgrade',
];

/**
 * What is wrong with configured headers, as a sentence; undefined when nothing is. Names are tokens and values
 * have no line breaks (RFC 9110, section 5), so that no value can smuggle in a header of its own. Pure.
 */
export function headersProblem(headers: Readonly<Record<string, string>>): string | undefined {
  const seen = new Set<string>();
  for (const [name, value] of Object.entries(headers)) {
    const lower = name.toLowerCase();
    if (!/^[!#$%&'*+.^_`|~0-9a-z-]+$/.test(lower))
      return `headers: ${JSON.stringify(name)} is not a header name`;
    if (RESERVED.includes(lower))
      return `headers: ${name} is set by the check itself and cannot be configured`;
    if (seen.has(lower)) return `headers: ${name} is given twice`;
    if (!/^[\t\u0020-\u007e\u0080-\u00ff]*$/.test(value)) {
      return `headers: the value of ${name} has a character that a header cannot carry (such as a line break)`;
    }
    seen.add(lower);
  }
  return undefined;
}
