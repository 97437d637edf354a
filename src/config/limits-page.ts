/** Renders the tables of `ops/limits.md` from the list of limits, so that the page cannot tell anything else. */
import { amount, LIMIT_AREAS } from '../contract/limits.js';

const PLACE = /(<!-- begin limits -->\n)[\s\S]*?(<!-- end limits -->)/;

/** The page with its generated part made anew. Throws when that has no place in it. */
export function renderLimits(page: string): string {
  if (!PLACE.test(page)) throw new Error('ops/limits.md has no place for the limits');
  const text = Object.entries(LIMIT_AREAS).map(([area, limits]) => {
    const rows = Object.entries(limits).map(
      ([name, { value, unit, bounds, beyond }]) =>
        `| \`${name}\` | ${amount(value, unit)} | ${bounds} | ${beyond} |`,
    );
    return [
      `### ${area}\n`,
      '| limit | at most | what it bounds | beyond it |',
      '|---|---|---|---|',
      ...rows,
    ].join('\n');
  });
  return page.replace(PLACE, (_, begin: string, end: string) => `${begin}\n${text.join('\n\n')}\n\n${end}`);
}
